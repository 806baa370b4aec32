/** Schedules as their users make and see them. */
import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import * as z from 'zod';

import { type CronContext, runOf } from '../../machines/cron.ts';
import { type CatchUpPolicy, catchUpPolicies, type OverlapPolicy, overlapPolicies, type ScheduleRule } from '../../machines/events/cron.ts';
import { longestMs } from '../../machines/policies/instants.ts';
import { anchored, startingProgress } from '../../machines/policies/slots.ts';
import { Complaints, refuseMisfits } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { told } from '../system/told.ts';
import { describeValue } from '../thrown.ts';
import { givenInput } from '../workflow/input.ts';
import { suggestion } from '../workflow/nearest.ts';
import { canonicalJson } from '../workflow/version.ts';
import { type AnyWorkflow, isWorkflow } from '../workflow/workflow.ts';
import type { Booted } from './boot.ts';
import { findSlots } from './calendar.ts';
import { epochOf, type Instant, instant } from './instant.ts';
import { replaySchedule } from './replay.ts';
import { refusalWhileHeld, refuseWhileHeld } from './storage.ts';
import { checkRunnable, idShape, type Runnable, registerFunctions } from './submit.ts';

/** When a workflow starts: exactly one of `cron`, `everyMs` and `at`. */
export interface ScheduleOptions<Input = unknown> {
  /** Names the schedule; the workflow id of a run is this and the time that it was due at, `<id>@2025-01-01T00:00:00.000Z`. */
  readonly id: string;
  /** A cron expression of five fields, or of six with the seconds first, or a name as `@daily`. */
  readonly cron?: string;
  /** The time zone of the cron expression, by its IANA name. @defaultValue `'UTC'` */
  readonly timeZone?: string;
  /** The time between two starts, in milliseconds; an integer from 1,000. Counted from `startAt`, else from the creation. */
  readonly everyMs?: number;
  /** The time of a single start; one that has passed comes at once. */
  readonly at?: Instant;
  /** No start before this time. */
  readonly startAt?: Instant;
  /** No start at or after this time. */
  readonly endAt?: Instant;
  readonly input?: Input;
  /**
   * What becomes of a start while the run before is under way. `skip`: it is left out. `queue`: it waits for that run to end.
   * `cancel_previous`: that run is cancelled, and the new one starts when it has ended.
   * @defaultValue `'skip'`
   */
  readonly overlap?: OverlapPolicy;
  /**
   * What becomes of starts that came while no system ran, or that the clock leapt over. `none`: they are left out. `one`: a
   * single start, that of the last one, makes up for them. `all`: each is made up for, one after the other.
   * @defaultValue `'one'`
   */
  readonly catchUp?: CatchUpPolicy;
}

/** A schedule that stands. Times are epoch milliseconds. */
export interface ScheduleStatus {
  readonly id: string;
  /** The name of the workflow that it starts. */
  readonly workflow: string;
  readonly input: unknown;
  readonly rule: ScheduleRule;
  readonly overlap: OverlapPolicy;
  readonly catchUp: CatchUpPolicy;
  readonly createdAt: number;
  /** The time that the next start is due at; null when none is to come. */
  readonly nextAt: number | null;
  /** The time that the last start was due at; null before the first. */
  readonly lastAt: number | null;
  /** The workflow id of the run under way. */
  readonly running: string | null;
  /** Whether starts are due and wait: for the run under way to end, or for an engine to run on the journal. */
  readonly isBehind: boolean;
}

export const scheduleDefaults = { timeZone: 'UTC', overlap: 'skip', catchUp: 'one' } as const;

const everyRule = `a whole number of milliseconds from 1000 to ${longestMs} (1,000 years)`;
const scheduleShape = z.strictObject(
  {
    id: idShape(900),
    cron: z.string({ error: 'a cron expression' }).optional(),
    timeZone: z.string({ error: 'the IANA name of a time zone' }).optional(),
    everyMs: z.int({ error: everyRule }).min(1_000, { error: everyRule }).max(longestMs, { error: everyRule }).optional(),
    at: instant.optional(),
    startAt: instant.optional(),
    endAt: instant.optional(),
    input: z.unknown().optional(),
    overlap: z.enum(overlapPolicies, { error: overlapPolicies.join(', ') }).optional(),
    catchUp: z.enum(catchUpPolicies, { error: catchUpPolicies.join(', ') }).optional(),
  },
  { error: 'a map of options' },
);

/**
 * Makes a schedule, or finds the same one standing already.
 * @throws GleitzeitError INVALID_PARAMS for options that make no sense, SCHEDULING_FAILED for an id that stands for another
 * schedule, and what a submit throws for a workflow that cannot run
 */
export async function schedule(booted: Booted, workflow: AnyWorkflow, options: ScheduleOptions): Promise<ScheduleStatus> {
  checkArguments(workflow, options, booted.core.clock.wall());
  const { id } = options;
  const rule = ruleOf(options);
  const runnable = await checkRunnable(booted, workflow, options.input);
  // What was given, and not what a schema makes of it: that may be another thing each time.
  const inputDigest = booted.secrets.digest(workflow.definition, givenInput(workflow, options.input));
  return booted.runs.inTurn(`schedule/${id}`, () => create(booted, { options, rule, runnable, inputDigest }));
}

interface Wanted {
  readonly options: ScheduleOptions;
  readonly rule: ScheduleRule;
  readonly runnable: Runnable;
  readonly inputDigest: string;
}

async function create(booted: Booted, { options, rule, runnable: { workflow, input }, inputDigest }: Wanted): Promise<ScheduleStatus> {
  const { core, runs } = booted;
  const { id: scheduleId, overlap = scheduleDefaults.overlap, catchUp = scheduleDefaults.catchUp } = options;
  const { definition, versionHash, levels } = workflow;
  const specHash = createHash('sha256').update(canonicalJson({ rule, overlap, catchUp, versionHash, inputDigest })).digest('hex');
  const data = {
    scheduleId,
    rule,
    overlap,
    catchUp,
    name: definition.name,
    versionHash,
    definition,
    input,
    levels,
    specHash,
    wallTime: core.clock.wall(),
  };
  const standing = contextOf(core, scheduleId);
  // A schedule that is refused changes nothing of what runs under the same name.
  if (standing === undefined || standing.specHash === specHash) registerFunctions(booted, workflow);
  if (standing?.specHash !== specHash) {
    refuseWhileHeld(core);
    const created = runs.creation(scheduleId);
    core.accept({ type: 'cron:create', data }, { source: 'api' });
    await created;
  }
  const now = core.clock.wall();
  const found = await told(core, {
    live: () => statusOf(contextOf(core, scheduleId) ?? { ...data, createdAt: now, progress: startingProgress(rule, now) }, now),
    recorded: async () => (await recordedSchedules(core.journal, now)).find(({ id }) => id === scheduleId),
  });
  if (found !== undefined) return found;
  throw refusalWhileHeld(core);
}

/** The schedules that stand, in the order of their creation; while the journal takes nothing, as they are recorded. */
export function schedulesOf({ core }: Pick<Booted, 'core'>): Promise<readonly ScheduleStatus[]> {
  return told(core, { live: () => liveSchedules(core), recorded: () => recordedSchedules(core.journal, core.clock.wall()) });
}

function liveSchedules(core: Booted['core']): readonly ScheduleStatus[] {
  const standing = [...core.registry.all('cron')].flatMap(({ key }) => contextOf(core, key) ?? []);
  return standing.sort((a, b) => a.createdAt - b.createdAt).map((context) => statusOf(context, core.clock.wall()));
}

/** The same, as a journal tells it that nobody need own. */
export async function recordedSchedules(journal: Journal, now: number): Promise<readonly ScheduleStatus[]> {
  const standing = await journal.schedules();
  // The snapshot of this component has the context of its machine.
  return standing.flatMap((each) => replaySchedule(each) ?? []).map((actor) => statusOf(actor.getSnapshot().context as CronContext, now));
}

/**
 * Takes a schedule away; resolves when that is durable. The run under way goes on, what waits for its end does not start.
 * @throws GleitzeitError SCHEDULE_NOT_FOUND
 */
export async function unschedule({ core, runs }: Pick<Booted, 'core' | 'runs'>, scheduleId: string, reason: string): Promise<void> {
  refuseMisfits('unschedule', { reason });
  if (contextOf(core, scheduleId) === undefined) {
    // That it is gone is told once that is durable.
    if (core.settled() !== true) await core.whenDurable();
    const ids = [...core.registry.all('cron')].map(({ key }) => key);
    throw errorOf('SCHEDULE_NOT_FOUND', `There is no schedule ${describeValue(scheduleId)}.${suggestion(String(scheduleId), ids)}`);
  }
  const removed = runs.removal(scheduleId);
  core.accept({ type: 'cron:remove', data: { scheduleId, reason, by: 'api' } }, { source: 'api' });
  await removed;
}

function contextOf(core: Booted['core'], scheduleId: string): CronContext | undefined {
  // The snapshot of this component has the context of its machine.
  return core.registry.get('cron', scheduleId)?.getSnapshot().context as CronContext | undefined;
}

type Described = Pick<CronContext, 'scheduleId' | 'name' | 'input' | 'rule' | 'overlap' | 'catchUp' | 'createdAt' | 'progress'>;

function statusOf(described: Described, now: number): ScheduleStatus {
  const { scheduleId: id, name: workflow, input, rule, overlap, catchUp, createdAt, progress } = described;
  const { fresh, following } = findSlots(anchored(rule, createdAt), progress, now);
  return {
    id,
    workflow,
    input,
    rule,
    overlap,
    catchUp,
    createdAt,
    nextAt: following,
    lastAt: progress.last,
    running: runOf(described) ?? null,
    isBehind: progress.owed.length > 0 || fresh !== null,
  };
}

function ruleOf({ cron, timeZone = scheduleDefaults.timeZone, everyMs, at, startAt, endAt }: ScheduleOptions): ScheduleRule {
  const bounds = { ...(startAt !== undefined && { from: epochOf(startAt) }), ...(endAt !== undefined && { until: epochOf(endAt) }) };
  if (cron !== undefined) return { kind: 'cron', expression: cron.trim(), timeZone, ...bounds };
  if (everyMs !== undefined) return { kind: 'interval', everyMs, ...bounds };
  if (at !== undefined) return { kind: 'once', at: epochOf(at) };
  throw errorOf('INTERNAL_ERROR', 'The options of a schedule were not checked.');
}

function checkArguments(workflow: unknown, options: unknown, now: number): asserts options is ScheduleOptions {
  if (!isWorkflow(workflow))
    throw errorOf('INVALID_REQUEST', `schedule takes what defineWorkflow() or loadWorkflow() returns, got ${describeValue(workflow)}`);
  const complaints = new Complaints();
  const checked = scheduleShape.safeParse(options);
  complaints.addAll(checked, { of: options, at: '', known: Object.keys(scheduleShape.shape) });
  if (checked.success) complaints.addMisfits({ id: checked.data.id, cron: checked.data.cron, timeZone: checked.data.timeZone });
  // The shape has just accepted them.
  if (checked.success) checkTogether(options as ScheduleOptions, complaints, now);
  const error = complaints.error(`schedule of workflow ${describeValue(workflow.definition.name)}`, 'INVALID_PARAMS');
  if (error !== undefined) throw error;
}

const kinds = ['cron', 'everyMs', 'at'] as const;

/** What no option says alone. */
function checkTogether(options: ScheduleOptions, complaints: Complaints, now: number): void {
  const { cron, timeZone, at, startAt, endAt, overlap, catchUp } = options;
  const given = kinds.filter((kind) => options[kind] !== undefined);
  const [kind] = given;
  if (given.length !== 1) complaints.add('', 'given exactly one of cron, everyMs and at', given.length === 0 ? 'none of them' : given.join(' and '));
  if (timeZone !== undefined && cron === undefined) complaints.add('timeZone', 'left out where there is no cron expression', timeZone);
  if (timeZone !== undefined && !isTimeZone(timeZone)) complaints.add('timeZone', 'the IANA name of a time zone', timeZone);
  if (at !== undefined && (startAt ?? endAt) !== undefined) complaints.add('at', 'given without startAt and endAt', at);
  if (overlap === 'cancel_previous' && catchUp === 'all')
    complaints.add('catchUp', 'none or one where overlap is cancel_previous: each start would cancel the one before', catchUp);
  const fault = cron === undefined ? undefined : faultOfCron(cron);
  if (fault !== undefined) complaints.add('cron', `a cron expression (${fault})`, cron);
  if (complaints.none && kind !== undefined && !hasSlots(ruleOf(options), now))
    complaints.add(kind, 'such that it has a start to come', options[kind]);
}

function hasSlots(rule: ScheduleRule, now: number): boolean {
  const { fresh, following } = findSlots(anchored(rule, now), startingProgress(rule, now), now);
  return fresh !== null || following !== null;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** What is wrong with an expression. croner takes a date for one as well: what is meant by that is `at`. */
function faultOfCron(expression: string): string | undefined {
  const fields = expression.trim();
  if (!fields.startsWith('@') && ![5, 6].includes(fields.split(/\s+/).length)) return 'five fields, or six with the seconds first';
  try {
    new Cron(fields, { paused: true });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : 'it cannot be read';
  }
}
