/**
 * What follows from the progress of a workflow's graph: which tasks are ready and with which parameters, which can never
 * run, and what became of a fan-out. Pure decisions over {@link Progress}.
 */
import type { DataOf, DraftOf } from '../events/catalogue.ts';
import { type Priority, priorities, type TaskDefinition } from '../events/definition.ts';
import { type Failure, failure } from '../failures.ts';
import {
  type Expansion,
  elementId,
  elementsToRelease,
  isBeyondTolerance,
  isReleasable,
  isUnreleased,
  type Progress,
  type TaskOutcome,
} from './progress.ts';
import { type Resolved, resolveValue, type Scope, type TaskRoot } from './resolution.ts';
import { scopeOf } from './scope.ts';
import { taskAt, topologyOf } from './topology.ts';

type Skip = DraftOf<'task:skipped'>;
type Policy = DataOf<'task:skipped'>['policy'];

const mostUrgentFirst: readonly Priority[] = priorities.toReversed();
const failuresShown = 10;

/** What to release now: as much as the window has room for, the most urgent first. */
export function readyNow(progress: Progress): readonly DraftOf<'task:ready'>[] {
  const ready: DraftOf<'task:ready'>[] = [];
  // After a recovery a fan-out stands in its lane twice: as the task that was never released again, and with its elements.
  const seen = new Set<number>();
  let room = progress.window - progress.inFlight;
  for (const priority of mostUrgentFirst) {
    if (room <= 0) break;
    for (const index of progress.lanes[priority]) {
      if (room <= 0) break;
      if (seen.has(index) || !isReleasable(progress, index)) continue;
      seen.add(index);
      const expansion = progress.expansions.get(index);
      const drafts = expansion === undefined ? [readyTask(progress, index)] : readyElements(progress, { index, expansion, room });
      room -= drafts.length;
      for (const draft of drafts) ready.push(draft);
    }
  }
  return ready;
}

function readyTask(progress: Progress, index: number): DraftOf<'task:ready'> {
  const task = taskAt(progress.definition, index);
  const unlockedBy = progress.unlockedBy.get(index);
  const base = { ...identity(progress, task, task.id), ...(unlockedBy === undefined ? {} : { unlockedBy }) };
  if (task.forEach !== undefined) {
    const items = itemsOf(progress, index);
    return { type: 'task:ready', data: 'fault' in items ? { ...base, fault: items.fault } : { ...base, elements: items.value.length } };
  }
  return { type: 'task:ready', data: { ...base, ...parametersOf(task, scopeWithin(progress)) } };
}

/**
 * What `task:ready` says of a task, or of an element, that was released before; nothing for one that is not of this workflow.
 */
export function readyOf(progress: Progress, taskId: string): DraftOf<'task:ready'> | undefined {
  const { byId } = topologyOf(progress.definition);
  const index = byId.get(taskId);
  if (index !== undefined) return readyTask(progress, index);
  const bracket = taskId.lastIndexOf('[');
  const of = byId.get(taskId.slice(0, bracket));
  const expansion = of === undefined ? undefined : progress.expansions.get(of);
  return of === undefined || expansion === undefined
    ? undefined
    : readyElement(progress, { index: of, expansion, at: Number.parseInt(taskId.slice(bracket + 1), 10) });
}

function readyElement(progress: Progress, of: { readonly index: number; readonly expansion: Expansion; readonly at: number }): DraftOf<'task:ready'> {
  const { index, expansion, at } = of;
  const task = taskAt(progress.definition, index);
  const parameters = parametersOf(task, scopeWithin(progress, { item: expansion.items[at], index: at }));
  return {
    type: 'task:ready',
    data: { ...identity(progress, task, elementId(task.id, at)), element: { of: task.id, index: at }, ...parameters },
  };
}

function readyElements(
  progress: Progress,
  of: { readonly index: number; readonly expansion: Expansion; readonly room: number },
): DraftOf<'task:ready'>[] {
  const { index, expansion, room } = of;
  const task = taskAt(progress.definition, index);
  const wanted = Math.min(room, elementsToRelease(expansion, task.forEach));
  const drafts: DraftOf<'task:ready'>[] = [];
  for (let at = expansion.next; at < expansion.items.length && drafts.length < wanted; at++) {
    if (expansion.running.has(at) || expansion.results.has(at) || expansion.failures.has(at)) continue;
    drafts.push(readyElement(progress, { index, expansion, at }));
  }
  return drafts;
}

function identity({ workflowId, earlier }: Progress, { method, protocol, priority, timeoutMs, retry }: TaskDefinition, taskId: string) {
  const before = earlier.get(taskId);
  return { workflowId, taskId, method, protocol, priority, timeoutMs, ...(retry && { retry }), ...(before !== undefined && { earlier: before }) };
}

function parametersOf(task: TaskDefinition, scope: Scope): { readonly params: unknown } | { readonly fault: Failure } {
  const resolved = resolveValue(task.params ?? {}, scope);
  return 'fault' in resolved ? { fault: ofTask(task, resolved.fault) } : { params: resolved.value };
}

function ofTask({ id }: TaskDefinition, fault: Failure): Failure {
  return { ...fault, message: `Task '${id}', ${fault.message}` };
}

/** The list that a fan-out runs over; empty where a reference that may find nothing finds nothing. */
export function itemsOf(progress: Progress, index: number): { readonly value: readonly unknown[] } | { readonly fault: Failure } {
  const task = taskAt(progress.definition, index);
  const resolved: Resolved = resolveValue(task.forEach?.items, scopeWithin(progress));
  if ('fault' in resolved) return { fault: ofTask(task, { ...resolved.fault, message: `for_each: ${resolved.fault.message}` }) };
  if (Array.isArray(resolved.value)) return { value: resolved.value };
  if (resolved.isAbsent) return { value: [] };
  const got = resolved.value === null ? 'null' : `${typeof resolved.value === 'object' ? 'an' : 'a'} ${typeof resolved.value}`;
  return { fault: ofTask(task, failure('TASK_PARAMETER_ERROR', `for_each: '${task.forEach?.items}' has to be an array, it is ${got}.`)) };
}

function scopeWithin({ definition, input, outcomes }: Progress, element?: { readonly item: unknown; readonly index: number }): Scope {
  const ofTask = (index: number): TaskRoot => rootOf(outcomes.get(index));
  return scopeOf({ definition, input, ofTask, ...(element === undefined ? {} : { element }) });
}

function rootOf(outcome: TaskOutcome | undefined): TaskRoot {
  if (outcome?.status === 'completed') return { of: 'task', value: outcome.result };
  if (outcome === undefined) return { of: 'task', absent: 'it has not ended' };
  return { of: 'task', absent: outcome.status === 'failed' ? 'it failed' : `it was ${outcome.status}` };
}

/** The tasks that can never run because one ended as it did, and those that wait for them, in turn. */
export function ruledOut(progress: Progress, ended: string, status: TaskOutcome['status']): readonly Skip[] {
  const { byId, dependents } = topologyOf(progress.definition);
  const index = byId.get(ended);
  if (index === undefined || status === 'completed') return [];
  const skips: Skip[] = [];
  const seen = new Set<number>();
  const todo: { readonly index: number; readonly policy: Policy }[] = [
    { index, policy: status === 'skipped' ? 'dependency_skipped' : 'dependency_failed' },
  ];
  for (let at = 0; at < todo.length; at++) {
    const { index: because, policy } = todo[at]!;
    for (const { task, when } of dependents[because] ?? []) {
      if (when === 'done' || seen.has(task) || !isUnreleased(progress, task)) continue;
      seen.add(task);
      skips.push(skip(progress, task, { because: taskAt(progress.definition, because).id, policy }));
      todo.push({ index: task, policy: 'dependency_skipped' });
    }
  }
  return skips;
}

/** Every task that was not released, for a workflow that starts nothing any more. */
export function skipUnreleased(progress: Progress, why: { readonly because: string; readonly policy: Policy }): readonly Skip[] {
  const skips: Skip[] = [];
  for (let index = 0; index < progress.definition.tasks.length; index++) {
    if (isUnreleased(progress, index)) skips.push(skip(progress, index, why));
  }
  return skips;
}

function skip({ workflowId, definition }: Progress, index: number, why: { readonly because: string; readonly policy: Policy }): Skip {
  const { id: taskId, protocol } = taskAt(definition, index);
  return { type: 'task:skipped', data: { workflowId, taskId, protocol, ...why } };
}

/** What a fan-out whose elements have ended results in. */
export function collected({ workflowId, definition }: Progress, index: number, expansion: Expansion): DraftOf<'task:collected'> {
  const { id: taskId, forEach } = taskAt(definition, index);
  const { items, results, failures } = expansion;
  if (!isBeyondTolerance(expansion, forEach)) {
    return { type: 'task:collected', data: { workflowId, taskId, result: items.map((_, at) => results.get(at) ?? null) } };
  }
  const failed = [...failures.keys()].sort((a, b) => a - b);
  const first = expansion.first?.error ?? failure('TASK_DEPENDENCY_FAILED', 'an element failed');
  const { code, rpcCode } = first;
  const which = `${failed.slice(0, failuresShown).join(', ')}${failed.length > failuresShown ? ', …' : ''}`;
  const message = `Task '${taskId}': of ${items.length} elements ${failed.length} failed (${which}), which is more than it tolerates; the first said: ${first.message}`;
  return { type: 'task:collected', data: { workflowId, taskId, error: { code, rpcCode, message, retryable: false, cause: first } } };
}
