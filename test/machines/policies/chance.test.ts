import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chanceOf } from '../../../machines/policies/chance.ts';

// The expected fractions come from another implementation of the two algorithms.
describe('chanceOf', () => {
  it.each([
    ['', 0.6689221884589642],
    ['a', 0.10352621669881046],
    ['event-1', 0.10769223584793508],
  ])('gives %j the same chance for ever, because a journal replays with it', (text, expected) => {
    expect(chanceOf(text)).toBe(expected);
  });

  it('stays in [0, 1) for every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const chance = chanceOf(text);
        return chance >= 0 && chance < 1 && chance === chanceOf(text);
      }),
    );
  });

  it('spreads ids that differ in their number only evenly over ten parts', () => {
    const parts = new Array<number>(10).fill(0);
    for (let id = 0; id < 10_000; id++) {
      const part = Math.floor(chanceOf(`event-${id}`) * 10);
      parts[part] = (parts[part] ?? 0) + 1;
    }
    for (const part of parts) {
      expect(part).toBeGreaterThan(850);
      expect(part).toBeLessThan(1_150);
    }
  });
});
