/**
 * Work that can stop often and go on later, so that it need not hold the event loop until it is done.
 *
 * It is written as a generator that yields wherever it can stop, each step far below a millisecond. The same work can be done at once,
 * where nobody waits meanwhile.
 */

/** What it returns is its result. */
export type Work<Value> = Generator<void, Value, void>;

/** How long work may go on before everything else has its turn, in milliseconds. */
export const portionMs = 5;

/** Where time is read, and how everything else gets its turn. */
export interface Pace {
  /** In milliseconds. */
  readonly now: () => number;
  /** Runs something as soon as everything else has had its turn. */
  readonly defer: (act: () => void) => void;
}

/** Does work at once. */
export function finished<Value>(work: Work<Value>): Value {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Does work in portions; what takes no longer than one is done at once. */
export async function inPortions<Value>(work: Work<Value>, { now, defer }: Pace): Promise<Value> {
  for (;;) {
    for (const end = now() + portionMs; now() < end; ) {
      const { done, value } = work.next();
      if (done === true) return value;
    }
    await new Promise<void>((resolve) => defer(resolve));
  }
}
