import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow } from '../../src/workflow/load.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const over = (items: readonly number[], options: { readonly concurrency?: number; readonly tolerate?: number | '50%' } = {}) =>
  defineWorkflow({
    name: 'over',
    tasks: (task) => {
      const list = task('list', { run: () => items });
      return task('each', {
        forEach: { items: list, ...options },
        params: (item, index) => ({ item, index }),
        run: async ({ item, index }: { item: number; index: number }, { sleep }) => {
          await sleep(1_000 - item);
          if (item < 0) throw new Error(`element ${index} is negative`);
          return item * 10;
        },
      });
    },
  });

describe('for_each', () => {
  it('runs once per element, and collects the results in the order of the elements', async () => {
    const { play, of } = await scene();
    const result = await play(over([1, 300, 2, 200]));
    expect(result.output).toEqual([10, 3_000, 20, 2_000]);
    expect(of('task:expanded').map(({ data }) => data.elements)).toEqual([4]);
    expect(of('task:completed').filter(({ data }) => data.element !== undefined)).toHaveLength(4);
    expect(Object.keys(result.tasks)).toEqual(['list', 'each']);
  });

  it('keeps to its concurrency', async () => {
    const hands = handOperated({ pool: { min: 5, max: 5 } });
    const { submit, settle } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({
        name: 'narrow',
        tasks: (task) => {
          const list = task('list', { run: () => ['a', 'b', 'c', 'd', 'e'] });
          return task('each', { method: 'demo/work', forEach: { items: list, concurrency: 2 }, params: (item) => ({ item }) });
        },
      }),
    );
    const seen: string[] = [];
    while (hands.open().length > 0) {
      expect(hands.open().length).toBeLessThanOrEqual(2);
      seen.push(hands.open()[0]!.taskId);
      hands.open()[0]?.succeed();
      await settle();
    }
    expect(seen).toEqual(['each[0]', 'each[1]', 'each[2]', 'each[3]', 'each[4]']);
    expect((await run.result()).status).toBe('completed');
  });

  it('fails with the first failed element, and starts no further ones', async () => {
    const { play } = await scene({ pools: { 'function/v1': { min: 1, max: 1 } } });
    const result = await play(over([1, -2, 3, 4], { concurrency: 1 }));
    expect(result).toMatchObject({ status: 'failed', tasks: { each: { status: 'failed' } } });
    expect(result.error?.message).toContain('element 1 is negative');
  });

  it('survives as many failed elements as it tolerates, with null in their places', async () => {
    const { play } = await scene();
    expect((await play(over([1, -2, 3, -4], { tolerate: 2 }))).output).toEqual([10, null, 30, null]);
    expect((await play(over([1, -2, 3, -4], { tolerate: '50%' }))).output).toEqual([10, null, 30, null]);
    expect((await play(over([1, -2, 3, -4], { tolerate: 1 }))).status).toBe('failed');
  });

  it('over nothing results in nothing', async () => {
    const { play, of } = await scene();
    expect((await play(over([]))).output).toEqual([]);
    expect(of('task:collected').map(({ data }) => data.result)).toEqual([[]]);
  });

  it('over what is not an array fails with a message that says what it got', async () => {
    const { play } = await scene();
    const workflow = defineWorkflow({
      name: 'wrong',
      tasks: (task, input) => task('each', { forEach: input['items'] as never, params: (item) => ({ item }), run: () => 1 }),
    });
    expect((await play(workflow, { input: { items: { a: 1 } } })).tasks['each']).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { code: 'TASK_PARAMETER_ERROR' },
    });
  });

  it('tries a failed element again by the policy of its task', async () => {
    const { play, of } = await scene();
    const workflow = defineWorkflow({
      name: 'again',
      tasks: (task) => {
        const list = task('list', { run: () => [1, 2] });
        return task('each', {
          forEach: list,
          retry: { maxAttempts: 2, baseDelayMs: 10 },
          params: (item) => ({ item }),
          run: ({ item }: { item: number }, { attempt }) => {
            if (attempt === 1) throw new Error('once');
            return item;
          },
        });
      },
    });
    expect((await play(workflow)).output).toEqual([1, 2]);
    expect(of('task:retry_executed')).toHaveLength(2);
  });

  it('cancelled as a whole cancels its elements', async () => {
    const hands = handOperated();
    const { submit, settle, system, of, until } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({
        name: 'cancelled',
        tasks: (task) => {
          const list = task('list', { run: () => [1, 2] });
          return task('each', { method: 'demo/work', forEach: list, params: (item) => ({ item }) });
        },
      }),
    );
    system.cancelTask(run.id, 'each');
    await settle();
    expect(
      of('task:cancelled')
        .map(({ data }) => data.taskId)
        .sort(),
    ).toEqual(['each', 'each[0]', 'each[1]']);
    expect((await until(run.result())).tasks['each']?.status).toBe('cancelled');
  });
});

describe('max_parallel_tasks', () => {
  it('bounds what a workflow has under way, elements included', async () => {
    const hands = handOperated({ pool: { min: 8, max: 8 } });
    const { submit, settle } = await scene({ providers: [hands.provider] });
    await submit(
      await loadWorkflow({
        name: 'bounded',
        max_parallel_tasks: 3,
        tasks: [
          ...[1, 2, 3, 4].map((n) => ({ id: `t${n}`, protocol: 'demo/v1', method: 'demo/work' })),
          { id: 'each', protocol: 'demo/v1', method: 'demo/work', for_each: '${input.items}' },
        ],
      }),
      { input: { items: [1, 2, 3] } },
    );
    let most = 0;
    let calls = 0;
    while (hands.open().length > 0) {
      most = Math.max(most, hands.open().length);
      calls++;
      hands.open()[0]?.succeed();
      await settle();
    }
    expect([most, calls]).toEqual([3, 7]);
  });

  it('does not keep a small window from finishing a large workflow', async () => {
    const { play } = await scene({ window: 4 });
    const result = await play(
      defineWorkflow({
        name: 'wide',
        tasks: (task) => {
          const all = Array.from({ length: 40 }, (_, n) => task(`t${n}`, { run: () => n }));
          return task('sum', { params: { all }, run: ({ all }: { all: readonly unknown[] }) => all.length });
        },
      }),
    );
    expect(result.output).toBe(40);
  });
});
