/**
 * One connection: what it may send, and what it has not read yet.
 *
 * Nothing is written to a connection that has too much unread. Whoever has something for it waits until it has room: answers and
 * orders in line here, subscriptions where they stand in the journal. So what is buffered for one that does not read is bounded.
 */
import type { Socket as RawSocket } from 'node:net';

import type { Socket } from 'socket.io';

import { errorOf, type GleitzeitError } from '../../errors.ts';
import { Frame, packetOf } from '../events/frame.ts';
import { wireErrorOf } from '../protocol/answers.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { Turnstile } from '../turnstile.ts';
import { Allowance } from './allowance.ts';
import { type Gate, type PacketHeader, packetTypes } from './parser.ts';
import type { JsonBounds } from './scan.ts';

/** The connection as Engine.IO has it. */
export type Connection = Socket['conn'];

export interface LineOptions {
  readonly conn: Connection;
  readonly limits: HubLimits;
  /** In milliseconds. */
  readonly now: () => number;
  readonly isNamespace: (name: string) => boolean;
  readonly onRefused: () => void;
}

/** Something that is done once there is room; the next one waits for it. */
type Task = () => void | Promise<void>;

/** TCP connections that one client of long polling has at a time; browsers have six. */
const rawSocketsKept = 8;
const lookupsAtOnce = 8;
/** How long a connection that is ended may take to read why, in milliseconds. */
const lastWordsMs = 5_000;
/** What a packet counts for: a report of a worker is one of thousands a second, and to enter costs most. */
const costs = { report: 0.1, message: 1, entry: 100 } as const;

export class Line implements Gate {
  readonly conn: Connection;
  readonly since: number;
  /** Namespaces that it is in, and the name of the token that it entered each with. */
  readonly entered = new Map<string, string>();
  /** Those of its requests that are looked up; each holds what it found. */
  readonly lookups = new Turnstile(lookupsAtOnce);
  /** Called whenever there is room again. */
  readonly roomSeekers = new Set<() => void>();
  private readonly options: LineOptions;
  private readonly allowance: Allowance;
  private readonly rawSockets = new Set<RawSocket>();
  private readonly goneListeners = new Set<() => void>();
  private readonly greetListeners: (() => void)[] = [];
  private readonly tasks: { readonly run: Task; readonly size: number }[] = [];
  /** Of the tasks, in characters. */
  private waitingSize = 0;
  private isRunning = false;
  /** Handed to Engine.IO, and not handed on by it. */
  private queued = 0;
  private isGreeted = false;
  private isEnded = false;
  /** Requests that wait for their answer. */
  pending = 0;

  constructor(options: LineOptions) {
    const { conn, limits, now } = options;
    this.options = options;
    this.conn = conn;
    this.since = now();
    this.allowance = new Allowance({ perSecond: limits.requestsPerSecond, burst: limits.requestBurst }, now());
    conn.on('packetCreate', ({ data, options: { wsPreEncodedFrame: frame } = {} }: Created) => {
      this.queued += frame?.[0]?.length ?? (data === undefined ? 1 : Buffer.byteLength(data));
    });
    conn.on('flush', () => {
      this.queued = 0;
    });
    conn.on('drain', this.look);
    conn.on('close', () => this.gone());
    this.watchRaw(conn.request.socket);
  }

  /** In bytes. */
  get buffered(): number {
    let bytes = this.queued;
    for (const { writableLength } of this.rawSockets) bytes += writableLength;
    return bytes;
  }

  get isOpen(): boolean {
    return !this.isEnded && this.conn.readyState === 'open';
  }

  hasRoom(): boolean {
    return this.buffered < this.options.limits.bufferedBytes;
  }

  /** Whether everything that was for it has been sent. */
  owesNothing(): boolean {
    return !this.isOpen || (this.buffered === 0 && this.tasks.length === 0 && this.roomSeekers.size === 0);
  }

  /** Sends to a connection that has room; nobody gets what is sent to one that is over. */
  send(frame: Frame): void {
    // Its type says less than Engine.IO takes, from Socket.IO's own adapter too.
    this.conn.write(frame.text, frame.options as WriteOptions);
  }

  /** Sends a text that only this connection gets. */
  write(text: string): void {
    this.conn.write(text, { compress: false } as WriteOptions);
  }

  /**
   * Does something as soon as there is room, in the order in which it was asked for: at once where there is.
   * @param size - What it holds until then, in characters.
   */
  whenRoom(run: Task, size: number): void {
    if (!this.isOpen) return;
    this.tasks.push({ run, size });
    this.waitingSize += size;
    const { pendingRequests, messageBytes } = this.options.limits;
    if (!this.isRunning) this.runTasks();
    if (this.tasks.length > 2 * pendingRequests || this.waitingSize > 2 * messageBytes)
      this.end(errorOf('RESOURCE_EXHAUSTED', 'The connection asks, and does not read what it is answered.'));
  }

  /** Calls back once the connection is over. @returns takes the listener away */
  readonly onGone = (listener: () => void): (() => void) => {
    this.goneListeners.add(listener);
    return () => void this.goneListeners.delete(listener);
  };

  /** Resolves once the connection has said who it is, or is over. */
  whenGreeted(): Promise<void> {
    if (this.isGreeted || !this.isOpen) return Promise.resolve();
    return new Promise((resolve) => this.greetListeners.push(resolve));
  }

  /** It has said who it is, and may come in. */
  enter(namespace: string, holder: string): void {
    this.entered.set(namespace, holder);
    if (this.isGreeted) return;
    this.isGreeted = true;
    this.conn.request.socket.off('data', this.countGreeting);
    this.boundPolling();
    for (const resolve of this.greetListeners.splice(0)) resolve();
  }

  /** Takes another TCP connection of it into account. */
  watchRaw(raw: RawSocket): void {
    if (this.rawSockets.has(raw)) return;
    this.rawSockets.add(raw);
    raw.on('drain', this.look);
    raw.once('close', () => this.rawSockets.delete(raw));
    const [oldest] = this.rawSockets;
    if (this.rawSockets.size > rawSocketsKept) oldest?.destroy();
  }

  /** Bounds what somebody may send who has not said who it is. */
  boundGreeting(): void {
    if (this.conn.transport.name === 'websocket') this.conn.request.socket.on('data', this.countGreeting);
    this.boundPolling();
  }

  get bounds(): JsonBounds {
    const { messageBytes, greetingBytes, depth } = this.options.limits;
    return { bytes: this.isGreeted ? messageBytes : greetingBytes, depth };
  }

  admit({ type, nsp, size }: PacketHeader): void {
    const { isNamespace, now } = this.options;
    if (this.isEnded) throw errorOf('SYSTEM_SHUTDOWN', 'The connection is ending.');
    // By its size too: a message of a megabyte is not as cheap as one of a word.
    const cost = type === packetTypes.connect ? costs.entry : (nsp === '/pool' ? costs.report : costs.message) + size / 2 ** 16;
    this.allowance.spend(cost, now());
    if (type === packetTypes.connect && !isNamespace(nsp)) throw errorOf('INVALID_REQUEST', 'The namespaces are /engine, /queue, /pool and /health.');
    // Socket.IO would end the connection without a word.
    if (type !== packetTypes.connect && !this.entered.has(nsp)) {
      const error = errorOf('INVALID_REQUEST', `The connection is not in the namespace ${nsp}: it enters it first, by a token.`);
      this.end(error);
      throw error;
    }
  }

  refuseEntry(nsp: string, error: GleitzeitError): void {
    this.options.onRefused();
    const { code } = error;
    this.write(`4${nsp === '/' ? '' : `${nsp},`}${JSON.stringify({ message: code, data: wireErrorOf(error) })}`);
    if (code === 'RATE_LIMIT_EXCEEDED') this.end(error);
  }

  end(error: GleitzeitError): void {
    if (this.isEnded) return;
    this.options.onRefused();
    this.leave(error);
  }

  /** Ends the connection, and says why as far as it still reads. */
  leave(error: GleitzeitError): void {
    if (this.isEnded) return;
    const said = { error: wireErrorOf(error) };
    for (const namespace of this.entered.keys()) this.send(new Frame(() => packetOf(namespace, 'connection:closing', said)));
    if (this.entered.size === 0) this.write(`4${JSON.stringify({ message: error.code, data: said.error })}`);
    this.isEnded = true;
    this.conn.close();
    setTimeout(() => this.destroy(), lastWordsMs).unref();
  }

  destroy(): void {
    for (const raw of this.rawSockets) raw.destroy();
  }

  /** Goes on with what waited for room; called whenever there may be some. */
  readonly look = (): void => {
    if (!this.isOpen || this.buffered > this.options.limits.bufferedBytes / 2) return;
    if (!this.isRunning) this.runTasks();
    if (this.tasks.length > 0) return;
    for (const seek of [...this.roomSeekers]) if (this.hasRoom()) seek();
  };

  private runTasks(): void {
    while (this.tasks.length > 0 && this.isOpen && this.hasRoom()) {
      const { run, size } = this.tasks.shift() ?? { run: () => undefined, size: 0 };
      this.waitingSize -= size;
      const done = run();
      if (done === undefined) continue;
      this.isRunning = true;
      void done.finally(() => {
        this.isRunning = false;
        this.look();
      });
      return;
    }
  }

  private gone(): void {
    this.isEnded = true;
    this.tasks.length = 0;
    for (const resolve of this.greetListeners.splice(0)) resolve();
    for (const listener of this.goneListeners) listener();
    this.goneListeners.clear();
    this.roomSeekers.clear();
  }

  /** Long polling bounds each request by itself. */
  private boundPolling(): void {
    const { transport } = this.conn as { readonly transport: { readonly name: string; maxHttpBufferSize?: number } };
    if (transport.name === 'polling') transport.maxHttpBufferSize = this.bounds.bytes + overhead;
  }

  private greetingLength = 0;
  private readonly countGreeting = (chunk: Buffer): void => {
    this.greetingLength += chunk.length;
    if (this.greetingLength <= this.options.limits.greetingBytes + overhead) return;
    this.end(errorOf('RESOURCE_EXHAUSTED', 'A connection that has not said who it is may not send so much.'));
    this.conn.request.socket.destroy();
  };
}

/** Beside a message: its frame, a heartbeat; and room enough that a message that is a little too long is read, and refused in words. */
export const overhead = 2 ** 16;

interface Created {
  readonly data?: string;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}
type WriteOptions = NonNullable<Parameters<Connection['write']>[1]>;
