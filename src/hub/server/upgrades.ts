/**
 * Requests that ask for another protocol.
 *
 * Node hands over every one of them once somebody listens. Those that want a WebSocket where the hub has one go on to it; what any
 * other asks for is not offered, and the request is answered as it is, as RFC 9110 has it (7.8): `curl --http2` asks so.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { GleitzeitError } from '../../errors.ts';
import { wireErrorOf } from '../protocol/answers.ts';

type Listener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

export interface UpgradesOptions {
  readonly server: HttpServer;
  /** The path of the WebSockets. */
  readonly path: string;
  /** Why a request is not taken. */
  readonly refusalOf: (request: IncomingMessage) => GleitzeitError | undefined;
  /** Makes others listen for upgrades, for whom those are chosen here. */
  readonly attach: () => void;
}

export class Upgrades {
  private readonly options: UpgradesOptions;
  private readonly onWebSocket: readonly Listener[];
  private readonly guarded = new WeakSet<Socket>();
  /** The last response of each connection. */
  private readonly responses = new WeakMap<Socket, ServerResponse>();

  constructor(options: UpgradesOptions) {
    const { server, attach } = options;
    this.options = options;
    const before = server.listeners('upgrade');
    attach();
    // Node gives out as mere functions what it was given as listeners.
    this.onWebSocket = (server.listeners('upgrade') as Listener[]).filter((listener) => !before.includes(listener));
    for (const listener of this.onWebSocket) server.off('upgrade', listener);
    server.on('upgrade', this.take);
    server.prependListener('request', this.note);
  }

  close(): void {
    this.options.server.off('upgrade', this.take).off('request', this.note);
  }

  private readonly take: Listener = (request, socket, head) => {
    const { server, path, refusalOf } = this.options;
    this.guard(socket);
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    if (!isWebSocket || !request.url?.startsWith(`${path.replace(/\/$/, '')}/`)) {
      // On a server of somebody else's there may be others who want it.
      if (server.listenerCount('upgrade') === 1) this.serve(request, { socket, head });
      return;
    }
    const refusal = refusalOf(request);
    if (refusal !== undefined) refuse(socket, refusal);
    else for (const listener of this.onWebSocket) listener.call(server, request, socket, head);
  };

  private readonly note = (request: IncomingMessage, response: ServerResponse): void => {
    this.responses.set(request.socket, response);
  };

  /** Requests that came before it by the same connection are answered before it. */
  private serve(request: IncomingMessage, rest: { readonly socket: Socket; readonly head: Buffer }): void {
    const { server } = this.options;
    const before = this.responses.get(rest.socket);
    if (before === undefined || before.closed || before.destroyed) serveAsItIs(server, request, rest);
    else before.once('close', () => serveAsItIs(server, request, rest));
  }

  /** Until the WebSocket is there, nobody else listens to what the connection breaks with. */
  private guard(socket: Socket): void {
    if (this.guarded.has(socket)) return;
    this.guarded.add(socket);
    socket.on('error', () => socket.destroy());
  }
}

/** Hands a connection back to the server, as if the request had come without asking for more. */
function serveAsItIs(server: HttpServer, request: IncomingMessage, { socket, head }: { readonly socket: Socket; readonly head: Buffer }): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value;
    if (!upgradeHeaders.has(name.toLowerCase()) && kept !== '') lines.push(`${name}: ${kept}`);
  }
  if (socket.destroyed) return;
  // What the server set for the time until another request is over.
  socket.setTimeout(0);
  // Node reads headers as Latin-1, and has refused what could not be written as one.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
}

const upgradeHeaders: ReadonlySet<string> = new Set(['upgrade', 'http2-settings']);

function withoutUpgrade(connection: string): string {
  const kept = connection.split(',').filter((option) => !upgradeHeaders.has(option.trim().toLowerCase()));
  return kept.join(',').trim();
}

function refuse(socket: Socket, error: GleitzeitError): void {
  const body = JSON.stringify({ ok: false, error: wireErrorOf(error) });
  const status = refusalStatus(error) === 403 ? '403 Forbidden' : '503 Service Unavailable';
  const headers = ['Connection: close', 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
}

/** A connection is refused for who asks, or for want of room. */
export function refusalStatus({ code }: GleitzeitError): 403 | 503 {
  return code === 'AUTHORIZATION_FAILED' ? 403 : 503;
}
