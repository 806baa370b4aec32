import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { simulatedClock } from '../../../src/testing/simulated-clock.ts';

describe('the simulated clock', () => {
  it('stands still until it is told to go on', () => {
    const clock = simulatedClock({ now: 100 });
    expect(clock.now()).toBe(100);
    clock.advance(5);
    expect(clock.now()).toBe(105);
  });

  it('fires timers by due time, then in the order in which they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (delays) => {
        const clock = simulatedClock();
        const fired: (readonly [number, number])[] = [];
        for (const [i, delay] of delays.entries()) clock.setTimer(delay, () => fired.push([delay, i]));
        clock.advance(20);
        expect(fired).toEqual(delays.map((delay, i) => [delay, i] as const).sort(([a, i], [b, j]) => a - b || i - j));
      }),
    );
  });

  it('stands at the due time of the timer that fires, so that nested ones are due from then on', () => {
    const clock = simulatedClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now());
      clock.setTimer(10, again);
    };
    clock.setTimer(10, again);
    clock.advance(35);
    expect([fired, clock.now(), clock.nextDueAt()]).toEqual([[10, 20, 30], 35, 40]);
  });

  it('fires a timer without delay only when it goes on', () => {
    const clock = simulatedClock();
    const fired: string[] = [];
    clock.setTimer(-5, () => fired.push('now'));
    expect(fired).toEqual([]);
    clock.advance(0);
    expect(fired).toEqual(['now']);
  });

  it('forgets what is cancelled, also when thousands are', () => {
    const clock = simulatedClock();
    const fired: number[] = [];
    for (let i = 0; i < 10_000; i++) clock.setTimer(i, () => fired.push(i)).cancel();
    const kept = clock.setTimer(7, () => fired.push(-1));
    expect([clock.pending(), clock.nextDueAt()]).toEqual([1, 7]);
    clock.advance(10_000);
    kept.cancel();
    expect([fired, clock.pending(), clock.nextDueAt()]).toEqual([[-1], 0, null]);
  });

  it('lets a timer cancel another that is due at the same time', () => {
    const clock = simulatedClock();
    const fired: string[] = [];
    clock.setTimer(5, () => second.cancel());
    const second = clock.setTimer(5, () => fired.push('second'));
    clock.advance(5);
    expect(fired).toEqual([]);
  });

  it('has a wall clock that can be set, of which time and timers take no notice', () => {
    const clock = simulatedClock({ now: 100 });
    const fired: number[] = [];
    clock.setTimer(10, () => fired.push(clock.now()));
    clock.leap(1_000);
    expect([clock.now(), clock.wall(), clock.nextDueAt(), fired]).toEqual([100, 1_100, 110, []]);
    clock.leap(-2_000);
    clock.advance(10);
    expect([clock.now(), clock.wall(), fired]).toEqual([110, -890, [110]]);
  });
});
