import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { headOf, tailOf } from '../../../machines/policies/text.ts';

const face = '\u{1f600}';

describe('a text that is cut', () => {
  it.each([
    ['ab', 2, 'ab'],
    ['abc', 2, 'ab'],
    [`a${face}b`, 2, 'a'],
    [`a${face}b`, 3, `a${face}`],
    [`${face}${face}`, 1, ''],
    ['', 0, ''],
  ])('%j, to at most %i units, begins with %j', (text, most, head) => expect(headOf(text, most)).toBe(head));

  it.each([
    ['ab', 2, 'ab'],
    ['abc', 2, 'bc'],
    [`a${face}b`, 2, 'b'],
    [`a${face}b`, 3, `${face}b`],
    [`${face}${face}`, 1, ''],
  ])('%j, to at most %i units, ends with %j', (text, most, tail) => expect(tailOf(text, most)).toBe(tail));

  it('says that something is missing only where it is', () => {
    expect(headOf('abc', 3, '…')).toBe('abc');
    expect(headOf('abcd', 3, '…')).toBe('abc…');
  });

  it('stays well formed, wherever it is cut', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, fc.nat(20), (whole, most) => {
        for (const part of [headOf(whole, most), tailOf(whole, most)]) {
          expect(part.isWellFormed()).toBe(true);
          expect(part.length).toBeLessThanOrEqual(most);
          expect(part.length).toBeGreaterThanOrEqual(Math.min(whole.length, most) - 1);
        }
      }),
    );
  });
});
