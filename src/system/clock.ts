/**
 * The clock port: the only place that time comes from.
 *
 * `systemClock` is the real one. A simulated one stands in `src/testing/simulated-clock.ts`.
 */

/** A timer that is set. */
export interface Timer {
  /** Harmless after the timer has fired. */
  cancel(): void;
}

/** Where time comes from. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once, `delayMs` from now, and never before this call has returned. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Node fires a longer timer after 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** Real time. Its timers keep the process alive until they fire or are cancelled. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    let left = Math.max(0, delayMs);
    let handle: NodeJS.Timeout;
    const wait = (): void => {
      const part = Math.min(left, longestTimerMs);
      left -= part;
      handle = setTimeout(left > 0 ? wait : callback, part);
    };
    wait();
    return { cancel: () => clearTimeout(handle) };
  },
};
