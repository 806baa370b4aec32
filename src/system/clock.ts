/**
 * The clock port: the only place that time comes from.
 *
 * There are two times. What happens is stamped with one that goes on evenly, whatever the clock of the machine is set to: deadlines,
 * leases, retries and all else that lasts so long follow it. What users name by the calendar (the slots of a schedule, the start of
 * a workflow) follows the other, that of the wall. They are the same until somebody sets the clock, or the machine sleeps.
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
  /** The time that goes on evenly, in epoch milliseconds: never set, never back. While the machine sleeps it stands still. */
  now(): number;
  /** What the clock on the wall says, in epoch milliseconds; it may be set at any time. */
  wall(): number;
  /** Calls back once, `delayMs` from now, and never before this call has returned. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Node fires a longer timer after 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** Read once: it is asked for at every turn. */
const { timeOrigin } = performance;

/** Real time. Its timers keep the process alive until they fire or are cancelled. */
export const systemClock: Clock = {
  now: () => Math.floor(timeOrigin + performance.now()),
  wall: () => Date.now(),
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

/**
 * The clock of one run: it goes on from where the wall clock stands now, or from the last time that is recorded, where that is
 * later. So no event is ever earlier than those before it.
 */
export function clockFrom(source: Clock, recordedTime: number): Clock {
  const ahead = Math.max(source.wall(), recordedTime) - source.now();
  return {
    now: () => source.now() + ahead,
    wall: () => source.wall(),
    setTimer: (delayMs, callback) => source.setTimer(delayMs, callback),
  };
}
