/** A hub that answers as the test says, and whose connections the test can cut: what a client does about it is the client's alone. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Server, type Socket } from 'socket.io';
import { onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../../../machines/events/catalogue.ts';
import { namespaces } from '../../../../machines/events/namespace.ts';
import { protocolVersion } from '../../../../src/hub/protocol/requests.ts';

export interface Asked {
  readonly namespace: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Which connection it came over, counted from 0. */
  readonly connection: number;
}

/** What a request is answered with; nothing: no answer. */
type Answering = (asked: Asked) => object | undefined;

export interface FakeHub {
  readonly url: string;
  readonly port: number;
  readonly asked: readonly Asked[];
  /** The namespaces that somebody is connected to. */
  connected(): readonly string[];
  /** Sends something to everybody in a namespace. */
  send(namespace: string, name: string, payload: unknown): void;
  /** Breaks every connection, as a network does. */
  cut(): void;
  close(): Promise<void>;
}

const info = { ok: true, version: '0', protocolVersion, phase: 'running', lastSeq: 0 };

export async function fakeHub(answering: Answering = () => undefined, { port = 0, token }: { port?: number; token?: string } = {}): Promise<FakeHub> {
  const http = createServer();
  const io = new Server(http, { transports: ['websocket'] });
  const asked: Asked[] = [];
  const connections: string[] = [];
  for (const namespace of namespaces) {
    io.of(namespace).use((socket, next) => {
      const isRight = token === undefined || socket.handshake.auth['token'] === token;
      const error = { code: 'AUTHENTICATION_FAILED', rpcCode: -25005, message: 'The token is not right.', retryable: false };
      next(isRight ? undefined : Object.assign(new Error('AUTHENTICATION_FAILED'), { data: error }));
    });
    io.of(namespace).on('connection', (socket: Socket) => {
      // The namespaces of one connection share its transport.
      const { id } = socket.conn as unknown as { readonly id: string };
      if (!connections.includes(id)) connections.push(id);
      socket.onAny((name: string, data: Asked['data'], answer: (value: object) => void) => {
        const request = { namespace, name, data, connection: connections.indexOf(id) };
        asked.push(request);
        const value = answering(request) ?? (name === 'hub:info' ? info : name === 'subscribe' ? { ok: true, lastSeq: 0 } : undefined);
        if (value !== undefined) answer(value);
      });
    });
  }
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  const actual = (http.address() as AddressInfo).port;
  const close = async (): Promise<void> => {
    await io.close();
  };
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${actual}`,
    port: actual,
    asked,
    connected: () => namespaces.filter((namespace) => io.of(namespace).sockets.size > 0),
    send: (namespace, name, payload) => void io.of(namespace).emit(name, payload),
    cut: () => {
      for (const client of Object.values((io.engine as unknown as { readonly clients: Record<string, { close(discard: boolean): void }> }).clients))
        client.close(true);
    },
    close,
  };
}

/** An event as a hub sends it. */
export function sent(type: GleitzeitEvent['type'], seq: number, correlationId = 'w'): object {
  return {
    type,
    id: `e-${seq}`,
    seq,
    time: seq,
    source: 'test',
    severity: 'info',
    correlation: { correlationId, workflowId: correlationId },
    data: {},
  };
}
