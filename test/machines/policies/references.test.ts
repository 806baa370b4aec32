import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { leadingName, longestName, readReference, referencesIn, scanTemplate, splitExpression } from '../../../machines/policies/references.ts';

const knows =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name);

describe('scanTemplate', () => {
  it.each([
    ['', []],
    ['plain', [{ kind: 'text', text: 'plain' }]],
    ['${a.b}', [{ kind: 'reference', expression: 'a.b', at: 0 }]],
    ['${ a.b }', [{ kind: 'reference', expression: 'a.b', at: 0 }]],
    [
      'x${a}${b}y',
      [
        { kind: 'text', text: 'x' },
        { kind: 'reference', expression: 'a', at: 1 },
        { kind: 'reference', expression: 'b', at: 5 },
        { kind: 'text', text: 'y' },
      ],
    ],
    ['$${a}', [{ kind: 'text', text: '${a}' }]],
    [
      '${a}$${b}',
      [
        { kind: 'reference', expression: 'a', at: 0 },
        { kind: 'text', text: '${b}' },
      ],
    ],
    ['cost: $5 {x}', [{ kind: 'text', text: 'cost: $5 {x}' }]],
    [
      'a ${b',
      [
        { kind: 'text', text: 'a ' },
        { kind: 'unclosed', text: '${b', at: 2 },
      ],
    ],
    ['${t["a}b"].c}', [{ kind: 'reference', expression: 't["a}b"].c', at: 0 }]],
    ['${t["a\\"}"]}', [{ kind: 'reference', expression: 't["a\\"}"]', at: 0 }]],
  ])('reads %j', (text, parts) => {
    expect(scanTemplate(text)).toEqual(parts);
  });

  it('gives back every text whose `${` are escaped', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '{', '}', ' ', '"', '[', '${')), (pieces) => {
        const text = pieces.join('');
        const parts = scanTemplate(text.split('${').join('$${'));
        expect(parts.map((part) => (part.kind === 'text' ? part.text : '?')).join('')).toBe(text);
      }),
    );
  });

  it('gets through a long text, however odd that is: a quadratic scan would not end', () => {
    const odd = '${["'.repeat(250_000);
    expect(scanTemplate(odd)).toEqual([{ kind: 'unclosed', text: odd, at: 0 }]);
    expect(scanTemplate('${a}'.repeat(100_000))).toHaveLength(100_000);
  });
});

describe('splitExpression', () => {
  it.each([
    ['t', 't', []],
    ['t.a.b', 't', ['a', 'b']],
    ['t[0].a[12]', 't', [0, 'a', 12]],
    ['t["a b"]', 't', ['a b']],
    ["t['a.b'].c", 't', ['a.b', 'c']],
    ['t["a\\"b"]', 't', ['a"b']],
    ['Fetch the page.status', 'Fetch the page', ['status']],
    ['a.b.c', 'a.b', ['c']],
    ['a.b', 'a.b', []],
    ['a.x', 'a', ['x']],
    ['list[0][1].x', 'list[0]', [1, 'x']],
    ['t.two words.x', 't', ['two words', 'x']],
  ])('reads %j as %j and %j', (expression, name, path) => {
    expect(splitExpression(expression, knows('t', 'a', 'a.b', 'Fetch the page', 'list[0]', 'list'))).toEqual({ name, path });
  });

  it.each(['t..a', 't.', 't[', 't[]', 't[x]', 't[1', 't["a]', 't["a"', 't[0]a'])('says from where on it cannot read %j', (expression) => {
    expect(splitExpression(expression, knows('t'))?.fault).toBeDefined();
    expect(readReference(expression, knows('t'))).toBeUndefined();
  });

  it.each([
    ['t?', { name: 't', path: [], optional: true }],
    ['t.a?', { name: 't', path: ['a'], optional: true }],
    ['t.a[0]?', { name: 't', path: ['a', 0], optional: true }],
    ['t["a?"]', { name: 't', path: ['a?'] }],
    ['t["a?"]?', { name: 't', path: ['a?'], optional: true }],
    ['done?', { name: 'done?', path: [] }],
    ['done??', { name: 'done?', path: [], optional: true }],
    ['t.a?.b', { name: 't', path: ['a'], fault: '?.b' }],
    ['t.a??', { name: 't', path: ['a'], fault: '??' }],
    ['t.?', { name: 't', path: [], fault: '.?' }],
  ])('knows by its mark what may be absent: %s', (expression, split) => {
    expect(splitExpression(expression, knows('t', 'done?'))).toEqual(split);
    expect(leadingName('gone?')).toBe('gone');
  });

  it('knows nobody by half a name', () => {
    expect(splitExpression('tasks.a', knows('task', 't'))).toBeUndefined();
    expect(splitExpression('', knows(''))).toBeUndefined();
  });

  it('asks for a bounded number of names', () => {
    let asked = 0;
    splitExpression('a.'.repeat(100_000), () => {
      asked++;
      return false;
    });
    expect(asked).toBeLessThanOrEqual(longestName);
  });

  it('keeps the text of a reference', () => {
    expect(readReference('t.a', knows('t'))).toEqual({ text: '${t.a}', root: 't', path: ['a'] });
  });

  it('shows the part that stands for a name', () => {
    expect(['nobody.x', 'Some One[0]', 'alone'].map(leadingName)).toEqual(['nobody', 'Some One', 'alone']);
  });
});

describe('referencesIn', () => {
  it('finds each reference with its place, in order', () => {
    const value = { url: '${input.url}', list: [1, 'a ${t.x} b ${t.y}', { deep: '$${no}' }], open: '${t', none: null };
    expect(referencesIn(value)).toEqual([
      { expression: 'input.url', at: ['url'], whole: true, unclosed: false },
      { expression: 't.x', at: ['list', 1], whole: false, unclosed: false },
      { expression: 't.y', at: ['list', 1], whole: false, unclosed: false },
      { expression: '${t', at: ['open'], whole: false, unclosed: true },
    ]);
    expect(referencesIn('${a}')).toEqual([{ expression: 'a', at: [], whole: true, unclosed: false }]);
  });

  it('looks into values of any depth', () => {
    let value: unknown = '${t}';
    for (let i = 0; i < 20_000; i++) value = [value];
    expect(referencesIn(value)[0]?.at).toHaveLength(20_000);
  });
});
