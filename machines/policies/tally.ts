/**
 * How many tasks of a workflow have ended in which way, and what the workflow's end is: a fold over the ends of tasks, and
 * the facts that follow from it. Each step costs the same, however large the workflow is.
 */
import { List, Map } from 'immutable';

import type { DataOf, DraftOf, EventOf } from '../events/catalogue.ts';
import type { WorkflowDefinition } from '../events/definition.ts';
import type { Counts } from '../events/payloads.ts';
import { type Failure, failure } from '../failures.ts';
import { isRecord } from './json.ts';
import { resolveValue, type Scope, type TaskRoot } from './resolution.ts';
import { scopeOf } from './scope.ts';
import { topologyOf } from './topology.ts';

export type Tally = {
  readonly workflowId: string;
  readonly definition: WorkflowDefinition;
  readonly input: unknown;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  /** It does not start before this time, in epoch milliseconds. */
  readonly startAt: number | null;
  /** When it started, where it was given a time to start at. */
  readonly startedAt: number | null;
  readonly done: number;
  readonly counts: Counts;
  readonly failedTaskIds: List<string>;
  /** What became of the tasks that the output refers to. */
  readonly roots: Map<number, TaskRoot>;
  /** The first failure, or the reason why the workflow is failing. */
  readonly error: Failure | null;
  /** The first task that somebody cancelled while the workflow went on. */
  readonly cancellation: Failure | null;
  /** Who cancelled the workflow, and why. */
  readonly stop: { readonly reason: string; readonly by: string } | null;
};

type TaskEnd = EventOf<'task:completed' | 'task:retry_exhausted' | 'task:cancelled' | 'task:skipped'>;
type ActorFailed = DataOf<'system:actor_failed'>;

const statuses = {
  'task:completed': 'completed',
  'task:retry_exhausted': 'failed',
  'task:cancelled': 'cancelled',
  'task:skipped': 'skipped',
} as const satisfies Record<TaskEnd['type'], keyof Counts>;

type Start = Pick<Tally, 'workflowId' | 'definition' | 'input' | 'submittedAt'> & { readonly startAt?: number | undefined };

export function initialTally({ workflowId, definition, input, submittedAt, startAt }: Start): Tally {
  const counts = { completed: 0, failed: 0, cancelled: 0, skipped: 0 };
  return {
    workflowId,
    definition,
    input,
    submittedAt,
    startAt: startAt ?? null,
    startedAt: null,
    counts,
    done: 0,
    failedTaskIds: List(),
    roots: Map(),
    error: null,
    cancellation: null,
    stop: null,
  };
}

export function isTaskEnd(event: { readonly type: string }): event is TaskEnd {
  return Object.hasOwn(statuses, event.type);
}

/** Counts the end of a task. */
export function count(tally: Tally, end: TaskEnd): Tally {
  const status = statuses[end.type];
  const { taskId } = end.data;
  const counted = { ...tally, done: tally.done + 1, counts: { ...tally.counts, [status]: tally.counts[status] + 1 }, roots: rootsWith(tally, end) };
  if (end.type === 'task:retry_exhausted')
    return { ...counted, failedTaskIds: tally.failedTaskIds.push(taskId), error: tally.error ?? end.data.error };
  if (end.type !== 'task:cancelled') return counted;
  return { ...counted, cancellation: tally.cancellation ?? failure('TASK_CANCELLED', `Task '${taskId}' was cancelled: ${end.data.reason}`) };
}

function rootsWith({ definition, roots }: Tally, end: TaskEnd): Tally['roots'] {
  const { byId, outputTasks } = topologyOf(definition);
  const index = byId.get(end.data.taskId);
  if (index === undefined || !outputTasks.has(index)) return roots;
  if (end.type === 'task:completed') return roots.set(index, { of: 'task', value: end.data.result });
  return roots.set(index, { of: 'task', absent: end.type === 'task:retry_exhausted' ? 'it failed' : `it was ${statuses[end.type]}` });
}

/** What still counts when a workflow that failed is retried: the tasks that completed. */
export function revive(tally: Tally): Tally {
  const { workflowId, definition, input, submittedAt, counts, roots } = tally;
  const { completed } = counts;
  const kept = { done: completed, counts: { completed, failed: 0, cancelled: 0, skipped: 0 }, roots: roots.filter((root) => 'value' in root) };
  return { ...initialTally({ workflowId, definition, input, submittedAt }), startAt: tally.startAt, startedAt: tally.startedAt, ...kept };
}

/** States that a workflow that failed goes on. */
export function retried(
  { workflowId, definition, counts }: Tally,
  words: { readonly reason: string; readonly by: string },
): DraftOf<'workflow:retried'> {
  const { timeoutMs } = definition;
  return { type: 'workflow:retried', data: { workflowId, ...words, kept: counts.completed, ...(timeoutMs === undefined ? {} : { timeoutMs }) } };
}

/** Counts a task whose actor cannot be brought back as failed, and notes why nothing else will be well either. */
export function lose(tally: Tally, failed: ActorFailed): Tally {
  const error = tally.error ?? failed.error;
  const taskId = lostTask(tally, failed);
  if (taskId === undefined) return { ...tally, error };
  const counts = { ...tally.counts, failed: tally.counts.failed + 1 };
  return { ...tally, error, counts, done: tally.done + 1, failedTaskIds: tally.failedTaskIds.push(taskId) };
}

/** The task that a lost actor leaves without an end; one that threw at its own end has ended all the same. */
export function lostTask({ workflowId, definition }: Tally, { target, event }: ActorFailed): string | undefined {
  const prefix = `task/${workflowId}/`;
  const taskId = target.startsWith(prefix) ? target.slice(prefix.length) : '';
  return topologyOf(definition).byId.has(taskId) && !isTaskEnd({ type: event }) ? taskId : undefined;
}

/** Whether nobody is left who could end the tasks that have not ended. */
export function isHopeless(tally: Tally, failed: ActorFailed): boolean {
  if (failed.target === `resolver/${tally.workflowId}`) return true;
  return lostTask(tally, failed) !== undefined && isLastMissing(tally);
}

/** Whether only one task has not ended yet. */
export function isLastMissing({ done, definition }: Tally): boolean {
  return done + 1 >= definition.tasks.length;
}

/** States every task of the workflow, and then its start. */
export function handInTasks({ workflowId, definition }: Tally): readonly DraftOf<'task:submitted' | 'workflow:started'>[] {
  const { tasks, timeoutMs } = definition;
  return [
    ...tasks.map(({ id: taskId, method, protocol, priority }) => ({
      type: 'task:submitted' as const,
      data: { workflowId, taskId, method, protocol, priority },
    })),
    { type: 'workflow:started', data: { workflowId, totalTasks: tasks.length, ...(timeoutMs === undefined ? {} : { timeoutMs }) } },
  ];
}

/** States that one more task has ended; the tally counts it already. */
export function step({ workflowId, definition, done }: Tally, { type, data: { taskId } }: TaskEnd): DraftOf<'workflow:step_completed'> {
  return { type: 'workflow:step_completed', data: { workflowId, taskId, status: statuses[type], done, total: definition.tasks.length } };
}

/** States that the workflow will fail. */
export function failing({ workflowId, failedTaskIds }: Tally, error: Failure): DraftOf<'workflow:failing'> {
  return { type: 'workflow:failing', data: { workflowId, error, failedTaskIds: failedTaskIds.toArray() } };
}

/** States how the workflow ends, now that nothing of it is left to do. */
export function end(tally: Tally, time: number): DraftOf<'workflow:completed' | 'workflow:failed' | 'workflow:cancelled'> {
  const { workflowId, definition, submittedAt, startAt, startedAt, counts, stop, cancellation } = tally;
  // One that was to start later lasts from its start on; one that never started did not last.
  const began = startAt === null ? submittedAt : (startedAt ?? time);
  const base = { workflowId, durationMs: Math.max(0, time - began), counts };
  if (stop !== null) return { type: 'workflow:cancelled', data: { ...base, ...stop } };
  const error = tally.error ?? (definition.failurePolicy === 'fail_fast' ? cancellation : null);
  const failedTaskIds = tally.failedTaskIds.toArray();
  if (error !== null) return { type: 'workflow:failed', data: { ...base, error, failedTaskIds, ...partialOutput(tally) } };
  if (definition.output === undefined) return { type: 'workflow:completed', data: base };
  const output = resolveValue(definition.output, scopeWithin(tally));
  if ('value' in output) return { type: 'workflow:completed', data: { ...base, output: output.value } };
  const message = `Workflow '${definition.name}', output: ${output.fault.message}`;
  return { type: 'workflow:failed', data: { ...base, error: { ...output.fault, message }, failedTaskIds, ...partialOutput(tally) } };
}

/** As much of the output as there is: an object keeps the fields that can be made, anything else is whole or absent. */
function partialOutput(tally: Tally): { readonly output?: unknown } {
  const { output } = tally.definition;
  if (output === undefined || tally.definition.failurePolicy === 'fail_fast') return {};
  const scope = scopeWithin(tally);
  if (!isRecord(output)) {
    const resolved = resolveValue(output, scope);
    return 'value' in resolved ? { output: resolved.value } : {};
  }
  const fields = Object.entries(output).flatMap(([key, template]) => {
    const resolved = resolveValue(template, scope);
    return 'value' in resolved ? [[key, resolved.value] as const] : [];
  });
  return fields.length === 0 ? {} : { output: Object.fromEntries(fields) };
}

function scopeWithin({ definition, input, roots }: Tally): Scope {
  return scopeOf({ definition, input, ofTask: (index) => roots.get(index) ?? { of: 'task', absent: 'it has not ended' } });
}
