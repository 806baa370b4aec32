/** Those who wait until what came up to a mark is durable. */

/** How far something has come: arrivals that were carried, and the `seq` of the last event that was stated. */
export interface Mark {
  readonly carried: number;
  readonly stated: number;
}

interface Waiter extends Mark {
  /** Whether it goes on waiting while the journal takes nothing. */
  readonly isPatient: boolean;
  readonly resolve: (isDurable: boolean) => void;
  readonly reject: (error: Error) => void;
}

export class Waiting {
  private waiters: Waiter[] = [];

  /** Resolves with true once everything up to the mark is durable, and with false where that is waited for no longer. */
  until(mark: Mark, isPatient: boolean): Promise<boolean> {
    return new Promise((resolve, reject) => this.waiters.push({ ...mark, isPatient, resolve, reject }));
  }

  /** Everything up to here is durable. */
  reached({ carried, stated }: Mark): void {
    if (this.waiters.length > 0) this.release((waiter) => waiter.carried <= carried && waiter.stated <= stated, true);
  }

  /** The journal takes nothing for a time. */
  held(): void {
    this.release(({ isPatient }) => !isPatient, false);
  }

  /** Nothing becomes durable any more. */
  end(error: Error): void {
    for (const { reject } of this.waiters) reject(error);
    this.waiters = [];
  }

  private release(isOver: (waiter: Waiter) => boolean, isDurable: boolean): void {
    const over = this.waiters.filter(isOver);
    if (over.length === 0) return;
    this.waiters = this.waiters.filter((waiter) => !isOver(waiter));
    for (const { resolve } of over) resolve(isDurable);
  }
}
