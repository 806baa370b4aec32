import { execFileSync } from 'node:child_process';
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

  const written = `pä'ß\\w"😀\nx/y+z`;
  const python = (code: string) =>
    execFileSync(
      'python3',
      ['-c', `import sys, json, base64, urllib.parse as u\ns = json.loads(sys.argv[1])\nprint(${code}, end='')`, JSON.stringify(written)],
      { encoding: 'utf8' },
    );
  it.each([
    ['repr(s)', (text: string) => text.slice(1, -1)],
    ['repr(s.replace(chr(34), ""))', undefined],
    ['ascii(s)', (text: string) => text.slice(1, -1)],
    ['repr(s.encode())', (text: string) => text.slice(2, -1)],
    ['json.dumps(s)', (text: string) => text.slice(1, -1)],
    ['json.dumps(s, ensure_ascii=False)', (text: string) => text.slice(1, -1)],
    ['u.quote(s)', (text: string) => text],
    ['u.quote(s, safe="")', (text: string) => text],
    ['u.urlencode({"": s})[1:]', (text: string) => text],
    ['base64.b64encode(s.encode()).decode()', (text: string) => text],
    ['base64.urlsafe_b64encode(s.encode()).decode()', (text: string) => text],
  ])('is found as Python writes it: %s', (code, inner) => {
    if (inner === undefined) return expect(knowing(written.replaceAll('"', ''))(python(code))).toBe('"#"');
    expect(knowing(written)(`x ${inner(python(code))} y`)).toBe('x # y');
  });

  it.each(['', 'u', 'us', 'user:', 'user1:'])('is found in base64 after "%s", but for a sign that it shares with what is around it', (before) => {
    const secret = 'correct horse battery';
    const text = Buffer.from(`${before}${secret}!!`).toString('base64');
    const replaced = knowing(secret)(text);
    expect(replaced).toContain('#');
    expect(Buffer.from(replaced.replace('#', ''), 'base64').toString('latin1')).not.toMatch(/corr|ttery/);
  });

  it('is found where it was cut off, at the end, at the beginning and before a mark', () => {
    const replace = knowing('correct-horse-battery-staple');
    const filler = 'x'.repeat(600);
    expect(replace(`${filler} correct-horse-bat`)).toBe(`${filler} #`);
    expect(replace(`horse-battery-staple ${filler}`)).toBe(`# ${filler}`);
    expect(replace('got "correct-horse-bat…", which is wrong')).toBe('got "#…", which is wrong');
    expect(replace('got "correct-horse-bat..." and correct-horse')).toBe('got "#..." and correct-horse');
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

  it('is looked for as it is alone where very many are known, which bounds the work', () => {
    const known = new KnownValues();
    const name = (at: number) => `${at}`.padStart(12, '0').split('').reverse().join('');
    for (let at = 0; at < 30_000; at++) known.add(name(at));
    const base64 = (at: number) => Buffer.from(name(at)).toString('base64');
    expect(known.replace(`${name(0)} ${base64(0)} ${name(29_999)} ${base64(29_999)}`, () => '#')).toBe(`# # # ${base64(29_999)}`);
  });
});
