/** Events about time: what is asked of the scheduler, and what it says when a time has come. */
import * as z from 'zod';

import { command, components, transient } from './define.ts';
import { durationMs, epochMs } from './payloads.ts';

const scheduleId = z.string();

/** What the scheduler says when a time has come. */
export const dueTypes = [
  'task:retry',
  'task:timeout',
  'task:lease_expired',
  'workflow:timeout',
  'workflow:start_due',
  'circuit:recovery_due',
  'worker:heartbeat_missed',
  'health:check',
  'metrics:collect',
  'cleanup',
  'schedule:elapsed',
] as const;
export type DueType = (typeof dueTypes)[number];

export const scheduleEvents = {
  'schedule:request': command({
    from: ['pool', 'provider', 'backpressure', 'health', 'metrics', 'alerts', 'cleaner', 'queue', 'cron', 'workflow'],
    to: ['scheduler'],
    about: 'Asks for an event at a time; a request with the same id replaces the one before.',
    data: z.strictObject({
      scheduleId,
      dueAt: epochMs,
      /** Whether the time is one of the wall clock, which users name. @defaultValue that of events */
      wall: z.boolean().optional(),
      /** Repeats at this interval, counted from `dueAt`, until it is cancelled. */
      everyMs: z.number().positive().optional(),
      event: z.strictObject({ type: z.enum(dueTypes), data: z.unknown() }),
    }),
  }),
  'schedule:cancel': command({
    from: ['provider', 'backpressure', 'health', 'metrics', 'alerts', 'queue', 'cron'],
    to: ['scheduler'],
    about: 'Takes a request back; one that is not there is no fault.',
    data: z.strictObject({ scheduleId }),
  }),
  'schedule:due': transient({
    from: 'timer',
    to: ['scheduler'],
    about: 'The clock has reached the earliest time that the scheduler waits for.',
    data: z.strictObject({
      /** What the wall clock says. */
      wallTime: epochMs,
    }),
  }),
  'schedule:armed': transient({
    from: 'scheduler',
    to: ['timer'],
    about: 'The earliest time that the scheduler waits for is another one.',
    data: z.strictObject({
      dueAt: epochMs.nullable(),
      /** The earliest time of the wall clock that it waits for, where there is one. */
      wallDueAt: epochMs.optional(),
    }),
  }),
  'schedule:stopped': transient({
    from: 'scheduler',
    to: ['timer'],
    about: 'The scheduler fires nothing more; what it waits for stays noted.',
    data: z.strictObject({}),
  }),
  'schedule:elapsed': transient({
    from: 'scheduler',
    to: ['pool', 'provider', 'backpressure', 'alerts', 'queue', 'cron'],
    about: 'A time that a component asked for, for itself, has come.',
    data: z.strictObject({
      component: z.enum(components),
      /** The key of the actor that asked; empty for a component of one. */
      key: z.string(),
      timer: z.string(),
    }),
  }),
  cleanup: command({
    from: 'scheduler',
    to: ['cleaner'],
    about: 'Asks for what is no longer kept to be removed.',
    data: z.strictObject({ scope: z.enum(['workflows']) }),
  }),
  'cleanup:started': transient({
    from: 'cleaner',
    to: ['sweeper', 'metrics'],
    about: 'Finished workflows beyond the retention are being removed.',
    data: z.strictObject({ scope: z.enum(['workflows']), olderThan: epochMs.optional(), keep: z.int().min(0).optional() }),
  }),
  'cleanup:swept': transient({
    from: 'sweeper',
    to: ['cleaner'],
    about: 'The journal reports what it removed.',
    data: z.strictObject({ scope: z.enum(['workflows']), removed: z.int().min(0), durationMs }),
  }),
  'cleanup:completed': transient({
    from: 'cleaner',
    to: ['metrics'],
    about: 'So many finished workflows are no longer kept.',
    severity: 'info',
    data: z.strictObject({ scope: z.enum(['workflows']), removed: z.int().min(0), durationMs }),
  }),
} as const;
