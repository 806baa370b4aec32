/**
 * The shape of a workflow's graph, derived once from its definition: who waits for whom, and what the output needs.
 *
 * Tasks are addressed by their position in the definition. Pure, iterative, and linear in tasks and dependencies.
 */
import type { TaskDefinition, WorkflowDefinition } from '../events/definition.ts';
import { referencesIn, splitExpression } from './references.ts';

/** A task that waits for another, and how the other has to end for it. */
export type Dependent = { readonly task: number; readonly when: 'success' | 'done' };

export type Topology = {
  /** Positions by id. */
  readonly byId: ReadonlyMap<string, number>;
  /** Positions by id and by name; where one task's id is another's name, the id counts. */
  readonly byName: ReadonlyMap<string, number>;
  /** Who waits for a task, by its position. */
  readonly dependents: readonly (readonly Dependent[])[];
  /** Of how many tasks a task has to see the end, by its position. */
  readonly dependencyCounts: readonly number[];
  /** The positions of the tasks that wait for nobody. */
  readonly roots: readonly number[];
  /** The positions of the tasks that the output refers to. */
  readonly outputTasks: ReadonlySet<number>;
};

const topologies = new WeakMap<WorkflowDefinition, Topology>();
const none: readonly Dependent[] = [];

/** Gives the topology of a definition; the second time for nothing. */
export function topologyOf(definition: WorkflowDefinition): Topology {
  const known = topologies.get(definition);
  if (known !== undefined) return known;
  const topology = derive(definition);
  topologies.set(definition, topology);
  return topology;
}

/** Gives the task at a position. */
export function taskAt(definition: WorkflowDefinition, index: number): TaskDefinition {
  const task = definition.tasks[index];
  if (task === undefined) throw new RangeError(`The workflow '${definition.name}' has no task at position ${index}.`);
  return task;
}

function derive({ tasks, output }: WorkflowDefinition): Topology {
  const byId = new Map(tasks.map(({ id }, index) => [id, index]));
  const byName = new Map(byId);
  for (const [index, { name }] of tasks.entries()) {
    if (name !== undefined && !byName.has(name)) byName.set(name, index);
  }
  const dependents = new Map<number, Dependent[]>();
  const dependencyCounts: number[] = [];
  const roots: number[] = [];
  for (const [index, { dependencies }] of tasks.entries()) {
    let count = 0;
    for (const { task, when } of dependencies) {
      const on = byName.get(task);
      // Validation refuses a dependency on nobody; here it is one that never ends, so that its task never runs.
      count++;
      if (on === undefined) continue;
      const waiting = dependents.get(on);
      if (waiting === undefined) dependents.set(on, [{ task: index, when }]);
      else waiting.push({ task: index, when });
    }
    dependencyCounts.push(count);
    if (count === 0) roots.push(index);
  }
  return {
    byId,
    byName,
    dependents: tasks.map((_, index) => dependents.get(index) ?? none),
    dependencyCounts,
    roots,
    outputTasks: tasksIn(output, byName),
  };
}

function tasksIn(template: unknown, byName: ReadonlyMap<string, number>): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { expression } of referencesIn(template)) {
    const split = splitExpression(expression, (name) => byName.has(name) || name === 'input');
    const index = split && byName.get(split.name);
    if (index !== undefined) found.add(index);
  }
  return found;
}
