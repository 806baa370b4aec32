/**
 * The lanes of the queue: what waits for one method, in one order of arrival per priority.
 *
 * Every step is O(log n) in the length of a lane, or O(1) in everything but the number of methods.
 */
import type { Map as PersistentMap } from 'immutable';

import { firstOf, lastOf, type Sorted, sizeOf, withKey, withoutKey } from './collections/sorted.ts';
import { type Priority, priorities } from './events/definition.ts';
import { goesBefore, type Place } from './policies/priority.ts';

/** A task that waits. */
export interface WaitingTask extends Place {
  readonly workflowId: string;
  readonly taskId: string;
  readonly method: string;
  readonly protocol: string;
  readonly attempt: number;
}

export type TaskRef = Pick<WaitingTask, 'workflowId' | 'taskId'>;
export type MethodRef = Pick<WaitingTask, 'protocol' | 'method'>;
export type Lane = Readonly<Record<Priority, Sorted<WaitingTask>>>;
/** By method. */
export type Lanes = PersistentMap<string, Lane>;

const emptyLane: Lane = { low: null, normal: null, high: null, urgent: null };

/** The key of a method's lane. */
export function laneOf({ protocol, method }: MethodRef): string {
  return `${protocol} ${method}`;
}

export function isSameTask(one: TaskRef, other: TaskRef): boolean {
  return one.taskId === other.taskId && one.workflowId === other.workflowId;
}

/** The task of a lane that goes first. */
export function bestOf(lane: Lane | undefined, ageingMs: number): WaitingTask | undefined {
  let best: WaitingTask | undefined;
  if (lane === undefined) return best;
  for (const priority of priorities) {
    const first = firstOf(lane[priority]);
    if (first !== undefined && (best === undefined || goesBefore(first, best, ageingMs))) best = first;
  }
  return best;
}

export function lengthOf(lane: Lane | undefined): number {
  return lane === undefined ? 0 : priorities.reduce((sum, priority) => sum + sizeOf(lane[priority]), 0);
}

export function intoLane(lanes: Lanes, task: WaitingTask): Lanes {
  const lane = lanes.get(laneOf(task), emptyLane);
  return lanes.set(laneOf(task), { ...lane, [task.priority]: withKey(lane[task.priority], task.arrival, task) });
}

export function outOfLane(lanes: Lanes, task: WaitingTask): Lanes {
  const lane = lanes.get(laneOf(task));
  if (lane === undefined) return lanes;
  const rest = { ...lane, [task.priority]: withoutKey(lane[task.priority], task.arrival) };
  return lengthOf(rest) === 0 ? lanes.delete(laneOf(task)) : lanes.set(laneOf(task), rest);
}

/** How many tasks of each priority stand in the lanes, and since when the oldest of them waits. */
export function censusOf(lanes: Lanes): { readonly byPriority: Record<Priority, number>; readonly since: number } {
  const byPriority = { low: 0, normal: 0, high: 0, urgent: 0 };
  let since = Number.POSITIVE_INFINITY;
  for (const lane of lanes.values()) {
    for (const priority of priorities) {
      byPriority[priority] += sizeOf(lane[priority]);
      since = Math.min(since, firstOf(lane[priority])?.since ?? since);
    }
  }
  return { byPriority, since };
}

/** The youngest task of the lowest priority, among those that the test lets pass. */
export function youngestOfLowest(lanes: Lanes, mayGo: (task: WaitingTask, lane: string) => boolean): WaitingTask | undefined {
  for (const priority of priorities) {
    let youngest: WaitingTask | undefined;
    for (const [key, lane] of lanes) {
      const last = lastOf(lane[priority]);
      if (last !== undefined && (youngest === undefined || last.arrival > youngest.arrival) && mayGo(last, key)) youngest = last;
    }
    if (youngest !== undefined) return youngest;
  }
  return undefined;
}
