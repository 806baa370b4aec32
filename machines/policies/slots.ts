/**
 * What becomes of the slots of a schedule: which start, which wait, which are passed over. Pure decisions over its progress
 * and what the calendar answered.
 */
import type { DataOf, DraftOf } from '../events/catalogue.ts';
import type { ScheduleProgress, ScheduleRule } from '../events/cron.ts';
import { isoOf } from './instants.ts';

type Answer = DataOf<'cron:answered'>;

/** A schedule, as far as its slots are concerned. */
export type Standing = DataOf<'cron:create'> & {
  /** By the wall clock, as its slots are. */
  readonly createdAt: number;
  /** Slots from here on came while somebody was there to see them; by the time of events. */
  readonly liveSince: number;
  readonly graceMs: number;
  readonly progress: ScheduleProgress;
};

export type SlotFact = DraftOf<
  | 'cron:asked'
  | 'cron:triggered'
  | 'cron:queued'
  | 'cron:skipped'
  | 'cron:run_ended'
  | 'cron:finished'
  | 'workflow:submit'
  | 'workflow:cancel'
  | 'schedule:request'
>;

/** The workflow id of a slot's run: the same for each attempt to start it, so that it starts once. */
export function runIdOf(scheduleId: string, slot: number): string {
  return `${scheduleId}@${isoOf(slot)}`;
}

/** The schedule that a workflow of this id would be a run of. */
export function scheduleOf(workflowId: string): string | undefined {
  const at = workflowId.lastIndexOf('@');
  return at <= 0 ? undefined : workflowId.slice(0, at);
}

/** Where a new schedule begins: slots before its creation are none of its own, except that a single one may be late. */
export function startingProgress(rule: ScheduleRule, createdAt: number): ScheduleProgress {
  const seen = rule.kind === 'once' ? rule.at - 1 : Math.max(createdAt, (rule.from ?? createdAt) - 1);
  return { seen, owed: [], run: null, last: null };
}

export function isSameProgress(one: ScheduleProgress, other: ScheduleProgress): boolean {
  const isSameRange = ({ after, to }: ScheduleProgress['owed'][number], at: number) => other.owed[at]?.after === after && other.owed[at].to === to;
  return one.seen === other.seen && one.run === other.run && one.owed.length === other.owed.length && one.owed.every(isSameRange);
}

/** A rule whose slots depend on nothing but itself. */
export function anchored(rule: ScheduleRule, createdAt: number): ScheduleRule {
  return rule.kind === 'interval' ? { ...rule, from: rule.from ?? createdAt } : rule;
}

/** Asks the calendar what has come and what comes next. */
export function ask({ scheduleId, rule, createdAt, progress }: Standing): DraftOf<'cron:asked'> {
  return { type: 'cron:asked', data: { scheduleId, rule: anchored(rule, createdAt), progress } };
}

/** Asks for the run of a slot to start. */
export function submit({ scheduleId, name, versionHash, definition, input, levels }: Standing, slot: number): DraftOf<'workflow:submit'> {
  return { type: 'workflow:submit', data: { workflowId: runIdOf(scheduleId, slot), name, versionHash, definition, input, levels } };
}

/** States that the run under way is over. */
export function runEnded(
  { scheduleId, progress }: Standing,
  end: Pick<DataOf<'cron:run_ended'>, 'status' | 'error'> & { readonly slot: number },
): DraftOf<'cron:run_ended'> {
  return { type: 'cron:run_ended', data: { scheduleId, runId: runIdOf(scheduleId, end.slot), ...end, progress: { ...progress, run: null } } };
}

/** The id under which the scheduler keeps the time of the next slot, or of another attempt to start a run. */
export function timerOf(scheduleId: string, timer: 'slot' | 'retry'): string {
  return `cron/${scheduleId}/${timer}`;
}

const elapsed = (scheduleId: string, timer: 'slot' | 'retry') =>
  ({ type: 'schedule:elapsed', data: { component: 'cron', key: scheduleId, timer } }) as const;

/** Asks to be told when the wall clock has reached a slot. */
function requestSlot(scheduleId: string, slot: number): DraftOf<'schedule:request'> {
  return { type: 'schedule:request', data: { scheduleId: timerOf(scheduleId, 'slot'), dueAt: slot, wall: true, event: elapsed(scheduleId, 'slot') } };
}

/** Asks to be told when it is time for another attempt to start a run. */
export function requestRetry(scheduleId: string, dueAt: number): DraftOf<'schedule:request'> {
  return { type: 'schedule:request', data: { scheduleId: timerOf(scheduleId, 'retry'), dueAt, event: elapsed(scheduleId, 'retry') } };
}

/**
 * Everything that follows from an answer of the calendar about the progress as it is.
 * @param time - When it was answered, by the time of events: what lasts that long is so far back by the wall clock too.
 */
export function judge(standing: Standing, answer: Answer, time: number): readonly SlotFact[] {
  const { scheduleId, progress } = standing;
  const status = progress.run === null ? undefined : statusOf(answer, progress.run);
  if (progress.run !== null && status !== undefined && status !== 'running') return [runEnded(standing, { slot: progress.run, status })];
  const admitted = admit({ ...standing, liveSince: answer.now - (time - standing.liveSince) }, answer);
  const started = start(standing, answer, admitted.progress);
  const after = started.progress;
  const isOver = answer.following === null && after.run === null && after.owed.length === 0;
  return [
    // Nobody knows of the run: it was refused for the moment, or the engine stopped before it was admitted.
    ...(progress.run !== null && status === undefined ? [submit(standing, progress.run)] : []),
    ...admitted.facts,
    ...started.facts,
    ...(answer.following === null ? [] : [requestSlot(scheduleId, answer.following)]),
    ...(after.run === null && after.owed.length > 0 ? [ask({ ...standing, progress: after })] : []),
    ...(isOver ? [{ type: 'cron:finished', data: { scheduleId } } as const] : []),
  ];
}

type Step = { readonly facts: readonly SlotFact[]; readonly progress: ScheduleProgress };

const statusOf = ({ runs }: Answer, slot: number) => runs.find((run) => run.slot === slot)?.status;

/** Decides on the slots that have come since the last look. */
function admit(standing: Standing, answer: Answer): Step {
  const { fresh } = answer;
  const { progress } = standing;
  if (fresh === null) return { facts: [], progress };
  const { first, last } = fresh;
  const taken = takenOf(standing, answer.now, fresh);
  const seen = { ...progress, seen: last };
  if (taken === 'none') return skipped(standing, { progress: seen, from: first, before: last + 1, because: 'missed' });
  if (taken === 'all')
    return wait(standing, { progress: { ...seen, owed: extended(progress.owed, { after: progress.seen, to: last }) }, from: first, to: last });
  const missed = first === last ? { facts: [], progress: seen } : skipped(standing, { progress: seen, from: first, before: last, because: 'missed' });
  const single = overlapping(standing, answer, { progress: missed.progress, slot: last, isNext: first === last });
  return { facts: [...missed.facts, ...single.facts], progress: single.progress };
}

/** Which of the slots that have come are to start: none, the last one (which stands for those before it), or all. */
function takenOf(
  { catchUp, createdAt, liveSince, graceMs }: Standing,
  now: number,
  { first, last }: { readonly first: number; readonly last: number },
): 'none' | 'last' | 'all' {
  // A single start whose time had passed at its creation is not late.
  const dueAt = Math.max(last, createdAt);
  const isOnTime = dueAt >= liveSince && now - dueAt <= graceMs;
  if (catchUp === 'all' && (first !== last || !isOnTime)) return 'all';
  return isOnTime || catchUp === 'one' ? 'last' : 'none';
}

interface Due {
  readonly progress: ScheduleProgress;
  readonly slot: number;
  /** Nothing was passed over between it and the slots before. */
  readonly isNext: boolean;
}

function overlapping(standing: Standing, answer: Answer, { progress, slot, isNext }: Due): Step {
  const { overlap, scheduleId } = standing;
  const { run, owed } = progress;
  const alone = { after: slot - 1, to: slot };
  if (run === null && owed.length === 0) return { facts: [], progress: { ...progress, owed: [alone] } };
  if (overlap === 'skip') return skipped(standing, { progress, from: slot, before: slot + 1, because: 'overlap' });
  if (overlap === 'queue') {
    const range = isNext ? { after: standing.progress.seen, to: slot } : alone;
    return wait(standing, { progress: { ...progress, owed: extended(owed, range) }, from: slot, to: slot });
  }
  const [replaced] = owed;
  const dropped =
    replaced === undefined
      ? { facts: [], progress }
      : skipped(standing, { progress, from: replaced.after + 1, before: replaced.to + 1, because: 'overlap' });
  const waits = wait(standing, { progress: { ...dropped.progress, owed: [alone] }, from: slot, to: slot });
  const isRunning = run !== null && statusOf(answer, run) === 'running';
  const why = { reason: `replaced by the run of ${isoOf(slot)}`, by: `cron/${scheduleId}` };
  const cancel: readonly SlotFact[] = isRunning ? [{ type: 'workflow:cancel', data: { workflowId: runIdOf(scheduleId, run), ...why } }] : [];
  return { facts: [...dropped.facts, ...waits.facts, ...cancel], progress: waits.progress };
}

/** Ranges that touch become one: a backlog costs the same, however long it is. */
function extended(owed: ScheduleProgress['owed'], range: ScheduleProgress['owed'][number]): ScheduleProgress['owed'] {
  const last = owed.at(-1);
  return last !== undefined && last.to === range.after ? [...owed.slice(0, -1), { after: last.after, to: range.to }] : [...owed, range];
}

/** States that slots wait, where they do not start at once. */
function wait(
  { scheduleId }: Standing,
  { progress, from, to }: { readonly progress: ScheduleProgress; readonly from: number; readonly to: number },
): Step {
  return { progress, facts: progress.run === null ? [] : [{ type: 'cron:queued', data: { scheduleId, from, to, progress } }] };
}

function skipped({ scheduleId }: Standing, data: Omit<DataOf<'cron:skipped'>, 'scheduleId'>): Step {
  return { progress: data.progress, facts: [{ type: 'cron:skipped', data: { scheduleId, ...data } }] };
}

/** Starts the first slot that waits, if no run is under way. */
function start(standing: Standing, answer: Answer, progress: ScheduleProgress): Step {
  const [range, ...others] = progress.owed;
  if (progress.run !== null || range === undefined) return { facts: [], progress };
  const { scheduleId } = standing;
  const slot = firstIn(range, answer);
  // The calendar has changed under it: what was there is no more.
  if (slot === undefined)
    return skipped(standing, { progress: { ...progress, owed: others }, from: range.after + 1, before: range.to + 1, because: 'missed' });
  const owed = slot < range.to ? [{ after: slot, to: range.to }, ...others] : others;
  const status = statusOf(answer, slot);
  if (status !== undefined && status !== 'running')
    return skipped(standing, { progress: { ...progress, owed }, from: slot, before: slot + 1, because: 'taken' });
  const after = { ...progress, owed, run: slot, last: slot };
  return { progress: after, facts: [{ type: 'cron:triggered', data: { scheduleId, slot, runId: runIdOf(scheduleId, slot), progress: after } }] };
}

function firstIn({ after, to }: ScheduleProgress['owed'][number], { owed, fresh }: Answer): number | undefined {
  if (to === after + 1) return to;
  const known = [owed, fresh?.first, fresh?.last].filter((slot): slot is number => typeof slot === 'number' && slot > after && slot <= to);
  return known.length === 0 ? undefined : Math.min(...known);
}
