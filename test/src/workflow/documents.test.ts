import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { unfitIn } from '../../../src/json-text.ts';
import { readJson } from '../../../src/workflow/json.ts';
import { workflowDefaults } from '../../../src/workflow/limits.ts';
import { readPlain } from '../../../src/workflow/plain.ts';
import { readYaml } from '../../../src/workflow/yaml.ts';

const { bounds } = workflowDefaults;
const rulesOf = ({ faults }: { readonly faults: readonly { readonly rule: string; readonly place?: object | undefined }[] }) =>
  faults.map(({ rule, place }) => [rule, place]);
/** JSON values that a definition may have: without the one key, and without numbers of which digits are lost. */
const value = fc.jsonValue().filter((any) => unfitIn(JSON.stringify(any)) === undefined);

describe('YAML', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), (any) => {
        // Written plain, as the writer does, `<<` asks for a merge: it is no key then.
        fc.pre(!Object.hasOwn(any, '__proto__') && !JSON.stringify(any).includes('"<<"'));
        const { value: read, faults } = readYaml(stringify(any, { aliasDuplicateObjects: false }), bounds);
        expect(faults).toEqual([]);
        expect(read).toEqual(plain(any));
      }),
    );
  });

  test('no text makes it throw', () => {
    const piece = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '[',
      ']',
      '{',
      '}',
      '&x ',
      '*x',
      '"',
      "'",
      '|',
      '#',
      '!t ',
      '<<',
      '---\n',
      '\t',
      '? ',
      ',',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const { value: read, faults } = readYaml(pieces.join(''), bounds);
        expect(read === undefined ? faults.length : 1).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['', [['syntax', undefined]]],
    ['a: [1', [['syntax', { line: 1, column: 6 }]]],
    ['a: 1\n---\nb: 2', [['syntax', expect.anything()]]],
    ['a: 1\nb: 2\na: 3', [['duplicate_key', { line: 3, column: 1 }]]],
    ['a: .nan', [['not_json', { line: 1, column: 4 }]]],
    ['a: !custom 1', [['syntax', { line: 1, column: 4 }]]],
    ['? [1, 2]\n: x', [['key', { line: 1, column: 3 }]]],
    ['a: *x', [['alias', { line: 1, column: 4 }]]],
    ['a: &x [*x]', [['alias', { line: 1, column: 8 }]]],
    ['__proto__: 1', [['forbidden_name', { line: 1, column: 1 }]]],
    ['a: 1\n<<: 3', [['alias', undefined]]],
  ])('%j', (text, rules) => {
    expect(rulesOf(readYaml(text, bounds))).toEqual(rules);
  });

  test('aliases and merges are written out, and what a map says itself holds', () => {
    const text = 'base: &b { x: 1, y: [2] }\nmore: &m { z: 3 }\nmap: { <<: [*b, *m], x: 5 }\nlist: *b\n1: one\ntrue: yes';
    const base = { x: 1, y: [2] };
    expect(readYaml(text, bounds).value).toEqual({ base, more: { z: 3 }, map: { x: 5, y: [2], z: 3 }, list: base, 1: 'one', true: 'yes' });
  });

  test('places are those of keys, also behind an alias, and else what is closest above', () => {
    const { locate } = readYaml('a: &x\n  b:\n    - c\n    - d: 1\nz: *x\n', bounds);
    expect(locate(['a', 'b'])).toEqual({ line: 2, column: 3 });
    expect(locate(['a', 'b', 1, 'd'])).toEqual({ line: 4, column: 7 });
    expect(locate(['z', 'b', 0])).toEqual({ line: 3, column: 7 });
    expect(locate(['a', 'none', 'x'])).toEqual({ line: 1, column: 1 });
  });

  test('a bomb of aliases is refused at once', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(', ')}]`);
    expect(readYaml(['a0: &a0 x', ...levels].join('\n'), bounds)).toMatchObject({ value: undefined, faults: [{ rule: 'too_many_aliases' }] });
    const deep = Array.from({ length: 500 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]`);
    expect(readYaml(['a0: &a0 x', ...deep].join('\n'), bounds)).toMatchObject({ value: undefined, faults: [{ rule: 'too_deep' }] });
  });

  test.each(['[', '{a: ', '- ', '? '])('depth of %j is refused before it is followed', (opening) => {
    expect(readYaml(opening.repeat(20_000), bounds)).toMatchObject({ value: undefined, faults: [{ rule: 'too_deep' }] });
  });

  test('50,000 keys take linear time', () => {
    const keys = (n: number) => Array.from({ length: n }, (_, i) => `k${i}: ${i}`).join('\n');
    expect(Object.keys(readYaml(keys(50_000), bounds).value as object)).toHaveLength(50_000);
  }, 15_000);
});

describe('JSON', () => {
  test('what JSON.stringify writes is read as JSON.parse does', () => {
    const space = fc.constantFrom(0, 1, '\t');
    fc.assert(
      fc.property(value, space, (any, indent) => {
        const { value: read, faults } = readJson(JSON.stringify(any, null, indent), bounds);
        expect(faults).toEqual([]);
        expect(read).toEqual(plain(any));
      }),
    );
  });

  test('of any text it takes just what JSON.parse takes', () => {
    const piece = fc.constantFrom(
      '"a"',
      '"',
      ':',
      ',',
      '[',
      ']',
      '{',
      '}',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'null',
      ' ',
      '\n',
      '\\n',
      '\\x',
      'tru',
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (any) => {
        const { value: read, faults } = readJson(any, bounds);
        const isSound = faults.every(({ rule }) => rule === 'duplicate_key');
        const said = parsed(any);
        // Plus zero: a negative one is written as zero.
        expect(isSound ? JSON.stringify(read) : undefined).toEqual(said && unfitIn(any) === undefined ? JSON.stringify(said.value) : undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['', 'got the end of the text', 1, 1],
    ['{"a":1,}', 'expected a key in quotes', 1, 8],
    ['[1,\n2', 'expected "," or "]"', 2, 2],
    ['{"a" 1}', 'expected ":"', 1, 6],
    ['[1] x', 'expected the end of the text', 1, 5],
    ['["a\n"]', 'expected the end of a string', 1, 4],
  ])('%j', (text, message, line, column) => {
    expect(readJson(text, bounds)).toMatchObject({
      value: undefined,
      faults: [{ rule: 'syntax', message: expect.stringContaining(message), place: { line, column } }],
    });
  });

  test('keys that stand twice, and depth', () => {
    expect(rulesOf(readJson('{"a":1,\n"a":2,"__proto__":3}', bounds))).toEqual([
      ['duplicate_key', { line: 2, column: 1 }],
      ['forbidden_name', { line: 2, column: 7 }],
    ]);
    expect(readJson('['.repeat(100_000), bounds)).toMatchObject({
      value: undefined,
      faults: [{ rule: 'too_deep', place: { line: 1, column: 1_001 } }],
    });
  });

  test('a byte order mark is no mistake', () => {
    expect(readJson('\uFEFF{"a": 1}', bounds)).toMatchObject({ value: { a: 1 }, faults: [] });
  });

  test('places are those of keys and elements', () => {
    const { locate } = readJson('{"a": [1,\n  {"b": 2}]}', bounds);
    expect(locate([])).toEqual({ line: 1, column: 1 });
    expect(locate(['a', 0])).toEqual({ line: 1, column: 8 });
    expect(locate(['a', 1, 'b'])).toEqual({ line: 2, column: 4 });
    expect(locate(['a', 1, 'c', 'd'])).toEqual({ line: 2, column: 3 });
  });
});

describe('plain objects', () => {
  test('a copy is equal, and nothing of the original', () => {
    fc.assert(
      fc.property(value, (any) => {
        const { value: copy, faults } = readPlain(any, bounds);
        // As text: a negative zero is written as zero.
        expect(JSON.stringify(copy)).toBe(JSON.stringify(any));
        expect(faults).toEqual([]);
        if (typeof any === 'object' && any !== null) expect(copy).not.toBe(any);
      }),
    );
  });

  test('whatever it is given, the copy is JSON', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(anything, (any) => {
        const { value: copy } = readPlain(any, bounds);
        if (copy !== undefined) expect(plain(copy)).toEqual(copy);
      }),
    );
  });
});

function plain(any: unknown): unknown {
  return JSON.parse(JSON.stringify(any));
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
