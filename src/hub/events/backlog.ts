/**
 * What was said while some who listen had no room for it: shared by all of them, and bounded.
 *
 * Whoever falls behind its first entry has missed something, and goes back to the journal. While nobody needs it, it is empty.
 */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Frame } from './frame.ts';

export interface Entry {
  readonly event: GleitzeitEvent;
  readonly frame: Frame;
  /** For observers; the same where it says no more than they may know. */
  readonly observed: Frame;
  /** Everything recorded up to the event has been said. */
  readonly isMark: boolean;
}

export class Backlog {
  private readonly bytes: number;
  private entries: (Entry | undefined)[] = [];
  /** Of them, those that are no longer kept. */
  private dropped = 0;
  /** The number of the entry at the front of the list. */
  private base = 0;
  private held = 0;
  private readers = 0;

  /** @param bytes - How much it holds. */
  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** The number of the first entry that is kept. */
  get first(): number {
    return this.base + this.dropped;
  }

  /** The number that the next entry will have. */
  get end(): number {
    return this.base + this.entries.length;
  }

  at(number: number): Entry | undefined {
    return number < this.first ? undefined : this.entries[number - this.base];
  }

  /** Somebody begins to need it. */
  join(): void {
    this.readers++;
  }

  leave(): void {
    this.readers--;
    if (this.readers > 0) return;
    this.base = this.end;
    this.entries = [];
    this.dropped = 0;
    this.held = 0;
  }

  /**
   * Keeps an entry, once, however many need it; the oldest ones make room for it.
   * @returns its number
   */
  add(entry: Entry): number {
    if (this.entries.at(-1)?.event === entry.event) return this.end - 1;
    const number = this.end;
    this.entries.push(entry);
    this.held += entry.frame.size;
    while (this.held > this.bytes && this.first < this.end) this.drop();
    if (this.dropped > 1_024 && this.dropped > this.entries.length / 2) this.compact();
    return number;
  }

  private drop(): void {
    this.held -= this.entries[this.dropped]?.frame.size ?? 0;
    this.entries[this.dropped++] = undefined;
  }

  private compact(): void {
    this.base += this.dropped;
    this.entries = this.entries.slice(this.dropped);
    this.dropped = 0;
  }
}
