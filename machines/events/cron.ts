/** Events of schedules: workflows that start by a cron expression, at an interval, or once. */
import * as z from 'zod';

import { command, recorded, transient } from './define.ts';
import { workflowDefinitionSchema } from './definition.ts';
import { by, epochMs, failureSchema, reason } from './payloads.ts';

const scheduleId = z.string();
/** The time that a start is due at: what tells the runs of a schedule apart. */
const slot = epochMs;

/** What becomes of a slot that comes while the run of another one is under way. */
export const overlapPolicies = ['skip', 'queue', 'cancel_previous'] as const;
export type OverlapPolicy = (typeof overlapPolicies)[number];

/** What becomes of slots that came while no engine ran, or that a clock leapt over. */
export const catchUpPolicies = ['none', 'one', 'all'] as const;
export type CatchUpPolicy = (typeof catchUpPolicies)[number];

/** No slot is before `from`, none at or after `until`. */
const bounds = { from: epochMs.optional(), until: epochMs.optional() };

export const scheduleRuleSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cron'), expression: z.string(), timeZone: z.string(), ...bounds }),
  /** The slots are counted from `from`, else from the schedule's creation. */
  z.strictObject({ kind: z.literal('interval'), everyMs: z.number().positive(), ...bounds }),
  z.strictObject({ kind: z.literal('once'), at: epochMs }),
]);
export type ScheduleRule = z.infer<typeof scheduleRuleSchema>;

/** How far a schedule has got. Each of its facts says it in full, so that the last one holds. */
export const scheduleProgressSchema = z.strictObject({
  /** Every slot up to here was judged: it started, waits below, or was passed over. */
  seen: epochMs,
  /** Slots that wait: all those after `after`, up to `to`, of each range in turn. */
  owed: z.array(z.strictObject({ after: epochMs, to: epochMs })),
  /** The slot whose run is under way. */
  run: slot.nullable(),
  /** The slot that started last. */
  last: slot.nullable(),
});
export type ScheduleProgress = z.infer<typeof scheduleProgressSchema>;

/** All that a schedule is, from its creation on. */
const spec = {
  scheduleId,
  rule: scheduleRuleSchema,
  overlap: z.enum(overlapPolicies),
  catchUp: z.enum(catchUpPolicies),
  name: z.string(),
  versionHash: z.string(),
  definition: workflowDefinitionSchema,
  input: z.unknown(),
  levels: z.int().min(0),
  /** Tells schedules apart that do not start the same in the same way. */
  specHash: z.string(),
  /** What the wall clock said at its creation, which its slots are counted from. @defaultValue the time of the event */
  wallTime: epochMs.optional(),
};

const ends = ['completed', 'failed', 'cancelled'] as const;
const progress = scheduleProgressSchema;
const run = { scheduleId, slot, runId: z.string() };

export const cronEvents = {
  'cron:create': command({ from: 'api', to: ['cron'], about: 'Asks for a schedule to be made.', data: z.strictObject(spec) }),
  'cron:remove': command({
    from: 'api',
    to: ['cron'],
    about: 'Asks for a schedule to be taken away; a run of it goes on.',
    data: z.strictObject({ scheduleId, reason, by }),
  }),
  'cron:refused': transient({
    from: 'cron',
    to: ['api'],
    about: 'A schedule was not made: its id stands for another one.',
    severity: 'warning',
    data: z.strictObject({ scheduleId, error: failureSchema }),
  }),
  'cron:created': recorded({ from: 'cron', to: ['api'], about: 'A schedule stands; from here on it is durable.', data: z.strictObject(spec) }),
  'cron:asked': transient({
    from: 'cron',
    to: ['calendar'],
    about: 'A schedule asks which of its slots have come, and which one comes next.',
    data: z.strictObject({ scheduleId, rule: scheduleRuleSchema, progress }),
  }),
  'cron:answered': transient({
    from: 'calendar',
    to: ['cron'],
    about: 'Which slots of a schedule have come, by the clock and the calendar.',
    data: z.strictObject({
      scheduleId,
      /** The progress that the question was about. */
      progress,
      /** What the wall clock says. */
      now: epochMs,
      /** The first and the last slot that have come and were not judged yet. */
      fresh: z.strictObject({ first: slot, last: slot }).nullable(),
      /** The first slot that waits. */
      owed: slot.nullable(),
      /** The first slot that is to come. */
      following: slot.nullable(),
      /** What the journal knows of the runs of these slots, and of the one under way; a run that is not there it does not know. */
      runs: z.array(z.strictObject({ slot, status: z.enum(['running', ...ends]) })),
    }),
  }),
  'cron:triggered': recorded({
    from: 'cron',
    to: ['observers'],
    about: 'A slot has come, and its run starts.',
    data: z.strictObject({ ...run, progress }),
  }),
  'cron:queued': recorded({
    from: 'cron',
    to: ['observers'],
    about: 'Slots have come and start as soon as the run under way has ended.',
    data: z.strictObject({ scheduleId, from: slot, to: slot, progress }),
  }),
  'cron:skipped': recorded({
    from: 'cron',
    to: ['observers'],
    about: 'Slots do not start.',
    severity: 'warning',
    data: z.strictObject({
      scheduleId,
      /** The slots from here on, */
      from: epochMs,
      /** and before this time. */
      before: epochMs,
      /** A run was under way; nobody was there when they came; a run of that name has ended already. */
      because: z.enum(['overlap', 'missed', 'taken']),
      progress,
    }),
  }),
  'cron:run_ended': recorded({
    from: 'cron',
    to: ['observers'],
    about: 'The run of a slot has ended, or was refused for good.',
    data: z.strictObject({ ...run, status: z.enum([...ends, 'refused']), error: failureSchema.optional(), progress }),
  }),
  'cron:removed': recorded({ from: 'cron', to: ['api'], about: 'A schedule was taken away.', data: z.strictObject({ scheduleId, reason, by }) }),
  'cron:finished': recorded({ from: 'cron', to: ['observers'], about: 'A schedule has no slots left.', data: z.strictObject({ scheduleId }) }),
} as const;
