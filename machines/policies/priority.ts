/**
 * Who goes first: priority, with ageing so that a low one cannot starve, then the order of arrival.
 *
 * Waiting counts like priority, at one step per `ageingMs`. Two tasks that wait age alike, so their order never changes
 * while they do, and nothing has to be sorted again as time goes by.
 */
import { type Priority, priorities } from '../events/definition.ts';

/** How long a task waits for one step of priority, unless told, in milliseconds. */
export const defaultAgeingMs = 60_000;

/** What decides a place in the line. */
export interface Place {
  readonly priority: Priority;
  /** When the wait began, in epoch milliseconds. */
  readonly since: number;
  /** Counts arrivals; decides between equals. */
  readonly arrival: number;
}

/** 0 for `low`, 3 for `urgent`. */
export function rankOf(priority: Priority): number {
  return priorities.indexOf(priority);
}

/** Whether one goes before the other: the later one only by more steps of priority than it came `ageingMs` later. */
export function goesBefore(one: Place, other: Place, ageingMs: number): boolean {
  const lead = other.since - one.since + (rankOf(one.priority) - rankOf(other.priority)) * ageingMs;
  return lead === 0 ? one.arrival < other.arrival : lead > 0;
}
