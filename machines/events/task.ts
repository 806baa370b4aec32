/** Events of a task's life, and the reports of its attempts. */
import * as z from 'zod';

import { command, recorded, transient } from './define.ts';
import { prioritySchema, retryPolicySchema } from './definition.ts';
import { by, claimSchema, durationMs, elementSchema, epochMs, failureSchema, leaseRef, reason, taskRef } from './payloads.ts';

const attempt = z.int().min(1);
const route = { method: z.string(), protocol: z.string() };
const element = elementSchema.optional();
/** Attempts before its workflow was retried: they are counted on, and its retry policy begins anew after them. */
const earlier = z.int().min(1).optional();

export const taskEvents = {
  'task:submitted': transient({
    from: 'workflow',
    to: ['resolver', 'metrics'],
    about: 'A task of a workflow was handed to the system.',
    data: z.strictObject({ ...taskRef, ...route, priority: prioritySchema }),
  }),
  'task:ready': transient({
    from: 'resolver',
    to: ['task', 'metrics'],
    about: 'Nothing that a task depends on is missing any more.',
    data: z.strictObject({
      ...taskRef,
      ...route,
      priority: prioritySchema,
      timeoutMs: z.number().positive(),
      retry: retryPolicySchema.optional(),
      /** With every reference replaced; absent where `fault` or `elements` stands. */
      params: z.unknown().optional(),
      /** Why the parameters could not be made. */
      fault: failureSchema.optional(),
      /** The number of elements, for a task that fans out. */
      elements: z.int().min(0).optional(),
      element,
      /** The task whose end made this one ready; absent for one without dependencies. */
      unlockedBy: z.string().optional(),
      earlier,
    }),
  }),
  'task:queued': transient({
    from: 'task',
    to: ['queue', 'metrics'],
    about: 'A task waits for a worker.',
    data: z.strictObject({ ...taskRef, ...route, priority: prioritySchema, attempt }),
  }),
  'task:available': transient({
    from: 'queue',
    to: ['pool'],
    about: 'A task is next in line for its method: whoever has a free slot may take it.',
    data: z.strictObject({
      ...taskRef,
      ...route,
      priority: prioritySchema,
      attempt,
      providerId: z.string(),
      circuit: leaseRef.circuit,
      epoch: leaseRef.epoch,
    }),
  }),
  'task:claimed': transient({
    from: 'worker',
    to: ['queue', 'task'],
    about: 'A worker took a task, under a lease.',
    data: claimSchema,
  }),
  'task:started': recorded({
    from: 'task',
    to: ['executor', 'scheduler', 'metrics'],
    about: 'An attempt begins; once this is durable, the handler is called.',
    data: z.strictObject({
      ...claimSchema.shape,
      timeoutMs: z.number().positive(),
      /** The same for every attempt of the task. */
      idempotencyKey: z.string(),
    }),
  }),
  'task:expanded': recorded({
    from: 'task',
    to: ['resolver', 'metrics'],
    about: 'A task that fans out knows its elements; each runs as a task of its own.',
    data: z.strictObject({ ...taskRef, elements: z.int().min(0) }),
  }),
  'task:collected': transient({
    from: 'resolver',
    to: ['task'],
    about: 'Every element of a fan-out has ended.',
    data: z.strictObject({ ...taskRef, result: z.array(z.unknown()).optional(), error: failureSchema.optional() }),
  }),
  'task:completed': recorded({
    from: 'task',
    to: ['workflow', 'resolver', 'circuit', 'retry', 'scheduler', 'metrics', 'provider', 'worker'],
    about: 'A task ended well; its result stands for ever.',
    data: z.strictObject({
      ...taskRef,
      ...route,
      attempt,
      result: z.unknown(),
      durationMs,
      element,
      workerId: leaseRef.workerId.optional(),
      leaseId: leaseRef.leaseId.optional(),
      providerId: leaseRef.providerId.optional(),
      circuit: leaseRef.circuit.optional(),
      epoch: leaseRef.epoch.optional(),
    }),
  }),
  'task:failed': recorded({
    from: 'task',
    to: ['retry', 'resolver', 'circuit', 'scheduler', 'metrics', 'provider', 'worker'],
    about: 'One attempt failed. Whether the task did, the retry manager says.',
    severity: 'warning',
    data: z.strictObject({
      ...taskRef,
      ...route,
      attempt,
      error: failureSchema,
      durationMs,
      element,
      retry: retryPolicySchema.optional(),
      /**
       * How it ended: by the handler's error, by its deadline, because its worker or process was lost, or because whoever ran it gave it
       * up in order: a system that stops, a worker that leaves. What was lost or abandoned is tried again whatever the policy; only what
       * was lost speaks against the task.
       */
      ended: z.enum(['error', 'timeout', 'lost', 'abandoned']),
      /** Attempts so far that ended because their worker or process was lost. */
      lost: z.int().min(0),
      earlier,
      workerId: leaseRef.workerId.optional(),
      leaseId: leaseRef.leaseId.optional(),
      providerId: leaseRef.providerId.optional(),
      circuit: leaseRef.circuit.optional(),
      epoch: leaseRef.epoch.optional(),
    }),
  }),
  'task:timeout': recorded({
    from: 'scheduler',
    to: ['task', 'executor'],
    about: 'An attempt ran longer than it may.',
    severity: 'warning',
    data: z.strictObject({ ...taskRef, attempt, leaseId: z.string(), workerId: z.string(), timeoutMs: z.number().positive() }),
  }),
  'task:lease_expired': transient({
    from: 'scheduler',
    to: ['task', 'executor'],
    about: 'The worker of an attempt has not been heard of for the length of a lease.',
    severity: 'warning',
    data: z.strictObject({ ...taskRef, attempt, leaseId: z.string(), workerId: z.string() }),
  }),
  'task:retry_scheduled': recorded({
    from: 'retry',
    to: ['task', 'scheduler'],
    about: 'A failed attempt will be followed by another at `dueAt`.',
    data: z.strictObject({
      ...taskRef,
      protocol: z.string(),
      /** The attempt that failed. */
      attempt,
      delayMs: durationMs,
      dueAt: epochMs,
      maxAttempts: z.int().min(1),
      /** Retries that the protocol's budget has left after this one. */
      budget: z.number(),
    }),
  }),
  'task:retry': recorded({
    from: 'scheduler',
    to: ['retry'],
    about: 'The time of a scheduled retry has come.',
    severity: 'debug',
    data: z.strictObject({ ...taskRef, protocol: z.string(), attempt }),
  }),
  'task:retry_executed': recorded({
    from: 'retry',
    to: ['task'],
    about: 'A due retry goes back into the queue.',
    data: z.strictObject({ ...taskRef, attempt }),
  }),
  'task:retry_exhausted': recorded({
    from: 'retry',
    to: ['task', 'workflow', 'resolver', 'alerts'],
    about: 'A task failed for good.',
    severity: 'error',
    data: z.strictObject({ ...taskRef, attempts: z.int().min(0), error: failureSchema, element, durationMs }),
  }),
  'task:cancelled': recorded({
    from: 'task',
    to: ['workflow', 'resolver', 'queue', 'scheduler', 'worker', 'circuit', 'retry', 'executor'],
    about: 'A task will not run, or not to its end, because somebody asked for it.',
    data: z.strictObject({
      ...taskRef,
      protocol: z.string(),
      reason,
      by,
      attempts: z.int().min(0),
      element,
      workerId: leaseRef.workerId.optional(),
      leaseId: leaseRef.leaseId.optional(),
      circuit: leaseRef.circuit.optional(),
      epoch: leaseRef.epoch.optional(),
    }),
  }),
  'task:skipped': recorded({
    from: ['resolver', 'task'],
    to: ['task', 'workflow', 'resolver', 'queue'],
    about: 'A task will never run: the resolver says so of one that is not released yet, a waiting task of itself.',
    data: z.strictObject({
      ...taskRef,
      protocol: z.string(),
      /** The task, or the reason, that ruled it out. */
      because: z.string(),
      policy: z.enum(['dependency_failed', 'dependency_skipped', 'fail_fast', 'workflow_cancelled', 'workflow_timeout']),
      element,
    }),
  }),
  'task:stale_report': recorded({
    from: 'task',
    to: ['metrics', 'alerts', 'worker'],
    about: 'A late or repeated report of an attempt was refused.',
    severity: 'warning',
    data: z.strictObject({ ...taskRef, attempt, leaseId: z.string(), workerId: z.string(), reported: z.enum(['succeeded', 'failed']) }),
  }),
  'task:duration': transient({
    from: 'metrics',
    to: ['observers'],
    about: 'How long a task waited and ran.',
    data: z.strictObject({ ...taskRef, waitMs: durationMs, runMs: durationMs, totalMs: durationMs }),
  }),
  'task:cancel': command({
    from: ['api', 'resolver'],
    to: ['task'],
    about: 'Asks for one task to be cancelled.',
    data: z.strictObject({ ...taskRef, reason, by }),
  }),
  'task:set_priority': command({
    from: 'api',
    to: ['queue'],
    about: 'Asks for another priority of a task that waits in the queue.',
    data: z.strictObject({ ...taskRef, priority: prioritySchema }),
  }),
  'attempt:succeeded': transient({
    from: ['executor', 'hub'],
    to: ['task'],
    about: 'A handler reports a result.',
    data: z.strictObject({ ...taskRef, attempt, leaseId: z.string(), workerId: z.string(), result: z.unknown(), durationMs }),
  }),
  'attempt:progress': transient({
    from: ['executor', 'hub'],
    to: ['observers'],
    about: 'A handler tells how far it is.',
    data: z.strictObject({ ...taskRef, attempt, leaseId: z.string(), fraction: z.number().min(0).max(1), message: z.string().optional() }),
  }),
  'attempt:failed': transient({
    from: ['executor', 'hub'],
    to: ['task'],
    about: 'A handler reports a failure.',
    data: z.strictObject({ ...taskRef, attempt, leaseId: z.string(), workerId: z.string(), error: failureSchema, durationMs }),
  }),
  'attempt:abandoned': transient({
    from: ['executor', 'hub'],
    to: ['task'],
    about: 'Whoever was to run an attempt gave it up in order: a system that stops, at its deadline, or a worker that leaves.',
    data: z.strictObject({ ...taskRef, attempt, leaseId: z.string(), workerId: z.string(), reason }),
  }),
} as const;
