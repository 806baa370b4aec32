import { describe, expect, it } from 'vitest';
import { bar, count, cut } from '../../../src/cli/text.ts';

describe('text', () => {
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
