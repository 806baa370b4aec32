import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isAmple, isShort, stepDown, stepUp, utilizationOf, withinLimits } from '../../../machines/policies/scaling.ts';
import { poolDefaults } from '../../../machines/pool.ts';

describe('scaling', () => {
  it.each([
    [{ slots: 0, used: 0, waiting: 0 }, 0],
    [{ slots: 0, used: 0, waiting: 1 }, 1],
    [{ slots: 4, used: 1, waiting: 0 }, 0.25],
    [{ slots: 4, used: 4, waiting: 3 }, 1],
    [{ slots: 4, used: 5, waiting: 0 }, 1],
  ])('measures %o as %d', (load, utilization) => {
    expect(utilizationOf(load)).toBe(utilization);
  });

  it.each([
    ['grows at 0.8 with work waiting', { size: 5, slots: 5, used: 4, waiting: 1 }, true],
    ['does not below', { size: 5, slots: 5, used: 3, waiting: 1 }, false],
    ['does not while nothing waits', { size: 5, slots: 5, used: 5, waiting: 0 }, false],
    ['does not at its limit', { size: 10, slots: 10, used: 10, waiting: 1 }, false],
    ['grows from nothing', { size: 0, slots: 0, used: 0, waiting: 1 }, true],
  ])('%s', (_, load, grows) => {
    expect(isShort(load, poolDefaults)).toBe(grows);
  });

  it.each([
    ['shrinks at 0.2 with nothing waiting', { size: 5, slots: 5, used: 1, waiting: 0 }, true],
    ['does not above', { size: 5, slots: 5, used: 2, waiting: 0 }, false],
    ['does not while something waits', { size: 5, slots: 5, used: 1, waiting: 1 }, false],
    ['does not at its minimum', { size: 1, slots: 1, used: 0, waiting: 0 }, false],
  ])('%s', (_, load, shrinks) => {
    expect(isAmple(load, poolDefaults)).toBe(shrinks);
  });

  it.each([
    [1, undefined, 3],
    [9, undefined, 10],
    [10, undefined, 10],
    [1, 2, 2],
    [5, 3, 5],
    [0, undefined, 2],
  ])('steps up from %d (asked for %s) to %d', (size, target, to) => {
    expect(stepUp(size, poolDefaults, target)).toBe(to);
  });

  it.each([
    [5, undefined, 4],
    [1, undefined, 1],
    [5, 5, 5],
    [3, 7, 3],
  ])('steps down from %d (asked for %s) to %d', (size, target, to) => {
    expect(stepDown(size, poolDefaults, target)).toBe(to);
  });

  it('stays within the limits and on the way, whatever is asked for', () => {
    const size = fc.integer({ min: 0, max: 20 });
    const limits = fc.record({ min: fc.integer({ min: 0, max: 5 }), span: fc.integer({ min: 1, max: 10 }), by: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(size, size, limits, (from, target, { min, span, by }) => {
        const options = { min, max: min + span, scaleUpBy: by, scaleDownBy: by };
        const start = withinLimits(from, options);
        for (const to of [stepUp(start, options, target), stepDown(start, options, target)]) {
          expect(to).toBeGreaterThanOrEqual(options.min);
          expect(to).toBeLessThanOrEqual(options.max);
          expect(Math.abs(to - start)).toBeLessThanOrEqual(by);
        }
        expect(stepUp(start, options, target)).toBeGreaterThanOrEqual(start);
        expect(stepDown(start, options, target)).toBeLessThanOrEqual(start);
      }),
    );
  });
});
