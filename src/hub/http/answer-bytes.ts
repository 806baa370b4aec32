/**
 * What answers that are made and not read yet may hold in all, in bytes.
 *
 * Who has something to send waits until there is room for it. While somebody waits, whoever has read nothing for a while is cut off,
 * the one first that has read nothing for longest: so those who read get in, however many there are who do not.
 */
import { setTimeout as wait } from 'node:timers/promises';

import { errorOf } from '../../errors.ts';

export interface Holder {
  /** When something of it was read last, by the clock of the bytes. */
  readAt: number;
  bytes: number;
  /** Ends the connection that it is for. */
  readonly cut: () => void;
}

export interface Bounds {
  readonly bytes: number;
  /** How long one may read nothing while others wait, in milliseconds. @defaultValue `1_000` */
  readonly stalledMs?: number;
  /** How long to wait for room, in milliseconds. @defaultValue `10_000` */
  readonly patienceMs?: number;
  /** In milliseconds. @defaultValue one that only goes forward */
  readonly now?: () => number;
}

/** How often it is looked whether there is room, in milliseconds. */
const lookMs = 20;

export class AnswerBytes {
  private readonly bounds: Required<Bounds>;
  private readonly holders = new Set<Holder>();
  private held = 0;

  constructor(bounds: Bounds) {
    this.bounds = { stalledMs: 1_000, patienceMs: 10_000, now: () => performance.now(), ...bounds };
  }

  get size(): number {
    return this.held;
  }

  holder(cut: () => void): Holder {
    return { readAt: this.bounds.now(), bytes: 0, cut };
  }

  /** Takes room for what is to be sent. @throws GleitzeitError RESOURCE_EXHAUSTED when there is none for too long */
  async take(holder: Holder, bytes: number): Promise<void> {
    const { patienceMs, now } = this.bounds;
    const until = now() + patienceMs;
    // What is too large for all of the room has it alone.
    while (this.held > 0 && this.held + bytes > this.bounds.bytes) {
      if (this.cutStalled(holder)) continue;
      if (now() >= until)
        throw errorOf('RESOURCE_EXHAUSTED', `Answers of ${this.bounds.bytes} bytes wait to be read already.`, { retryAfterMs: patienceMs });
      await wait(lookMs);
    }
    this.held += bytes;
    // What it waited for room is no time in which it read nothing.
    if (holder.bytes === 0) this.touch(holder);
    holder.bytes += bytes;
    this.holders.add(holder);
  }

  /** Says that so much was read. */
  read(holder: Holder, bytes: number): void {
    const freed = Math.min(bytes, holder.bytes);
    holder.bytes -= freed;
    this.held -= freed;
    this.touch(holder);
    if (holder.bytes === 0) this.holders.delete(holder);
  }

  /** Says that something of it was read that stays held, for others. */
  touch(holder: Holder): void {
    holder.readAt = this.bounds.now();
  }

  private cutStalled(but: Holder): boolean {
    const since = this.bounds.now() - this.bounds.stalledMs;
    let slowest: Holder | undefined;
    for (const holder of this.holders) if (holder !== but && holder.readAt <= (slowest?.readAt ?? since)) slowest = holder;
    if (slowest === undefined) return false;
    slowest.cut();
    this.read(slowest, slowest.bytes);
    return true;
  }
}
