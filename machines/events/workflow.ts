/** Events of a workflow's life. */
import * as z from 'zod';

import { command, recorded, transient } from './define.ts';
import { workflowDefinitionSchema } from './definition.ts';
import { by, countsSchema, durationMs, epochMs, failureSchema, reason } from './payloads.ts';

const workflowId = z.string();
const ended = { workflowId, durationMs, counts: countsSchema };

export const workflowEvents = {
  'workflow:submit': command({
    from: ['api', 'cron'],
    to: ['engine'],
    about: 'Asks for a workflow to be admitted.',
    data: z.strictObject({
      workflowId,
      name: z.string(),
      versionHash: z.string(),
      definition: workflowDefinitionSchema,
      input: z.unknown(),
      /** The length of the longest dependency chain, from validation. */
      levels: z.int().min(0),
      /** The version hash under which the journal knows this id already. */
      known: z.string().optional(),
      startAt: epochMs.optional(),
      /** Tells whether another submit of this id came with the same input; absent where none could be told from it. */
      inputDigest: z.string().optional(),
    }),
  }),
  'workflow:rejected': transient({
    from: 'engine',
    to: ['api', 'observers', 'alerts', 'cron'],
    about: 'A submit was refused; nothing of it remains.',
    severity: 'warning',
    data: z.strictObject({ workflowId, error: failureSchema }),
  }),
  'workflow:recover': command({
    from: 'runtime',
    to: ['resolver', 'task'],
    about: 'Tells a workflow that was brought back from the journal to go on: what was lost is tried again, what waited is made ready.',
    data: z.strictObject({
      workflowId,
      /** The `seq` with which this run of the engine started: what began before it, in the process that is gone, was lost. */
      since: z.int().min(0),
    }),
  }),
  'workflow:submitted': recorded({
    from: 'engine',
    to: ['workflow', 'resolver', 'scheduler', 'api'],
    about: 'A workflow was admitted; from here on it is durable.',
    data: z.strictObject({
      workflowId,
      name: z.string(),
      versionHash: z.string(),
      definition: workflowDefinitionSchema,
      input: z.unknown(),
      /** It does not start before this time. */
      startAt: epochMs.optional(),
      /** Tells whether another submit of this id came with the same input; absent where none could be told from it. */
      inputDigest: z.string().optional(),
    }),
  }),
  'workflow:validated': recorded({
    from: 'engine',
    to: ['workflow'],
    about: 'The definition of an admitted workflow is sound.',
    severity: 'debug',
    data: z.strictObject({ workflowId, tasks: z.int().min(0), levels: z.int().min(0) }),
  }),
  'workflow:started': recorded({
    from: 'workflow',
    to: ['resolver', 'scheduler', 'metrics'],
    about: 'A workflow began.',
    data: z.strictObject({ workflowId, totalTasks: z.int().min(0), timeoutMs: z.number().positive().optional() }),
  }),
  'workflow:step_completed': transient({
    from: 'workflow',
    to: ['observers'],
    about: 'One more task of a workflow has ended, in whichever way.',
    data: z.strictObject({
      workflowId,
      taskId: z.string(),
      status: z.enum(['completed', 'failed', 'cancelled', 'skipped']),
      done: z.int().min(0),
      total: z.int().min(0),
    }),
  }),
  'workflow:failing': recorded({
    from: 'workflow',
    to: ['resolver', 'task'],
    about: 'A workflow will fail: nothing new starts, what runs is cancelled.',
    severity: 'warning',
    data: z.strictObject({ workflowId, error: failureSchema, failedTaskIds: z.array(z.string()) }),
  }),
  'workflow:cancelling': recorded({
    from: 'workflow',
    to: ['resolver', 'task'],
    about: 'A workflow is being cancelled: nothing new starts, what runs is cancelled.',
    data: z.strictObject({ workflowId, reason, by }),
  }),
  'workflow:completed': recorded({
    from: 'workflow',
    to: ['resolver', 'scheduler', 'metrics', 'engine', 'alerts', 'queue', 'cron'],
    about: 'A workflow ended well.',
    data: z.strictObject({ ...ended, output: z.unknown().optional() }),
  }),
  'workflow:failed': recorded({
    from: 'workflow',
    to: ['resolver', 'alerts', 'scheduler', 'metrics', 'engine', 'queue', 'cron'],
    about: 'A workflow ended with a failure.',
    severity: 'error',
    data: z.strictObject({ ...ended, error: failureSchema, failedTaskIds: z.array(z.string()), output: z.unknown().optional() }),
  }),
  'workflow:cancelled': recorded({
    from: 'workflow',
    to: ['resolver', 'scheduler', 'metrics', 'engine', 'alerts', 'queue', 'cron'],
    about: 'A workflow ended because somebody asked for it.',
    severity: 'warning',
    data: z.strictObject({ ...ended, reason, by }),
  }),
  'workflow:paused': recorded({
    from: 'workflow',
    to: ['queue', 'resolver'],
    about: 'Nothing new of this workflow is dispatched; running attempts finish.',
    data: z.strictObject({ workflowId, reason }),
  }),
  'workflow:resumed': recorded({
    from: 'workflow',
    to: ['queue', 'resolver'],
    about: 'A paused workflow goes on.',
    data: z.strictObject({ workflowId, reason }),
  }),
  'workflow:start_due': transient({
    from: 'scheduler',
    to: ['workflow'],
    about: 'The time has come at which a workflow is to start.',
    data: z.strictObject({ workflowId }),
  }),
  'workflow:timeout': recorded({
    from: 'scheduler',
    to: ['workflow', 'alerts'],
    about: 'A workflow took longer than it may.',
    severity: 'error',
    data: z.strictObject({ workflowId, timeoutMs: z.number().positive() }),
  }),
  'workflow:retried': recorded({
    from: 'workflow',
    to: ['resolver', 'scheduler', 'api'],
    about: 'A workflow that had failed goes on: what completed stands, everything else has its turn again.',
    data: z.strictObject({
      workflowId,
      reason,
      by,
      /** Tasks whose results stand. */
      kept: z.int().min(0),
      /** From now on. */
      timeoutMs: z.number().positive().optional(),
    }),
  }),
  'workflow:duration': transient({
    from: 'metrics',
    to: ['observers'],
    about: 'How long a workflow took, and how long its longest chain of tasks.',
    data: z.strictObject({ workflowId, totalMs: durationMs, criticalPathMs: durationMs }),
  }),
  'workflow:cancel': command({
    from: ['api', 'cron'],
    to: ['workflow'],
    about: 'Asks for a workflow to be cancelled.',
    data: z.strictObject({ workflowId, reason, by }),
  }),
  'workflow:retry': command({
    from: 'api',
    to: ['workflow'],
    about: 'Asks for a workflow that has failed to go on from what failed.',
    data: z.strictObject({ workflowId, reason, by }),
  }),
  'workflow:pause': command({
    from: 'api',
    to: ['workflow'],
    about: 'Asks for a workflow to be paused.',
    data: z.strictObject({ workflowId, reason, by }),
  }),
  'workflow:resume': command({
    from: 'api',
    to: ['workflow'],
    about: 'Asks for a paused workflow to go on.',
    data: z.strictObject({ workflowId, reason, by }),
  }),
} as const;
