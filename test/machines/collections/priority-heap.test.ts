import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { emptyHeap, type HeapNode, heapOf, type PriorityHeap, peek, pop, push } from '../../../machines/collections/priority-heap.ts';

const before = (a: number, b: number) => a < b;

/** All items in the order in which they come out. */
function drained(heap: PriorityHeap<number>): number[] {
  const items: number[] = [];
  for (let rest = heap; rest.size > 0; rest = pop(rest, before)) items.push(peek(rest) as number);
  return items;
}

function countAndCheckShape(node: HeapNode<number> | null): number {
  if (node === null) return 0;
  const [left, right] = [countAndCheckShape(node.left), countAndCheckShape(node.right)];
  expect(left - right === 0 || left - right === 1).toBe(true);
  return left + right + 1;
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFrozen(part);
  }
  return value;
}

describe('the priority heap', () => {
  it('gives its items back in order, as a sorted array does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        const sorted = [...items].sort((a, b) => a - b);
        expect(drained(items.reduce((heap, item) => push(heap, item, before), emptyHeap<number>()))).toEqual(sorted);
        expect(drained(heapOf(items, before))).toEqual(sorted);
      }),
    );
  });

  it('agrees with a sorted array under any mix of pushes and pops, and stays balanced', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer(), { freq: 3 })), (steps) => {
        let heap = emptyHeap<number>();
        let model: number[] = [];
        for (const step of steps) {
          heap = deepFrozen(step === null ? pop(heap, before) : push(heap, step, before));
          model = step === null ? model.slice(1) : [...model, step].sort((a, b) => a - b);
          expect(peek(heap)).toBe(model[0]);
          expect(heap.size).toBe(model.length);
          expect(countAndCheckShape(heap.root)).toBe(model.length);
        }
      }),
    );
  });

  it('leaves older heaps as they were', () => {
    const older = heapOf([3, 1, 2], before);
    push(older, 0, before);
    pop(older, before);
    expect(drained(older)).toEqual([1, 2, 3]);
  });

  it('is empty when nothing is left, and stays so', () => {
    expect(pop(emptyHeap<number>(), before)).toEqual({ size: 0, root: null });
    expect(pop(push(emptyHeap<number>(), 1, before), before)).toEqual({ size: 0, root: null });
    expect(peek(emptyHeap())).toBeUndefined();
  });

  it('survives JSON at a size at which an unbalanced one would be too deep', () => {
    let heap = emptyHeap<number>();
    for (let item = 20_000; item > 0; item--) heap = push(heap, item, before);
    expect(JSON.parse(JSON.stringify(heap))).toEqual(heap);
  });
});
