import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { cyclesOf, levelsOf } from '../../../src/workflow/graph.ts';

/** For every task, which of the others it waits for. */
const graphs = fc
  .integer({ min: 0, max: 8 })
  .chain((size) =>
    fc
      .array(size === 0 ? fc.constant<number[]>([]) : fc.uniqueArray(fc.nat(size - 1), { maxLength: 4 }), { minLength: size, maxLength: size })
      .map((graph) => graph.map((needed, task) => needed.filter((on) => on !== task))),
  );

/** Whether one task is reached from another, by trying. */
function isReached(graph: readonly (readonly number[])[], from: number, to: number): boolean {
  const seen = new Set(graph[from]);
  for (const task of seen) for (const next of graph[task] ?? []) seen.add(next);
  return seen.has(to);
}

describe('circles', () => {
  test('there is one for each knot of tasks, and each is a way round', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const cycles = cyclesOf(graph);
        for (const cycle of cycles) for (const [index, task] of cycle.entries()) expect(graph[task]).toContain(cycle[(index + 1) % cycle.length]);
        const inKnots = graph.flatMap((_, task) => (isReached(graph, task, task) ? [task] : []));
        const told = inKnots.filter((task) =>
          cycles.some(([first = -1]) => first === task || (isReached(graph, task, first) && isReached(graph, first, task))),
        );
        expect(told).toEqual(inKnots);
        expect(cycles.length === 0).toBe(inKnots.length === 0);
      }),
      { numRuns: 500 },
    );
  });

  test('the shortest way through the first task is told', () => {
    expect(cyclesOf([[1], [2], [3, 0], [0]])).toEqual([[0, 1, 2]]);
    expect(cyclesOf([[], [0]])).toEqual([]);
  });

  test('a circle of 100,000 tasks is found without recursion', () => {
    expect(cyclesOf(Array.from({ length: 100_000 }, (_, task) => [(task + 1) % 100_000]))[0]).toHaveLength(100_000);
  });
});

describe('levels', () => {
  test.each([
    [[], 0],
    [[[], []], 1],
    [[[], [0], [1, 0], [2]], 4],
    [[[1], [0], []], 1],
  ])('of %j: %i', (graph, levels) => {
    expect(levelsOf(graph)).toBe(levels);
  });

  test('a chain of 100,000 has as many', () => {
    expect(levelsOf(Array.from({ length: 100_000 }, (_, task) => (task === 0 ? [] : [task - 1])))).toBe(100_000);
  });
});
