/** What the queue is made with, what it hears and what it states. */
import type { DraftOf, EventOf } from './events/catalogue.ts';
import type { QueuePolicy } from './events/queue.ts';
import { defaultAgeingMs } from './policies/priority.ts';

export interface QueueInput {
  /** Tasks that wait at the same time at most, before the policy meets new ones; an integer from 1. */
  readonly capacity?: number;
  /** What becomes of new work while the queue is full: see the engine for `reject` and `block`. */
  readonly policy?: QueuePolicy;
  /** How long a task waits for one step of priority, in milliseconds. */
  readonly ageingMs?: number;
  /** The time between two `queue:metrics`, in milliseconds. */
  readonly metricsMs?: number;
}

export type QueueEvent = EventOf<
  | 'task:queued'
  | 'task:claimed'
  | 'task:cancelled'
  | 'task:skipped'
  | 'task:set_priority'
  | 'method:available'
  | 'method:unavailable'
  | 'circuit:half_open'
  | 'circuit:closed'
  | 'circuit:removed'
  | 'engine:paused'
  | 'engine:resumed'
  | 'workflow:paused'
  | 'workflow:resumed'
  | 'workflow:completed'
  | 'workflow:failed'
  | 'workflow:cancelled'
  | 'backpressure:normal'
  | 'backpressure:high'
  | 'backpressure:critical'
  | 'schedule:elapsed'
  | 'system:shutdown'
  | 'task:available'
  | 'queue:task_enqueued'
  | 'queue:task_dequeued'
  | 'queue:withdrawn'
  | 'queue:priority_changed'
  | 'queue:held'
  | 'queue:released'
  | 'queue:full'
  | 'queue:room'
  | 'queue:empty'
>;

export type QueueFact = DraftOf<
  | 'task:available'
  | 'queue:task_enqueued'
  | 'queue:task_dequeued'
  | 'queue:withdrawn'
  | 'queue:claim_refused'
  | 'queue:priority_changed'
  | 'queue:held'
  | 'queue:released'
  | 'queue:full'
  | 'queue:room'
  | 'queue:empty'
  | 'queue:task_shed'
  | 'queue:metrics'
  | 'schedule:request'
  | 'schedule:cancel'
>;

/** The value of each option that {@link QueueInput} leaves out. */
export const queueDefaults = {
  capacity: 100_000,
  policy: 'reject',
  ageingMs: defaultAgeingMs,
  metricsMs: 1_000,
} as const satisfies Required<QueueInput>;
