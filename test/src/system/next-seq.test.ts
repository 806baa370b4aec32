import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { seqOfNextRun } from '../../../src/system/next-seq.ts';

it('begins an empty journal at its beginning', () => {
  expect(seqOfNextRun(0)).toBe(0);
});

it.each([
  [1, 1_000_000_000],
  [123_456, 1_000_000_000],
  [1_000_000_001, 2_000_000_000],
  [1_899_999_999, 2_000_000_000],
  [1_950_000_000, 3_000_000_000],
])('after seq %i, a run counts on from %i', (lastSeq, next) => {
  expect(seqOfNextRun(lastSeq)).toBe(next);
});

it('leaves room for what the run before had counted and not recorded', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 50 }), (lastSeq) => {
      expect(seqOfNextRun(lastSeq) - lastSeq).toBeGreaterThan(99_999_999);
    }),
  );
});
