/**
 * What a pool remembers of its workers and of what is at hand for them.
 *
 * Sums are kept as workers change, and who has a free slot is kept in order of load, so that no step looks at every worker
 * but those that change the pool's size or measure it.
 */
import { Map as PersistentMap, Set as PersistentSet } from 'immutable';

import { type Sorted, withKey, withoutKey } from './collections/sorted.ts';
import type { DataOf } from './events/catalogue.ts';
import type { PoolOptions } from './events/provider.ts';
import type { Place } from './policies/priority.ts';
import type { PoolLoad } from './policies/scaling.ts';
import type { PoolInput } from './pool-protocol.ts';

export type Offer = DataOf<'task:available'>;

export interface PoolWorker {
  /** Counts the workers of a pool; decides between equally loaded ones. */
  readonly index: number;
  readonly slots: number;
  /** Slots that are taken, counted from the moment a task is assigned. */
  readonly running: number;
  /**
   * `starting`: made, not heard of yet. `open`: takes tasks. `closed`: refused one, and takes no more until a slot of it is
   * given back. `leaving`: told to leave, and not counted any more.
   */
  readonly status: 'starting' | 'open' | 'closed' | 'leaving';
  /** Whether it joined by itself: the pool neither made it nor replaces it. */
  readonly remote: boolean;
}

/** A task at hand that no worker has taken. */
export interface Candidate extends Place {
  readonly offer: Offer;
}

/** All that a pool remembers. */
export interface PoolContext extends PoolOptions {
  readonly poolId: string;
  readonly workers: PersistentMap<string, PoolWorker>;
  /** Workers with a free slot, the least loaded first. */
  readonly free: Sorted<string>;
  /** What is at hand, by method. */
  readonly candidates: PersistentMap<string, Candidate>;
  /** Workers that the pool made and that stay. */
  readonly size: number;
  /** Slots of all workers that stay, and how many of them are taken. */
  readonly slotsInAll: number;
  readonly used: number;
  /** Workers made and workers met so far; offers so far. */
  readonly made: number;
  readonly met: number;
  readonly arrivals: number;
  /** Providers that can be called. */
  readonly serving: PersistentSet<string>;
  /** The size to which a shrunk pool is restored. */
  readonly sizeBefore: number;
  /** Since when work waits without a free slot; null: none does. */
  readonly waitingSince: number | null;
  /** Attempts that ended in this pool, and attempts that were lost or that showed a fault of their provider in a worker. */
  readonly completed: number;
  readonly failed: number;
}

/** More than slots of any worker: keeps load and index apart in one number. */
const indexes = 2 ** 32;
const keyOf = ({ running, index }: PoolWorker) => running * indexes + index;
const isFree = ({ status, running, slots }: PoolWorker) => status === 'open' && running < slots;

/** The part of it that changes with its workers. */
export type Workforce = Pick<PoolContext, 'workers' | 'free' | 'size' | 'slotsInAll' | 'used'>;

export function workforceOf({ workers, free, size, slotsInAll, used }: Workforce): Workforce {
  return { workers, free, size, slotsInAll, used };
}

/** With a worker as it is now, or without it, and with the sums that follow. */
export function withWorker(before: Workforce, workerId: string, now: PoolWorker | null): Workforce {
  const was = before.workers.get(workerId) ?? null;
  let { free, size, slotsInAll, used } = before;
  if (was !== null && isFree(was)) free = withoutKey(free, keyOf(was));
  if (now !== null && isFree(now)) free = withKey(free, keyOf(now), workerId);
  for (const [worker, sign] of [
    [was, -1],
    [now, 1],
  ] as const) {
    if (worker === null || worker.status === 'leaving') continue;
    if (!worker.remote) size += sign;
    slotsInAll += sign * worker.slots;
    used += sign * worker.running;
  }
  const workers = now === null ? before.workers.delete(workerId) : before.workers.set(workerId, now);
  return { workers, free, size, slotsInAll, used };
}

/** With a worker's load or status changed; as it was for one that is not known. */
export function withChange(context: Workforce, workerId: string, change: (worker: PoolWorker) => PoolWorker): Workforce {
  const worker = context.workers.get(workerId);
  return worker === undefined ? workforceOf(context) : withWorker(context, workerId, change(worker));
}

export function loadOf({ size, slotsInAll, used, candidates }: PoolContext): PoolLoad {
  return { size, slots: slotsInAll, used, waiting: candidates.size };
}

export function metricsOf({ poolId, workers, free: _, candidates, slotsInAll, used, completed, failed }: PoolContext): DataOf<'pool:metrics'> {
  const staying = workers.filter(({ status }) => status !== 'leaving');
  const busy = staying.count(({ running }) => running > 0);
  const utilization = slotsInAll === 0 ? 0 : Math.min(1, used / slotsInAll);
  return { poolId, workers: staying.size, busy, idle: staying.size - busy, utilization, waiting: candidates.size, completed, failed };
}

/** A pool that has met nobody. */
export function newPool(input: PoolInput): PoolContext {
  return {
    ...input,
    workers: PersistentMap(),
    free: null,
    candidates: PersistentMap(),
    size: 0,
    slotsInAll: 0,
    used: 0,
    made: 0,
    met: 0,
    arrivals: 0,
    serving: PersistentSet(),
    sizeBefore: input.min,
    waitingSince: null,
    completed: 0,
    failed: 0,
  };
}
