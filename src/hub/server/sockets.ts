/**
 * Socket.IO, held to the limits of the hub: who may connect, who may enter a namespace, and what becomes of what they send.
 *
 * What is not set here is Socket.IO's own: heartbeats, long polling, the change to a WebSocket.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http';

import type { Server, ServerOptions, Socket } from 'socket.io';

import { type Namespace, namespaces } from '../../../machines/events/namespace.ts';
import { errorOf, type GleitzeitError, toError } from '../../errors.ts';
import { wireErrorOf } from '../protocol/answers.ts';
import { type Access, type Grant, notAuthenticated, requireRole } from './access.ts';
import { type Admission, callerOf } from './admission.ts';
import type { Connection } from './engine-io.ts';
import { Line, overhead } from './line.ts';
import { type Gate, type Incoming, parserFor } from './parser.ts';
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
  /** In milliseconds. */
  readonly now: () => number;
}

/** What Engine.IO adds to a request. */
type EngineRequest = IncomingMessage & { readonly _query: Readonly<Record<string, string>> };

export class Sockets {
  readonly lines = new Map<Connection, Line>();
  private readonly options: SocketsOptions;
  private readonly bySid = new Map<string, Line>();
  private readonly io: Server;
  private refusing: GleitzeitError | undefined;

  constructor(options: SocketsOptions) {
    const { library, httpServer } = options;
    this.options = options;
    // The gate of each connection is made right before Socket.IO makes its parser.
    let made: Line | undefined;
    const nextGate = (): Gate => {
      if (made === undefined) throw new Error('A parser was made without a connection.');
      return made;
    };
    this.io = new library.Server(this.settings(nextGate));
    // Between the request to upgrade and the WebSocket nobody else listens to what the connection breaks with.
    httpServer.on('upgrade', guardUpgrade);
    this.io.attach(httpServer);
    const { engine } = this.io;
    engine.prependListener('connection', (conn: Connection) => {
      made = this.connect(conn);
    });
    engine.use((req: EngineRequest, _: unknown, next: (error?: unknown) => void) => void this.pass(req).then(() => next(), next));
    for (const namespace of namespaces) this.open(namespace);
  }

  /** Takes nobody in any more. */
  refuse(error: GleitzeitError): void {
    this.refusing = error;
  }

  /** Ends what is left, and speaks to the server no more. */
  close(): void {
    const { httpServer } = this.options;
    for (const line of this.lines.values()) line.destroy();
    this.io.engine.close();
    httpServer.off('upgrade', guardUpgrade);
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
      connectTimeout: 2 * greetingMs,
      // Beyond this the connection breaks without a word; a message that is a little too long is refused.
      maxHttpBufferSize: messageBytes + overhead,
      ...(allowedOrigins.length > 0 && { cors: { origin: [...allowedOrigins], methods: ['GET', 'POST'] } }),
      allowRequest: (req, answer) => {
        const refusal = this.refusalOf(req);
        answer(refusal === undefined ? null : `${refusal.code}: ${refusal.message}`, refusal === undefined);
      },
    };
  }

  private refusalOf(req: IncomingMessage): GleitzeitError | undefined {
    const { admission, reception } = this.options;
    const { connections } = reception.limits;
    if (this.refusing !== undefined) return this.refusing;
    try {
      admission(callerOf(req.headers, req.socket.remoteAddress));
      if (this.lines.size >= connections) throw errorOf('RESOURCE_EXHAUSTED', `The hub takes ${connections} connections, and has them.`);
      return undefined;
    } catch (thrown) {
      reception.onRefused();
      return toError(thrown);
    }
  }

  /** Looks at every request, also those of connections that there are. */
  private async pass(req: EngineRequest): Promise<void> {
    const { sid, j } = req._query;
    // Polling by scripts, from before browsers could ask across origins: any page may do it.
    if (j !== undefined) throw errorOf('INVALID_REQUEST', 'Polling by scripts is not taken.');
    const line = sid === undefined ? undefined : this.bySid.get(sid);
    if (line === undefined) return;
    this.options.admission(callerOf(req.headers, req.socket.remoteAddress));
    // What comes by a WebSocket is bounded by what the connection is good for, which is known once it has said who it is.
    const isUpgrade = req.headers.upgrade !== undefined;
    if (isUpgrade) await line.whenGreeted();
    line.watchRaw(req.socket, isUpgrade);
  }

  private connect(conn: Connection): Line {
    const { reception, now } = this.options;
    const { limits, onRefused } = reception;
    const line = new Line({ conn, limits, now, onRefused, isNamespace: (name) => namespaces.some((known) => known === name) });
    // Engine.IO says its id to the client, but keeps it from its types.
    const { id } = conn as unknown as { readonly id: string };
    this.lines.set(conn, line);
    this.bySid.set(id, line);
    conn.once('close', () => {
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
    const visit = new Visit({ id: socket.id, namespace, line, grant, reception: this.options.reception });
    line.enter(namespace, grant.name);
    // The parser makes nothing else of a message; and Socket.IO need do nothing more about it.
    socket.use(([, incoming]) => visit.take(incoming as Incoming));
    socket.on('disconnect', (reason) => {
      line.entered.delete(namespace);
      visit.end(reason);
    });
  }
}

function guardUpgrade(_: IncomingMessage, raw: NodeJS.Socket & { destroy?(): void }): void {
  raw.on('error', () => raw.destroy?.());
}
