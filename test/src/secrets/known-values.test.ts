import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { KnownValues } from '../../../src/secrets/known-values.ts';

function knowing(...values: readonly unknown[]): (text: string) => string {
  const known = new KnownValues();
  for (const value of values) known.add(value);
  return (text) => known.replace(text, () => '#');
}

describe('a known value', () => {
  it.each([
    ['alone', 'hunter2', '#'],
    ['inside', 'xhunter2y', 'x#y'],
    ['twice', 'hunter2hunter2', '##'],
    ['begun in vain before', 'hunterhunter2', 'hunter#'],
    ['not at all', 'hunter', 'hunter'],
  ])('is replaced where it stands %s', (_, text, replaced) => {
    expect(knowing('hunter2')(text)).toBe(replaced);
  });

  it('is found as JSON and as a URL write it', () => {
    const replace = knowing('a "secret"\nof two lines');
    expect(replace(JSON.stringify({ a: 'a "secret"\nof two lines' }))).toBe('{"a":"#"}');
    expect(replace(`?q=${encodeURIComponent('a "secret"\nof two lines')}&b`)).toBe('?q=#&b');
  });

  it('is found without the scheme that stood before it', () => {
    expect(knowing('Bearer hunter2hunter')('got hunter2hunter and Bearer hunter2hunter')).toBe('got # and #');
  });

  it('is found although another one is its beginning, or stands in it', () => {
    const replace = knowing('hunter2', 'hunter2-and-more', 'and-more');
    expect(replace('hunter2-and-more hunter2-and hunter2 and-more')).toBe('# #-and # #');
  });

  it('is a number as well, and never one that is short', () => {
    expect(knowing(123_456)('pin 123456')).toBe('pin #');
    expect(knowing('12345', 'ab', true, null, {})('12345 ab true null')).toBe('12345 ab true null');
  });

  it('is found by a part of it where a long text was cut', () => {
    const replace = knowing('a-long-secret-value');
    const long = '.'.repeat(600);
    expect(replace(`${long}a-long-sec`)).toBe(`${long}#`);
    expect(replace('short: a-long-sec…')).toBe('short: #…');
    expect(replace('short: a-long-sec')).toBe('short: a-long-sec');
  });

  it('is replaced by what its text is, so that nothing else is lost', () => {
    const property = fc.property(
      fc.array(fc.string({ minLength: 6, maxLength: 12, unit: fc.constantFrom('a', 'b', '.', '$', '\\', '(') }), { minLength: 1, maxLength: 5 }),
      fc.string({ maxLength: 60, unit: fc.constantFrom('a', 'b', '.', '$', '\\', '(') }),
      (values, text) => {
        const known = new KnownValues();
        for (const value of values) known.add(value);
        expect(known.replace(text, (found) => found)).toBe(text);
        const left = known.replace(text, () => '#');
        for (const value of values) expect(left).not.toContain(value);
      },
    );
    fc.assert(property);
  });

  it.each([1, 200, 201, 5_000])('is one of %i', (count) => {
    const known = new KnownValues();
    const name = (at: number) => `${at.toString(36).padStart(6, '0')}-end`;
    for (let at = 0; at < count; at++) known.add(name(at));
    const text = 'nothing to be found here, '.repeat(100);
    expect(known.replace(`${name(0)}${text}${name(count - 1)}${name(count)}.${name(0).slice(0, 8)}`, () => '#')).toBe(`#${text}#${name(count)}.#`);
  });
});
