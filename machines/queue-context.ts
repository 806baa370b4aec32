/**
 * What the queue remembers, and how each event changes it.
 *
 * Each lane has at most one offer standing: its best task. Tasks of a paused workflow stay in the queue, out of their lanes.
 */
import { Map as PersistentMap, type Set as PersistentSet } from 'immutable';

import type { DataOf } from './events/catalogue.ts';
import type { QueuePolicy } from './events/queue.ts';
import { censusOf, intoLane, isSameTask, type Lanes, laneOf, type MethodRef, outOfLane, type TaskRef, type WaitingTask } from './queue-lanes.ts';

export type Offer = DataOf<'task:available'>;
/** Which provider serves a method, behind which circuit at which epoch. */
export type Route = Pick<Offer, 'providerId' | 'circuit' | 'epoch'>;

/** The calls that a half-open circuit still lets through. */
export interface Grant {
  readonly epoch: number;
  readonly left: number;
}

/** All that the queue remembers. */
export interface QueueContext {
  readonly capacity: number;
  readonly policy: QueuePolicy;
  readonly ageingMs: number;
  readonly metricsMs: number;
  /** Every task that waits, by workflow and task. */
  readonly waiting: PersistentMap<string, PersistentMap<string, WaitingTask>>;
  readonly depth: number;
  /** What of it may be offered, by method. */
  readonly lanes: Lanes;
  /** What is on offer, by method. */
  readonly offers: PersistentMap<string, Offer>;
  /** The methods that are available. */
  readonly routes: PersistentMap<string, Route>;
  /** The circuits that are half-open. */
  readonly grants: PersistentMap<string, Grant>;
  readonly paused: PersistentSet<string>;
  /** Why nothing is dispatched; null while something is. */
  readonly heldBecause: string | null;
  /** What the policy `shed` keeps: the capacity, or under critical load what waited when that began. */
  readonly limit: number;
  /** Tasks enqueued so far. */
  readonly arrivals: number;
  /** The latest time at which a task arrived: a clock that steps back does not put the late before the early. */
  readonly latest: number;
  /** Whether the timer of `queue:metrics` runs. */
  readonly isReporting: boolean;
}

export function waitingTask({ waiting }: QueueContext, { workflowId, taskId }: TaskRef): WaitingTask | undefined {
  return waiting.get(workflowId)?.get(taskId);
}

export function entered(context: QueueContext, data: DataOf<'queue:task_enqueued'>, time: number): Partial<QueueContext> {
  const { workflowId, taskId, method, protocol, priority, attempt } = data;
  if (waitingTask(context, data) !== undefined) return {};
  const latest = Math.max(time, context.latest);
  const task: WaitingTask = { workflowId, taskId, method, protocol, priority, attempt, since: latest, arrival: context.arrivals };
  return {
    waiting: context.waiting.set(workflowId, context.waiting.get(workflowId, PersistentMap<string, WaitingTask>()).set(taskId, task)),
    depth: context.depth + 1,
    lanes: context.paused.has(workflowId) ? context.lanes : intoLane(context.lanes, task),
    arrivals: context.arrivals + 1,
    latest,
  };
}

function withoutProbe(grants: QueueContext['grants'], { circuit, epoch }: Offer): QueueContext['grants'] {
  const grant = circuit === null ? undefined : grants.get(circuit);
  return circuit === null || grant === undefined || grant.epoch !== epoch ? grants : grants.set(circuit, { ...grant, left: grant.left - 1 });
}

/** Without a task that left. A claim takes its offer along, and a probe of its circuit. */
export function left(context: QueueContext, { reason, ...ref }: DataOf<'queue:task_dequeued'>): Partial<QueueContext> {
  const task = waitingTask(context, ref);
  if (task === undefined) return {};
  const ofWorkflow = context.waiting.get(task.workflowId, PersistentMap<string, WaitingTask>()).delete(task.taskId);
  const rest = {
    waiting: ofWorkflow.isEmpty() ? context.waiting.delete(task.workflowId) : context.waiting.set(task.workflowId, ofWorkflow),
    depth: context.depth - 1,
    lanes: outOfLane(context.lanes, task),
  };
  const offer = context.offers.get(laneOf(task));
  if (reason !== 'claimed' || offer === undefined || !isSameTask(offer, task)) return rest;
  return { ...rest, offers: context.offers.delete(laneOf(task)), grants: withoutProbe(context.grants, offer) };
}

export function reprioritised(context: QueueContext, { to, ...ref }: DataOf<'queue:priority_changed'>): Partial<QueueContext> {
  const task = waitingTask(context, ref);
  if (task === undefined) return {};
  const moved = { ...task, priority: to };
  return {
    waiting: context.waiting.update(task.workflowId, PersistentMap<string, WaitingTask>(), (tasks) => tasks.set(task.taskId, moved)),
    lanes: context.paused.has(task.workflowId) ? context.lanes : intoLane(outOfLane(context.lanes, task), moved),
  };
}

/** With a workflow's tasks out of their lanes. */
export function parked(context: QueueContext, workflowId: string): Partial<QueueContext> {
  const tasks = context.waiting.get(workflowId, PersistentMap<string, WaitingTask>());
  return { paused: context.paused.add(workflowId), lanes: tasks.reduce((lanes, task) => outOfLane(lanes, task), context.lanes) };
}

/** With a workflow's tasks in their lanes again, at their old places. */
export function unparked(context: QueueContext, workflowId: string): Partial<QueueContext> {
  const tasks = context.waiting.get(workflowId, PersistentMap<string, WaitingTask>());
  return { paused: context.paused.delete(workflowId), lanes: tasks.reduce((lanes, task) => intoLane(lanes, task), context.lanes) };
}

/** A grant adds to what is left of the same opening, and replaces that of an older one. */
export function granted({ grants }: QueueContext, { circuit, epoch, probes }: DataOf<'circuit:half_open'>): Partial<QueueContext> {
  const known = grants.get(circuit);
  return { grants: grants.set(circuit, { epoch, left: known !== undefined && known.epoch === epoch ? known.left + probes : probes }) };
}

export function offered({ offers }: QueueContext, offer: Offer): Partial<QueueContext> {
  return { offers: offers.set(laneOf(offer), offer) };
}

export function withdrawn({ offers }: QueueContext, method: MethodRef): Partial<QueueContext> {
  return { offers: offers.delete(laneOf(method)) };
}

export function routed(
  { routes }: QueueContext,
  { protocol, method, providerId, circuit, epoch }: DataOf<'method:available'>,
): Partial<QueueContext> {
  return { routes: routes.set(laneOf({ protocol, method }), { providerId, circuit, epoch }) };
}

export function unrouted({ routes }: QueueContext, method: MethodRef): Partial<QueueContext> {
  return { routes: routes.delete(laneOf(method)) };
}

/** Tasks of paused workflows count in the depth only: they do not wait for anything that the queue could do. */
export function metricsOf({ lanes, depth, capacity, arrivals }: QueueContext, time: number): DataOf<'queue:metrics'> {
  const { byPriority, since } = censusOf(lanes);
  return { depth, capacity, byPriority, oldestMs: Math.max(0, time - Math.min(since, time)), enqueued: arrivals, dequeued: arrivals - depth };
}
