import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const two = defineWorkflow({
  name: 'two',
  tasks: (task) => {
    task('a', { method: 'demo/work' });
    task('b', { method: 'demo/work' });
    return null;
  },
});

describe('cancelling', () => {
  it('a workflow takes its queued task out of the queue, and aborts the running one', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, settle, of, only, until } = await scene({ providers: [hands.provider] });
    const run = await submit(two);
    const call = hands.callOf('a');
    run.cancel('enough');
    await settle();
    expect(call.signal.aborted).toBe(true);
    expect(of('queue:task_dequeued').at(-1)?.data).toMatchObject({ taskId: 'b', reason: 'cancelled', depth: 0 });
    expect(only('workflow:cancelled').data).toMatchObject({ reason: 'enough', by: 'api', counts: { cancelled: 2 } });
    expect(await until(run.result())).toMatchObject({
      status: 'cancelled',
      error: { code: 'WORKFLOW_CANCELLED', message: 'enough' },
      tasks: { a: { status: 'cancelled', attempts: 1 }, b: { status: 'cancelled', attempts: 0 } },
    });
  });

  it('gives the slot of a running task back, so that others go on', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, settle } = await scene({ providers: [hands.provider] });
    const first = await submit(two);
    const second = await submit(two);
    first.cancel();
    await settle();
    expect(hands.open().map(({ workflowId }) => workflowId)).toEqual([second.id]);
  });

  it('a task that waits for its retry cancels the retry', async () => {
    const hands = handOperated();
    const { submit, settle, advance, of, system, until } = await scene({ providers: [hands.provider] });
    const run = await submit(defineWorkflow({ name: 'waiting', tasks: (task) => task('one', { method: 'demo/work', retry: true }) }));
    hands.callOf('one').fail();
    await settle();
    system.cancelTask(run.id, 'one', 'no more');
    await advance(60_000);
    expect(of('task:retry')).toEqual([]);
    expect(of('task:cancelled').map(({ data }) => data)).toMatchObject([{ taskId: 'one', reason: 'no more', attempts: 1 }]);
    expect(await until(run.result())).toMatchObject({ status: 'failed', error: { code: 'TASK_CANCELLED' } });
  });

  it('one task skips what depends on it, and lets the others go on', async () => {
    const hands = handOperated();
    const { submit, settle, system, until, advance } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({
        name: 'partly',
        failurePolicy: 'continue_on_error',
        tasks: (task) => {
          task('a', { method: 'demo/work' });
          task('b', { method: 'demo/work' });
          task('c', { method: 'demo/work', dependsOn: ['a'] });
          return null;
        },
      }),
    );
    await advance(1_000);
    const call = hands.callOf('a');
    system.cancelTask(run.id, 'a');
    await settle();
    expect(call.signal.aborted).toBe(true);
    hands.callOf('b').succeed();
    expect(await until(run.result())).toMatchObject({
      status: 'completed',
      tasks: { a: { status: 'cancelled' }, b: { status: 'completed' }, c: { status: 'skipped' } },
    });
  });

  it('what has ended is a no-op', async () => {
    const { play, settle, system, of } = await scene({ strict: false });
    const { workflowId } = await play(defineWorkflow({ name: 'done', tasks: (task) => task('one', { run: () => 1 }) }));
    system.cancel(workflowId);
    system.cancelTask(workflowId, 'one');
    await settle();
    expect(of('workflow:cancelling')).toEqual([]);
    expect(of('task:cancelled')).toEqual([]);
    expect((await system.result(workflowId)).status).toBe('completed');
  });

  it('twice is the same as once', async () => {
    const hands = handOperated();
    const { submit, settle, of } = await scene({ providers: [hands.provider], strict: false });
    const run = await submit(two);
    run.cancel();
    run.cancel();
    await settle();
    expect(of('workflow:cancelled')).toHaveLength(1);
  });
});

describe('a late report', () => {
  it('of an attempt that timed out is refused as stale', async () => {
    const hands = handOperated();
    const { submit, advance, settle, only, of } = await scene({ providers: [hands.provider] });
    await submit(
      defineWorkflow({
        name: 'late',
        tasks: (task) => task('one', { method: 'demo/work', timeoutMs: 100, retry: { baseDelayMs: 10, jitter: 'none' } }),
      }),
    );
    const [first] = hands.calls;
    await advance(110);
    expect(hands.callOf('one').attempt).toBe(2);
    first?.succeed('too late');
    await settle();
    expect(only('task:stale_report').data).toMatchObject({ taskId: 'one', attempt: 1, reported: 'succeeded' });
    expect(of('task:completed')).toEqual([]);
    hands.callOf('one').succeed('in time');
    await settle();
    expect(only('task:completed').data).toMatchObject({ attempt: 2, result: 'in time' });
  });

  it('of a cancelled task whose actor is gone is refused as well', async () => {
    const hands = handOperated();
    const { submit, settle, only } = await scene({ providers: [hands.provider] });
    const run = await submit(two);
    const [first] = hands.calls;
    run.cancel();
    await settle();
    first?.fail();
    await settle();
    expect(only('task:stale_report').data).toMatchObject({ taskId: 'a', reported: 'failed' });
  });

  it('repeated for a task that has completed changes nothing', async () => {
    const hands = handOperated();
    const { submit, settle, only, core } = await scene({ providers: [hands.provider] });
    await submit(
      defineWorkflow({
        name: 'twice',
        tasks: (task) => {
          task('one', { method: 'demo/work' });
          task('two', { method: 'demo/work' });
          return null;
        },
      }),
    );
    hands.callOf('one').succeed(1);
    await settle();
    const { data, source } = only('attempt:succeeded');
    core.accept({ type: 'attempt:succeeded', data: { ...data, result: 2 } }, { source });
    await settle();
    expect(only('task:completed').data.result).toBe(1);
    expect(only('task:stale_report').data).toMatchObject({ taskId: 'one', leaseId: data.leaseId });
  });
});
