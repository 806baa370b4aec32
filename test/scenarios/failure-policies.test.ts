import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

describe('fail_fast', () => {
  it('cancels what runs, skips what waits in the queue or for a task, and fails with the first error', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const { submit, settle, until, only, of } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({
        name: 'fast',
        tasks: (task) => {
          for (const id of ['a', 'b', 'queued']) task(id, { method: 'demo/work' });
          task('after', { method: 'demo/work', dependsOn: ['b'] });
          return null;
        },
      }),
    );
    const running = hands.callOf('b');
    hands.callOf('a').fail('INVALID_PARAMS');
    await settle();
    expect(running.signal.aborted).toBe(true);
    expect(only('workflow:failing').data).toMatchObject({ failedTaskIds: ['a'], error: { code: 'INVALID_PARAMS' } });
    const result = await until(run.result());
    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'INVALID_PARAMS' },
      tasks: { a: { status: 'failed' }, b: { status: 'cancelled' }, after: { status: 'skipped', attempts: 0 } },
    });
    expect(['skipped', 'cancelled']).toContain(result.tasks['queued']?.status);
    expect(of('queue:task_enqueued')).toHaveLength(of('queue:task_dequeued').length);
  });

  it('says of every waiting task of a large workflow that it was skipped, and leaves nothing behind', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, settle, until, system, only } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({
        name: 'large',
        tasks: (task) => {
          for (let at = 0; at < 50; at++) task(`t${at}`, { method: 'demo/work' });
          return null;
        },
      }),
    );
    hands.open()[0]?.fail('INVALID_PARAMS');
    await settle();
    await until(run.result());
    const { counts } = only('workflow:failed').data;
    expect(counts.failed + counts.skipped + counts.cancelled).toBe(50);
    expect(counts.failed).toBe(1);
    expect(await system.actors()).not.toHaveProperty('task');
    expect(await system.actors()).not.toHaveProperty('workflow');
    expect((await system.snapshot('queue'))?.context).toMatchObject({ depth: 0 });
  });
});

describe('a claim that crosses the failure of its workflow', () => {
  it('is refused, and the worker takes other work', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const { submit, settle, of, system } = await scene({ providers: [hands.provider] });
    const four = defineWorkflow({
      name: 'four',
      tasks: (task) => {
        for (const id of ['a', 'b', 'c', 'd']) task(id, { method: 'demo/work' });
        return null;
      },
    });
    await submit(four);
    hands.callOf('a').fail('INVALID_PARAMS');
    await settle();
    const leases = of('queue:claim_refused').map(({ data }) => data.leaseId);
    expect(leases.length).toBeGreaterThan(0);
    expect(new Set(leases).size).toBe(leases.length);
    for (const id of ['demo/v1#1', 'demo/v1#2']) expect((await system.snapshot('worker', id))?.value).toBe('idle');
    await submit(four);
    expect(hands.open()).toHaveLength(2);
  });
});

describe('continue_on_error', () => {
  it('goes on with independent branches, and fails in the end with what the output could hold', async () => {
    const { play } = await scene();
    const result = await play(
      defineWorkflow({
        name: 'going on',
        failurePolicy: 'continue_on_error',
        tasks: (task) => {
          const bad = task('bad', {
            run: (): number => {
              throw new Error('broken');
            },
          });
          const after = task('after', { run: ({ n }: { n: number }) => n, params: { n: bad } });
          const later = task('later', { run: () => 1, dependsOn: [after] });
          const good = task('good', { run: () => 2 });
          const better = task('better', { run: ({ n }: { n: number }) => n + 1, params: { n: good } });
          return { better, later };
        },
      }),
    );
    expect(result).toMatchObject({
      status: 'failed',
      error: { message: 'broken' },
      output: { better: 3 },
      tasks: {
        bad: { status: 'failed' },
        after: { status: 'skipped' },
        later: { status: 'skipped' },
        good: { status: 'completed' },
        better: { status: 'completed', result: 3 },
      },
    });
  });

  it('says why each skipped task was skipped', async () => {
    const { play, of } = await scene();
    await play(
      defineWorkflow({
        name: 'skipping',
        failurePolicy: 'continue_on_error',
        tasks: (task) => {
          task('bad', {
            run: () => {
              throw new Error('broken');
            },
          });
          task('after', { run: () => 1, dependsOn: ['bad'] });
          task('later', { run: () => 1, dependsOn: ['after'] });
          return null;
        },
      }),
    );
    expect(of('task:skipped').map(({ data: { taskId, because, policy } }) => [taskId, because, policy])).toEqual([
      ['after', 'bad', 'dependency_failed'],
      ['later', 'after', 'dependency_skipped'],
    ]);
  });
});

describe('a dependency on the end of a task', () => {
  it('is met however the task ends', async () => {
    const { play } = await scene();
    const result = await play(
      defineWorkflow({
        name: 'done',
        failurePolicy: 'continue_on_error',
        tasks: (task) => {
          task('bad', {
            run: () => {
              throw new Error('broken');
            },
          });
          task('skipped', { run: () => 1, dependsOn: ['bad'] });
          task('cleanup', {
            run: () => 'clean',
            dependsOn: [
              { task: 'bad', when: 'done' },
              { task: 'skipped', when: 'done' },
            ],
          });
          return null;
        },
      }),
    );
    expect(result.tasks['cleanup']).toMatchObject({ status: 'completed', result: 'clean' });
  });
});
