import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

describe('a deadline', () => {
  it('of a task ends its attempt, aborts its handler, and counts as a retryable failure', async () => {
    const hands = handOperated();
    const { submit, advance, order, only, of } = await scene({ providers: [hands.provider] });
    await submit(
      defineWorkflow({
        name: 'slow',
        tasks: (task) => task('one', { method: 'demo/work', timeoutMs: 2_000, retry: { maxAttempts: 2, baseDelayMs: 500, jitter: 'none' } }),
      }),
    );
    const [first] = hands.calls;
    await advance(1_999);
    expect(of('task:timeout')).toEqual([]);
    await advance(1);
    expect(only('task:timeout').data).toMatchObject({ taskId: 'one', attempt: 1, timeoutMs: 2_000 });
    expect(only('task:failed').data).toMatchObject({ ended: 'timeout', durationMs: 2_000, error: { code: 'TASK_TIMEOUT', retryable: true } });
    expect(first?.signal.aborted).toBe(true);
    expect(order('task:timeout', 'task:failed', 'task:retry_scheduled')).toEqual(['task:timeout', 'task:failed', 'task:retry_scheduled']);
    await advance(500);
    hands.callOf('one').succeed();
    await advance(10_000);
    expect(of('task:timeout')).toHaveLength(1);
    expect(of('workflow:completed')).toHaveLength(1);
  });

  it('of a task does not run while the task waits', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, advance, settle, of } = await scene({ providers: [hands.provider] });
    await submit(
      defineWorkflow({
        name: 'queued',
        tasks: (task) => {
          task('a', { method: 'demo/work' });
          task('b', { method: 'demo/work', timeoutMs: 1_000 });
          return null;
        },
      }),
    );
    await advance(5_000);
    hands.callOf('a').succeed();
    await advance(999);
    expect(of('task:timeout')).toEqual([]);
    hands.callOf('b').succeed();
    await settle();
  });

  it('of a workflow fails it: what runs is cancelled, what waits is skipped', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, advance, of, until } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({
        name: 'late',
        timeoutMs: 3_000,
        tasks: (task) => {
          task('a', { method: 'demo/work' });
          task('b', { method: 'demo/work' });
          task('c', { method: 'demo/work', dependsOn: ['a'] });
          return null;
        },
      }),
    );
    const [call] = hands.calls;
    await advance(3_000);
    expect(await until(run.result())).toMatchObject({
      status: 'failed',
      durationMs: 3_000,
      error: { code: 'WORKFLOW_TIMEOUT' },
      tasks: { a: { status: 'cancelled' }, b: { status: 'skipped' }, c: { status: 'skipped' } },
    });
    expect(call?.signal.aborted).toBe(true);
    expect(of('task:skipped').map(({ data }) => data.policy)).toEqual(['workflow_timeout', 'workflow_timeout']);
    expect(
      of('queue:task_dequeued')
        .map(({ data }) => data.taskId)
        .sort(),
    ).toEqual(['a', 'b']);
  });

  it('of a workflow that ended in time never comes', async () => {
    const { play, advance, of } = await scene();
    await play(defineWorkflow({ name: 'quick', timeoutMs: 3_000, tasks: (task) => task('a', { run: () => 1 }) }));
    await advance(5_000);
    expect(of('workflow:timeout')).toEqual([]);
  });
});
