/** Says when the wall clock and the time of events are apart: once, and again when that has changed. */
import { duration } from '../duration.ts';
import type { Clock } from '../system/clock.ts';
import type { Logger } from './logger.ts';

/** What passes for the same time, in milliseconds. */
const tolerated = 1_000;

/** By how much the wall clock is ahead of the time of events, in milliseconds. */
export function wallAheadMs({ now, wall }: Clock): number {
  return wall() - now();
}

/** Whether the two times are apart, which those who look are to be told. */
export function isApart(aheadMs: number): boolean {
  return Math.abs(aheadMs) > tolerated;
}

/** What it means that they are, in one sentence. */
export function describeApart(aheadMs: number): string {
  const how = `${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the time of events`;
  return `the wall clock is ${how}: it was set, or the machine slept, while the engine ran`;
}

/** @returns looks at the two, and logs what is to be said */
export function watchClock(clock: Clock, log: Logger): () => void {
  let said = 0;
  return () => {
    const aheadMs = wallAheadMs(clock);
    if (Math.abs(aheadMs - said) <= tolerated) return;
    said = isApart(aheadMs) ? aheadMs : 0;
    if (said === 0) log.warn({ aheadMs }, 'the wall clock and the time of events agree again');
    else log.warn({ aheadMs }, `${describeApart(aheadMs)}; schedules and start times follow the wall clock, timeouts and retries do not`);
  };
}
