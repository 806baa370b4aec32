/** Payloads of the ends of tasks of workflow `w`, for tests. */
import type { DataOf } from '../../machines/events/catalogue.ts';
import type { Element } from '../../machines/events/payloads.ts';
import { type Failure, failure } from '../../machines/failures.ts';

const route = { method: 'core/echo', protocol: 'core/v1' };

export function completedOf(taskId: string, { result = null, element }: { result?: unknown; element?: Element } = {}): DataOf<'task:completed'> {
  return { workflowId: 'w', taskId, ...route, attempt: 1, result, durationMs: 5, ...(element && { element }) };
}

export function exhaustedOf(taskId: string, { element }: { element?: Element } = {}): DataOf<'task:retry_exhausted'> {
  return {
    workflowId: 'w',
    taskId,
    attempts: 2,
    durationMs: 7,
    error: failure('TASK_EXECUTION_FAILED', `${taskId} broke`),
    ...(element && { element }),
  };
}

export function cancelledOf(taskId: string, { element }: { element?: Element } = {}): DataOf<'task:cancelled'> {
  return { workflowId: 'w', taskId, reason: 'enough', by: 'me', attempts: 1, protocol: 'core/v1', ...(element && { element }) };
}

export function failedOf(taskId: string, error: Failure): DataOf<'task:failed'> {
  return { workflowId: 'w', taskId, ...route, attempt: 1, error, durationMs: 5, ended: 'error', lost: 0 };
}
