/** Events of the system actor: start, stop, and what went wrong in between. */
import * as z from 'zod';

import { command, recorded, transient } from './define.ts';
import { durationMs, epochMs, failureSchema, reason } from './payloads.ts';

const start = z.strictObject({
  recovered: z.strictObject({ workflows: z.int().min(0), tasks: z.int().min(0) }),
  /** Why nothing is dispatched until somebody resumes the engine; absent where it dispatches at once. */
  paused: reason.optional(),
  /** What a power cut took from a journal that had not promised to survive one: the facts after `afterSeq`, up to `toSeq`. */
  lost: z.strictObject({ afterSeq: z.int().min(0), toSeq: z.int().min(0) }).optional(),
  /** Every event of this run stands in the journal, transient ones and commands too: from after `afterSeq` on. */
  everything: z.strictObject({ afterSeq: z.int().min(0) }).optional(),
});

export const systemEvents = {
  'system:start': command({
    from: 'runtime',
    to: ['system'],
    about: 'Asks the system to start.',
    data: start,
  }),
  'system:started': recorded({
    from: 'system',
    to: ['engine'],
    about: 'The system runs.',
    data: start,
  }),
  'system:stop': command({
    from: 'runtime',
    to: ['system'],
    about: 'Asks the system to stop in order.',
    data: z.strictObject({ reason, deadlineMs: z.number().min(0) }),
  }),
  'system:shutdown': recorded({
    from: 'system',
    to: ['engine', 'queue', 'worker', 'pool', 'provider'],
    about: 'The system stops: admission ends, dispatch is held, workers drain until the deadline.',
    data: z.strictObject({ reason, deadlineMs: z.number().min(0), deadlineAt: epochMs }),
  }),
  'system:stopped': transient({
    from: 'system',
    to: ['observers'],
    about: 'The system has stopped.',
    severity: 'info',
    data: z.strictObject({ reason }),
  }),
  'system:failed': transient({
    from: 'system',
    to: ['observers', 'alerts'],
    about: 'The system cannot go on: what it has to record cannot be recorded.',
    severity: 'critical',
    data: z.strictObject({ error: failureSchema }),
  }),
  'system:hold': command({
    from: 'runtime',
    to: ['system'],
    about: 'Reports to the system actor that the journal takes no facts for the time being.',
    data: z.strictObject({ error: failureSchema, since: epochMs }),
  }),
  // It overtakes what waits for the journal: those who watch see it before events with a lower `seq`.
  'system:storage_held': transient({
    from: 'system',
    to: ['alerts', 'observers'],
    about: 'The journal takes no facts for the time being: nothing is admitted, and what is stated waits in memory.',
    severity: 'critical',
    data: z.strictObject({ error: failureSchema, since: epochMs }),
  }),
  'system:release': command({
    from: 'runtime',
    to: ['system'],
    about: 'Reports to the system actor that the journal takes facts again.',
    data: z.strictObject({ since: epochMs, heldMs: durationMs }),
  }),
  'system:storage_resumed': transient({
    from: 'system',
    to: ['alerts', 'scheduler', 'observers'],
    about: 'The journal takes facts again, and has taken those that waited.',
    severity: 'info',
    data: z.strictObject({ since: epochMs, heldMs: durationMs }),
  }),
  'system:crash': command({
    from: 'runtime',
    to: ['system'],
    about: 'Reports to the system actor that an actor threw, or that the journal failed.',
    data: z.strictObject({
      /** The address of the actor, or `journal`. */
      target: z.string(),
      event: z.string(),
      error: failureSchema,
      /** The workflow that the actor belongs to, where it belongs to one. */
      workflowId: z.string().optional(),
    }),
  }),
  // Recorded, since a workflow counts by it a task that nobody can bring to an end.
  'system:actor_failed': recorded({
    from: 'system',
    to: ['alerts', 'workflow'],
    about: 'An actor threw; `action` says what becomes of it.',
    severity: 'error',
    data: z.strictObject({
      target: z.string(),
      event: z.string(),
      error: failureSchema,
      /** Restarts of this actor in the window, this one included. */
      restarts: z.int().min(0),
      action: z.enum(['restart', 'escalate', 'stop']),
      /** The workflow that the actor belongs to, where it belongs to one. */
      workflowId: z.string().optional(),
    }),
  }),
  'system:unhandled': transient({
    from: 'system',
    to: ['alerts'],
    about: 'An actor got an event that its state neither handles nor lists as ignored.',
    severity: 'warning',
    data: z.strictObject({ event: z.string(), eventId: z.string(), target: z.string(), state: z.string() }),
  }),
  'system:dead_letter': transient({
    from: 'system',
    to: ['alerts'],
    about: 'An event was addressed to an actor that is not there.',
    severity: 'warning',
    data: z.strictObject({ event: z.string(), eventId: z.string(), target: z.string() }),
  }),
} as const;
