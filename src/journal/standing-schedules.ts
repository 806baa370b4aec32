/** Which facts of schedules still matter: each fact of a schedule says its whole progress, so two are enough to bring one back. */
import type { EventOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';

/** A schedule that was made and not taken away since. */
export interface StandingSchedule {
  readonly made: EventOf<'cron:created'>;
  /** The last word about its progress; absent before the first. */
  readonly last?: GleitzeitEvent;
}

/** What one fact does to a schedule: makes it, says how far it is, or takes it away. */
export interface ScheduleChange {
  readonly scheduleId: string;
  readonly change: 'made' | 'told' | 'gone';
}

export function scheduleChangeOf(fact: GleitzeitEvent): ScheduleChange | undefined {
  switch (fact.type) {
    case 'cron:created':
      return { scheduleId: fact.data.scheduleId, change: 'made' };
    case 'cron:triggered':
    case 'cron:queued':
    case 'cron:skipped':
    case 'cron:run_ended':
      return { scheduleId: fact.data.scheduleId, change: 'told' };
    case 'cron:removed':
    case 'cron:finished':
      return { scheduleId: fact.data.scheduleId, change: 'gone' };
    default:
      return undefined;
  }
}

/** Has a fact change what stands, in the order of creation. */
export function noteSchedule(standing: Map<string, StandingSchedule>, fact: GleitzeitEvent): void {
  const change = scheduleChangeOf(fact);
  if (change === undefined) return;
  const { scheduleId } = change;
  const known = standing.get(scheduleId);
  if (change.change === 'told') {
    if (known !== undefined) standing.set(scheduleId, { made: known.made, last: fact });
    return;
  }
  // One that is made anew stands behind the others.
  standing.delete(scheduleId);
  if (fact.type === 'cron:created') standing.set(scheduleId, { made: fact });
}

/** The schedules that stand after these facts, in the order of their creation. */
export function standingSchedules(facts: Iterable<GleitzeitEvent>): readonly StandingSchedule[] {
  const standing = new Map<string, StandingSchedule>();
  for (const fact of facts) noteSchedule(standing, fact);
  return [...standing.values()];
}
