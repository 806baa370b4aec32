/** The HTTP server that a hub stands on: one of its own, or one of its user's, which it leaves as it found it. */
import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { errorOf, toError } from '../../errors.ts';
import { type HubOptions, hubDefaults, limitsOf } from './options.ts';

export interface Ground {
  readonly server: HttpServer;
  readonly url: string;
  readonly port: number;
  /** Closes one of the hub's own; gives another one back as it was. */
  leave(): Promise<void>;
}

/** How long a request may take to come, in milliseconds: its head, and the whole of it. */
const times = { headersTimeout: 10_000, requestTimeout: 60_000 } as const;
/** Beside those of clients that are in, there are those of clients that come and go, and of long polling. */
const rawConnections = (connections: number): number => 2 * connections + 100;

/** @throws GleitzeitError CONNECTION_REFUSED for an address that cannot be listened on */
export async function standOn(options: HubOptions, handler: RequestListener): Promise<Ground> {
  const { server } = options;
  // A server of https takes and tells the same, as far as a hub goes.
  return server === undefined ? ownGround(options, handler) : foreignGround(server as HttpServer);
}

async function ownGround(options: HubOptions, handler: RequestListener): Promise<Ground> {
  const { host = hubDefaults.host, port = hubDefaults.port } = options;
  const server = createServer(times, handler);
  server.maxConnections = rawConnections(limitsOf(options).connections);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (thrown) => reject(cannotListen(`${host}:${port}`, thrown)));
    server.listen({ host, port }, resolve);
  });
  // A connection that could not be taken is its client's trouble.
  server.on('error', () => undefined);
  const listening = addressOf(server);
  const name = host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host;
  return {
    server,
    port: listening.port,
    url: `http://${name}:${listening.port}`,
    leave() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function foreignGround(server: HttpServer): Ground {
  const before = { request: server.listeners('request'), upgrade: server.listeners('upgrade') };
  const port = (): number => (server.listening ? addressOf(server).port : 0);
  return {
    server,
    get port() {
      return port();
    },
    get url() {
      const { address, family } = server.listening ? addressOf(server) : { address: '', family: '' };
      const scheme = 'addContext' in server ? 'https' : 'http';
      return server.listening ? `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port()}` : '';
    },
    leave() {
      // Engine.IO took the place of the listeners that were there.
      for (const event of ['request', 'upgrade'] as const) restore(server, event, before[event]);
      return Promise.resolve();
    },
  };
}

type Listener = (...args: unknown[]) => void;

function restore(server: HttpServer, event: 'request' | 'upgrade', before: readonly unknown[]): void {
  // The first one that was not there is Engine.IO's.
  const [, ...later] = server.listeners(event).filter((listener) => !before.includes(listener));
  server.removeAllListeners(event);
  // Node gives out as mere functions what it was given as listeners.
  for (const listener of [...before, ...later] as readonly Listener[]) server.on(event, listener);
}

function addressOf(server: HttpServer): AddressInfo {
  // A server that listens on a port has an address of this form.
  return server.address() as AddressInfo;
}

function cannotListen(where: string, thrown: unknown): Error {
  const cause = toError(thrown).toJSON();
  return errorOf('CONNECTION_REFUSED', `The hub cannot listen on ${where}: ${cause.message}`, { cause });
}
