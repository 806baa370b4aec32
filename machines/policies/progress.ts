/**
 * How far the graph of a workflow has got: a fold over what became of its tasks.
 *
 * Each step costs no more than the dependents of the task that it is about. Nothing here decides; `release.ts` does.
 */
import { List, Map, Set } from 'immutable';

import type { DataOf } from '../events/catalogue.ts';
import type { ForEach, Priority, WorkflowDefinition } from '../events/definition.ts';
import type { Element, Failure } from '../events/payloads.ts';
import { taskAt, topologyOf } from './topology.ts';

/** What became of a task. */
export type TaskOutcome =
  | { readonly status: 'completed'; readonly attempts: number; readonly durationMs: number; readonly result: unknown }
  | { readonly status: 'failed'; readonly attempts: number; readonly durationMs: number; readonly error: Failure }
  | { readonly status: 'cancelled'; readonly attempts: number; readonly error: Failure }
  | { readonly status: 'skipped'; readonly attempts: 0; readonly because: string; readonly policy: DataOf<'task:skipped'>['policy'] };

/** How an element ended. */
type ElementEnd = { readonly result: unknown } | { readonly error: Failure; readonly attempts: number };

/** A fan-out whose elements are known. */
export type Expansion = {
  readonly items: readonly unknown[];
  /** The first position that was never released. */
  readonly next: number;
  readonly running: Set<number>;
  readonly results: Map<number, unknown>;
  /** The attempts of elements that brought no result, by their positions; and what the first of them failed with. */
  readonly failures: Map<number, number>;
  readonly first?: { readonly at: number; readonly error: Failure };
  /** `open` until its result was stated (`collected`), or its task failed, or ended before its elements did (`abandoned`). */
  readonly status: 'open' | 'collected' | 'abandoned';
  /** Whether it stands in a lane. */
  readonly inLane: boolean;
};

export type Progress = {
  readonly workflowId: string;
  readonly definition: WorkflowDefinition;
  readonly input: unknown;
  /** Tasks and elements that may be released and not have ended at the same time. */
  readonly window: number;
  /** Tasks that were handed in. */
  readonly submitted: number;
  /** How many dependencies are missing still, for tasks of which one has ended. */
  readonly missing: Map<number, number>;
  /** The task whose end made another one ready, until that is released. */
  readonly unlockedBy: Map<number, string>;
  /** Tasks that may be released, and fan-outs with elements that may, by priority, in order of arrival; stale ones are passed over. */
  readonly lanes: Readonly<Record<Priority, List<number>>>;
  readonly released: Set<number>;
  readonly expansions: Map<number, Expansion>;
  /** Tasks and elements that were released and have not ended; a fan-out counts by its elements. */
  readonly inFlight: number;
  readonly outcomes: Map<number, TaskOutcome>;
  /** What the latest attempts of tasks and elements failed with, until they have ended: only there it stands in full. */
  readonly told: Map<string, Failure>;
  /** Of a workflow that was retried: the attempts before that, by the ids of tasks and elements that have their turn again. */
  readonly earlier: Map<string, number>;
  /** Of a workflow that was retried: the results of elements that stand, by fan-out, until that is expanded again. */
  readonly kept: Map<number, Map<number, unknown>>;
};

export function initialProgress(start: Pick<Progress, 'workflowId' | 'definition' | 'input' | 'window'>): Progress {
  const lane = List<number>();
  return {
    ...start,
    submitted: 0,
    missing: Map(),
    unlockedBy: Map(),
    lanes: { urgent: lane, high: lane, normal: lane, low: lane },
    released: Set(),
    expansions: Map(),
    inFlight: 0,
    outcomes: Map(),
    told: Map(),
    earlier: Map(),
    kept: Map(),
  };
}

/** Counts a task that was handed in; one that waits for nobody may be released from now on. */
export function handIn(progress: Progress, taskId: string): Progress {
  const { byId, dependencyCounts } = topologyOf(progress.definition);
  const index = byId.get(taskId);
  if (index === undefined) return progress;
  const handed = { ...progress, submitted: progress.submitted + 1 };
  return dependencyCounts[index] === 0 ? lineUp(handed, index) : handed;
}

/** Lines up every task that waits for nobody, where a recovery left out that they were handed in. */
export function handInRoots(progress: Progress): Progress {
  if (progress.submitted > 0) return progress;
  return topologyOf(progress.definition).roots.reduce(lineUp, { ...progress, submitted: progress.definition.tasks.length });
}

/** Counts a task, or an element, as released. */
export function release(progress: Progress, { taskId, element }: { readonly taskId: string; readonly element?: Element | undefined }): Progress {
  const index = topologyOf(progress.definition).byId.get(element?.of ?? taskId);
  if (index === undefined) return progress;
  const inFlight = progress.inFlight + 1;
  if (element === undefined) {
    const released = progress.released.add(index);
    return trim({ ...progress, inFlight, released, unlockedBy: progress.unlockedBy.delete(index) }, index);
  }
  const expansion = progress.expansions.get(index);
  if (expansion === undefined) return progress;
  const next = Math.max(expansion.next, element.index + 1);
  const expansions = progress.expansions.set(index, { ...expansion, next, running: expansion.running.add(element.index) });
  return trim({ ...progress, inFlight, expansions }, index);
}

/** Notes the elements of a fan-out: from now on they take its place in the window, ahead of what else has its priority. */
export function expand(progress: Progress, index: number, items: readonly unknown[]): Progress {
  const results = progress.kept.get(index, Map<number, unknown>());
  const expansion: Expansion = { items, next: 0, running: Set(), results, failures: Map(), status: 'open', inLane: false };
  const expansions = progress.expansions.set(index, expansion);
  return lineUpElements({ ...leave(progress, index), expansions, kept: progress.kept.delete(index) }, index);
}

/** Notes that the result of a fan-out was stated. */
export function collect(progress: Progress, taskId: string): Progress {
  const index = topologyOf(progress.definition).byId.get(taskId) ?? -1;
  const expansion = progress.expansions.get(index);
  return expansion === undefined ? progress : { ...progress, expansions: progress.expansions.set(index, { ...expansion, status: 'collected' }) };
}

/** Notes how a task ended, and lines up those that waited for nothing else. */
export function settle(progress: Progress, taskId: string, outcome: TaskOutcome): Progress {
  const { byId, dependents, dependencyCounts } = topologyOf(progress.definition);
  const index = byId.get(taskId);
  if (index === undefined || progress.outcomes.has(index)) return progress;
  const expansion = progress.expansions.get(index);
  const expansions =
    expansion === undefined || outcome.status === 'completed'
      ? progress.expansions.delete(index)
      : progress.expansions.set(index, { ...expansion, status: 'abandoned' });
  let settled: Progress = { ...leave(progress, index), outcomes: progress.outcomes.set(index, outcome), expansions };
  for (const { task, when } of dependents[index] ?? []) {
    if ((when === 'success' && outcome.status !== 'completed') || settled.outcomes.has(task)) continue;
    const missing = settled.missing.get(task, dependencyCounts[task] ?? 0) - 1;
    settled =
      missing > 0
        ? { ...settled, missing: settled.missing.set(task, missing) }
        : lineUp({ ...settled, missing: settled.missing.set(task, 0), unlockedBy: settled.unlockedBy.set(task, taskId) }, task);
  }
  return settled;
}

/** Notes how an element of a fan-out ended. */
export function settleElement(progress: Progress, element: Element, end: ElementEnd): Progress {
  const index = topologyOf(progress.definition).byId.get(element.of) ?? -1;
  const expansion = progress.expansions.get(index);
  if (expansion === undefined || expansion.results.has(element.index) || expansion.failures.has(element.index)) return progress;
  const inFlight = progress.inFlight - (expansion.running.has(element.index) ? 1 : 0);
  const running = expansion.running.delete(element.index);
  const ended =
    'error' in end
      ? { ...expansion, running, failures: expansion.failures.set(element.index, end.attempts), first: firstOf(expansion, element.index, end.error) }
      : { ...expansion, running, results: expansion.results.set(element.index, end.result) };
  return lineUpElements({ ...progress, inFlight, expansions: progress.expansions.set(index, ended) }, index);
}

function firstOf({ first }: Expansion, at: number, error: Failure): NonNullable<Expansion['first']> {
  return first === undefined || at < first.at ? { at, error } : first;
}

/** Notes what an attempt failed with. */
export function tell(progress: Progress, taskId: string, error: Failure): Progress {
  return { ...progress, told: progress.told.set(taskId, error) };
}

/** Forgets it, once its task has ended. */
export function forget(progress: Progress, taskId: string): Progress {
  return progress.told.has(taskId) ? { ...progress, told: progress.told.delete(taskId) } : progress;
}

/**
 * The progress of a workflow that failed, when it is retried: what completed stands, elements of a fan-out too; everything else
 * waits for its turn again.
 */
export function revive(progress: Progress): Progress {
  const { definition, outcomes, expansions } = progress;
  const { dependencyCounts, dependents } = topologyOf(definition);
  const completed = outcomes.filter(({ status }) => status === 'completed');
  const missing = [...dependencyCounts];
  for (const index of completed.keys()) for (const { task } of dependents[index] ?? []) missing[task] = (missing[task] ?? 0) - 1;
  let revived: Progress = {
    ...initialProgress(progress),
    submitted: progress.submitted,
    outcomes: completed,
    missing: Map(missing.entries()).filter((count, index) => count !== dependencyCounts[index]),
    earlier: attemptsSoFar(progress),
    kept: progress.kept.merge(expansions.map(({ results }) => results)),
  };
  for (const [index, count] of missing.entries()) if (count === 0 && !completed.has(index)) revived = lineUp(revived, index);
  return revived;
}

function attemptsSoFar({ definition, outcomes, expansions, earlier }: Progress): Map<string, number> {
  return earlier.withMutations((attempts) => {
    for (const [index, { status, attempts: made }] of outcomes)
      if (status !== 'completed' && made > 0) attempts.set(taskAt(definition, index).id, made);
    for (const [index, { failures }] of expansions) {
      const { id } = taskAt(definition, index);
      for (const [at, made] of failures) if (made > 0) attempts.set(elementId(id, at), made);
    }
  });
}

/** The id of an element's task. */
export function elementId(taskId: string, index: number): string {
  return `${taskId}[${index}]`;
}

/** Whether a task is neither released nor ruled out, be it ready or not. */
export function isUnreleased({ outcomes, released, expansions }: Progress, index: number): boolean {
  return !outcomes.has(index) && !released.has(index) && !expansions.has(index);
}

/** Whether what stands in a lane at this position may be released, the window aside. */
export function isReleasable(progress: Progress, index: number): boolean {
  const expansion = progress.expansions.get(index);
  return expansion === undefined ? isUnreleased(progress, index) : elementsToRelease(expansion, taskAt(progress.definition, index).forEach) > 0;
}

/** How many elements of a fan-out may be released, the window aside. */
export function elementsToRelease({ items, next, running, failures, status }: Expansion, forEach: ForEach | undefined): number {
  if (status !== 'open' || isBeyondTolerance({ items, failures }, forEach)) return 0;
  return Math.min(items.length - next, (forEach?.concurrency ?? Number.POSITIVE_INFINITY) - running.size);
}

/** Whether more elements failed than their task survives. */
export function isBeyondTolerance({ items, failures }: Pick<Expansion, 'items' | 'failures'>, forEach: ForEach | undefined): boolean {
  const { tolerate } = forEach ?? {};
  if (tolerate === undefined) return failures.size > 0;
  return failures.size > ('count' in tolerate ? tolerate.count : Math.floor(tolerate.ratio * items.length));
}

/** Whether nothing more will come of the elements of a fan-out. */
export function isExhausted(expansion: Expansion, forEach: ForEach | undefined): boolean {
  const { items, running, results, failures, status } = expansion;
  if (status !== 'open' || !running.isEmpty()) return false;
  return results.size + failures.size === items.length || isBeyondTolerance(expansion, forEach);
}

function leave(progress: Progress, index: number): Progress {
  if (!progress.released.has(index)) return progress;
  return { ...progress, released: progress.released.delete(index), inFlight: progress.inFlight - 1 };
}

function lineUp(progress: Progress, index: number): Progress {
  const { priority } = taskAt(progress.definition, index);
  return { ...progress, lanes: { ...progress.lanes, [priority]: progress.lanes[priority].push(index) } };
}

function lineUpElements(progress: Progress, index: number): Progress {
  const { priority } = taskAt(progress.definition, index);
  const expansion = progress.expansions.get(index);
  if (expansion === undefined || expansion.inLane || !isReleasable(progress, index)) return progress;
  const expansions = progress.expansions.set(index, { ...expansion, inLane: true });
  return { ...progress, expansions, lanes: { ...progress.lanes, [priority]: progress.lanes[priority].unshift(index) } };
}

/** Takes what may not be released any more from the front of a lane. */
function trim(progress: Progress, released: number): Progress {
  const { priority } = taskAt(progress.definition, released);
  let lane = progress.lanes[priority];
  let { expansions } = progress;
  for (let first = lane.first(); first !== undefined && !isReleasable(progress, first); first = lane.first()) {
    const expansion = expansions.get(first);
    if (expansion !== undefined) expansions = expansions.set(first, { ...expansion, inLane: false });
    lane = lane.shift();
  }
  return { ...progress, expansions, lanes: { ...progress.lanes, [priority]: lane } };
}
