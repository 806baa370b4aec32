/** When a pool changes its size or replaces a worker, the facts by which it does, and why a task has no worker. */
import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import { isAmple, isShort, stepDown, stepUp, utilizationOf, withinLimits } from './policies/scaling.ts';
import type { PoolContext } from './pool-context.ts';
import type { PoolEvent, PoolFact, PoolState } from './pool-protocol.ts';
import { hasRemoteFor, isForLocal, loadOf, metricsOf, waitingForLocal } from './pool-skills.ts';
import { cheapest, newWorkers } from './pool-workers.ts';

/** Why a pool changes its size. */
type ScalingReason = 'started' | 'load' | 'idle' | 'requested' | 'replace' | 'circuit_open' | 'restored';

/** The facts of a change to another size; none where it is the size already. */
function resizing(context: PoolContext, to: number, reason: ScalingReason): PoolFact[] {
  const { poolId, size: from, slots } = context;
  const scaling = { poolId, from, to, reason };
  if (to > from) {
    return [
      { type: 'pool:scaled', data: scaling },
      { type: 'pool:scaled_up', data: { ...scaling, slots, workerIds: newWorkers(context, to - from) } },
    ];
  }
  if (to < from)
    return [
      { type: 'pool:scaled', data: scaling },
      { type: 'pool:scaled_down', data: { ...scaling, workerIds: cheapest(context, from - to) } },
    ];
  return [];
}

/** The size below which a pool does not go by itself: its minimum, or one worker for what is at hand. */
const floorOf = (context: PoolContext) => Math.max(context.min, waitingForLocal(context) === 0 ? 0 : 1);

/** A pool that needs nobody to start with says how it is used, and thereby that it has started. */
export function start(context: PoolContext): PoolFact[] {
  return context.min === 0 ? [{ type: 'pool:metrics', data: metricsOf(context) }] : resizing(context, context.min, 'started');
}

export const growth = (context: PoolContext) => resizing(context, stepUp(context.size, context), 'load');
export const shrinking = (context: PoolContext) => resizing(context, stepDown(context.size, context), 'idle');
export const replacement = (context: PoolContext) => resizing(context, context.size + 1, 'replace');
export const retreat = (context: PoolContext) => resizing(context, floorOf(context), 'circuit_open');
export const restoration = (context: PoolContext) => resizing(context, withinLimits(context.sizeBefore, context), 'restored');

/** The size that a command asks for: a request by the pool's own steps and only as its load has it, an order as far as the limits allow. */
function askedSize(context: PoolContext, event: PoolEvent): number {
  const { size } = context;
  if (event.type === 'pool:scale_up') return Math.max(size, withinLimits(event.data.target, context));
  if (event.type === 'pool:scale_down') return Math.min(size, Math.max(floorOf(context), withinLimits(event.data.target, context)));
  if (event.type !== 'pool:scale_requested') return size;
  const load = loadOf(context);
  if (event.data.direction === 'down') return isAmple(load, context) ? stepDown(size, context, event.data.target) : size;
  return load.waiting > 0 || utilizationOf(load) >= context.scaleUpAt ? stepUp(size, context, event.data.target) : size;
}

export const isOtherSize = (context: PoolContext, event: PoolEvent) => askedSize(context, event) !== context.size;
export const compliance = (context: PoolContext, event: PoolEvent) => resizing(context, askedSize(context, event), 'requested');
export const isShortOfWorkers = (context: PoolContext) => isShort(loadOf(context), context);
/** Whether it can do with fewer workers, and its last change of size has had time to show what it did. */
export const hasIdleWorkers = (context: PoolContext, { time }: PoolEvent) =>
  isAmple(loadOf(context), context) && time - context.resizedAt >= context.cooldownMs;
export const isSmallerThanBefore = (context: PoolContext) => withinLimits(context.sizeBefore, context) > context.size;

/** Whether no provider can be called any more, and there are workers that this leaves without work. */
export function losesLastProvider(context: PoolContext, { data }: PoolEvent): boolean {
  const { serving, size } = context;
  return 'providerId' in data && serving.size === 1 && serving.has(data.providerId) && size > floorOf(context);
}

/** Whether an event is about a provider that stands for remote workers: they come and go by themselves. */
export function isOfRemoteProvider({ remoteProviders }: PoolContext, event: PoolEvent): boolean {
  if (event.type === 'provider:registered') return event.data.remote;
  return 'providerId' in event.data && remoteProviders.has(event.data.providerId);
}

/** A pool that knew remote workers only has no limits of its own, until a provider of this process brings some. */
export function hasNoLimits({ max }: PoolContext): boolean {
  return max === 0;
}

/** Whether a pool that knew remote workers only knows none any more, nor any that may come. */
export function isDisused(context: PoolContext, event: PoolEvent): boolean {
  return hasNoLimits(context) && isOfRemoteProvider(context, event) && context.remoteProviders.size === 1 && context.workers.isEmpty();
}

export function withoutProvider({ serving, remoteProviders }: PoolContext, { data }: PoolEvent): Partial<PoolContext> {
  return 'providerId' in data ? { serving: serving.delete(data.providerId), remoteProviders: remoteProviders.delete(data.providerId) } : {};
}

/** Whether workers are missing of those that a provider of this process is to have at least. */
export function isBelowMinimum(context: PoolContext, event: PoolEvent): boolean {
  return context.size < context.min && !isOfRemoteProvider(context, event);
}

/** Whether an offer that nobody takes asks for more workers of this process, whatever else waits already. */
export function callsForWorkers(context: PoolContext, event: PoolEvent): boolean {
  return event.type === 'task:available' && isForLocal(context, event.data) && isShort({ ...loadOf(context), waiting: 1 }, context);
}

/** Whether a worker of this process joins while work is at hand, some of which may be left for others. */
export function joinsToWork({ candidates }: PoolContext, event: PoolEvent): boolean {
  return event.type === 'worker:started' && !event.data.remote && !candidates.isEmpty();
}

/** Whether the first task that is offered for workers of this process finds that there are none. */
export function needsFirstWorker(context: PoolContext, event: PoolEvent): boolean {
  return event.type === 'task:available' && context.size === 0 && isForLocal(context, event.data);
}

/** The circuit of one method says nothing of a provider's other methods. */
export function isOfOneMethod({ data }: PoolEvent): boolean {
  return 'circuit' in data && 'providerId' in data && data.circuit !== data.providerId;
}

/** The refusal of a command; without a reason, it is the limit's or the load's. */
export function rejection({ poolId, size, min, max }: PoolContext, event: PoolEvent, reason?: DataOf<'pool:scale_rejected'>['reason']): PoolFact[] {
  if (event.type !== 'pool:scale_requested' && event.type !== 'pool:scale_up' && event.type !== 'pool:scale_down') return [];
  const direction = event.type === 'pool:scale_up' || (event.type === 'pool:scale_requested' && event.data.direction === 'up') ? 'up' : 'down';
  const isAtLimit = direction === 'up' ? size >= max : size <= min;
  return [{ type: 'pool:scale_rejected', data: { poolId, direction, reason: reason ?? (isAtLimit ? 'limit' : 'unneeded'), size } }];
}

export function quarantine(context: PoolContext, event: PoolEvent): PoolFact[] {
  if (event.type !== 'provider:error' || event.data.workerId === undefined) return [];
  const { poolId, slots, quarantineMs } = context;
  const [replacementId = ''] = newWorkers(context, 1);
  const { workerId, error } = event.data;
  return [
    { type: 'pool:worker_quarantined', data: { poolId, workerId, replacementId, until: event.time + quarantineMs, reason: error.code, slots } },
  ];
}

const elapsed = (poolId: string, timer: string) => ({ type: 'schedule:elapsed', data: { component: 'pool', key: poolId, timer } }) as const;

/** When a pool looks at its size again: soon after a step up, since work may wait for another one; later for a step down. */
function cooledAt({ cooldownMs, scaleUpCooldownMs, resizedAt }: PoolContext, { type, time }: EventOf<PoolEvent['type']>): number {
  if (type === 'pool:scaled_up') return time + Math.min(scaleUpCooldownMs, cooldownMs);
  const restedAt = resizedAt + cooldownMs;
  return restedAt > time ? restedAt : time + cooldownMs;
}

/** A request to the scheduler for an event of this pool's own, so long after another event. */
export function timerOf(context: PoolContext, timer: 'cooldown' | 'quarantine', event: EventOf<PoolEvent['type']>): DraftOf<'schedule:request'> {
  const { poolId, quarantineMs } = context;
  const dueAt = timer === 'cooldown' ? cooledAt(context, event) : event.time + quarantineMs;
  return { type: 'schedule:request', data: { scheduleId: `pool/${poolId}/${timer}`, dueAt, event: elapsed(poolId, timer) } };
}

/** Why a task that is on offer has no worker. */
export type Unassigned =
  | 'no_remote_worker'
  | 'remote_busy'
  | 'starting'
  | 'draining'
  | 'circuit_open'
  | 'workers_starting'
  | 'at_limit'
  | 'cooling'
  | 'quarantining'
  | 'busy';

/** Why the task at hand of a method has no worker; undefined: none of that method is at hand. */
export function whyNotAssigned(pool: { readonly value: PoolState; readonly context: PoolContext }, method: string): Unassigned | undefined {
  const { value, context } = pool;
  if (value === 'draining' || value === 'stopped' || value === 'disused') return 'draining';
  const offer = context.candidates.get(method)?.offer;
  if (offer === undefined) return undefined;
  if (!isForLocal(context, offer)) return hasRemoteFor(context, method) ? 'remote_busy' : 'no_remote_worker';
  if (value === 'starting') return 'starting';
  if (context.workers.some(({ status }) => status === 'starting')) return 'workers_starting';
  if (value === 'shrunk') return 'circuit_open';
  if (context.size >= context.max) return 'at_limit';
  return value === 'steady' ? 'busy' : value;
}
