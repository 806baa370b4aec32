import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  isRelief,
  levelAfter,
  noPressure,
  type PressureLevel,
  type PressureSignals,
  pressureScore,
  pressureThresholds,
  pressureWeights,
  shareOf,
  worstSignal,
} from '../../../machines/policies/pressure.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const signals: fc.Arbitrary<PressureSignals> = fc.record({
  depth: share,
  oldest: share,
  utilization: share,
  lag: share,
  memory: share,
  cpu: share,
  overload: share,
});
const names = Object.keys(noPressure) as (keyof PressureSignals)[];
const levels: readonly PressureLevel[] = ['normal', 'high', 'critical'];

describe('pressureScore', () => {
  it('is zero without pressure, and lies between zero and one', () => {
    expect(pressureScore(noPressure)).toBe(0);
    fc.assert(
      fc.property(signals, (some) => {
        expect(pressureScore(some)).toBeGreaterThanOrEqual(0);
        expect(pressureScore(some)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('never falls when a signal rises', () => {
    fc.assert(
      fc.property(signals, fc.constantFrom(...names), share, (some, name, more) => {
        expect(pressureScore({ ...some, [name]: Math.max(some[name], more) })).toBeGreaterThanOrEqual(pressureScore(some));
      }),
    );
  });

  it.each([
    ['depth', 'critical'],
    ['lag', 'critical'],
    ['memory', 'critical'],
    ['oldest', 'high'],
    ['utilization', 'high'],
    ['cpu', 'high'],
    ['overload', 'high'],
  ] as const)('leads, by %s alone at its limit, to %s', (name, level) => {
    const worst = { ...noPressure, [name]: 1 };
    expect(worstSignal(worst)).toBe(name);
    expect(pressureScore(worst)).toBe(pressureWeights[name]);
    expect(levelAfter('normal', pressureScore(worst))).toBe(level);
    expect(levelAfter('critical', pressureScore(worst))).toBe(level);
  });
});

describe('levelAfter', () => {
  it('has the documented thresholds', () => {
    expect(pressureThresholds).toEqual({ enterHigh: 0.8, leaveHigh: 0.65, enterCritical: 0.95, leaveCritical: 0.85 });
  });

  it.each([
    ['normal', 0, 'normal'],
    ['normal', 0.79, 'normal'],
    ['normal', 0.8, 'high'],
    ['normal', 0.94, 'high'],
    ['normal', 0.95, 'critical'],
    ['high', 0.66, 'high'],
    ['high', 0.65, 'normal'],
    ['high', 0.94, 'high'],
    ['high', 0.95, 'critical'],
    ['critical', 0.86, 'critical'],
    ['critical', 0.85, 'high'],
    ['critical', 0.66, 'high'],
    ['critical', 0.65, 'normal'],
  ] as const)('leads from %s at %d to %s', (from, score, to) => {
    expect(levelAfter(from, score)).toBe(to);
  });

  it('is settled: the level that a score leads to is not left at the same score', () => {
    fc.assert(
      fc.property(fc.constantFrom(...levels), share, (from, score) => {
        const level = levelAfter(from, score);
        expect(levelAfter(level, score)).toBe(level);
      }),
    );
  });
});

describe('isRelief', () => {
  it('is a step down only', () => {
    expect(levels.flatMap((from) => levels.filter((to) => isRelief(from, to)).map((to) => `${from} to ${to}`))).toEqual([
      'high to normal',
      'critical to normal',
      'critical to high',
    ]);
  });
});

describe('shareOf', () => {
  it.each([
    [5, 10, 0.5],
    [20, 10, 1],
    [-1, 10, 0],
    [5, null, 0],
    [5, 0, 0],
  ])('of %d in %s is %d', (value, limit, expected) => {
    expect(shareOf(value, limit)).toBe(expected);
  });
});
