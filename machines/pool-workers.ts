/** Who joins a pool and who leaves it. */
import { localSkill, type PoolContext, skillOf, type Workforce, withChange, withWorker, workforceOf } from './pool-context.ts';
import type { PoolEvent } from './pool-protocol.ts';
import { waitingForLocal } from './pool-skills.ts';

/** With a worker that is at work: one that the pool made, or a remote one that joins. */
export function withStarted(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  if (event.type !== 'worker:started') return {};
  const { workerId, slots, running } = event.data;
  if (context.workers.has(workerId)) {
    return withChange(context, workerId, (worker) => ({ ...worker, slots, status: worker.status === 'starting' ? 'open' : worker.status }));
  }
  return {
    ...withWorker(context, workerId, { index: context.met, slots, running, status: 'open', skill: skillOf(event.data) }),
    met: context.met + 1,
  };
}

/** Whether an event is about a worker that the pool made and that it has not told to leave. */
export function isOfOwnWorker({ workers }: PoolContext, { data }: PoolEvent): boolean {
  const worker = 'workerId' in data && data.workerId !== undefined ? workers.get(data.workerId) : undefined;
  return worker !== undefined && worker.skill === localSkill && worker.status !== 'leaving';
}

/** Whether a worker that left by itself is one too few. */
export function isMissed(context: PoolContext, event: PoolEvent): boolean {
  const isNeeded = context.size <= context.min || (context.size === 1 && waitingForLocal(context) > 0);
  return isNeeded && isOfOwnWorker(context, event);
}

export function isLastWorker({ workers }: PoolContext, { data }: PoolEvent): boolean {
  return 'workerId' in data && data.workerId !== undefined && workers.size === 1 && workers.has(data.workerId);
}

export function withoutWorker(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  if (event.type !== 'worker:stopped' && event.type !== 'worker:failed') return {};
  const { workerId } = event.data;
  const lost = event.type === 'worker:failed' ? event.data.tasks.length : 0;
  // A worker that leaves gives its last slot back by leaving.
  const ended = event.type === 'worker:stopped' ? (context.workers.get(workerId)?.running ?? 0) : 0;
  return { ...withWorker(context, workerId, null), completed: context.completed + ended, failed: context.failed + lost };
}

function withNewWorkers(context: PoolContext, workerIds: readonly string[], slots: number): Partial<PoolContext> {
  let workforce = workforceOf(context);
  for (const [nth, workerId] of workerIds.entries()) {
    workforce = withWorker(workforce, workerId, { index: context.met + nth, slots, running: 0, status: 'starting', skill: localSkill });
  }
  return { ...workforce, met: context.met + workerIds.length, made: context.made + workerIds.length };
}

function withoutLeaving(context: Workforce, workerIds: readonly string[]): Workforce {
  let workforce = workforceOf(context);
  for (const workerId of workerIds) workforce = withChange(workforce, workerId, (worker) => ({ ...worker, status: 'leaving' }));
  return workforce;
}

/** The pool's own facts about its size, as they change it. */
export function resized(context: PoolContext, event: PoolEvent): Partial<PoolContext> {
  switch (event.type) {
    case 'pool:scaled_up':
      return { ...withNewWorkers(context, event.data.workerIds, event.data.slots), resizedAt: event.time };
    case 'pool:scaled_down':
      return { ...withoutLeaving(context, event.data.workerIds), resizedAt: event.time };
    case 'pool:worker_quarantined': {
      const { workerId, replacementId, slots } = event.data;
      const rest = { ...context, ...withoutLeaving(context, [workerId]) };
      return { ...workforceOf(rest), ...withNewWorkers(rest, [replacementId], slots), failed: context.failed + 1 };
    }
    default:
      return {};
  }
}

/** The workers whose leave costs least: the least loaded of those that the pool made, the newest first. */
export function cheapest({ workers }: PoolContext, count: number): string[] {
  const staying = [...workers].filter(([, { status, skill }]) => status !== 'leaving' && skill === localSkill);
  staying.sort(([, one], [, other]) => one.running - other.running || other.index - one.index);
  return staying.slice(0, count).map(([workerId]) => workerId);
}

/** The ids of so many new workers. */
export function newWorkers({ poolId, made }: PoolContext, count: number): string[] {
  return Array.from({ length: count }, (_, nth) => `${poolId}#${made + nth + 1}`);
}
