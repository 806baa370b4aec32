/**
 * A clock that stands still until it is told to go on.
 *
 * Timers fire in the order of their due times, those due at the same time in the order in which they were set; while one
 * fires, `now()` is its due time, so that what it sets in turn is due from then on.
 */
import type { Clock } from '../system/clock.ts';

interface Entry {
  /** By the time that runs evenly, whatever the clock is set to. */
  readonly dueAt: number;
  readonly order: number;
  readonly callback: () => void;
}

export interface SimulatedClock extends Clock {
  /** Goes on by `byMs`, firing what falls due on the way. Promises settle only after it has returned: go on step by step where they matter. */
  advance(byMs: number): void;
  /**
   * Sets the wall clock forward or back, as an administrator or a time server does, or as a machine finds it that has slept: the time
   * that goes on evenly, and timers, take no notice.
   */
  leap(byMs: number): void;
  /** When the earliest timer is due, in epoch milliseconds; null where there is none. */
  nextDueAt(): number | null;
  /** How many timers are set and have not fired. */
  pending(): number;
}

export interface SimulatedClockOptions {
  /** Epoch milliseconds to begin at. @defaultValue 0 */
  readonly now?: number;
}

export function simulatedClock(options: SimulatedClockOptions = {}): SimulatedClock {
  const live = new Set<Entry>();
  let heap: Entry[] = [];
  let now = options.now ?? 0;
  let order = 0;
  /** By how much the wall clock was set forward in all. */
  let leapt = 0;

  const earliest = (): Entry | undefined => {
    while (heap[0] !== undefined && !live.has(heap[0])) takeFirst(heap);
    return heap[0];
  };

  return {
    now: () => now,
    wall: () => now + leapt,
    setTimer(delayMs, callback) {
      const entry = { dueAt: now + Math.max(0, delayMs), order: order++, callback };
      live.add(entry);
      if (heap.length > 2 * live.size + 64) heap = [...live].sort(byDueTime);
      else insert(heap, entry);
      return { cancel: () => void live.delete(entry) };
    },
    advance(byMs) {
      const end = now + byMs;
      for (let next = earliest(); next !== undefined && next.dueAt <= end; next = earliest()) {
        takeFirst(heap);
        live.delete(next);
        now = next.dueAt;
        next.callback();
      }
      now = end;
    },
    leap(byMs) {
      leapt += byMs;
    },
    nextDueAt() {
      const next = earliest();
      return next === undefined ? null : next.dueAt;
    },
    pending: () => live.size,
  };
}

function byDueTime(a: Entry, b: Entry): number {
  return a.dueAt - b.dueAt || a.order - b.order;
}

/** A binary heap: the parent of `i` is `(i - 1) >> 1`, and never later than it. */
function insert(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || byDueTime(above, entry) <= 0) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

function takeFirst(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const child = earlierChild(heap, at);
    const below = heap[child];
    if (below === undefined || byDueTime(last, below) <= 0) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
}

function earlierChild(heap: readonly Entry[], at: number): number {
  const left = heap[2 * at + 1];
  const right = heap[2 * at + 2];
  return left !== undefined && right !== undefined && byDueTime(right, left) < 0 ? 2 * at + 2 : 2 * at + 1;
}
