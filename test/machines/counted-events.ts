import type { DataOf } from '../../machines/events/catalogue.ts';
import { failure } from '../../machines/failures.ts';
import type { CountedType } from '../../machines/policies/figures.ts';

const stats = { submitted: 3, completed: 1, failed: 0, cancelled: 0, live: 2 };
const counts = { completed: 2, failed: 1, cancelled: 0, skipped: 0 };
const error = failure('TASK_EXECUTION_FAILED', 'It broke.');
const task = { workflowId: 'w', taskId: 't', method: 'text/words', protocol: 'text/v1' };
const lease = { workerId: 'text/v1#1', leaseId: 'l', providerId: 'text', circuit: null, epoch: 0 };
const scaling = { poolId: 'text/v1', from: 1, to: 3, reason: 'r' };
const ended = { workflowId: 'w', durationMs: 2_000, counts };

/** One event of each type that figures are made of. */
export const countedEvents: { readonly [Type in CountedType]: DataOf<Type> } = {
  'engine:started': { mode: 'running', stats },
  'engine:stopped': { mode: 'stopped', stats, reason: 'r' },
  'workflow:started': { workflowId: 'w', totalTasks: 3 },
  'workflow:completed': { ...ended, output: null },
  'workflow:failed': { ...ended, error, failedTaskIds: ['t'] },
  'workflow:cancelled': { ...ended, reason: 'r', by: 'user' },
  'task:submitted': { ...task, priority: 'normal' },
  'task:ready': { ...task, priority: 'normal', timeoutMs: 1_000, params: null },
  'task:queued': { ...task, priority: 'normal', attempt: 2 },
  'task:started': { ...task, ...lease, attempt: 1, leaseUntil: 30_000, remote: false, timeoutMs: 1_000, idempotencyKey: 'w/t' },
  'task:expanded': { workflowId: 'w', taskId: 't', elements: 4 },
  'task:completed': { ...task, ...lease, attempt: 1, result: null, durationMs: 40 },
  'task:failed': { ...task, ...lease, attempt: 1, error, durationMs: 30, ended: 'error', lost: 0 },
  'task:stale_report': { workflowId: 'w', taskId: 't', attempt: 1, leaseId: 'l', workerId: 'x', reported: 'succeeded' },
  'queue:task_enqueued': { ...task, priority: 'high', depth: 5, attempt: 1 },
  'queue:task_dequeued': { ...task, priority: 'high', depth: 4, waitMs: 20, reason: 'claimed' },
  'queue:priority_changed': { workflowId: 'w', taskId: 't', from: 'low', to: 'high' },
  'queue:metrics': { depth: 6, capacity: 10, byPriority: { low: 1, normal: 2, high: 3, urgent: 0 }, oldestMs: 500, enqueued: 9, dequeued: 3 },
  'pool:scaled': scaling,
  'pool:scaled_up': { ...scaling, workerIds: ['text/v1#2', 'text/v1#3'], slots: 1 },
  'pool:scaled_down': { ...scaling, workerIds: ['text/v1#3'] },
  'pool:scale_rejected': { poolId: 'text/v1', direction: 'up', reason: 'limit', size: 3 },
  'pool:metrics': { poolId: 'text/v1', workers: 3, busy: 2, idle: 1, utilization: 0.5, waiting: 1, completed: 7, failed: 1 },
  'pool:stopped': { poolId: 'text/v1' },
  'cleanup:started': { scope: 'workflows', keep: 1 },
  'cleanup:completed': { scope: 'workflows', removed: 8, durationMs: 1 },
};
