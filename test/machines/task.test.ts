import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../machines/events/catalogue.ts';
import { failure } from '../../machines/failures.ts';
import { retryDefaults } from '../../machines/policies/backoff.ts';
import { idempotencyKeyOf, isOfCurrentAttempt, taskMachine } from '../../machines/task.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const ref = { workflowId: 'w', taskId: 't' };
const route = { method: 'text/words', protocol: 'text/v1' };
const ready: DataOf<'task:ready'> = { ...ref, ...route, priority: 'normal', timeoutMs: 300_000, params: { text: 'a b' }, retry: retryDefaults };
const lease = { workerId: 'text/v1#1', leaseId: 'L1', providerId: 'text', circuit: 'text', epoch: 2 };
const claimed: DataOf<'task:claimed'> = { ...ref, ...route, ...lease, attempt: 1, leaseUntil: 30_000, remote: false };
const started: DataOf<'task:started'> = { ...claimed, timeoutMs: 300_000, idempotencyKey: 'w/t' };
const succeeded: DataOf<'attempt:succeeded'> = { ...ref, attempt: 1, leaseId: 'L1', workerId: 'text/v1#1', result: { count: 2 }, durationMs: 12 };
const error = failure('TASK_EXECUTION_FAILED', 'no');
const failed: DataOf<'attempt:failed'> = { ...ref, attempt: 1, leaseId: 'L1', workerId: 'text/v1#1', error, durationMs: 7 };
const late = { ...ref, attempt: 1, leaseId: 'L1', workerId: 'text/v1#1' };
const workerFailed: DataOf<'worker:failed'> = {
  workerId: 'text/v1#1',
  poolId: 'text/v1',
  reason: 'gone',
  tasks: [
    { ...ref, taskId: 'u', leaseId: 'L0' },
    { ...ref, leaseId: 'L1' },
  ],
};
const scheduled: DataOf<'task:retry_scheduled'> = {
  ...ref,
  protocol: 'text/v1',
  attempt: 1,
  delayMs: 1_000,
  dueAt: 1_050,
  maxAttempts: 3,
  budget: 9,
};
const exhausted: DataOf<'task:retry_exhausted'> = { ...ref, attempts: 1, error, durationMs: 7 };
const cancel: DataOf<'task:cancel'> = { ...ref, reason: 'enough', by: 'user' };

function startTask(more: Partial<DataOf<'task:ready'>> = {}) {
  return startMachine('task', taskMachine, { ...ready, ...more, readyAt: 0 });
}
function queuedTask(more: Partial<DataOf<'task:ready'>> = {}) {
  const task = startTask(more);
  task.hear('task:ready', { ...ready, ...more });
  return task;
}
function runningTask(more: Partial<DataOf<'task:ready'>> = {}) {
  const task = queuedTask(more);
  task.hear('task:claimed', claimed, { time: 20 });
  return task;
}
function remoteTask() {
  const task = queuedTask();
  task.hear('task:claimed', { ...claimed, remote: true }, { time: 20 });
  return task;
}
function failingTask() {
  const task = runningTask();
  task.hear('attempt:failed', failed);
  return task;
}
function retryingTask() {
  const task = failingTask();
  task.hear('task:retry_scheduled', scheduled);
  return task;
}

describe('taskMachine', () => {
  it('queues its first attempt when it is ready, and keeps its parameters', () => {
    const task = startTask();
    expect(task.state()).toEqual({ waiting: 'pending' });
    expect(task.hear('task:ready', ready)).toEqual([{ type: 'task:queued', data: { ...ref, ...route, priority: 'normal', attempt: 1 } }]);
    expect(task.state()).toEqual({ waiting: 'queued' });
    expect(task.context()).toMatchObject({ params: { text: 'a b' }, attempt: 0, readyAt: 0 });
  });

  it('starts an attempt under the lease of the worker that claims it', () => {
    const task = queuedTask();
    expect(task.hear('task:claimed', claimed, { time: 20 })).toEqual([{ type: 'task:started', data: started }]);
    expect(task.state()).toBe('running');
    expect(task.context()).toMatchObject({ attempt: 1, lease, startedAt: 20 });
    expect(idempotencyKeyOf(task.context())).toBe('w/t');
  });

  it('takes no claim of another attempt, and none while it runs', () => {
    const task = queuedTask();
    expect(task.hear('task:claimed', { ...claimed, attempt: 2 })).toEqual([]);
    task.hear('task:claimed', claimed);
    expect(task.hear('task:claimed', { ...claimed, leaseId: 'L2' })).toEqual([]);
    expect(task.context().lease?.leaseId).toBe('L1');
  });

  it('completes with the result of its attempt, and says who ran it at which epoch', () => {
    const task = runningTask({ element: { of: 'list', index: 3 } });
    expect(task.hear('attempt:succeeded', succeeded)).toEqual([
      {
        type: 'task:completed',
        data: { ...ref, ...route, ...lease, attempt: 1, result: { count: 2 }, durationMs: 12, element: { of: 'list', index: 3 } },
      },
    ]);
    expect(task.state()).toBe('completed');
    expect(task.snapshot().status).toBe('done');
  });

  it('states that one attempt failed, with its policy, and waits for the decision', () => {
    const task = runningTask();
    expect(task.hear('attempt:failed', failed)).toEqual([
      { type: 'task:failed', data: { ...ref, ...route, ...lease, attempt: 1, error, durationMs: 7, ended: 'error', lost: 0, retry: retryDefaults } },
    ]);
    expect(task.state()).toBe('failing');
    expect(task.context()).toMatchObject({ error, lease: null });
  });

  it('counts on where its workflow was retried, and says how many attempts its policy is not to count', () => {
    const task = queuedTask({ earlier: 2 });
    expect(task.stated).toMatchObject([{ type: 'task:queued', data: { attempt: 3 } }]);
    task.hear('task:claimed', { ...claimed, attempt: 3 }, { time: 20 });
    expect(task.hear('attempt:failed', { ...failed, attempt: 3 })[0]?.data).toMatchObject({ attempt: 3, earlier: 2, lost: 0 });
  });

  it('goes back into the queue when its retry is due, under the next attempt', () => {
    const task = retryingTask();
    expect(task.state()).toBe('waitingRetry');
    expect(task.context().dueAt).toBe(1_050);
    expect(task.hear('task:retry_executed', { ...ref, attempt: 1 })).toEqual([
      { type: 'task:queued', data: { ...ref, ...route, priority: 'normal', attempt: 2 } },
    ]);
    expect(task.state()).toEqual({ waiting: 'queued' });
    expect(task.context().dueAt).toBeNull();
  });

  it('takes no decision about an earlier attempt', () => {
    const task = failingTask();
    task.hear('task:retry_scheduled', { ...scheduled, attempt: 2 });
    expect(task.state()).toBe('failing');
    const waiting = retryingTask();
    waiting.hear('task:retry_executed', { ...ref, attempt: 2 });
    expect(waiting.state()).toBe('waitingRetry');
  });

  it('failed for good when the retry manager says so, and is quarantined when it lost too many workers', () => {
    const task = failingTask();
    task.hear('task:retry_exhausted', exhausted);
    expect(task.state()).toBe('failed');
    const poison = failingTask();
    poison.hear('task:retry_exhausted', { ...exhausted, error: failure('TASK_QUARANTINED', 'again') });
    expect(poison.state()).toBe('quarantined');
  });

  it('answers its deadline with a failed attempt of code TASK_TIMEOUT, retryable', () => {
    const task = runningTask();
    expect(task.hear('task:timeout', { ...late, timeoutMs: 300_000 }, { time: 300_020 })).toMatchObject([
      { type: 'task:failed', data: { ended: 'timeout', durationMs: 300_000, lost: 0, error: { code: 'TASK_TIMEOUT', retryable: true } } },
    ]);
  });

  it.each([
    ['its lease expires', 'task:lease_expired', late],
    ['its worker is lost', 'worker:failed', workerFailed],
  ] as const)('counts an attempt as lost when %s', (_, type, data) => {
    const task = runningTask();
    expect(task.hear(type, data, { time: 50 })).toMatchObject([
      { type: 'task:failed', data: { ended: 'lost', lost: 1, attempt: 1, durationMs: 30, error: { code: 'CONNECTION_LOST' } } },
    ]);
    expect(task.context().lost).toBe(1);
  });

  it('ignores deadlines, expiries and lost workers of leases that it does not run under', () => {
    const task = runningTask();
    expect(task.hear('task:timeout', { ...late, leaseId: 'L0', timeoutMs: 1 })).toEqual([]);
    expect(task.hear('task:lease_expired', { ...late, attempt: 2 })).toEqual([]);
    expect(task.hear('worker:failed', { ...workerFailed, tasks: [{ ...ref, leaseId: 'L0' }] })).toEqual([]);
    expect(task.state()).toBe('running');
  });

  it.each([
    ['another lease', { leaseId: 'L0' }],
    ['another attempt', { attempt: 2 }],
  ])('refuses a report of %s as stale while it runs', (_, more) => {
    const task = runningTask();
    expect(task.hear('attempt:succeeded', { ...succeeded, ...more })).toEqual([
      { type: 'task:stale_report', data: { ...late, ...more, reported: 'succeeded' } },
    ]);
    expect(task.hear('attempt:failed', { ...failed, ...more })).toMatchObject([{ type: 'task:stale_report', data: { reported: 'failed' } }]);
    expect(task.state()).toBe('running');
  });

  it('refuses a report of an attempt that has ended, in every state that follows', () => {
    for (const task of [failingTask(), retryingTask()])
      expect(task.hear('attempt:succeeded', succeeded)).toMatchObject([{ type: 'task:stale_report' }]);
    const requeued = retryingTask();
    requeued.hear('task:retry_executed', { ...ref, attempt: 1 });
    expect(requeued.hear('attempt:succeeded', succeeded)).toMatchObject([{ type: 'task:stale_report' }]);
    requeued.hear('task:claimed', { ...claimed, attempt: 2, leaseId: 'L2' });
    expect(requeued.hear('attempt:succeeded', succeeded)).toMatchObject([{ type: 'task:stale_report' }]);
    expect(requeued.state()).toBe('running');
    expect(isOfCurrentAttempt(requeued.context(), { attempt: 2, leaseId: 'L2' })).toBe(true);
  });

  it('is cancelled while it waits, by whoever asks', () => {
    const task = queuedTask();
    expect(task.hear('task:cancel', cancel)).toEqual([
      { type: 'task:cancelled', data: { ...ref, protocol: 'text/v1', reason: 'enough', by: 'user', attempts: 0 } },
    ]);
    expect(task.state()).toBe('cancelled');
  });

  it('is cancelled while it runs, and names the lease that ends and the circuit that had let it through', () => {
    const task = runningTask();
    expect(task.hear('workflow:cancelling', { workflowId: 'w', reason: 'enough', by: 'user' })).toEqual([
      {
        type: 'task:cancelled',
        data: {
          ...ref,
          protocol: 'text/v1',
          reason: 'enough',
          by: 'user',
          attempts: 1,
          workerId: 'text/v1#1',
          leaseId: 'L1',
          circuit: 'text',
          epoch: 2,
        },
      },
    ]);
  });

  it('is cancelled while it fails or waits for a retry, without a lease', () => {
    for (const task of [failingTask(), retryingTask()]) {
      const [fact] = task.hear('workflow:failing', { workflowId: 'w', error, failedTaskIds: ['u'] });
      expect(fact).toEqual({
        type: 'task:cancelled',
        data: { ...ref, protocol: 'text/v1', reason: 'workflow failing: TASK_EXECUTION_FAILED', by: 'workflow', attempts: 1 },
      });
      expect(task.state()).toBe('cancelled');
    }
  });

  it('takes the attempt that ran when the last run ended for lost, and goes on, when the engine starts', () => {
    const task = runningTask();
    expect(task.hear('workflow:recover', { workflowId: 'w', since: 1 })).toMatchObject([{ type: 'task:failed', data: { ended: 'lost', lost: 1 } }]);
  });

  it('leaves an attempt alone that began after the engine had started: its workflow only had its turn later', () => {
    const task = runningTask();
    expect(task.hear('workflow:recover', { workflowId: 'w', since: 0 })).toEqual([]);
    expect(task.state()).toBe('running');
  });

  it('leaves an attempt alone that runs outside the process when the engine starts: its worker has its lease to come back', () => {
    const task = remoteTask();
    expect(task.hear('workflow:recover', { workflowId: 'w', since: 1 })).toEqual([]);
    expect(task.hear('attempt:succeeded', succeeded)).toMatchObject([{ type: 'task:completed' }]);
  });

  it('takes an attempt for lost that its worker does not run, and no other', () => {
    const task = remoteTask();
    const lost: DataOf<'worker:lease_lost'> = { ...late, poolId: 'text/v1', reason: 'restarted' };
    expect(task.hear('worker:lease_lost', { ...lost, leaseId: 'L0' })).toEqual([]);
    expect(task.hear('worker:lease_lost', lost)).toMatchObject([{ type: 'task:failed', data: { ended: 'lost', lost: 1 } }]);
    expect(task.hear('worker:lease_lost', lost)).toEqual([]);
  });

  it('does not count an attempt as lost that was given up in order', () => {
    const task = runningTask();
    const abandoned: DataOf<'attempt:abandoned'> = { ...late, reason: 'the system stops' };
    expect(task.hear('attempt:abandoned', { ...abandoned, leaseId: 'L0' })).toEqual([]);
    expect(task.hear('attempt:abandoned', abandoned, { time: 40 })).toMatchObject([
      { type: 'task:failed', data: { ended: 'abandoned', lost: 0, attempt: 1, error: { code: 'SYSTEM_SHUTDOWN' } } },
    ]);
    expect(task.hear('attempt:abandoned', abandoned)).toEqual([]);
  });

  it('queues itself when the engine starts and it was brought back between a due retry and its queue', () => {
    const task = retryingTask();
    task.replay('task:retry_executed', { ...ref, attempt: 1 });
    expect(task.hear('workflow:recover', { workflowId: 'w', since: 1 })).toMatchObject([{ type: 'task:queued', data: { attempt: 2 } }]);
  });

  it('is skipped, and says so itself, when its workflow fails before it has begun', () => {
    const task = queuedTask();
    expect(task.hear('workflow:failing', { workflowId: 'w', error, failedTaskIds: ['u'] })).toEqual([
      { type: 'task:skipped', data: { ...ref, protocol: 'text/v1', because: 'u', policy: 'fail_fast' } },
    ]);
    expect(task.state()).toBe('skipped');
  });

  it('names the timeout of its workflow as the reason why it is skipped', () => {
    const [fact] = queuedTask().hear('workflow:failing', { workflowId: 'w', error: failure('WORKFLOW_TIMEOUT', 'late'), failedTaskIds: [] });
    expect(fact).toMatchObject({ data: { because: 'WORKFLOW_TIMEOUT', policy: 'workflow_timeout' } });
  });

  it('fails without a retry when its parameters could not be made', () => {
    const fault = failure('TASK_PARAMETER_ERROR', "There is no field 'x'.");
    const task = queuedTask({ fault });
    expect(task.stated).toEqual([
      { type: 'task:failed', data: { ...ref, ...route, attempt: 1, error: fault, durationMs: 0, ended: 'error', lost: 0 } },
    ]);
    expect(task.state()).toBe('failing');
  });

  it('fails for good with QUEUE_FULL when it is pushed out of the queue', () => {
    const task = queuedTask();
    expect(task.hear('queue:task_shed', { ...ref, capacity: 5 })).toMatchObject([
      { type: 'task:failed', data: { attempt: 1, error: { code: 'QUEUE_FULL', retryable: false } } },
    ]);
    expect(task.stated.at(-1)?.data).not.toHaveProperty('retry');
  });

  it('fans out into its elements, and completes with their results in order', () => {
    const task = queuedTask({ elements: 2 });
    expect(task.stated).toEqual([{ type: 'task:expanded', data: { ...ref, elements: 2 } }]);
    expect(task.state()).toBe('expanded');
    expect(task.hear('task:collected', { ...ref, result: ['a', null] }, { time: 40 })).toEqual([
      { type: 'task:completed', data: { ...ref, ...route, attempt: 1, result: ['a', null], durationMs: 40 } },
    ]);
    expect(task.state()).toBe('completed');
  });

  it('fails without a retry when its elements failed', () => {
    const task = queuedTask({ elements: 2 });
    const [fact] = task.hear('task:collected', { ...ref, error });
    expect(fact).toEqual({
      type: 'task:failed',
      data: { ...ref, ...route, attempt: 1, error: { ...error, retryable: false }, durationMs: 0, ended: 'error', lost: 0 },
    });
    expect(task.state()).toBe('failing');
  });

  it('takes the priority that the queue gave it along into a retry', () => {
    const task = queuedTask();
    task.hear('queue:priority_changed', { ...ref, from: 'normal', to: 'urgent' });
    task.hear('task:claimed', claimed);
    task.hear('attempt:failed', failed);
    task.hear('task:retry_scheduled', scheduled);
    expect(task.hear('task:retry_executed', { ...ref, attempt: 1 })).toMatchObject([{ data: { priority: 'urgent', attempt: 2 } }]);
  });

  it('replays to the same state from recorded facts alone, and queues the attempt that is due when it is ready again', () => {
    const live = retryingTask();
    const replayed = startTask();
    replayed.replay('task:started', started, { time: 20 });
    expect(replayed.state()).toBe('running');
    const fact = live.stated.find(({ type }) => type === 'task:failed');
    replayed.replay('task:failed', fact?.data as DataOf<'task:failed'>);
    replayed.replay('task:retry_scheduled', scheduled);
    expect(replayed.state()).toEqual(live.state());
    expect(replayed.context()).toEqual(live.context());

    replayed.replay('task:retry_executed', { ...ref, attempt: 1 });
    expect(replayed.state()).toEqual({ waiting: 'pending' });
    expect(replayed.hear('task:ready', ready)).toMatchObject([{ type: 'task:queued', data: { attempt: 2 } }]);
    expect(replayed.state()).toEqual({ waiting: 'queued' });
  });

  it('moves by its own facts and by decisions about its retries only, and handles everything everywhere', () => {
    const taskFailed: DataOf<'task:failed'> = { ...ref, ...route, ...lease, attempt: 1, error, durationMs: 7, ended: 'error', lost: 0 };
    const found = explore(taskMachine, {
      component: 'task',
      input: { ...ready, readyAt: 0 },
      events: [
        eventOf('task:ready', ready),
        eventOf('task:ready', { ...ready, fault: error }),
        eventOf('task:ready', { ...ready, elements: 2 }),
        eventOf('task:queued', { ...ref, ...route, priority: 'normal', attempt: 1 }),
        eventOf('task:claimed', claimed),
        eventOf('task:claimed', { ...claimed, attempt: 2, leaseId: 'L2' }),
        eventOf('task:started', started),
        eventOf('task:started', { ...started, remote: true }),
        eventOf('task:started', { ...started, attempt: 2, leaseId: 'L2' }),
        eventOf('task:expanded', { ...ref, elements: 2 }),
        eventOf('task:collected', { ...ref, result: [] }),
        eventOf('task:completed', { ...ref, ...route, attempt: 1, result: 1, durationMs: 1 }),
        eventOf('task:failed', taskFailed),
        eventOf('task:failed', { ...taskFailed, attempt: 2, ended: 'lost', lost: 1 }),
        eventOf('task:cancelled', { ...ref, protocol: 'text/v1', reason: 'enough', by: 'user', attempts: 1 }),
        eventOf('task:skipped', { ...ref, protocol: 'text/v1', because: 'u', policy: 'fail_fast' }),
        eventOf('attempt:succeeded', succeeded),
        eventOf('attempt:failed', failed),
        eventOf('task:timeout', { ...late, timeoutMs: 1 }),
        eventOf('task:lease_expired', late),
        eventOf('worker:failed', workerFailed),
        eventOf('worker:lease_lost', { ...late, poolId: 'text/v1', reason: 'restarted' }),
        eventOf('attempt:abandoned', { ...late, reason: 'the system stops' }),
        eventOf('task:retry_scheduled', scheduled),
        eventOf('task:retry_executed', { ...ref, attempt: 1 }),
        eventOf('task:retry_exhausted', exhausted),
        eventOf('task:retry_exhausted', { ...exhausted, error: failure('TASK_QUARANTINED', 'again') }),
        eventOf('task:cancel', cancel),
        eventOf('workflow:failing', { workflowId: 'w', error, failedTaskIds: [] }),
        eventOf('workflow:recover', { workflowId: 'w', since: 1 }),
        eventOf('workflow:cancelling', { workflowId: 'w', reason: 'enough', by: 'user' }),
        eventOf('queue:task_shed', { ...ref, capacity: 1 }),
        eventOf('queue:priority_changed', { ...ref, from: 'normal', to: 'high' }),
      ],
      // An expansion counts as an attempt, so that one after a retry would count on without end.
      distinguish: ({ context }) => [
        Math.min(context.attempt, 3),
        context.lost,
        context.lease?.leaseId,
        context.priority,
        context.dueAt !== null,
        context.isRemote,
      ],
      movedBy: ['task:retry_scheduled', 'task:retry_executed', 'task:retry_exhausted'],
    });
    expect(found).toMatchObject({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
  });
});
