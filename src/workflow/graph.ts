/**
 * What validation asks of the graph of a workflow's tasks: how long its longest chain is, and where it goes in circles.
 *
 * Tasks are positions. Everything is iterative and linear in tasks and dependencies: a chain may be 10,000 tasks long.
 */

/** By position, the positions of what a task waits for; without repeats. */
export type Graph = readonly (readonly number[])[];

/** The number of tasks in the longest chain of dependencies; chains that go in circles do not count. */
export function levelsOf(graph: Graph): number {
  const dependents: number[][] = graph.map(() => []);
  for (const [task, needed] of graph.entries()) for (const on of needed) dependents[on]?.push(task);
  const waitsFor = graph.map((needed) => needed.length);
  let level = graph.flatMap((needed, task) => (needed.length === 0 ? [task] : []));
  let levels = 0;
  while (level.length > 0) {
    levels += 1;
    const next: number[] = [];
    for (const task of level) {
      for (const dependent of dependents[task] ?? []) {
        const left = (waitsFor[dependent] ?? 0) - 1;
        waitsFor[dependent] = left;
        if (left === 0) next.push(dependent);
      }
    }
    level = next;
  }
  return levels;
}

/**
 * One circle out of every knot of tasks that wait for each other, the shortest through the knot's first task: each task in it
 * waits for the next one, the last one for the first. A task that waits for itself alone is none.
 */
export function cyclesOf(graph: Graph): readonly (readonly number[])[] {
  return knotsOf(graph)
    .filter(({ length }) => length > 1)
    .map((knot) => circleIn(graph, knot))
    .sort(([a = 0], [b = 0]) => a - b);
}

interface Visit {
  readonly task: number;
  /** How many of its dependencies were looked at. */
  looked: number;
}

/** The strongly connected components: Tarjan, "Depth-first search and linear graph algorithms", 1972, without its recursion. */
function knotsOf(graph: Graph): readonly (readonly number[])[] {
  const order = new Int32Array(graph.length).fill(-1);
  const lowest = new Int32Array(graph.length);
  const isOpen = new Uint8Array(graph.length);
  const open: number[] = [];
  const knots: number[][] = [];
  let visited = 0;
  const enter = (task: number): Visit => {
    order[task] = lowest[task] = visited++;
    isOpen[task] = 1;
    open.push(task);
    return { task, looked: 0 };
  };
  const leave = (task: number): void => {
    if (lowest[task] !== order[task]) return;
    const knot = open.splice(open.lastIndexOf(task));
    for (const member of knot) isOpen[member] = 0;
    knots.push(knot);
  };
  const lower = (task: number, to: number | undefined): void => {
    lowest[task] = Math.min(lowest[task] ?? 0, to ?? 0);
  };
  for (const start of graph.keys()) {
    if (order[start] !== -1) continue;
    const path = [enter(start)];
    for (let visit = path.at(-1); visit; visit = path.at(-1)) {
      const next = graph[visit.task]?.[visit.looked++];
      if (next === undefined) {
        path.pop();
        leave(visit.task);
        const above = path.at(-1);
        if (above) lower(above.task, lowest[visit.task]);
      } else if (order[next] === -1) path.push(enter(next));
      else if (isOpen[next]) lower(visit.task, order[next]);
    }
  }
  return knots;
}

/** The shortest way from a knot's first task back to it. */
function circleIn(graph: Graph, knot: readonly number[]): readonly number[] {
  const first = knot.reduce((least, task) => Math.min(least, task));
  const inside = new Set(knot);
  const cameFrom = new Map<number, number>();
  const queue = [first];
  for (const task of queue) {
    for (const next of graph[task] ?? []) {
      if (next === first) return wayTo(task, cameFrom);
      if (!inside.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, task);
      queue.push(next);
    }
  }
  return [first];
}

function wayTo(last: number, cameFrom: ReadonlyMap<number, number>): readonly number[] {
  const way = [last];
  for (let task = cameFrom.get(last); task !== undefined; task = cameFrom.get(task)) way.push(task);
  return way.reverse();
}
