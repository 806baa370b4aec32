import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { durationBounds, emptyHistogram, histogramData, observed } from '../../../machines/policies/histogram.ts';

describe('a histogram', () => {
  it.each([
    [0, 0],
    [5, 0],
    [5.1, 1],
    [1_000, 7],
    [300_000, 13],
    [300_001, 14],
  ])('puts %d ms into bucket %i', (durationMs, bucket) => expect(observed(emptyHistogram, durationMs).counts.indexOf(1)).toBe(bucket));

  it('counts every duration in the first bucket that holds it, and sums them up in seconds', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400_000 })), (durations) => {
        const { counts, sum, count, bounds } = histogramData(durations.reduce(observed, emptyHistogram));
        expect(count).toBe(durations.length);
        expect(sum).toBeCloseTo(durations.reduce((total, ms) => total + ms, 0) / 1_000);
        for (const [index, bound] of [...bounds, Number.POSITIVE_INFINITY].entries()) {
          const below = bounds[index - 1] ?? -1;
          expect(counts[index]).toBe(durations.filter((ms) => ms / 1_000 > below && ms / 1_000 <= bound).length);
        }
      }),
    );
  });

  it('has rising bounds and one bucket more', () => {
    expect([...durationBounds].sort((a, b) => a - b)).toEqual(durationBounds);
    expect(emptyHistogram.counts).toHaveLength(durationBounds.length + 1);
  });
});
