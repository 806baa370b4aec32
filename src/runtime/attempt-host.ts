/** Lets attempts run once their start is durable, here or by a remote worker, and ends them when their lease does. */
import type { EventOf } from '../../machines/events/catalogue.ts';
import type { TaskContext } from '../../machines/task.ts';
import type { Executor } from '../providers/executor.ts';
import { taskKey } from '../system/addressing.ts';
import type { Core } from '../system/core.ts';
import { hostRemoteAttempts, type RemoteAttempts } from './remote-attempts.ts';

export { attemptsOf, claimOf, type LeaseRef, type RemoteRunner } from './remote-attempts.ts';

export interface AttemptHost extends Pick<RemoteAttempts, 'attach'> {
  /** Attempts that run in this process. */
  running(): number;
  /**
   * Aborts what still runs in this process, and says so of each attempt; what a handler reports after that is not heard. Remote
   * attempts go on: the next start finds them again.
   */
  abandon(reason: string): void;
}

export function hostAttempts(core: Core, executor: Executor): AttemptHost {
  const remote = hostRemoteAttempts(core);
  let isAbandoned = false;

  const start = (event: EventOf<'task:started'>): void => {
    const { data } = event;
    if (data.remote) {
      remote.start(data);
      return;
    }
    const task = core.snapshot('task', taskKey(data.workflowId, data.taskId));
    // A task's snapshot has the task's context.
    const context = task?.context as TaskContext | undefined;
    // Between the turn that started it and its commit, the task may have been cancelled, or even started anew.
    if (task?.status !== 'active' || context?.lease?.leaseId !== data.leaseId) return;
    executor.run({ ...data, params: context.params }, (outcome) => {
      if (!isAbandoned) core.accept(outcome, { source: `worker/${data.workerId}`, cause: event });
    });
  };
  const abort = (workerId: string | undefined, leaseId: string, reason: string): void => {
    executor.abort(leaseId, reason);
    remote.abort(workerId, leaseId, reason);
  };

  core.on('task:started', start);
  core.on('task:timeout', ({ data }) => abort(data.workerId, data.leaseId, `it ran longer than ${data.timeoutMs} ms`));
  core.on('task:lease_expired', ({ data }) => abort(data.workerId, data.leaseId, 'its lease expired'));
  core.on('task:cancelled', ({ data }) => {
    if (data.leaseId !== undefined) abort(data.workerId, data.leaseId, data.reason);
  });
  core.on('worker:failed', ({ data: { workerId, tasks } }) => {
    for (const { leaseId } of tasks) abort(workerId, leaseId, `its worker '${workerId}' failed`);
  });

  return {
    attach: remote.attach,
    running: () => executor.running().length,
    abandon(reason) {
      isAbandoned = true;
      for (const { workflowId, taskId, attempt, leaseId, workerId } of executor.running()) {
        executor.abort(leaseId, reason);
        core.accept({ type: 'attempt:abandoned', data: { workflowId, taskId, attempt, leaseId, workerId, reason } }, { source: 'executor' });
      }
    },
  };
}
