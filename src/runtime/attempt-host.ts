/** Lets attempts run once their start is durable, and ends them when their lease does. */
import type { DataOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Executor } from '../providers/executor.ts';
import { taskKey } from '../system/addressing.ts';
import type { Core } from '../system/core.ts';

export interface AttemptHost {
  /** Attempts that run here. */
  running(): number;
  /** Aborts what still runs; nothing of it is reported, so that it counts as never ended. */
  abandon(reason: string): void;
}

export function hostAttempts(core: Core, executor: Executor): AttemptHost {
  let isAbandoned = false;

  const start = (event: Extract<GleitzeitEvent, { readonly type: 'task:started' }>): void => {
    const { workflowId, taskId, leaseId } = event.data;
    const task = core.snapshot('task', taskKey(workflowId, taskId));
    // Between the turn that started it and its commit, the task may have been cancelled, or even started anew.
    if (task === undefined || !holdsLease(task.context, leaseId) || task.status !== 'active') return;
    executor.run({ ...event.data, params: paramsOf(task.context) }, (outcome) => {
      if (!isAbandoned) core.accept(outcome, { source: `worker/${event.data.workerId}`, cause: event });
    });
  };

  core.on('task:started', start);
  core.on('task:timeout', ({ data }) => executor.abort(data.leaseId, `it ran longer than ${data.timeoutMs} ms`));
  core.on('task:lease_expired', ({ data }) => executor.abort(data.leaseId, 'its lease expired'));
  core.on('task:cancelled', ({ data }) => {
    if (data.leaseId !== undefined) executor.abort(data.leaseId, data.reason);
  });
  core.on('worker:failed', ({ data }) => {
    for (const { leaseId } of data.tasks) executor.abort(leaseId, `its worker '${data.workerId}' failed`);
  });

  return {
    running: () => executor.running().length,
    abandon(reason) {
      isAbandoned = true;
      for (const { leaseId } of executor.running()) executor.abort(leaseId, reason);
    },
  };
}

function holdsLease(context: unknown, leaseId: DataOf<'task:started'>['leaseId']): boolean {
  return (context as { readonly lease?: { readonly leaseId: string } | null }).lease?.leaseId === leaseId;
}

function paramsOf(context: unknown): unknown {
  return (context as { readonly params?: unknown }).params;
}
