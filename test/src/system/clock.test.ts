import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { clockFrom, systemClock } from '../../../src/system/clock.ts';
import { simulatedClock } from '../../../src/testing/simulated-clock.ts';

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
  afterEach(() => void vi.useRealTimers());

  it('goes on evenly, whatever the wall clock of the machine is set to', () => {
    const before = systemClock.now();
    expect(systemClock.wall()).toBe(1_000);
    vi.setSystemTime(3_600_000);
    expect(systemClock.wall()).toBe(3_600_000);
    vi.advanceTimersByTime(5);
    expect(systemClock.now() - before).toBe(5);
  });

  it.each([0, 5, 2 ** 31 - 1, 2 ** 31, 90 * 86_400_000])('fires once after %d ms, and not before', (delayMs) => {
    const callback = vi.fn();
    systemClock.setTimer(delayMs, callback);
    expect(callback).not.toHaveBeenCalled();
    if (delayMs > 0) vi.advanceTimersByTime(delayMs - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(2 ** 32);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('forgets a timer that is cancelled, on any stretch of its way', () => {
    const callback = vi.fn();
    const timer = systemClock.setTimer(2 ** 32, callback);
    vi.advanceTimersByTime(2 ** 31);
    timer.cancel();
    timer.cancel();
    vi.advanceTimersByTime(2 ** 33);
    expect(callback).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the clock of a run', () => {
  it('goes on from where the wall clock stands, and takes no notice when that is set', () => {
    const source = simulatedClock({ now: 500 });
    source.leap(10_000);
    const clock = clockFrom(source, 0);
    expect([clock.now(), clock.wall()]).toEqual([10_500, 10_500]);
    source.leap(-10_000);
    source.advance(5);
    expect([clock.now(), clock.wall()]).toEqual([10_505, 505]);
  });

  it('goes on from the last time that is recorded, where the wall clock is behind that', () => {
    const source = simulatedClock({ now: 500 });
    const clock = clockFrom(source, 7_000);
    source.advance(5);
    expect([clock.now(), clock.wall()]).toEqual([7_005, 505]);
  });
});
