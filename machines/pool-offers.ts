/** Which worker of a pool takes what is on offer, and what becomes of an offer that none takes. */
import type { DraftOf } from './events/catalogue.ts';
import { defaultAgeingMs, goesBefore } from './policies/priority.ts';
import { type Candidate, type Offer, type PoolContext, type PoolWorker, withChange, workforceOf } from './pool-context.ts';
import type { PoolEvent, WorkerRelease } from './pool-protocol.ts';
import { canTake, takerOf } from './pool-skills.ts';

const withSlotTaken = (worker: PoolWorker): PoolWorker => ({ ...worker, running: worker.running + 1 });

/** A worker whose slot is given back takes tasks again, unless it leaves or has not started. */
const withSlotFreed = (worker: PoolWorker): PoolWorker => ({
  ...worker,
  running: Math.max(0, worker.running - 1),
  status: worker.status === 'closed' ? 'open' : worker.status,
});

/** The candidate that goes first of those that a worker may take: by priority and by how long it has been at hand, over all methods. */
function bestFor(context: PoolContext, workerId: string): Candidate | undefined {
  const skill = context.workers.get(workerId)?.skill;
  let best: Candidate | undefined;
  for (const candidate of context.candidates.values()) {
    if (skill === undefined || !canTake(context, skill, candidate.offer)) continue;
    if (best === undefined || goesBefore(candidate, best, defaultAgeingMs)) best = candidate;
  }
  return best;
}

const inOrder = (one: Candidate, other: Candidate) => (goesBefore(one, other, defaultAgeingMs) ? -1 : 1);

type Assignment = DraftOf<'worker:assign'>;

function assignmentOf({ workflowId, taskId, method, protocol, attempt, providerId, circuit, epoch }: Offer, workerId: string): Assignment {
  return { type: 'worker:assign', data: { workflowId, taskId, workerId, method, protocol, attempt, providerId, circuit, epoch } };
}

/** Every candidate for which there is a free slot, with its worker, and what the pool remembers after that. */
function placements(context: PoolContext): { readonly placed: readonly Assignment[]; readonly after: Partial<PoolContext> } {
  const placed: Assignment[] = [];
  let after = context;
  for (const { offer } of [...context.candidates.values()].sort(inOrder)) {
    if (after.free.isEmpty()) break;
    const workerId = takerOf(after, offer);
    if (workerId === undefined) continue;
    placed.push(assignmentOf(offer, workerId));
    after = { ...after, ...withChange(after, workerId, withSlotTaken), candidates: after.candidates.delete(offer.method) };
  }
  const waitingSince = after.candidates.isEmpty() ? null : context.waitingSince;
  return { placed, after: { ...workforceOf(after), candidates: after.candidates, waitingSince } };
}

export const assignments = (context: PoolContext) => placements(context).placed;
export const withAssignments = (context: PoolContext) => placements(context).after;

/** The least loaded worker takes what has just been offered. */
export function assignment(context: PoolContext, event: PoolEvent): readonly Assignment[] {
  const workerId = takerFor(context, event);
  return event.type === 'task:available' && workerId !== undefined ? [assignmentOf(event.data, workerId)] : [];
}

function takerFor(context: PoolContext, event: PoolEvent): string | undefined {
  return event.type === 'task:available' ? takerOf(context, event.data) : undefined;
}

/** Whether somebody can take at once what has just been offered. */
export const hasTaker = (context: PoolContext, event: PoolEvent) => takerFor(context, event) !== undefined;

export function withAssignment(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  const workerId = takerFor(context, event);
  if (event.type !== 'task:available' || workerId === undefined) return {};
  return { ...withChange(context, workerId, withSlotTaken), candidates: context.candidates.delete(event.data.method) };
}

export function isRelease(event: PoolEvent): event is WorkerRelease {
  return (event.type === 'worker:idle' || event.type === 'worker:busy') && event.data.change === 'released';
}

/** Whether a slot that is given back can be taken again at once. */
export function isPassedOn(context: PoolContext, event: PoolEvent): boolean {
  if (!isRelease(event) || context.candidates.isEmpty()) return false;
  const status = context.workers.get(event.data.workerId)?.status;
  return (status === 'open' || status === 'closed') && bestFor(context, event.data.workerId) !== undefined;
}

export function passedOn(context: PoolContext, event: PoolEvent): readonly Assignment[] {
  const best = isRelease(event) ? bestFor(context, event.data.workerId) : undefined;
  return isRelease(event) && best !== undefined ? [assignmentOf(best.offer, event.data.workerId)] : [];
}

export function withPassedOn(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  const method = isRelease(event) ? bestFor(context, event.data.workerId)?.offer.method : undefined;
  if (!isRelease(event) || method === undefined) return {};
  const isClosed = context.workers.get(event.data.workerId)?.status === 'closed';
  return {
    ...(isClosed && withChange(context, event.data.workerId, (worker) => withSlotTaken(withSlotFreed(worker)))),
    completed: context.completed + 1,
    candidates: context.candidates.delete(method),
  };
}

/** A slot that is given back while nothing is at hand for it; while nothing is at hand at all, that ends the wait. */
export function withRelease(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  if (!isRelease(event)) return {};
  const waitingSince = context.candidates.isEmpty() ? null : context.waitingSince;
  return { ...withChange(context, event.data.workerId, withSlotFreed), completed: context.completed + 1, waitingSince };
}

function withCandidate(context: PoolContext, offer: Offer, time: number): Pick<PoolContext, 'candidates' | 'arrivals' | 'waitingSince'> {
  const candidate: Candidate = { offer, priority: offer.priority, since: time, arrival: context.arrivals };
  const candidates = context.candidates.set(offer.method, candidate);
  return { candidates, arrivals: context.arrivals + 1, waitingSince: context.waitingSince ?? time };
}

export function withOffer(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  return event.type === 'task:available' ? withCandidate(context, event.data, event.time) : {};
}

export function withoutOffer(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  if (event.type !== 'queue:withdrawn') return {};
  const offer = context.candidates.get(event.data.method)?.offer;
  if (offer === undefined || offer.taskId !== event.data.taskId || offer.workflowId !== event.data.workflowId) return {};
  const candidates = context.candidates.delete(event.data.method);
  return { candidates, waitingSince: candidates.isEmpty() ? null : context.waitingSince };
}

/** Without what would be called behind a circuit that has just opened; the queue withdraws it as well, a moment later. */
export function withoutOffersBehind(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  if (event.type !== 'circuit:opened') return {};
  const candidates = context.candidates.filter(({ offer }) => offer.circuit !== event.data.circuit);
  return { candidates, waitingSince: candidates.isEmpty() ? null : context.waitingSince };
}

/** What was refused is at hand again, unless a newer task of its method is; who refused it is passed over. */
export function withRefusal(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  if (event.type !== 'worker:refused') return {};
  const { workerId, poolId: _, ...refused } = event.data;
  const workforce = withChange(context, workerId, (worker) => ({
    ...worker,
    running: Math.max(0, worker.running - 1),
    status: worker.status === 'open' ? 'closed' : worker.status,
  }));
  // Urgent: it had its turn already, and a refusal does not say which priority it came with.
  return context.candidates.has(refused.method)
    ? workforce
    : { ...workforce, ...withCandidate(context, { ...refused, priority: 'urgent' }, event.time) };
}
