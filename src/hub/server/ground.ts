/** The HTTP server that a hub stands on: one of its own, or one of its user's, which it leaves as it found it. */
import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { errorOf, toError } from '../../errors.ts';
import { descriptorLimit } from './descriptors.ts';
import { type HubOptions, hubDefaults, limitsOf } from './options.ts';
import { TcpConnections } from './tcp-connections.ts';

export interface Ground {
  readonly server: HttpServer;
  readonly url: string;
  readonly port: number;
  /** Says that whoever is at the other end of a connection has said who it is. */
  recognise(socket: Socket): void;
  /** Closes one of the hub's own; gives another one back as it was. */
  leave(): Promise<void>;
}

/** How long a request may take to come, in milliseconds: its head, and the whole of it. */
const times = { headersTimeout: 10_000, requestTimeout: 60_000 } as const;

/** @throws GleitzeitError CONNECTION_REFUSED for an address that cannot be listened on */
export async function standOn(options: HubOptions, handler: RequestListener): Promise<Ground> {
  const { server } = options;
  // A server of https takes and tells the same, as far as a hub goes.
  return server === undefined ? ownGround(options, handler) : foreignGround(server as HttpServer);
}

async function ownGround(options: HubOptions, handler: RequestListener): Promise<Ground> {
  const { host = hubDefaults.host, port = hubDefaults.port } = options;
  const server = createServer(times, handler);
  const connections = new TcpConnections(server, limitsOf(options), descriptorLimit());
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
    recognise: (socket) => connections.recognise(socket),
    leave() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function foreignGround(server: HttpServer): Ground {
  const before = server.listeners('request');
  server.on('error', ignoreAcceptErrors);
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
    // How many connections there may be is for whoever has the server to say.
    recognise: () => undefined,
    leave() {
      // Engine.IO took the place of the listeners that were there.
      restore(server, before);
      server.off('error', ignoreAcceptErrors);
      return Promise.resolve();
    },
  };
}

type Listener = (...args: unknown[]) => void;

function restore(server: HttpServer, before: readonly unknown[]): void {
  // The first one that was not there is Engine.IO's.
  const [, ...later] = server.listeners('request').filter((listener) => !before.includes(listener));
  server.removeAllListeners('request');
  // Node gives out as mere functions what it was given as listeners.
  for (const listener of [...before, ...later] as readonly Listener[]) server.on('request', listener);
}

/** A connection that no descriptor was left for is its client's trouble; without a listener it would end the process. */
function ignoreAcceptErrors(this: HttpServer, error: NodeJS.ErrnoException): void {
  if (error.syscall !== 'accept' && this.listenerCount('error') === 1) throw error;
}

function addressOf(server: HttpServer): AddressInfo {
  // A server that listens on a port has an address of this form.
  return server.address() as AddressInfo;
}

function cannotListen(where: string, thrown: unknown): Error {
  const cause = toError(thrown).toJSON();
  return errorOf('CONNECTION_REFUSED', `The hub cannot listen on ${where}: ${cause.message}`, { cause });
}
