/**
 * One receiver: what it was told, and what waits until it reads, and until it is durable.
 *
 * What waits is bounded. A receiver that reads too slowly misses whole deliveries, until it has caught up; then it is told
 * how many, and which actors ended in the meantime. Every state it gets later is complete, so nothing else need be repeated.
 */
import type { Actor } from '../../system/actor.ts';

/** The part of a WebSocket that a receiver is reached by. */
export interface Outlet {
  readonly bufferedAmount: number;
  send(text: string, sent: () => void): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface ReceiverOptions {
  readonly outlet: Outlet;
  /** How many messages may wait. */
  readonly limit: number;
  /** The last event that may be told. @defaultValue 0 */
  readonly settledSeq?: number;
  /** Writes what a receiver is told when it has caught up. */
  readonly caughtUp: (dropped: number, ended: readonly Actor[]) => readonly string[];
}

/** A text, or what writes it when its turn comes: introductions of many actors are not held in memory as text. */
type Text = string | (() => string);

/** A message, and the event up to which all has to be durable before it may be told. */
interface Waiting {
  readonly text: Text;
  readonly seq: number;
}

/** Characters that may wait here, whatever their number of messages. */
const longestQueue = 32 * 1024 * 1024;
/** Bytes that may wait in the socket; beyond, messages wait here. */
const fullOutlet = 1024 * 1024;
/** Messages sent before others get their share of the event loop. */
const batch = 200;
/** Sent messages whose places the queue keeps. */
const compactAfter = 4_096;
/** WebSocket's code for an endpoint that goes away. */
const goingAway = 1001;

export class Receiver {
  /** Actors it has been told of. */
  readonly knows = new WeakSet<Actor>();
  readonly knowsOutsider = new Set<string>();
  private readonly options: ReceiverOptions;
  private queue: (Waiting | undefined)[] = [];
  private next = 0;
  /** Of the texts that wait; actors that are still to be introduced hold no text and count for nothing. */
  private texts = 0;
  private length = 0;
  private dropped = 0;
  private droppedAt = 0;
  /** Everything up to here is durable. */
  private settledSeq: number;
  private readonly ended = new Set<Actor>();
  private isScheduled = false;
  private isFinishing = false;
  private isGone = false;

  constructor(options: ReceiverOptions) {
    this.options = options;
    this.settledSeq = options.settledSeq ?? 0;
  }

  /** Everything up to an event is durable, and may be told. */
  settle(seq: number): void {
    this.settledSeq = seq;
    this.schedule();
  }

  /** Whether it can be told of another delivery; once it cannot, only when all that waited is sent. */
  hasRoom(): boolean {
    return this.dropped === 0 && this.texts < this.options.limit && this.length < longestQueue;
  }

  /** Counts a delivery to an actor that it is not told of. */
  miss(actor: Actor, seq = 0): void {
    this.dropped++;
    this.droppedAt = seq;
    if (actor.hasEnded() && this.knows.has(actor)) this.ended.add(actor);
  }

  /** @param seq - What it follows from is durable once this event is. */
  tell(text: Text, seq = 0): void {
    if (this.isGone) return;
    this.queue.push({ text, seq });
    if (typeof text === 'string') this.count(text, 1);
    this.schedule();
  }

  /** Closes as soon as all that waits is sent. */
  finish(): void {
    this.isFinishing = true;
    this.schedule();
  }

  /** Closes at once. */
  drop(): void {
    this.forget();
    this.options.outlet.terminate();
  }

  /** Is called when the connection is gone. */
  forget(): void {
    this.isGone = true;
    this.queue = [];
    this.next = 0;
    this.ended.clear();
  }

  private schedule(): void {
    if (this.isScheduled || this.isGone) return;
    this.isScheduled = true;
    setImmediate(() => this.pump());
  }

  private pump(): void {
    this.isScheduled = false;
    const { outlet } = this.options;
    for (let sent = 0; sent < batch && !this.isGone && outlet.bufferedAmount < fullOutlet; sent++) {
      const message = this.take();
      if (message === undefined) {
        if (this.isFinishing) outlet.close(goingAway, 'The inspector was stopped.');
        return;
      }
      outlet.send(message, this.whenSent);
    }
    // A full outlet calls back when it is empty enough to ask again.
    if (outlet.bufferedAmount < fullOutlet) this.schedule();
  }

  private readonly whenSent = (): void => {
    if (this.next < this.queue.length || this.dropped > 0 || this.isFinishing) this.schedule();
  };

  private take(): string | undefined {
    if (this.next === this.queue.length) this.refill();
    else if (this.next >= compactAfter) this.compact();
    const message = this.queue[this.next];
    if (message === undefined || message.seq > this.settledSeq) return undefined;
    // Sent messages are let go of although the array still has their place.
    this.queue[this.next++] = undefined;
    const { text } = message;
    if (typeof text !== 'string') return text();
    this.count(text, -1);
    return text;
  }

  /** A receiver that is always a little behind never empties its queue. */
  private compact(): void {
    this.queue = this.queue.slice(this.next);
    this.next = 0;
  }

  private count({ length }: string, sign: 1 | -1): void {
    this.texts += sign;
    this.length += sign * length;
  }

  private refill(): void {
    this.queue = [];
    this.next = 0;
    if (this.droppedAt > this.settledSeq) return;
    const tidings = this.dropped === 0 ? [] : this.options.caughtUp(this.dropped, [...this.ended]);
    this.queue = tidings.map((text) => ({ text, seq: 0 }));
    for (const message of tidings) this.count(message, 1);
    this.dropped = 0;
    this.ended.clear();
  }
}
