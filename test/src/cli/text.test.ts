import { describe, expect, it } from 'vitest';

import { bar, count, cut, duration } from '../../../src/cli/text.ts';

describe('text', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1.0 s'],
    [59_999, '59.9 s'],
    [60_000, '1 min 00 s'],
    [3_599_999, '59 min 59 s'],
    [3_660_000, '1 h 01 min'],
  ])('tells %i ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('counts', () => {
    expect([count(0, 'task'), count(1, 'task'), count(2, 'task')]).toEqual(['0 tasks', '1 task', '2 tasks']);
  });

  it.each([
    [-1, '░░░░'],
    [0.5, '██░░'],
    [0.99, '███░'],
    [1, '████'],
    [2, '████'],
  ])('draws %d as %s', (share, text) => {
    expect(bar(share, 4)).toBe(text);
  });

  it('cuts what is too wide, by characters and not by halves of them', () => {
    expect([cut('abcd', 4), cut('abcde', 4), cut('😀😀😀', 2)]).toEqual(['abcd', 'abc…', '😀…']);
  });
});
