/**
 * Waits for workers that come back.
 *
 * After a start the hub does not know yet which methods its workers offer. For as long as a worker may take to come back, what
 * fails for want of a method waits, and is tried again with each worker that registers. Afterwards it is refused at once.
 */
import { toError } from '../../errors.ts';
import type { Clock, Timer } from '../../system/clock.ts';

const passing: ReadonlySet<string> = new Set(['PROTOCOL_NOT_FOUND', 'METHOD_NOT_FOUND']);

export class Patience {
  private readonly clock: Clock;
  private until: number;
  private timer: Timer | undefined;
  private waiting: (() => void)[] = [];

  /** @param forMs - How long it lasts from now on, in milliseconds. */
  constructor(clock: Clock, forMs: number) {
    this.clock = clock;
    this.until = clock.now() + forMs;
  }

  /** Tries something for as long as it may still go well. */
  async attempt<Value>(act: () => Promise<Value>): Promise<Value> {
    for (;;) {
      const isLast = this.clock.now() >= this.until;
      // From before the attempt, so that what is registered meanwhile is not missed.
      const change = isLast ? undefined : this.change();
      try {
        return await act();
      } catch (thrown) {
        if (change === undefined || !passing.has(toError(thrown).code)) throw thrown;
        await change;
      }
    }
  }

  /** Says that methods were registered. */
  wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Has everything that waits fail or succeed at once. */
  end(): void {
    this.until = Number.NEGATIVE_INFINITY;
    this.timer?.cancel();
    this.wake();
  }

  private change(): Promise<void> {
    this.timer ??= this.clock.setTimer(this.until - this.clock.now(), () => this.wake());
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}
