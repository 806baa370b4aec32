/**
 * What waits while the journal takes no facts for a time: everything that was stated, in its order, and the time.
 *
 * Memory stays within bounds: nothing is admitted meanwhile and no time passes for the machines, so that what comes in are the
 * results of attempts that run already, what people ask for, and signs of life. Of what is not recorded and moves nobody, those
 * who watch miss what is beyond a number.
 */

import { type GleitzeitDraft, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';
import type { Failure } from '../../machines/failures.ts';
import type { Timer } from './clock.ts';
import type { Origin, Outcome } from './traffic.ts';

/** What is known of a journal that takes no facts for the time being. */
export interface StorageFault {
  /** What it said last. */
  readonly error: Failure;
  /** When it first said so, in epoch milliseconds. */
  readonly since: number;
  /** Times that it was asked in vain. */
  readonly attempts: number;
  /** When it is asked again, in epoch milliseconds. */
  readonly retryAt: number;
}

/** What comes from outside. */
export interface Arrival {
  readonly draft: GleitzeitDraft;
  readonly origin: Origin;
}

/** The delay before the first retry, and the longest; each is twice the one before. In milliseconds. */
export const storageRetryDefaults = { firstMs: 100, longestMs: 5_000 } as const;

/** Events that are only watched, and waited for without being cut: enough to see how a hold began. */
const watchedKept = 10_000;

export class StorageHold {
  fault: StorageFault;
  /** The first facts of it may be in the journal already. */
  outcome: Outcome;
  /** Times that came meanwhile. */
  readonly due: Arrival[] = [];
  timer: Timer | undefined;
  private watchedAt = watchedKept;

  constructor(outcome: Outcome, error: Failure, now: number) {
    this.outcome = outcome;
    this.fault = faultAfter({ since: now, attempts: 0 }, error, now);
  }

  /** Notes another refusal. */
  refused(outcome: Outcome, error: Failure, now: number): void {
    this.outcome = outcome;
    this.fault = faultAfter(this.fault, error, now);
  }

  /** Takes on what turns have produced since. */
  add(outcome: Outcome): void {
    this.outcome = joined(this.outcome, outcome);
  }

  /** Keeps within bounds what grows with time alone: the events that nobody but those who watch waits for. */
  trim(outcome: Outcome, isAwaited: (event: GleitzeitEvent) => boolean): void {
    if (outcome.events.length < this.watchedAt) return;
    outcome.events = outcome.events.filter((event) => specOf(event.type).recorded || isAwaited(event));
    this.watchedAt = outcome.events.length + watchedKept;
  }
}

export function joined(first: Outcome, then: Outcome): Outcome {
  return { facts: first.facts.concat(then.facts), events: first.events.concat(then.events), ended: first.ended.concat(then.ended) };
}

function faultAfter({ since, attempts }: Pick<StorageFault, 'since' | 'attempts'>, error: Failure, now: number): StorageFault {
  const { firstMs, longestMs } = storageRetryDefaults;
  return { error, since, attempts: attempts + 1, retryAt: now + Math.min(longestMs, firstMs * 2 ** Math.min(attempts, 16)) };
}
