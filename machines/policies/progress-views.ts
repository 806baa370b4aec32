/** What people ask of the progress of a workflow's graph: what became of a task, and why another one does not run yet. */
import type { Failure } from '../failures.ts';
import { isUnreleased, type Progress, type TaskOutcome } from './progress.ts';
import { taskAt, topologyOf } from './topology.ts';

/** What became of a task, as a result shows it. */
export type OutcomeView = {
  readonly status: TaskOutcome['status'];
  /** Attempts that began; 0 for a task that never ran. */
  readonly attempts: number;
  /** Of the last attempt, in milliseconds. */
  readonly durationMs?: number;
  readonly result?: unknown;
  readonly error?: Failure;
  /** The task, or the reason, that ruled a skipped task out. */
  readonly because?: string;
};

/** What became of the tasks that have ended, by task id. */
export function outcomesOf({ definition, outcomes }: Progress): ReadonlyMap<string, OutcomeView> {
  const views = new Map<string, OutcomeView>();
  for (const [index, { id }] of definition.tasks.entries()) {
    const outcome = outcomes.get(index);
    if (outcome !== undefined) views.set(id, outcome);
  }
  return views;
}

/** A dependency that a task still waits for, or that rules it out. */
export type UnmetDependency = { readonly task: string; readonly when: 'success' | 'done'; readonly status: 'unfinished' | TaskOutcome['status'] };

/** The dependencies of a task that are not met; none for a task that nothing but the window, a pause or the queue holds back. */
export function unmetDependencies({ definition, outcomes }: Progress, taskId: string): readonly UnmetDependency[] {
  const { byId, byName } = topologyOf(definition);
  const index = byId.get(taskId);
  if (index === undefined) return [];
  return taskAt(definition, index).dependencies.flatMap(({ task, when }): UnmetDependency[] => {
    const status = outcomes.get(byName.get(task) ?? -1)?.status ?? 'unfinished';
    const isMet = status === 'completed' || (when === 'done' && status !== 'unfinished');
    return isMet ? [] : [{ task, when, status }];
  });
}

/** Whether a task was released and has not ended: from there on the task itself knows what it waits for. */
export function isReleased({ definition, released, expansions, outcomes }: Progress, taskId: string): boolean {
  const index = topologyOf(definition).byId.get(taskId);
  return index !== undefined && (released.has(index) || (expansions.has(index) && !outcomes.has(index)));
}

/** Whether nothing but the window (or a pause) keeps a task from being released. */
export function isHeldBack(context: Progress, taskId: string): boolean {
  const index = topologyOf(context.definition).byId.get(taskId);
  return index !== undefined && isUnreleased(context, index) && unmetDependencies(context, taskId).length === 0;
}

/** How far a fan-out has got, once its elements are known and until its task has ended. */
export function fanOutOf({ definition, expansions, outcomes }: Progress, taskId: string) {
  const index = topologyOf(definition).byId.get(taskId) ?? -1;
  const expansion = expansions.get(index);
  if (expansion === undefined || outcomes.has(index)) return undefined;
  const { items, running, results, failures } = expansion;
  return { total: items.length, running: running.size, completed: results.size, failed: failures.size };
}
