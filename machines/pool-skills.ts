/**
 * Who may take what: a worker of this process whatever is offered for a provider of this process, a remote one whatever it has the
 * method for.
 */
import { firstOf } from './collections/sorted.ts';
import type { DataOf } from './events/catalogue.ts';
import type { PoolLoad } from './policies/scaling.ts';
import { type Candidate, keyOf, localSkill, type Offer, type PoolContext } from './pool-context.ts';

type Wanted = Pick<Offer, 'providerId' | 'method'>;

/** Whether a worker of this process may take what is on offer. */
export function isForLocal({ remoteProviders }: PoolContext, { providerId }: Pick<Wanted, 'providerId'>): boolean {
  return !remoteProviders.has(providerId);
}

/** Whether a worker that can run this much may take what is on offer. */
export function canTake(context: PoolContext, skill: string, wanted: Wanted): boolean {
  if (skill === localSkill) return isForLocal(context, wanted);
  return context.crews.get(skill)?.methods.has(wanted.method) === true;
}

/** The worker that takes what is on offer: the least loaded one of those that may and have a free slot. */
export function takerOf(context: PoolContext, wanted: Wanted): string | undefined {
  let taker: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [skill, tree] of context.free) {
    const workerId = firstOf(tree);
    const worker = workerId === undefined ? undefined : context.workers.get(workerId);
    if (worker === undefined || keyOf(worker) >= least || !canTake(context, skill, wanted)) continue;
    taker = workerId;
    least = keyOf(worker);
  }
  return taker;
}

/** Whether some remote worker, however busy, has a method. */
export function hasRemoteFor({ crews }: PoolContext, method: string): boolean {
  return crews.some(({ methods }) => methods.has(method));
}

/** What waits that a worker of this process would help. */
export function waitingForLocal(context: PoolContext): number {
  const { candidates, remoteProviders } = context;
  return remoteProviders.isEmpty() ? candidates.size : candidates.count(({ offer }: Candidate) => isForLocal(context, offer));
}

/** The load of the workers that the pool makes; that of remote workers is not its own to change. */
export function loadOf(context: PoolContext): PoolLoad {
  const { size, ownSlots: slots, ownUsed: used } = context;
  return { size, slots, used, waiting: waitingForLocal(context) };
}

export function metricsOf({ poolId, workers, candidates, slotsInAll, used, completed, failed }: PoolContext): DataOf<'pool:metrics'> {
  const staying = workers.filter(({ status }) => status !== 'leaving');
  const busy = staying.count(({ running }) => running > 0);
  const utilization = slotsInAll === 0 ? 0 : Math.min(1, used / slotsInAll);
  return { poolId, workers: staying.size, busy, idle: staying.size - busy, utilization, waiting: candidates.size, completed, failed };
}
