/**
 * What a task remembers, and the facts that it states, as pure functions of that: the words of `task.ts`, none of its
 * decisions.
 */
import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import type { Failure } from './failures.ts';

/** What a task is created with: the payload of its `task:ready`, and when that was (epoch ms). */
export type TaskInput = DataOf<'task:ready'> & { readonly readyAt: number };

/** Who runs an attempt, and on which terms. */
export type Lease = Pick<DataOf<'task:started'>, 'workerId' | 'leaseId' | 'providerId' | 'circuit' | 'epoch'>;

export type TaskContext = Readonly<TaskInput> & {
  /** The latest attempt, counted from 1; 0 before the first. */
  readonly attempt: number;
  /** Attempts that ended because their worker or process was lost. */
  readonly lost: number;
  /** Of the attempt that runs. */
  readonly lease: Lease | null;
  /** Whether the latest attempt was given to a worker outside the process. */
  readonly isRemote: boolean;
  /** When the latest attempt began, in epoch milliseconds. */
  readonly startedAt: number;
  /** The `seq` of the fact by which it began: tells apart what began in this run of the engine and what did before. */
  readonly startedSeq: number;
  /** What the latest attempt failed with. */
  readonly error: Failure | null;
  /** When the next attempt is due, while it waits for that; epoch milliseconds. */
  readonly dueAt: number | null;
};

export type TaskFact = DraftOf<
  'task:queued' | 'task:started' | 'task:expanded' | 'task:completed' | 'task:failed' | 'task:cancelled' | 'task:skipped' | 'task:stale_report'
>;

/** The same for every attempt of a task: what a handler recognises a repeated call by. */
export function idempotencyKeyOf({ workflowId, taskId }: Pick<TaskContext, 'workflowId' | 'taskId'>): string {
  return `${workflowId}/${taskId}`;
}

/** Whether a report or a deadline is about the attempt that runs now. */
export function isOfCurrentAttempt({ attempt, lease }: Pick<TaskContext, 'attempt' | 'lease'>, about: { attempt: number; leaseId: string }): boolean {
  return lease !== null && lease.leaseId === about.leaseId && attempt === about.attempt;
}

export const refOf = ({ workflowId, taskId }: TaskContext) => ({ workflowId, taskId });
export const routeOf = ({ method, protocol }: TaskContext) => ({ method, protocol });
export const elementOf = ({ element }: TaskContext) => (element === undefined ? undefined : { element });
const earlierOf = ({ earlier }: TaskContext) => (earlier === undefined ? undefined : { earlier });
export const nameOf = ({ taskId, workflowId }: TaskContext) => `Task '${taskId}' of workflow '${workflowId}'`;

/** A failure before any attempt, or without one of its own: no policy tries it again. */
export function failedUntried(context: TaskContext, error: Failure): TaskFact {
  const attempt = context.attempt + 1;
  return {
    type: 'task:failed',
    data: { ...refOf(context), ...routeOf(context), attempt, error, durationMs: 0, ended: 'error', lost: context.lost, ...elementOf(context) },
  };
}

interface AttemptEnd {
  readonly error: Failure;
  readonly durationMs: number;
  readonly ended: DataOf<'task:failed'>['ended'];
}

export function failedAttempt(context: TaskContext, { error, durationMs, ended }: AttemptEnd): TaskFact {
  const { attempt, lease, retry } = context;
  const lost = ended === 'lost' ? context.lost + 1 : context.lost;
  return {
    type: 'task:failed',
    data: {
      ...refOf(context),
      ...routeOf(context),
      ...lease,
      attempt,
      error,
      durationMs,
      ended,
      lost,
      ...(retry !== undefined && { retry }),
      ...elementOf(context),
      ...earlierOf(context),
    },
  };
}

export const runMsOf = ({ startedAt }: TaskContext, time: number) => Math.max(0, time - startedAt);

/** What came of a fan-out; its elements had their retries, so it has none. */
export function collected(context: TaskContext, { data, time }: EventOf<'task:collected'>): TaskFact {
  const part = { ...refOf(context), ...routeOf(context), attempt: context.attempt, durationMs: runMsOf(context, time), ...elementOf(context) };
  if (data.error === undefined) return { type: 'task:completed', data: { ...part, result: data.result ?? [] } };
  return { type: 'task:failed', data: { ...part, error: { ...data.error, retryable: false }, ended: 'error', lost: context.lost } };
}

export function cancelledBy(context: TaskContext, event: EventOf<'task:cancel' | 'workflow:cancelling' | 'workflow:failing'>): TaskFact {
  const { attempt, lease, protocol } = context;
  const cause = event.type === 'workflow:failing' ? { reason: `workflow failing: ${event.data.error.code}`, by: 'workflow' } : event.data;
  return {
    type: 'task:cancelled',
    data: {
      ...refOf(context),
      protocol,
      reason: cause.reason,
      by: cause.by,
      attempts: attempt,
      ...elementOf(context),
      ...(lease !== null && { workerId: lease.workerId, leaseId: lease.leaseId, circuit: lease.circuit, epoch: lease.epoch }),
    },
  };
}

/** A task that has not begun does not begin any more: its workflow fails. */
export function skippedBy(context: TaskContext, { data }: EventOf<'workflow:failing'>): TaskFact {
  const policy = data.error.code === 'WORKFLOW_TIMEOUT' ? 'workflow_timeout' : 'fail_fast';
  const because = data.failedTaskIds[0] ?? data.error.code;
  return { type: 'task:skipped', data: { ...refOf(context), protocol: context.protocol, because, policy, ...elementOf(context) } };
}
