import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isoOf } from '../../../machines/policies/instants.ts';

describe('isoOf', () => {
  it.each([0, -1, 951_827_696_007, Date.UTC(2000, 1, 29), Date.UTC(2100, 2, 1) - 1, Date.UTC(9999, 11, 31, 23, 59, 59, 999)])(
    'writes %d as the platform does',
    (time) => {
      expect(isoOf(time)).toBe(new Date(time).toISOString());
    },
  );

  it('writes every instant of four-digit years as the platform does', () => {
    const times = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 });
    fc.assert(
      fc.property(times, (time) => isoOf(time) === new Date(time).toISOString()),
      { numRuns: 2_000 },
    );
  });
});
