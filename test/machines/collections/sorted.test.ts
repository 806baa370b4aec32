import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { firstOf, lastOf, type Sorted, sizeOf, valueAt, withKey, withoutKey } from '../../../machines/collections/sorted.ts';

const steps = fc.array(fc.record({ put: fc.boolean(), key: fc.integer({ min: 0, max: 40 }) }), { maxLength: 200 });

describe('sorted', () => {
  it('holds what a map of numbers holds, in their order, whatever is put in and taken out', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const model = new Map<number, string>();
        let tree: Sorted<string> = null;
        for (const [nth, { put, key }] of sequence.entries()) {
          tree = put ? withKey(tree, key, `${key}/${nth}`) : withoutKey(tree, key);
          if (put) model.set(key, `${key}/${nth}`);
          else model.delete(key);
        }
        const keys = [...model.keys()].sort((one, other) => one - other);
        expect(sizeOf(tree)).toBe(keys.length);
        expect(keysOf(tree)).toEqual(keys);
        for (let key = 0; key <= 40; key++) expect(valueAt(tree, key)).toBe(model.get(key));
        expect(firstOf(tree)).toBe(model.get(keys[0] ?? -1));
        expect(lastOf(tree)).toBe(model.get(keys.at(-1) ?? -1));
      }),
    );
  });

  it('stays shallow when keys come in order and go from the front, as arrivals do', () => {
    let tree: Sorted<number> = null;
    for (let key = 0; key < 10_000; key++) tree = withKey(tree, key, key);
    for (let key = 0; key < 5_000; key++) tree = withoutKey(tree, key);
    expect(sizeOf(tree)).toBe(5_000);
    expect(depthOf(tree)).toBeLessThanOrEqual(2.5 * Math.log2(5_000));
  });

  it('leaves an older version as it was', () => {
    const one = withKey(withKey(null, 1, 'a'), 2, 'b');
    withoutKey(one, 1);
    withKey(one, 2, 'c');
    expect([firstOf(one), lastOf(one), sizeOf(one)]).toEqual(['a', 'b', 2]);
  });

  it('is the same tree where nothing is taken out', () => {
    const tree = withKey(withKey(withKey(null, 1, 'a'), 2, 'b'), 3, 'c');
    expect(withoutKey(tree, 9)).toBe(tree);
    expect(withoutKey(tree, 0)).toBe(tree);
  });
});

function keysOf(tree: Sorted<unknown>): number[] {
  return tree === null ? [] : [...keysOf(tree.left), tree.key, ...keysOf(tree.right)];
}

function depthOf(tree: Sorted<unknown>): number {
  return tree === null ? 0 : 1 + Math.max(depthOf(tree.left), depthOf(tree.right));
}
