/**
 * What a pool remembers of its workers and of what is at hand for them.
 *
 * Sums are kept as workers change, and who has a free slot is kept in order of load, for each set of methods that workers have:
 * no step looks at every worker but those that change the pool's size or measure it.
 */
import { Map as PersistentMap, Set as PersistentSet } from 'immutable';

import { type Sorted, withKey, withoutKey } from './collections/sorted.ts';
import type { DataOf } from './events/catalogue.ts';
import type { PoolOptions } from './events/provider.ts';
import type { Place } from './policies/priority.ts';
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
  /** What it can run: {@link localSkill}, or that of a remote worker, which joined by itself: the pool neither made it nor replaces it. */
  readonly skill: string;
}

/** Remote workers that can run the same. */
export interface Crew {
  readonly methods: PersistentSet<string>;
  /** How many of them there are; an integer from 1. */
  readonly size: number;
}

/** A task at hand that no worker has taken. */
export interface Candidate extends Place {
  readonly offer: Offer;
}

/** All that a pool remembers. */
export interface PoolContext extends PoolOptions {
  readonly poolId: string;
  readonly workers: PersistentMap<string, PoolWorker>;
  /** Workers with a free slot, by what they can run, the least loaded first; no entry where nobody has one. */
  readonly free: PersistentMap<string, Sorted<string>>;
  /** The remote workers, by what they can run. */
  readonly crews: PersistentMap<string, Crew>;
  /** What is at hand, by method. */
  readonly candidates: PersistentMap<string, Candidate>;
  /** Workers that the pool made and that stay. */
  readonly size: number;
  /** Slots of all workers that stay, and how many of them are taken; and those of the workers that the pool made. */
  readonly slotsInAll: number;
  readonly used: number;
  readonly ownSlots: number;
  readonly ownUsed: number;
  /** Workers made and workers met so far; offers so far. */
  readonly made: number;
  readonly met: number;
  readonly arrivals: number;
  /** Providers that can be called in this process. */
  readonly serving: PersistentSet<string>;
  /** Providers that stand for remote workers: nobody else runs what is offered for them. */
  readonly remoteProviders: PersistentSet<string>;
  /** The size to which a shrunk pool is restored. */
  readonly sizeBefore: number;
  /** Since when work waits without a free slot; null: none does. */
  readonly waitingSince: number | null;
  /** When its size changed last, in epoch milliseconds. */
  readonly resizedAt: number;
  /** Attempts that ended in this pool, and attempts that were lost or that showed a fault of their provider in a worker. */
  readonly completed: number;
  readonly failed: number;
}

/** More than workers of any pool: keeps load and index apart in one number. */
const indexes = 2 ** 32;
/** Orders workers by load, then by age. */
export const keyOf = ({ running, index }: PoolWorker) => running * indexes + index;
const isFree = ({ status, running, slots }: PoolWorker) => status === 'open' && running < slots;

/** What workers of this process can run: whatever its providers can. */
export const localSkill = '';

/** Names what a worker can run. */
export function skillOf({ remote, methods }: Pick<DataOf<'worker:started'>, 'remote' | 'methods'>): string {
  return remote ? JSON.stringify([...new Set(methods)].sort()) : localSkill;
}

/** The part of it that changes with its workers. */
export type Workforce = Pick<PoolContext, 'workers' | 'free' | 'crews' | 'size' | 'slotsInAll' | 'used' | 'ownSlots' | 'ownUsed'>;

export function workforceOf({ workers, free, crews, size, slotsInAll, used, ownSlots, ownUsed }: Workforce): Workforce {
  return { workers, free, crews, size, slotsInAll, used, ownSlots, ownUsed };
}

/** With a worker as it is now, or without it, and with the sums that follow. */
export function withWorker(before: Workforce, workerId: string, now: PoolWorker | null): Workforce {
  const was = before.workers.get(workerId) ?? null;
  let { free, crews, size, slotsInAll, used, ownSlots, ownUsed } = before;
  if (was !== null && isFree(was)) free = withTree(free, was.skill, withoutKey(free.get(was.skill) ?? null, keyOf(was)));
  if (now !== null && isFree(now)) free = withTree(free, now.skill, withKey(free.get(now.skill) ?? null, keyOf(now), workerId));
  for (const [worker, sign] of [
    [was, -1],
    [now, 1],
  ] as const) {
    if (worker === null || worker.status === 'leaving') continue;
    slotsInAll += sign * worker.slots;
    used += sign * worker.running;
    if (worker.skill !== localSkill) continue;
    size += sign;
    ownSlots += sign * worker.slots;
    ownUsed += sign * worker.running;
  }
  if (was === null && now !== null) crews = withMember(crews, now.skill, 1);
  if (was !== null && now === null) crews = withMember(crews, was.skill, -1);
  const workers = now === null ? before.workers.delete(workerId) : before.workers.set(workerId, now);
  return { workers, free, crews, size, slotsInAll, used, ownSlots, ownUsed };
}

function withTree(free: Workforce['free'], skill: string, tree: Sorted<string>): Workforce['free'] {
  return tree === null ? free.delete(skill) : free.set(skill, tree);
}

function withMember(crews: Workforce['crews'], skill: string, change: 1 | -1): Workforce['crews'] {
  if (skill === localSkill) return crews;
  const crew = crews.get(skill) ?? { methods: PersistentSet(JSON.parse(skill) as string[]), size: 0 };
  const size = crew.size + change;
  return size === 0 ? crews.delete(skill) : crews.set(skill, { ...crew, size });
}

/** With a worker's load or status changed; as it was for one that is not known. */
export function withChange(context: Workforce, workerId: string, change: (worker: PoolWorker) => PoolWorker): Workforce {
  const worker = context.workers.get(workerId);
  return worker === undefined ? workforceOf(context) : withWorker(context, workerId, change(worker));
}

/** A pool that has met nobody. */
export function newPool(input: PoolInput): PoolContext {
  return {
    ...input,
    workers: PersistentMap(),
    free: PersistentMap(),
    crews: PersistentMap(),
    candidates: PersistentMap(),
    size: 0,
    slotsInAll: 0,
    used: 0,
    ownSlots: 0,
    ownUsed: 0,
    made: 0,
    met: 0,
    arrivals: 0,
    serving: PersistentSet(),
    remoteProviders: PersistentSet(),
    sizeBefore: input.min,
    waitingSince: null,
    resizedAt: 0,
    completed: 0,
    failed: 0,
  };
}
