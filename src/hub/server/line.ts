/**
 * One connection: what it may send, and what it has not read yet.
 *
 * Nothing is written to a connection that has too much unread. Whoever has something for it waits until it has room: answers and
 * orders in line here, subscriptions where they stand in the journal. So what is buffered for one that does not read is bounded.
 */
import type { Socket as RawSocket } from 'node:net';

import { errorOf, type GleitzeitError } from '../../errors.ts';
import { type Frame, packetOf } from '../events/frame.ts';
import { wireErrorOf } from '../protocol/answers.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { Turnstile } from '../turnstile.ts';
import { Allowance } from './allowance.ts';
import { holdForABreath } from './breath.ts';
import { boundPolling, type Connection, type CreatedPacket, onOversize, sizeOf, type WriteOptions } from './engine-io.ts';
import { type Errand, Errands } from './errands.ts';
import { type Gate, type PacketHeader, packetTypes } from './parser.ts';
import type { JsonBounds } from './scan.ts';

export interface LineOptions {
  readonly conn: Connection;
  readonly limits: HubLimits;
  /** In milliseconds. */
  readonly now: () => number;
  readonly isNamespace: (name: string) => boolean;
  readonly onRefused: () => void;
}

/** Requests that are looked up at the same time; each holds what it found. */
const lookupsAtOnce = 8;
/** How long a connection that is ended may take to read why, in milliseconds. */
const lastWordsMs = 5_000;
/** What a packet counts for: a report of a worker is one of thousands a second, and to enter costs most. */
const costs = { report: 0.1, message: 1, entry: 100 } as const;
/** So many bytes of a message count as much as another one. */
const bytesPerCost = 2 ** 16;
/** Beside a message: its frame, a heartbeat; and room enough that a message that is a little too long is read, and refused in words. */
export const overhead = 2 ** 16;

export class Line implements Gate {
  readonly conn: Connection;
  readonly since: number;
  /** Namespaces that it is in, and the name of the token that it entered each with. */
  readonly entered = new Map<string, string>();
  readonly lookups = new Turnstile(lookupsAtOnce);
  /** Called whenever there is room again. */
  readonly roomSeekers = new Set<() => void>();
  /** Requests that wait for their answer, and those of them that wait for the end of a workflow. */
  pending = 0;
  waiting = 0;
  private readonly options: LineOptions;
  private readonly allowance: Allowance;
  private readonly errands = new Errands(() => this.isOpen && this.hasRoom());
  /** TCP connections that hold something for it, or may at any time. */
  private readonly rawSockets = new Map<RawSocket, { readonly isOwn: boolean; readonly forget: () => void }>();
  private readonly goneListeners = new Set<() => void>();
  private readonly greetListeners = new Set<() => void>();
  private readonly oversizeListeners = new Set<() => void>();
  /** Handed to Engine.IO, and not handed on by it, in bytes. */
  private queued = 0;
  private readonly greeting: NodeJS.Timeout;
  private greetingLength = 0;
  private isGreeted = false;
  private isEnded = false;
  private isLooking = false;

  constructor(options: LineOptions) {
    const { conn, limits, now } = options;
    this.options = options;
    this.conn = conn;
    this.since = now();
    this.allowance = new Allowance({ perSecond: limits.requestsPerSecond, burst: limits.requestBurst }, now());
    conn.on('packetCreate', (packet: CreatedPacket) => {
      this.queued += sizeOf(packet);
    });
    conn.on('flush', () => {
      this.queued = 0;
      for (const [raw, { isOwn }] of this.rawSockets) if (isOwn) holdForABreath(raw);
    });
    conn.on('drain', this.look);
    conn.on('close', () => this.over());
    onOversize(conn, () => this.sawOversize());
    this.greeting = setTimeout(() => this.end(tooLate(limits)), limits.greetingMs);
    this.watchRaw(conn.request.socket, conn.transport.name === 'websocket');
    this.boundGreeting();
  }

  /** What was sent and is not read yet, in bytes, as far as this side can tell. */
  get buffered(): number {
    let bytes = this.queued;
    for (const { writableLength } of this.rawSockets.keys()) bytes += writableLength;
    return bytes;
  }

  get isOpen(): boolean {
    return !this.isEnded && this.conn.readyState === 'open';
  }

  hasRoom(): boolean {
    return this.buffered < this.options.limits.bufferedBytes;
  }

  /** Whether everything that was for it has been sent, but for what nobody knows the end of. */
  owesNothing(): boolean {
    const isDone = this.pending === this.waiting && this.errands.length === 0 && this.roomSeekers.size === 0;
    return !this.isOpen || (isDone && this.buffered === 0);
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
  whenRoom(errand: Errand, size: number): void {
    if (!this.isOpen) return;
    this.errands.add(errand, size);
    const { pendingRequests, messageBytes } = this.options.limits;
    if (this.errands.length > 2 * pendingRequests || this.errands.size > 2 * messageBytes)
      this.end(errorOf('RESOURCE_EXHAUSTED', 'The connection asks, and does not read what it is answered.'));
  }

  /** Calls back once the connection is over. @returns takes the listener away */
  readonly onGone = (listener: () => void): (() => void) => {
    this.goneListeners.add(listener);
    return () => void this.goneListeners.delete(listener);
  };

  /** Calls back when the connection sends a message that is too large to be read; it ends by that. */
  onOversize(listener: () => void): void {
    this.oversizeListeners.add(listener);
  }

  /** A message came that is too large to be read. */
  sawOversize(): void {
    for (const listener of this.oversizeListeners) listener();
  }

  /** Resolves once the connection has said who it is, or is over. */
  whenGreeted(): Promise<void> {
    if (this.isGreeted || !this.isOpen) return Promise.resolve();
    return new Promise((resolve) => this.greetListeners.add(resolve));
  }

  /** It has said who it is, and may come in. */
  enter(namespace: string, holder: string): void {
    this.entered.set(namespace, holder);
    if (this.isGreeted) return;
    this.isGreeted = true;
    clearTimeout(this.greeting);
    this.conn.request.socket.off('data', this.countGreeting);
    boundPolling(this.conn, { bytes: this.bounds.bytes + overhead, closeMs: lastWordsMs });
    this.settleGreeting();
  }

  /**
   * Takes a TCP connection of it into account. A WebSocket has its own; what a poll comes by may be anybody's next, behind a proxy,
   * and counts until it has passed on what it was given.
   */
  watchRaw(raw: RawSocket, isOwn: boolean): void {
    for (const [other, watched] of this.rawSockets) if (!watched.isOwn && other.writableLength === 0) this.forgetRaw(other);
    if (this.rawSockets.has(raw)) return;
    const forget = (): void => this.forgetRaw(raw);
    this.rawSockets.set(raw, { isOwn, forget });
    // Of many clients, where it is a proxy's.
    raw.setMaxListeners(0);
    raw.on('drain', this.look).once('close', forget);
  }

  private forgetRaw(raw: RawSocket): void {
    const watched = this.rawSockets.get(raw);
    if (watched !== undefined) raw.off('drain', this.look).off('close', watched.forget);
    this.rawSockets.delete(raw);
  }

  get bounds(): JsonBounds {
    const { messageBytes, greetingBytes, depth } = this.options.limits;
    return { bytes: this.isGreeted ? messageBytes : greetingBytes, depth };
  }

  admit({ type, nsp, size }: PacketHeader): void {
    const { isNamespace, now } = this.options;
    if (this.isEnded) throw errorOf('SYSTEM_SHUTDOWN', 'The connection is ending.');
    const isEntry = type === packetTypes.connect;
    const cost = isEntry ? costs.entry : (nsp === '/pool' ? costs.report : costs.message) + size / bytesPerCost;
    this.allowance.spend(cost, now());
    if (isEntry && !isNamespace(nsp)) throw errorOf('INVALID_REQUEST', 'The namespaces are /engine, /queue, /pool and /health.');
    if (isEntry || this.entered.has(nsp)) return;
    // Socket.IO would end the connection without a word.
    const error = errorOf('INVALID_REQUEST', `The connection is not in the namespace ${nsp}: it enters it first, by a token.`);
    this.end(error);
    throw error;
  }

  refuseEntry(nsp: string, error: GleitzeitError): void {
    this.options.onRefused();
    this.write(`4${nsp === '/' ? '' : `${nsp},`}${JSON.stringify({ message: error.code, data: wireErrorOf(error) })}`);
    // Who tries one token after another does so elsewhere.
    if (error.code === 'RATE_LIMIT_EXCEEDED') this.end(error);
  }

  end(error: GleitzeitError): void {
    if (this.isEnded) return;
    this.options.onRefused();
    this.leave(error);
  }

  /** Ends the connection, and says why as far as it still reads. */
  leave(error: GleitzeitError): void {
    if (this.isEnded) return;
    const said = wireErrorOf(error);
    for (const namespace of this.entered.keys()) this.write(packetOf(namespace, 'connection:closing', { error: said }));
    if (this.entered.size === 0) this.write(`4${JSON.stringify({ message: said.code, data: said })}`);
    this.isEnded = true;
    this.conn.close();
    setTimeout(() => {
      this.destroy();
      // Of a poll that never comes Engine.IO would keep the connection for as long as one that is there may say nothing.
      this.conn.close(true);
    }, lastWordsMs).unref();
  }

  /** Goes at once, for another one that wants its place. */
  makeWay(): void {
    this.end(errorOf('RESOURCE_EXHAUSTED', 'Too many connections have not said who they are.'));
    this.conn.close(true);
    this.destroy();
  }

  destroy(): void {
    for (const [raw, { isOwn }] of this.rawSockets) if (isOwn || raw.writableLength > 0) raw.destroy();
  }

  /** Goes on with what waited for room; called whenever there may be some. */
  private readonly look = (): void => {
    if (this.isLooking || (this.errands.length === 0 && this.roomSeekers.size === 0)) return;
    if (!this.isOpen || this.buffered > this.options.limits.bufferedBytes / 2) return;
    this.isLooking = true;
    this.errands.goOn();
    // Answers first: what waits for them asks for less than what is subscribed to.
    if (this.errands.length === 0) for (const seek of [...this.roomSeekers]) if (this.hasRoom()) seek();
    this.isLooking = false;
  };

  private over(): void {
    this.isEnded = true;
    clearTimeout(this.greeting);
    this.errands.clear();
    this.settleGreeting();
    for (const listener of this.goneListeners) listener();
    this.goneListeners.clear();
    this.roomSeekers.clear();
  }

  private settleGreeting(): void {
    for (const resolve of this.greetListeners) resolve();
    this.greetListeners.clear();
  }

  /** Bounds what may come of somebody who has not said who it is. */
  private boundGreeting(): void {
    if (this.conn.transport.name === 'websocket') this.conn.request.socket.on('data', this.countGreeting);
    boundPolling(this.conn, { bytes: this.bounds.bytes + overhead, closeMs: lastWordsMs });
  }

  /** A WebSocket would take in a whole message before anybody looks at it. */
  private readonly countGreeting = (chunk: Buffer): void => {
    this.greetingLength += chunk.length;
    if (this.greetingLength <= this.options.limits.greetingBytes + overhead) return;
    this.end(errorOf('RESOURCE_EXHAUSTED', 'A connection that has not said who it is may not send so much.'));
    this.destroy();
  };
}

function tooLate({ greetingMs }: HubLimits): GleitzeitError {
  return errorOf('CONNECTION_TIMEOUT', `The connection has not said within ${greetingMs} ms who it is.`);
}
