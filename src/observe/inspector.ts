/**
 * The Stately inspector: shows the charts that run, in which state they are, and who told whom.
 *
 * A server on 127.0.0.1 offers a page for people and, at the same address, a WebSocket that speaks the protocol of
 * `@statelyai/inspect`: to that page, and to `createWebSocketReceiver`. It replaces that package's relay, which binds all
 * interfaces, lets any site connect and takes the process down when its port is busy. Without a receiver nothing is
 * attached, and the system pays nothing; with one, each delivery costs some ten microseconds.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

import { errorOf, type GleitzeitError } from '../errors.ts';
import { Feed, type Inspected } from './inspector/feed.ts';
import { type Gate, gateFor } from './inspector/gate.ts';
import { bridge, contentSecurityPolicy, page } from './inspector/page.ts';

/** Where the inspector listens, and to whom it talks. */
export interface InspectOptions {
  /** An integer from 0 to 65,535; 0 takes any free one. @defaultValue `8080`, where receivers look first, or any free one if that is busy */
  readonly port?: number;
  /**
   * Origins whose pages may connect, beside the inspector's own page; programs that are no browsers always may.
   * @defaultValue stately.ai and every origin of this machine (`localhost`, `127.0.0.1`, any port)
   */
  readonly origins?: readonly string[];
  /** How many messages wait for a receiver that reads slowly; deliveries beyond that it misses, and it is told how many. @defaultValue `20_000` */
  readonly bufferEvents?: number;
}

export const inspectDefaults = { port: 8080, bufferEvents: 20_000 } as const;

/** An inspector that is open. */
export interface Inspection {
  /** The page to open in a browser. A receiver connects to the same address by `ws:`. */
  readonly url: string;
  readonly port: number;
  /** Sends what waits, for at most half a second, and closes all connections and the port. */
  stop(): Promise<void>;
}

const host = '127.0.0.1';
const mostReceivers = 16;
/** Receivers have nothing to say. */
const longestMessage = 1024;
const graceMs = 500;

/**
 * Opens the inspector of a running system.
 * @throws GleitzeitError CONFIGURATION_ERROR for a port that is busy or not allowed, and for options out of range
 */
export async function openInspector(core: Inspected, options: InspectOptions = {}): Promise<Inspection> {
  const { port, bufferEvents = inspectDefaults.bufferEvents } = options;
  requireInteger('bufferEvents', bufferEvents, [1, 10_000_000]);
  if (port !== undefined) requireInteger('port', port, [0, 65_535]);
  const feed = new Feed(core, bufferEvents);
  const server = serve(feed, gateFor(options.origins));
  const actual = port === undefined ? await listenWhereFree(server) : await listen(server, port);
  let stopping: Promise<void> | undefined;
  return {
    url: `http://${host}:${actual}`,
    port: actual,
    stop: () => {
      stopping ??= close(server, feed);
      return stopping;
    },
  };
}

function requireInteger(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw errorOf('CONFIGURATION_ERROR', `The inspector's '${name}' must be an integer from ${least} to ${most}; got ${String(value)}.`);
}

function serve(feed: Feed, gate: Gate): Server {
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: longestMessage });
  const server = createServer((request, response) => answer(request, response, gate));
  // Once it listens, what fails is a single connection; without a listener that would end the process.
  server.on('error', () => undefined);
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (!gate(request)) refuse(socket, '403 Forbidden');
    else if (feed.size >= mostReceivers || !server.listening) refuse(socket, '503 Service Unavailable');
    else {
      sockets.handleUpgrade(request, socket, head, (outlet) => {
        const receiver = feed.join(outlet);
        // An error of a connection is always followed by its close.
        outlet.on('error', () => undefined);
        outlet.on('close', () => feed.leave(receiver));
      });
    }
  });
  return server;
}

function answer(request: IncomingMessage, response: ServerResponse, gate: Gate): void {
  const known =
    request.url === '/' ? { type: 'text/html', text: page } : request.url === '/bridge.js' ? { type: 'text/javascript', text: bridge } : undefined;
  if (!gate(request)) response.writeHead(403).end();
  else if (request.method !== 'GET' || known === undefined) response.writeHead(404).end();
  else {
    const headers = { 'content-security-policy': contentSecurityPolicy, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
    response.writeHead(200, { 'content-type': `${known.type}; charset=utf-8`, ...headers }).end(known.text);
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

async function listenWhereFree(server: Server): Promise<number> {
  try {
    return await listen(server, inspectDefaults.port);
  } catch {
    return listen(server, 0);
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(portError(port, error));
    server.once('error', fail);
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', fail);
      // A server that listens on a port has an address with one.
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function portError(port: number, error: NodeJS.ErrnoException): GleitzeitError {
  const reason = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
  return errorOf(
    'CONFIGURATION_ERROR',
    `The inspector cannot listen on port ${port} of ${host}: ${reason}. Choose another by its option 'port', or 0 for any.`,
  );
}

async function close(server: Server, feed: Feed): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  feed.finish();
  const grace = setTimeout(() => {
    feed.drop();
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearTimeout(grace);
}
