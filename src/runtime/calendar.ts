/**
 * The calendar: which instants are the slots of a schedule.
 *
 * Cron expressions follow a time zone through its clock changes as Vixie's cron does: a start at a fixed time that a change
 * leaves out comes at the first time after the gap, and one that comes twice on that day comes once; starts that recur all day
 * (`*` or steps in the hour or minute) follow the clock as it runs.
 */
import { Cron } from 'croner';

import type { ScheduleProgress, ScheduleRule } from '../../machines/events/cron.ts';

/** What a schedule has to know of its slots, at a time. */
export interface SlotsFound {
  /** The first and the last slot that have come and were not judged yet. */
  readonly fresh: { readonly first: number; readonly last: number } | null;
  /** The first slot that waits. */
  readonly owed: number | null;
  /** The first slot that is to come. */
  readonly following: number | null;
}

interface Slots {
  /** The first slot after an instant. */
  next(after: number): number | null;
  /** The last slot up to an instant. */
  last(upTo: number): number | null;
}

/** @throws what croner throws, for an expression or a time zone that is none */
export function findSlots(rule: ScheduleRule, { seen, owed: [waiting] }: Pick<ScheduleProgress, 'seen' | 'owed'>, now: number): SlotsFound {
  const slots = slotsOf(rule);
  const first = slots.next(seen);
  const fresh = first === null || first > now ? null : { first, last: Math.max(first, slots.last(now) ?? first) };
  return {
    fresh,
    owed: waiting === undefined ? null : slots.next(waiting.after),
    // A clock that was set back does not bring back what has started.
    following: fresh === null ? first : slots.next(now),
  };
}

function slotsOf(rule: ScheduleRule): Slots {
  switch (rule.kind) {
    case 'once':
      return { next: (after) => (rule.at > after ? rule.at : null), last: (upTo) => (rule.at <= upTo ? rule.at : null) };
    case 'interval':
      return within(rule, everyFrom(rule.everyMs, rule.from ?? 0));
    case 'cron':
      return within(rule, cronSlots(rule.expression, rule.timeZone));
  }
}

function everyFrom(everyMs: number, from: number): Slots {
  const at = (count: number): number => from + count * everyMs;
  return {
    next: (after) => at(Math.max(0, Math.floor((after - from) / everyMs) + 1)),
    last: (upTo) => (upTo < from ? null : at(Math.floor((upTo - from) / everyMs))),
  };
}

function cronSlots(expression: string, timezone: string): Slots {
  const cron = new Cron(expression, { timezone, paused: true, fixedTimeRule: 'no-wildcard' });
  return {
    next: (after) => cron.nextRun(new Date(after))?.getTime() ?? null,
    // It looks for what is before an instant.
    last: (upTo) => cron.previousRuns(1, new Date(upTo + 1))[0]?.getTime() ?? null,
  };
}

function within(
  { from = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY }: { readonly from?: number | undefined; readonly until?: number | undefined },
  slots: Slots,
): Slots {
  return {
    next(after) {
      const slot = slots.next(Math.max(after, from - 1));
      return slot === null || slot >= until ? null : slot;
    },
    last(upTo) {
      const slot = slots.last(Math.min(upTo, until - 1));
      return slot === null || slot < from ? null : slot;
    },
  };
}
