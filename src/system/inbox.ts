/**
 * What came from outside and waits for its turn: what is to be taken as it came, and what can wait.
 *
 * What can wait is a source that is asked for one more at a time, when there is time. It gets a little of that under any load, so
 * that it comes to its end, and never so much that what comes meanwhile is kept waiting.
 */
import type { Arrival } from './storage-hold.ts';

/** What a portion of the work is taken with. */
export interface Taking {
  readonly take: (arrival: Arrival) => void;
  /** Whether others should get their share of the process now. */
  readonly isLate: () => boolean;
  /** Whether what can wait has to. */
  readonly isHeld: boolean;
}

export class Inbox {
  private arrivals: Arrival[] = [];
  private taken = 0;
  private leisure: Iterator<Arrival> | undefined;
  /** How many were ever put in, and how many of them were taken; what can wait is not counted. */
  accepted = 0;
  carried = 0;

  put(arrival: Arrival): void {
    this.accepted++;
    this.arrivals.push(arrival);
  }

  /** What was left of an earlier source is dropped. */
  putAtLeisure(source: Iterable<Arrival>): void {
    this.leisure = source[Symbol.iterator]();
  }

  clear(): void {
    this.arrivals = [];
    this.taken = 0;
    this.leisure = undefined;
  }

  /** Whether nothing is left to be taken. */
  get isEmpty(): boolean {
    return this.arrivals.length === 0 && this.leisure === undefined;
  }

  /** Whether something is left that may be taken now. */
  isPending(isHeld: boolean): boolean {
    return this.arrivals.length > 0 || (this.leisure !== undefined && !isHeld);
  }

  /** Takes a portion, one at least of each sort. */
  takeSome({ take, isLate, isHeld }: Taking): void {
    while (this.taken < this.arrivals.length) {
      const arrival = this.arrivals[this.taken++];
      this.carried++;
      if (arrival !== undefined) take(arrival);
      if (isLate()) break;
    }
    if (this.taken === this.arrivals.length) {
      this.arrivals = [];
      this.taken = 0;
    }
    while (this.leisure !== undefined && !isHeld) {
      const { value, done } = this.leisure.next();
      if (done === true) this.leisure = undefined;
      else take(value);
      if (isLate()) return;
    }
  }
}
