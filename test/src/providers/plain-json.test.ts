import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { unfitIn } from '../../../src/json-text.ts';
import { copyJson } from '../../../src/providers/plain-json.ts';

const circular: { self?: unknown } = {};
circular.self = { deeper: [circular] };

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** JSON without numbers of which digits are lost. */
const keepable = fc.jsonValue().filter((value) => unfitIn(JSON.stringify(value)) === undefined);

describe('copyJson', () => {
  it('copies whatever is JSON, as JSON itself does', () => {
    fc.assert(fc.property(keepable, (value) => void expect(copyJson(value)).toEqual({ ok: true, value: JSON.parse(JSON.stringify(value)) })));
  });

  it('gives a copy that shares nothing with the original', () => {
    const original = { list: [{ a: 1 }] };
    const copy = copyJson(original);
    original.list[0] = { a: 2 };
    original.list.push({ a: 3 });
    expect(copy).toEqual({ ok: true, value: { list: [{ a: 1 }] } });
  });

  it.each([
    [undefined, null],
    [[-0], [0]],
    [{ a: undefined, b: [undefined] }, { b: [null] }],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [{ at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    [Object.assign(Object.create({ inherited: 1 }), { own: 2 }), { own: 2 }],
    [Object.assign([], { 1: 1 }), [null, 1]],
  ])('turns %j into JSON', (value, expected) => {
    expect(copyJson(value)).toEqual({ ok: true, value: expected });
  });

  it('refuses the name __proto__, and takes others that every object answers to', () => {
    expect(copyJson(JSON.parse('{"a":[{"__proto__":{"polluted":true}}]}'))).toEqual({
      ok: false,
      problem: 'does not fit: "a[0].__proto__" must not be a key: every object answers to "__proto__"',
    });
    expect(copyJson({ constructor: 1 })).toEqual({ ok: true, value: { constructor: 1 } });
  });

  it.each([
    [() => 1, 'is not JSON: a function at its top; call it first, or leave it out'],
    [{ a: { b: [() => 1] } }, 'is not JSON: a function at "a.b[0]"; call it first, or leave it out'],
    [{ a: Symbol('x') }, 'is not JSON: a symbol at "a"; convert it to text first'],
    [{ a: 10n }, 'is not JSON: the bigint 10 at "a"; convert it to text first'],
    [[Number.NaN], 'is not JSON: the number NaN at "[0]"; give null or a text for it'],
    [[Number.POSITIVE_INFINITY], 'is not JSON: the number Infinity at "[0]"; give null or a text for it'],
    [{ m: new Map() }, 'is not JSON: a Map at "m"; convert it to a list or text first'],
    [{ m: new Set() }, 'is not JSON: a Set at "m"; convert it to a list or text first'],
    [{ m: new Uint8Array(2) }, 'is not JSON: a Uint8Array at "m"; convert it to text first, for example to base64'],
    [{ m: Buffer.from('x') }, 'is not JSON: a Buffer at "m"; convert it to text first, for example to base64'],
    [circular, 'is circular, at "self.deeper[0]"'],
    [nested(1_001), 'is nested deeper than 1000 levels, at "[0][0][0]…"'],
    [nested(100_000), 'is nested deeper than 1000 levels, at "[0][0][0]…"'],
    [
      {
        get a() {
          throw new Error('no');
        },
      },
      'throws while it is read, at "a": "no"',
    ],
  ])('refuses what is no JSON, case %#', (value, problem) => {
    expect(copyJson(value)).toEqual({ ok: false, problem });
  });

  it('accepts a value of exactly the limit, and refuses one byte more', () => {
    const limits = { bytes: 10, depth: 3 };
    expect(copyJson('a'.repeat(8), limits)).toEqual({ ok: true, value: 'aaaaaaaa' });
    expect(copyJson('a'.repeat(9), limits)).toEqual({ ok: false, problem: 'is 11 bytes, more than the limit of 10 bytes' });
  });

  it('names the size of what is too large, and the limit', () => {
    expect(copyJson('x'.repeat(10 * 1024 * 1024))).toEqual({ ok: false, problem: 'is 10 MB, more than the limit of 8 MB' });
  });

  it('counts what is shared as often as JSON would write it', () => {
    let bomb: unknown = 'lol'.repeat(1_000);
    for (let i = 0; i < 40; i++) bomb = [bomb, bomb];
    expect(copyJson(bomb)).toEqual({ ok: false, problem: 'is over 16 MB, more than the limit of 8 MB' });
  });

  it('refuses an array of great length without walking it', () => {
    const sparse: unknown[] = [];
    sparse.length = 2 ** 32 - 1;
    expect(copyJson(sparse)).toEqual({ ok: false, problem: 'is over 16 MB, more than the limit of 8 MB' });
  });
});
