import { describe, expect, it } from 'vitest';

import { duration } from '../../src/duration.ts';

describe('a duration', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1.0 s'],
    [59_999, '59.9 s'],
    [60_000, '1 min 00 s'],
    [3_599_999, '59 min 59 s'],
    [3_660_000, '1 h 01 min'],
    [172_799_999, '47 h 59 min'],
    [86_400_000 * 12.5, '12 days'],
  ])('is told, %i ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
