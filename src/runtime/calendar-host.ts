/** Answers schedules that ask which of their slots have come, and what is known of the runs of these. */
import { runIdOf } from '../../machines/cron.ts';
import type { DataOf } from '../../machines/events/catalogue.ts';
import { toError } from '../errors.ts';
import type { Timer } from '../system/clock.ts';
import type { Core } from '../system/core.ts';
import { findSlots, type SlotsFound } from './calendar.ts';
import type { Logger } from './logger.ts';

const noSlots: SlotsFound = { fresh: null, owed: null, following: null };

/** How long to wait before a journal is asked again that did not answer, in milliseconds. */
const retryMs = 5_000;

/** @returns stops the attempts that wait for a journal to answer again */
export function hostCalendar(core: Core, log: Logger): () => void {
  const waiting = new Set<Timer>();
  const reply = (question: DataOf<'cron:asked'>): void => {
    answer(core, question, log).then(
      (data) => core.accept({ type: 'cron:answered', data }, { source: 'calendar' }),
      (error: unknown) => {
        log.error({ err: error, scheduleId: question.scheduleId }, 'a schedule waits for the journal');
        const timer = core.clock.setTimer(retryMs, () => {
          waiting.delete(timer);
          reply(question);
        });
        waiting.add(timer);
      },
    );
  };
  core.on('cron:asked', ({ data }) => reply(data));
  return () => {
    for (const timer of waiting) timer.cancel();
  };
}

async function answer(core: Core, { scheduleId, rule, progress }: DataOf<'cron:asked'>, log: Logger): Promise<DataOf<'cron:answered'>> {
  const now = core.clock.wall();
  let found = noSlots;
  try {
    found = findSlots(rule, progress, now);
  } catch (thrown) {
    // Only a rule that was stated past the checks of `schedule`.
    log.error({ err: toError(thrown), scheduleId }, 'a schedule has a rule that is none');
  }
  const { fresh, owed } = found;
  const slots = new Set([progress.run, owed, fresh?.first, fresh?.last].filter((slot): slot is number => typeof slot === 'number'));
  const runs: { slot: number; status: DataOf<'cron:answered'>['runs'][number]['status'] }[] = [];
  for (const slot of slots) {
    const head = await core.journal.find(runIdOf(scheduleId, slot));
    // Nothing goes on with a damaged one: to its schedule it has failed.
    if (head !== undefined) runs.push({ slot, status: head.status === 'damaged' ? 'failed' : head.status });
  }
  return { scheduleId, progress, now, ...found, runs };
}
