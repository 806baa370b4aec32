/** Events of the task queue. */
import * as z from 'zod';

import { recorded, transient } from './define.ts';
import { prioritySchema } from './definition.ts';
import { durationMs, taskRef } from './payloads.ts';

const depth = z.int().min(0);
const entry = { ...taskRef, method: z.string(), protocol: z.string(), priority: prioritySchema, depth };
export const queuePolicySchema = z.enum(['reject', 'block', 'shed']);
export type QueuePolicy = z.infer<typeof queuePolicySchema>;

export const queueEvents = {
  'queue:task_enqueued': transient({
    from: 'queue',
    to: ['backpressure', 'metrics'],
    about: 'A task waits in the queue; `depth` counts it.',
    data: z.strictObject({ ...entry, attempt: z.int().min(1) }),
  }),
  'queue:task_dequeued': transient({
    from: 'queue',
    to: ['backpressure', 'metrics'],
    about: 'A task left the queue; `depth` no longer counts it.',
    data: z.strictObject({ ...entry, waitMs: durationMs, reason: z.enum(['claimed', 'cancelled', 'skipped', 'shed']) }),
  }),
  'queue:full': transient({
    from: 'queue',
    to: ['backpressure', 'pool', 'engine', 'alerts'],
    about: 'The queue holds as many tasks as it may; new workflows meet its policy.',
    severity: 'warning',
    data: z.strictObject({ depth, capacity: z.int().min(1), policy: queuePolicySchema }),
  }),
  'queue:room': transient({
    from: 'queue',
    to: ['engine', 'backpressure', 'alerts'],
    about: 'A queue that was full has room again.',
    severity: 'info',
    data: z.strictObject({ depth, capacity: z.int().min(1) }),
  }),
  'queue:held': transient({
    from: 'queue',
    to: ['observers'],
    about: 'Nothing is dispatched until the queue is released.',
    data: z.strictObject({ reason: z.string() }),
  }),
  'queue:released': transient({
    from: 'queue',
    to: ['observers'],
    about: 'The queue dispatches again.',
    data: z.strictObject({ reason: z.string() }),
  }),
  'queue:withdrawn': transient({
    from: 'queue',
    to: ['pool'],
    about: 'The task of a method that was available is not any more, and no other stands in its place.',
    data: z.strictObject({ ...taskRef, protocol: z.string(), method: z.string() }),
  }),
  'queue:claim_refused': transient({
    from: 'queue',
    to: ['worker'],
    about: 'A worker claimed a task that waits no more; its slot is free again.',
    data: z.strictObject({ ...taskRef, workerId: z.string(), leaseId: z.string() }),
  }),
  'queue:empty': transient({
    from: 'queue',
    to: ['backpressure', 'pool'],
    about: 'No task waits any more.',
    data: z.strictObject({}),
  }),
  'queue:task_shed': transient({
    from: 'queue',
    to: ['task'],
    about: 'A task was pushed out of a full queue by ones of a higher priority.',
    severity: 'warning',
    data: z.strictObject({ ...taskRef, capacity: z.int().min(1) }),
  }),
  'queue:priority_changed': recorded({
    from: 'queue',
    to: ['metrics', 'task'],
    about: 'A waiting task has another priority.',
    severity: 'info',
    data: z.strictObject({ ...taskRef, from: prioritySchema, to: prioritySchema }),
  }),
  'queue:metrics': transient({
    from: 'queue',
    to: ['backpressure', 'metrics'],
    about: 'How full the queue is.',
    data: z.strictObject({
      depth,
      capacity: z.int().min(1),
      byPriority: z.record(prioritySchema, depth),
      oldestMs: durationMs,
      enqueued: z.int().min(0),
      dequeued: z.int().min(0),
    }),
  }),
} as const;
