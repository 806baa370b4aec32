/**
 * The ear of an engine: takes commands from other processes of the same user, one a connection.
 *
 * It believes nothing: a request is bounded in size and time and checked by its schema, and whatever goes wrong with it is the
 * answer. Nothing that a client sends or leaves out reaches the engine otherwise.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

import { decodeUtf8 } from '../encoding.ts';
import { errorOf, toFailure } from '../errors.ts';
import type { GleitzeitSystem } from '../runtime/system.ts';
import { controlAddress, makeSocketFolder } from './address.ts';
import { carryOut } from './commands.ts';
import { type Answer, lineOfAnswer, maxLineBytes, readRequest } from './protocol.ts';

export interface ControlServer {
  /** The path of its socket, or the name of its pipe. */
  readonly address: string;
  /** Takes nothing more, and answers what was taken; never rejects. */
  close(): Promise<void>;
}

export interface ServeOptions {
  /** How long a client may take over its request, in milliseconds; a number above 0. @defaultValue `10_000` */
  readonly requestTimeoutMs?: number;
  /** Connections at the same time at most; an integer from 1. @defaultValue `64` */
  readonly maxConnections?: number;
}

export const serveDefaults = { requestTimeoutMs: 10_000, maxConnections: 64 } as const satisfies Required<ServeOptions>;

/** How long answers that are under way may take once nothing more is taken, in milliseconds. */
const closingMs = 1_000;

/** How often it is looked whether the socket is still there, in milliseconds. */
const lookEveryMs = 1_000;

/** Listens for a system; see `serveControl`. @throws GleitzeitError AUTHORIZATION_FAILED; what the operating system says */
export async function listenFor(system: GleitzeitSystem, journalPath: string, options: ServeOptions): Promise<ControlServer> {
  const ear = new Ear(system, controlAddress(journalPath), { ...serveDefaults, ...options });
  await ear.listen();
  return { address: ear.address, close: () => ear.close() };
}

/** The socket, made anew where somebody takes it away: folders for temporary files are cleaned. */
class Ear {
  readonly address: string;
  private readonly system: GleitzeitSystem;
  private readonly settings: Required<ServeOptions>;
  private readonly visits = new Set<Visit>();
  private server: Server | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;
  private hasWarned = false;

  constructor(system: GleitzeitSystem, address: string, settings: Required<ServeOptions>) {
    this.system = system;
    this.address = address;
    this.settings = settings;
  }

  async listen(): Promise<void> {
    makeSocketFolder();
    // Whoever owns the journal is the only one to listen for it: a socket that is there was left behind.
    if (process.platform !== 'win32') rmSync(this.address, { force: true });
    const server = createServer({ allowHalfOpen: true }, (socket) => this.take(socket));
    server.maxConnections = this.settings.maxConnections;
    await listening(server, this.address);
    if (process.platform !== 'win32') chmodSync(this.address, 0o600);
    // It keeps no process alive that has nothing else to do.
    server.unref();
    this.server = server;
    if (this.isClosed) server.close();
    else this.lookLater();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.server?.close();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closingMs);
    });
    await Promise.race([late, Promise.all([...this.visits].map((visit) => visit.leave()))]);
    clearTimeout(timer);
    for (const visit of this.visits) visit.end();
  }

  private take(socket: Socket): void {
    const visit = new Visit(socket, this.system, this.settings.requestTimeoutMs);
    this.visits.add(visit);
    socket.once('close', () => this.visits.delete(visit));
  }

  private lookLater(): void {
    if (process.platform === 'win32') return;
    this.timer = setTimeout(() => void this.look(), lookEveryMs);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    try {
      if (lstatSync(this.address, { throwIfNoEntry: false }) !== undefined) return this.lookLater();
      // First the old one: to close it removes what stands under its name. Who is connected stays so.
      this.server?.close();
      this.server = undefined;
      await this.listen();
    } catch (thrown) {
      this.warnOnce(thrown);
      if (!this.isClosed) this.lookLater();
    }
  }

  private warnOnce(thrown: unknown): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    process.emitWarning(`The socket ${this.address} was removed, and cannot be made anew: other commands cannot reach this engine. ${why}`);
  }
}

function listening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      // A connection that could not be taken is its client's trouble.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

/** One connection: one request, one answer. */
class Visit {
  private readonly socket: Socket;
  private readonly system: GleitzeitSystem;
  private chunks: Buffer[] = [];
  private bytes = 0;
  private answering: Promise<void> | undefined;

  constructor(socket: Socket, system: GleitzeitSystem, requestTimeoutMs: number) {
    this.socket = socket;
    this.system = system;
    // The time counts from here whatever trickles in.
    const timer = setTimeout(() => this.refuse(`A request has to come within ${requestTimeoutMs} ms.`), requestTimeoutMs);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
    // A client that is gone needs no answer.
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('end', () => this.refuse('A request is one whole line.'));
  }

  /** Waits for the answer that is under way; one who has asked nothing yet is sent away. */
  async leave(): Promise<void> {
    if (this.answering === undefined) this.end();
    await this.answering;
  }

  end(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    if (this.answering !== undefined) return;
    const end = chunk.indexOf(10);
    this.chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    this.bytes += chunk.length;
    if (this.bytes > maxLineBytes) this.refuse(`A request may have ${maxLineBytes} bytes.`);
    else if (end !== -1) this.read(Buffer.concat(this.chunks));
  }

  private read(line: Buffer): void {
    const decoded = decodeUtf8(line);
    if ('text' in decoded) this.answer(this.carryOut(decoded.text));
    else this.refuse(`The request ${decoded.problem}.`);
  }

  private refuse(message: string): void {
    if (this.answering === undefined) this.answer(Promise.reject(errorOf('INVALID_REQUEST', message)));
  }

  private async carryOut(line: string): Promise<unknown> {
    return carryOut(this.system, readRequest(line));
  }

  private answer(value: Promise<unknown>): void {
    this.chunks = [];
    this.answering = answerOf(value).then(
      (line) =>
        new Promise<void>((resolve) => {
          this.socket.once('close', () => resolve());
          this.socket.end(line, () => resolve());
        }),
    );
  }
}

/** Never rejects. */
async function answerOf(value: Promise<unknown>): Promise<string> {
  let answer: Answer;
  try {
    answer = { ok: true, value: (await value) ?? null };
    return lineOfAnswer(answer);
  } catch (thrown) {
    return lineOfAnswer({ ok: false, error: toFailure(thrown, 'INTERNAL_ERROR') });
  }
}
