import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../machines/events/catalogue.ts';
import { failure } from '../../machines/failures.ts';
import { retryDefaults } from '../../machines/policies/backoff.ts';
import { hasRetryBudget, isRetryPending, retryManagerMachine } from '../../machines/retry-manager.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const ref = { workflowId: 'w', taskId: 't' };
const policy = { ...retryDefaults, jitter: 'none' } as const;
const failed = (more: Partial<DataOf<'task:failed'>> = {}): DataOf<'task:failed'> => ({
  ...ref,
  method: 'text/words',
  protocol: 'text/v1',
  attempt: 1,
  error: failure('TASK_EXECUTION_FAILED', 'no'),
  durationMs: 5,
  ended: 'error',
  lost: 0,
  retry: policy,
  ...more,
});
const completed: DataOf<'task:completed'> = {
  workflowId: 'w',
  taskId: 'u',
  method: 'text/words',
  protocol: 'text/v1',
  attempt: 1,
  result: 1,
  durationMs: 1,
};
const due = { ...ref, protocol: 'text/v1', attempt: 1 };
const cancelled: DataOf<'task:cancelled'> = { ...ref, protocol: 'text/v1', reason: 'enough', by: 'user', attempts: 1 };
const start = () => startMachine('retry', retryManagerMachine, { protocol: 'text/v1' });

describe('retryManagerMachine', () => {
  it('schedules another attempt, and says how many there may be and what is left of the budget', () => {
    const retry = start();
    expect(retry.hear('task:failed', failed(), { time: 50 })).toEqual([
      { type: 'task:retry_scheduled', data: { ...ref, protocol: 'text/v1', attempt: 1, delayMs: 1_000, dueAt: 1_050, maxAttempts: 3, budget: 9 } },
    ]);
  });

  it('says that a task failed for good with the last error itself, once its attempts are used', () => {
    const retry = start();
    const last = failed({ attempt: 3, element: { of: 'list', index: 2 } });
    expect(retry.hear('task:failed', last)).toEqual([
      { type: 'task:retry_exhausted', data: { ...ref, attempts: 3, error: last.error, durationMs: 5, element: { of: 'list', index: 2 } } },
    ]);
  });

  it('tries a task without a policy once', () => {
    const retry = start();
    expect(retry.hear('task:failed', failed({ retry: undefined }))).toMatchObject([{ type: 'task:retry_exhausted', data: { attempts: 1 } }]);
  });

  it('retries a lost attempt at once and for free, and quarantines a task that lost three', () => {
    const retry = start();
    const lost = failed({ ended: 'lost', retry: undefined, error: failure('CONNECTION_LOST', 'gone') });
    expect(retry.hear('task:failed', { ...lost, lost: 1 })).toMatchObject([
      { type: 'task:retry_scheduled', data: { delayMs: 0, maxAttempts: 2, budget: 10 } },
    ]);
    expect(retry.hear('task:failed', { ...lost, attempt: 3, lost: 3 })).toMatchObject([
      { type: 'task:retry_exhausted', data: { error: { code: 'TASK_QUARANTINED' } } },
    ]);
  });

  it('takes its chance from the id of the failure, so that a replay decides the same', () => {
    const jittered = failed({ retry: { ...policy, jitter: 'full' } });
    const [one, same, other] = ['a', 'a', 'b'].map((id) => start().hear('task:failed', jittered, { id }));
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('lets a due retry go once, and only while the task waits for it', () => {
    const retry = start();
    retry.hear('task:failed', failed());
    expect(isRetryPending(retry.context(), due)).toBe(true);
    expect(retry.hear('task:retry', { ...due, attempt: 2 })).toEqual([]);
    expect(retry.hear('task:retry', due)).toEqual([{ type: 'task:retry_executed', data: { ...ref, attempt: 1 } }]);
    expect(retry.hear('task:retry', due)).toEqual([]);
  });

  it('refuses the retry of a task that was cancelled meanwhile, and forgets it', () => {
    const retry = start();
    retry.hear('task:failed', failed());
    retry.hear('task:cancelled', cancelled);
    expect(retry.context().pending.size).toBe(0);
    expect(retry.hear('task:retry', due)).toEqual([]);
  });

  it('puts retries off, and never refuses them, when its budget is spent', () => {
    const retry = start();
    const quick = { ...policy, strategy: 'fixed', baseDelayMs: 0 } as const;
    const facts = Array.from({ length: 12 }).flatMap((_, index) => retry.hear('task:failed', failed({ taskId: `t${index}`, retry: quick })));
    expect(facts.map(({ data }) => (data as DataOf<'task:retry_scheduled'>).delayMs)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200]);
    expect(retry.state()).toBe('budgetExhausted');
    expect(hasRetryBudget(retry.context(), 0)).toBe(false);
    expect(hasRetryBudget(retry.context(), 400)).toBe(true);
  });

  it('is within its budget again when completed attempts have paid for the next retry', () => {
    const retry = start();
    for (let index = 0; index < 10; index++) retry.hear('task:failed', failed({ taskId: `t${index}` }));
    expect(retry.state()).toBe('budgetExhausted');
    for (let index = 0; index < 30; index++) retry.hear('task:completed', completed);
    retry.hear('task:failed', failed());
    expect(retry.state()).toBe('withinBudget');
  });

  it('counts no completed attempt while its budget is whole', () => {
    const retry = start();
    const before = retry.context();
    retry.hear('task:completed', completed, { time: 9 });
    expect(retry.context()).toBe(before);
  });

  it('replays to the same state from its own facts alone', () => {
    const live = start();
    for (let index = 0; index < 11; index++) live.hear('task:failed', failed({ taskId: `t${index}` }));
    live.hear('task:retry', { ...due, taskId: 't3' });
    const replayed = start();
    for (const { type, data } of live.stated) if (type !== 'task:retry_exhausted') replayed.replay(type, data as never);
    expect(replayed.state()).toBe(live.state());
    expect(replayed.context().budget).toEqual(live.context().budget);
    expect(replayed.context().pending.equals(live.context().pending)).toBe(true);
  });

  it('moves by its own facts only, and handles everything everywhere', () => {
    const scheduled = { ...due, delayMs: 1, dueAt: 1, maxAttempts: 3 };
    const found = explore(retryManagerMachine, {
      component: 'retry',
      input: { protocol: 'text/v1' },
      events: [
        eventOf('task:failed', failed()),
        eventOf('task:failed', failed({ attempt: 3 })),
        eventOf('task:retry', due),
        eventOf('task:completed', completed),
        eventOf('task:cancelled', cancelled),
        eventOf('task:cancelled', { ...cancelled, taskId: 'other' }),
        eventOf('task:retry_scheduled', { ...scheduled, budget: 5 }),
        eventOf('task:retry_scheduled', { ...scheduled, budget: -2 }),
        eventOf('task:retry_executed', { ...ref, attempt: 1 }),
        eventOf('pool:stopped', { poolId: 'text/v1' }),
      ],
      movedBy: ['pool:stopped'],
      distinguish: ({ context }) => [Math.round(context.budget.tokens), context.pending.toJSON()],
    });
    expect(found).toMatchObject({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
  });
});
