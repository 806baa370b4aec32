/** Which facts of schedules still matter: each fact of a schedule says its whole progress, so two are enough to bring one back. */
import type { EventOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';

/** A schedule that was made and not taken away since. */
export interface StandingSchedule {
  readonly made: EventOf<'cron:created'>;
  /** The last word about its progress; absent before the first. */
  readonly last?: GleitzeitEvent;
}

/** The schedules that stand after these facts, in the order of their creation. */
export function standingSchedules(facts: Iterable<GleitzeitEvent>): readonly StandingSchedule[] {
  const standing = new Map<string, StandingSchedule>();
  for (const fact of facts) {
    switch (fact.type) {
      case 'cron:created':
        standing.set(fact.data.scheduleId, { made: fact });
        break;
      case 'cron:triggered':
      case 'cron:queued':
      case 'cron:skipped':
      case 'cron:run_ended': {
        const { made } = standing.get(fact.data.scheduleId) ?? {};
        if (made !== undefined) standing.set(fact.data.scheduleId, { made, last: fact });
        break;
      }
      case 'cron:removed':
      case 'cron:finished':
        standing.delete(fact.data.scheduleId);
        break;
      default:
    }
  }
  return [...standing.values()];
}
