/**
 * Work at the edge of the engine, in portions that are shared fairly.
 *
 * Whatever takes longer than a message (reading a large one, many filters, a long list) is given here as a generator that yields
 * often. It runs a few milliseconds at a time, and everything else has its turn between two portions. Of several that ask, whoever
 * had least goes first, so that what one holder of a token asks for delays the others by a portion, however much it is.
 */
import { type Pace, portionMs, type Work } from '../../work.ts';

interface Job {
  readonly step: () => boolean;
  readonly fail: (error: unknown) => void;
}

/** The jobs of one holder, first in, first out, and the time that they have taken. */
interface Share {
  readonly jobs: Job[];
  spentMs: number;
}

export class Portions {
  private readonly now: () => number;
  private readonly defer: (act: () => void) => void;
  private readonly onSpent: (holder: string, ms: number) => void;
  private readonly shares = new Map<string, Share>();
  /** What the least served of those who ask had, when it was last looked: where whoever comes anew begins. */
  private leastMs = 0;
  private isScheduled = false;

  /** @param onSpent - Told of the time that somebody's work took, in milliseconds. */
  constructor({ now, defer }: Pace, onSpent: (holder: string, ms: number) => void = () => undefined) {
    this.now = now;
    this.defer = defer;
    this.onSpent = onSpent;
  }

  /** How many jobs of a holder are not done. */
  waiting(holder: string): number {
    return this.shares.get(holder)?.jobs.length ?? 0;
  }

  /**
   * Does some work: at once as far as a first portion goes, where nothing else waits.
   * @param holder - Whose share it is of.
   */
  run<Value>(holder: string, work: Work<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const step = (): boolean => {
        const { done, value } = work.next();
        if (done === true) resolve(value);
        return done === true;
      };
      const share = this.shares.get(holder) ?? { jobs: [], spentMs: this.leastMs };
      share.jobs.push({ step, fail: reject });
      this.shares.set(holder, share);
      if (!this.isScheduled) this.portion();
    });
  }

  private schedule(): void {
    this.isScheduled = true;
    this.defer(() => {
      this.isScheduled = false;
      this.portion();
    });
  }

  private portion(): void {
    const end = this.now() + portionMs;
    // What a job resolves runs after the portion: a job that is given meanwhile waits for the next one.
    this.isScheduled = true;
    for (let next = this.least(); next !== undefined; next = this.least()) {
      this.work(next, end);
      if (this.now() >= end) break;
    }
    this.isScheduled = false;
    if (this.shares.size > 0) this.schedule();
  }

  private work([holder, share]: readonly [string, Share], end: number): void {
    const began = this.now();
    let at = began;
    for (let job = share.jobs[0]; job !== undefined && at < end; at = this.now()) {
      if (!isDone(job)) continue;
      share.jobs.shift();
      job = share.jobs[0];
    }
    share.spentMs += at - began;
    this.onSpent(holder, at - began);
    if (share.jobs.length === 0) this.shares.delete(holder);
  }

  private least(): readonly [string, Share] | undefined {
    let least: readonly [string, Share] | undefined;
    for (const entry of this.shares) if (least === undefined || entry[1].spentMs < least[1].spentMs) least = entry;
    this.leastMs = least?.[1].spentMs ?? 0;
    return least;
  }
}

function isDone({ step, fail }: Job): boolean {
  try {
    return step();
  } catch (thrown) {
    fail(thrown);
    return true;
  }
}
