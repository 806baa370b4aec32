/** A hub in this process on a port of its own, and clients of it; all of them end with their test. */
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { onTestFinished } from 'vitest';

import { createHub } from '../../../../src/hub/server/hub.ts';
import type { HubOptions } from '../../../../src/hub/server/options.ts';
import type { Hub } from '../../../../src/hub/server/running-hub.ts';
import { createSystem, defineProvider, type GleitzeitEvent, type GleitzeitSystem, memoryJournal, type SystemOptions } from '../../../../src/index.ts';
import { silent } from '../../../silent.ts';

export interface Place {
  readonly system: GleitzeitSystem;
  readonly hub: Hub;
}

export async function systemThatRuns(options: SystemOptions = {}): Promise<GleitzeitSystem> {
  const system = createSystem({ journal: memoryJournal({ keepFacts: 1_000_000 }), log: silent, ...options });
  await system.start();
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  return system;
}

export async function hubOf(options: Partial<HubOptions> & { readonly systemOptions?: SystemOptions } = {}): Promise<Place> {
  const { systemOptions, ...rest } = options;
  const system = rest.system ?? (await systemThatRuns(systemOptions));
  const hub = await createHub({ ...(rest.server === undefined && { port: 0 }), ...rest, system });
  onTestFinished(() => hub.close({ deadlineMs: 0 }));
  return { system, hub };
}

export function clientOf(url: string, namespace = '/engine', options: Partial<ManagerOptions & SocketOptions> = {}): Socket {
  const socket = io(`${url}${namespace}`, { forceNew: true, reconnection: false, transports: ['websocket'], ...options });
  onTestFinished(() => void socket.disconnect());
  return socket;
}

/** A client that is in. */
export async function connected(url: string, namespace?: string, options?: Partial<ManagerOptions & SocketOptions>): Promise<Socket> {
  const socket = clientOf(url, namespace, options);
  await new Promise<void>((resolve, reject) => socket.on('connect', resolve).on('connect_error', reject));
  return socket;
}

/** Why a client is not let in. */
export function refusalOf(socket: Socket): Promise<Error & { readonly data?: { readonly code: string; readonly rpcCode: number } }> {
  return new Promise((resolve, reject) => {
    socket.on('connect_error', resolve);
    socket.on('connect', () => reject(new Error('It was let in.')));
  });
}

// biome-ignore lint/suspicious/noExplicitAny: an answer has the shape that its test looks at
export const ask = (socket: Socket, name: string, data: unknown = {}): Promise<any> => socket.timeout(10_000).emitWithAck(name, data);

/** Every event and notice that a client hears, as they come. */
export function heardBy(socket: Socket): { readonly name: string; readonly payload: GleitzeitEvent }[] {
  const heard: { readonly name: string; readonly payload: GleitzeitEvent }[] = [];
  socket.onAny((name: string, payload: GleitzeitEvent) => heard.push({ name, payload }));
  return heard;
}

export async function until(isSo: () => boolean | Promise<boolean>, forMs = 20_000): Promise<void> {
  const end = Date.now() + forMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`It did not come about: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A provider whose method waits until it is let go. */
export function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const provider = defineProvider({ protocol: 'gate/v1', methods: { 'gate/wait': { run: () => opened.then(() => 'through') } } });
  return { provider, open };
}

export const echo = (value: unknown = 1) => ({ name: 'echo', tasks: [{ id: 'a', method: 'core/echo', params: { value } }] });
