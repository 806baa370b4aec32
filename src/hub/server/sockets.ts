/**
 * Socket.IO, held to the limits of the hub: who may connect, who may enter a namespace, and what becomes of what they send.
 *
 * What is not set here is Socket.IO's own: heartbeats, long polling, the change to a WebSocket.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket as RawSocket } from 'node:net';

import type { Server, ServerOptions, Socket } from 'socket.io';

import { type Namespace, namespaces } from '../../../machines/events/namespace.ts';
import { errorOf, type GleitzeitError, toError } from '../../errors.ts';
import { longestTimerMs } from '../../milliseconds.ts';
import { wireErrorOf } from '../protocol/answers.ts';
import { type Access, type Grant, notAuthenticated, requireRole } from './access.ts';
import { type Admission, callerOf } from './admission.ts';
import type { Connection } from './engine-io.ts';
import { Line, overhead } from './line.ts';
import { Newcomers } from './newcomers.ts';
import { type Gate, type Incoming, parserFor } from './parser.ts';
import { refusalStatus, Upgrades } from './upgrades.ts';
import { type Reception, Visit } from './visit.ts';

export interface SocketsOptions {
  /** The library, which whoever has no hub need not load. */
  readonly library: { readonly Server: typeof Server };
  readonly httpServer: HttpServer;
  readonly path: string;
  readonly access: Access;
  readonly admission: Admission;
  readonly allowedOrigins: readonly string[];
  readonly reception: Reception;
  /** Is told of TCP connections that a token came by. */
  readonly recognise: (socket: RawSocket) => void;
  /** In milliseconds. */
  readonly now: () => number;
}

/** What Engine.IO adds to a request. */
type EngineRequest = IncomingMessage & { readonly _query: Readonly<Record<string, string>> };

export class Sockets {
  readonly lines = new Map<Connection, Line>();
  private readonly options: SocketsOptions;
  private readonly bySid = new Map<string, Line>();
  private readonly newcomers: Newcomers<Line>;
  private readonly upgrades: Upgrades;
  private readonly io: Server;
  private refusing: GleitzeitError | undefined;

  constructor(options: SocketsOptions) {
    const { library, httpServer: server, path, reception } = options;
    this.options = options;
    const { newcomers: most, newcomersPerAddress: perAddress } = reception.limits;
    this.newcomers = new Newcomers({ most, perAddress, isSilent: () => false, end: (line) => line.makeWay() });
    // The gate of each connection is made right before Socket.IO makes its parser.
    let made: Line | undefined;
    const nextGate = (): Gate => {
      if (made === undefined) throw new Error('A parser was made without a connection.');
      return made;
    };
    this.io = new library.Server(this.settings(nextGate));
    this.upgrades = new Upgrades({ server, path, refusalOf: (req) => this.refusalOf(req), attach: () => this.io.attach(server) });
    const { engine } = this.io;
    engine.prependListener('connection', (conn: Connection) => {
      made = this.connect(conn);
    });
    engine.use((req: EngineRequest, res: ServerResponse, next: (error?: unknown) => void) => {
      const refusal = isUpgrade(req) ? undefined : this.refusalOf(req);
      if (refusal === undefined) {
        this.watchSize(req, res);
        void this.pass(req).then(() => next(), next);
      } else
        res.writeHead(refusalStatus(refusal), { 'Content-Type': 'application/json' }).end(JSON.stringify({ ok: false, error: wireErrorOf(refusal) }));
    });
    for (const namespace of namespaces) this.open(namespace);
  }

  /** Takes nobody in any more. */
  refuse(error: GleitzeitError): void {
    this.refusing = error;
  }

  /** Ends what is left, and speaks to the server no more. */
  close(): void {
    for (const line of this.lines.values()) line.destroy();
    this.io.engine.close();
    this.upgrades.close();
  }

  private settings(nextGate: () => Gate): Partial<ServerOptions> {
    const { path, allowedOrigins, reception } = this.options;
    const { messageBytes, greetingMs } = reception.limits;
    return {
      path,
      parser: parserFor(nextGate),
      serveClient: false,
      cookie: false,
      allowEIO3: false,
      perMessageDeflate: false,
      httpCompression: false,
      // After the connection has been told why.
      connectTimeout: Math.min(2 * greetingMs, longestTimerMs),
      // Beyond this the connection breaks without a word; a message that is a little too long is refused.
      maxHttpBufferSize: messageBytes + overhead,
      // What is not for it is not for it to end.
      destroyUpgrade: false,
      ...(allowedOrigins.length > 0 && { cors: { origin: [...allowedOrigins], methods: ['GET', 'POST'] } }),
    };
  }

  private refusalOf(req: IncomingMessage): GleitzeitError | undefined {
    const { admission, reception } = this.options;
    // One of a connection that there is: until that has ended, it goes on.
    const isKnown = new URLSearchParams(req.url?.split('?')[1]).has('sid');
    if (this.refusing !== undefined && !isKnown) return this.refusing;
    try {
      admission(callerOf(req.headers, req.socket.remoteAddress));
      if (!isKnown) this.requirePlace();
      return undefined;
    } catch (thrown) {
      reception.onRefused();
      return toError(thrown);
    }
  }

  /** Those who have not said who they are take no place. @throws GleitzeitError RESOURCE_EXHAUSTED */
  private requirePlace(): void {
    const { connections } = this.options.reception.limits;
    if (this.lines.size - this.newcomers.size < connections) return;
    throw errorOf('RESOURCE_EXHAUSTED', `The hub takes ${connections} connections, and has them.`);
  }

  /** Looks at every request that is taken, also those of connections that there are. */
  private async pass(req: EngineRequest): Promise<void> {
    const { sid, j } = req._query;
    // Polling by scripts, from before browsers could ask across origins: any page may do it.
    if (j !== undefined) throw errorOf('INVALID_REQUEST', 'Polling by scripts is not taken.');
    const line = sid === undefined ? undefined : this.bySid.get(sid);
    if (line === undefined) return;
    // What comes by a WebSocket is bounded by what the connection is good for, which is known once it has said who it is.
    if (isUpgrade(req)) await line.whenGreeted();
    if (line.entered.size > 0) this.options.recognise(req.socket);
    line.watchRaw(req.socket, isUpgrade(req));
  }

  /** Of a request of long polling that is too large, Engine.IO tells its client alone. */
  private watchSize(req: EngineRequest, res: ServerResponse): void {
    const { sid } = req._query;
    if (sid !== undefined && req.method === 'POST')
      res.once('finish', () => {
        if (res.statusCode === 413) this.bySid.get(sid)?.sawOversize();
      });
  }

  private connect(conn: Connection): Line {
    const { reception, now } = this.options;
    const { limits, onRefused } = reception;
    const line = new Line({ conn, limits, now, onRefused, isNamespace: (name) => namespaces.some((known) => known === name) });
    // Engine.IO says its id to the client, but keeps it from its types.
    const { id } = conn as unknown as { readonly id: string };
    this.lines.set(conn, line);
    this.bySid.set(id, line);
    this.newcomers.add(line, conn.remoteAddress);
    conn.once('close', () => {
      this.newcomers.remove(line);
      this.lines.delete(conn);
      this.bySid.delete(id);
    });
    return line;
  }

  private open(namespace: Namespace): void {
    const grants = new WeakMap<Socket, Grant>();
    this.io
      .of(namespace)
      .use((socket, next) => {
        try {
          grants.set(socket, this.grantOf(socket, namespace));
          if (this.lines.get(socket.conn)?.entered.size === 0) this.requirePlace();
          next();
        } catch (thrown) {
          this.options.reception.onRefused();
          const error = toError(thrown);
          next(Object.assign(new Error(error.code), { data: wireErrorOf(error) }));
        }
      })
      .on('connection', (socket) => {
        const grant = grants.get(socket);
        const line = this.lines.get(socket.conn);
        if (grant === undefined || line === undefined) socket.disconnect(true);
        else this.enter(socket, line, { namespace, grant });
      });
  }

  /** @throws GleitzeitError AUTHENTICATION_FAILED, AUTHORIZATION_FAILED */
  private grantOf({ handshake }: Socket, namespace: Namespace): Grant {
    const { token } = handshake.auth as { readonly token?: unknown };
    const grant = this.options.access.grantOf(typeof token === 'string' ? token : undefined);
    if (grant === undefined) throw notAuthenticated();
    // Workers have nothing to do anywhere else.
    if (namespace !== '/pool') requireRole(grant, ['client', 'observer'], namespace);
    return grant;
  }

  private enter(socket: Socket, line: Line, { namespace, grant }: { readonly namespace: Namespace; readonly grant: Grant }): void {
    const { access, reception } = this.options;
    // Where there are no tokens, nobody can be told from anybody else but by connection.
    const share = access.isOpen ? socket.id : grant.id;
    const visit = new Visit({ id: socket.id, namespace, line, grant, share, reception });
    line.enter(namespace, grant.name);
    this.newcomers.remove(line);
    this.options.recognise(socket.conn.request.socket);
    // The parser makes nothing else of a message; and Socket.IO need do nothing more about it.
    socket.use(([, incoming]) => visit.take(incoming as Incoming));
    socket.on('disconnect', (reason) => {
      line.entered.delete(namespace);
      visit.end(reason);
    });
  }
}

function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
