/**
 * What the queue should have on offer, and why a task is not: the same questions, so that what is explained is what decides.
 */
import type { DataOf, DraftOf } from './events/catalogue.ts';
import { goesBefore } from './policies/priority.ts';
import { type Offer, type QueueContext, type Route, waitingTask } from './queue-context.ts';
import { bestOf, isSameTask, laneOf, lengthOf, type MethodRef, type TaskRef, type WaitingTask, youngestOfLowest } from './queue-lanes.ts';

/** What keeps a whole method from being offered. */
export type Obstacle = 'held' | 'method_unavailable' | 'circuit_probing';

/** Probes that a lane could use now; no limit where its circuit is not half-open. */
function probesFor({ routes, grants, offers }: QueueContext, lane: string): number {
  const circuit = routes.get(lane)?.circuit;
  const grant = grants.size === 0 || circuit == null ? undefined : grants.get(circuit);
  if (grant === undefined) return Number.POSITIVE_INFINITY;
  return grant.left - offers.count((offer, other) => offer.circuit === circuit && other !== lane);
}

/** What keeps the whole lane of a method from being offered. */
function obstacleOf(context: QueueContext, lane: string): Obstacle | undefined {
  if (context.heldBecause !== null) return 'held';
  if (!context.routes.has(lane)) return 'method_unavailable';
  return probesFor(context, lane) < 1 ? 'circuit_probing' : undefined;
}

function offerOf({ workflowId, taskId, method, protocol, priority, attempt }: WaitingTask, { providerId, circuit, epoch }: Route): Offer {
  return { workflowId, taskId, method, protocol, priority, attempt, providerId, circuit, epoch };
}

const isSameOffer = (one: Offer, other: Offer | undefined) =>
  other !== undefined &&
  isSameTask(one, other) &&
  one.attempt === other.attempt &&
  one.providerId === other.providerId &&
  one.circuit === other.circuit &&
  one.epoch === other.epoch;

/** What should be on offer for a lane. A probe that is on offer already stays: who was sent to it may be on the way. */
function dueOffer(context: QueueContext, lane: string): Offer | undefined {
  const route = context.routes.get(lane);
  if (route === undefined || obstacleOf(context, lane) !== undefined) return undefined;
  const standing = context.offers.get(lane);
  const probed = standing !== undefined && route.circuit !== null && context.grants.has(route.circuit) && waitingTask(context, standing);
  const best = probed && !context.paused.has(probed.workflowId) ? probed : bestOf(context.lanes.get(lane), context.ageingMs);
  return best && offerOf(best, route);
}

/** The facts that bring what is on offer in line with what should be. */
export function corrections(context: QueueContext): DraftOf<'task:available' | 'queue:withdrawn'>[] {
  const facts: DraftOf<'task:available' | 'queue:withdrawn'>[] = [];
  let { offers } = context;
  for (const [lane, standing] of context.offers) {
    if (dueOffer({ ...context, offers }, lane) !== undefined) continue;
    const { workflowId, taskId, protocol, method } = standing;
    facts.push({ type: 'queue:withdrawn', data: { workflowId, taskId, protocol, method } });
    offers = offers.delete(lane);
  }
  for (const lane of context.lanes.keys()) {
    const due = dueOffer({ ...context, offers }, lane);
    if (due === undefined || isSameOffer(due, offers.get(lane))) continue;
    facts.push({ type: 'task:available', data: due });
    offers = offers.set(lane, due);
  }
  return facts;
}

/** Whether a task that arrives goes before all that its method has on offer. */
export function isNextOnArrival(context: QueueContext, task: DataOf<'queue:task_enqueued'>, time: number): boolean {
  const lane = laneOf(task);
  if (obstacleOf(context, lane) !== undefined || context.paused.has(task.workflowId)) return false;
  const standing = context.offers.get(lane);
  if (standing === undefined) return true;
  if (standing.circuit !== null && context.grants.has(standing.circuit)) return false;
  const before = waitingTask(context, standing);
  const place = { priority: task.priority, since: Math.max(time, context.latest), arrival: context.arrivals };
  return before === undefined || goesBefore(place, before, context.ageingMs);
}

/** What its lane offers in place of a task that was on offer and left: another task, nothing any more, or what stood anyway. */
export function succession(context: QueueContext, task: DataOf<'queue:task_dequeued'>): 'next' | 'none' | 'same' {
  const lane = laneOf(task);
  const standing = context.offers.get(lane);
  if (standing === undefined || !isSameTask(standing, task)) return 'same';
  if (lengthOf(context.lanes.get(lane)) > 1 && probesFor(context, lane) > (task.reason === 'claimed' ? 1 : 0)) return 'next';
  return task.reason === 'claimed' ? 'same' : 'none';
}

/** The offer of a method's best task. */
export function nextOffer(context: QueueContext, task: MethodRef): Offer | undefined {
  return dueOffer(context, laneOf(task));
}

/** Who is pushed out of a full queue: the youngest of the lowest priority, but not one that goes next and may be on its way. */
export function outcast({ lanes, offers, ageingMs }: QueueContext): WaitingTask | undefined {
  return youngestOfLowest(lanes, (task, lane) => {
    const offer = offers.get(lane);
    return offer === undefined || !isSameTask(offer, task) || bestOf(lanes.get(lane), ageingMs) !== task;
  });
}

/** Why a task that waits is not running; undefined: it does not wait in the queue. */
export function whyNotOffered(context: QueueContext, ref: TaskRef): Obstacle | 'workflow_paused' | 'behind_others' | 'offered' | undefined {
  const task = waitingTask(context, ref);
  if (task === undefined) return undefined;
  const lane = laneOf(task);
  const offer = context.offers.get(lane);
  if (offer !== undefined && isSameTask(offer, task)) return 'offered';
  if (context.paused.has(task.workflowId)) return 'workflow_paused';
  return obstacleOf(context, lane) ?? 'behind_others';
}
