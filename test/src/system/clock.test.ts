import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { systemClock } from '../../../src/system/clock.ts';

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
  afterEach(() => void vi.useRealTimers());

  it('tells the time of the machine', () => {
    expect(systemClock.now()).toBe(1_000);
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
