import fc from 'fast-check';
import { Map as ImmutableMap, Record as ImmutableRecord, Set as ImmutableSet, List, OrderedSet, Seq } from 'immutable';
import { describe, expect, it } from 'vitest';

import { bounded, glance } from '../../../../src/observe/inspector/bounded.ts';

const plain = (value: unknown) => JSON.parse(JSON.stringify(bounded(value)));

describe('a bounded value', () => {
  it('is the value itself where that is small plain JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme' }), (value) => {
        fc.pre(JSON.stringify(value).length < 1_000);
        expect(plain(value)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('shows immutable collections as what they hold', () => {
    const Point = ImmutableRecord({ x: 1, y: 2 });
    const value = {
      map: ImmutableMap([['a', List([1, 2])]]),
      set: ImmutableSet([1]),
      ordered: OrderedSet(['b', 'a']),
      point: Point(),
      lazy: Seq([1, 2]).map((n) => n + 1),
    };
    expect(plain(value)).toEqual({ map: { a: [1, 2] }, set: [1], ordered: ['b', 'a'], point: { x: 1, y: 2 }, lazy: [2, 3] });
  });

  it.each([
    ['a function', () => 1, '[function ]'],
    ['a bigint', 3n, '3'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['no number', Number.NaN, 'NaN'],
    ['bytes', new Uint8Array(3), '[3 bytes]'],
    ['a native map', new Map([[1, 'a']]), { 1: 'a' }],
    ['a native set', new Set(['a']), ['a']],
    ['an error', new Error('broken'), { name: 'Error', message: 'broken' }],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
      '[unreadable]',
    ],
    ['a `toJSON` of its own', { toJSON: () => 'mine' }, { toJSON: '[function toJSON]' }],
  ])('shows %s in its way', (_, value, shown) => {
    expect(plain(value)).toEqual(shown);
  });

  it('keeps `__proto__` a name like others', () => {
    expect(JSON.stringify(bounded(JSON.parse('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}');
  });

  it('tells what it leaves out', () => {
    expect(bounded('x'.repeat(3_000))).toBe(`${'x'.repeat(2_000)}… (3000 characters)`);
    const list = bounded(List(Array.from({ length: 120 }, (_, index) => index))) as unknown[];
    expect([list.length, list.at(-1)]).toEqual([51, '… 70 more']);
    expect(bounded(ImmutableMap([...Array(120).keys()].map((key) => [key, key])))).toHaveProperty('…', '70 more');
    expect(bounded({ a: { b: { c: [1, 2] } } }, { ...glance, depth: 3 })).toEqual({ a: { b: { c: '[2 elements]' } } });
  });

  it('ends where a value holds itself', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(JSON.stringify(bounded(circle)).length).toBeLessThan(200);
  });

  it('does not let a large part hide the small ones after it', () => {
    const wide = Array.from({ length: 50 }, () => Array.from({ length: 50 }, () => 'x'.repeat(100)));
    expect(bounded({ wide, last: 'seen', after: { that: true } })).toMatchObject({ last: 'seen', after: { that: true } });
  });

  it('has a bounded size, whatever the value', () => {
    const deep = (levels: number): unknown =>
      levels === 0 ? 'x'.repeat(10_000) : Array.from({ length: 60 }, (_, index) => (index < 3 ? deep(levels - 1) : { key: 'y'.repeat(5_000) }));
    for (const value of [deep(7), 'z'.repeat(1_000_000), Array.from({ length: 1_000 }, () => 'word '.repeat(1_000))]) {
      expect(JSON.stringify(bounded(value)).length).toBeLessThan(4 * glance.total);
    }
  });

  it('reads a few entries of a huge collection, not all', () => {
    let reads = 0;
    const huge = Seq(Array.from({ length: 100_000 }, (_, index) => index)).map((index) => {
      reads++;
      return index;
    });
    bounded({ huge });
    expect(reads).toBe(glance.entries);
  });

  it('reads the names of a large object once', () => {
    let reads = 0;
    const large = new Proxy(Object.fromEntries([...Array(1_000).keys()].map((key) => [`k${key}`, key])), {
      ownKeys: (target) => {
        reads++;
        return Reflect.ownKeys(target);
      },
    });
    expect(bounded(large)).toEqual(bounded(large));
    expect(reads).toBe(1);
  });
});
