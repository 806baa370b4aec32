import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const chain = defineWorkflow({
  name: 'chain',
  tasks: (task) => {
    task('a', { method: 'demo/work' });
    return task('b', { method: 'demo/work', dependsOn: ['a'] });
  },
});
const pair = defineWorkflow({
  name: 'pair',
  tasks: (task) => {
    task('a', { method: 'demo/work' });
    task('b', { method: 'demo/work' });
    return null;
  },
});

describe('a workflow that is paused', () => {
  it('finishes what runs, starts nothing new, and goes on where it was', async () => {
    const hands = handOperated();
    const { submit, settle, advance, until } = await scene({ providers: [hands.provider] });
    const run = await submit(chain);
    run.pause('lunch');
    await settle();
    hands.callOf('a').succeed();
    await settle();
    await advance(60_000);
    expect(hands.open()).toEqual([]);
    expect(await run.status()).toMatchObject({ status: 'paused', tasks: { a: { status: 'completed' }, b: { status: 'pending' } } });
    run.resume();
    await settle();
    hands.callOf('b').succeed();
    expect((await until(run.result())).status).toBe('completed');
  });

  it('leaves its queued tasks in the queue, passed over by others', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, settle, until } = await scene({ providers: [hands.provider] });
    const first = await submit(pair);
    first.pause();
    await settle();
    const second = await submit(pair);
    hands.open()[0]?.succeed();
    await settle();
    expect(hands.open()[0]?.workflowId).toBe(second.id);
    first.resume();
    await settle();
    while (hands.open().length > 0) {
      hands.open()[0]?.succeed();
      await settle();
    }
    expect((await until(first.result())).status).toBe('completed');
  });

  it('keeps the times of its retries: one that falls due waits in the queue', async () => {
    const hands = handOperated();
    const { submit, settle, advance, of } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({ name: 'retrying', tasks: (task) => task('a', { method: 'demo/work', retry: { baseDelayMs: 1_000, jitter: 'none' } }) }),
    );
    hands.callOf('a').fail();
    await settle();
    run.pause();
    await advance(5_000);
    expect(of('task:retry_executed').map(({ time }) => time)).toEqual([1_000]);
    expect(hands.open()).toEqual([]);
    run.resume();
    await settle();
    hands.callOf('a').succeed();
    await settle();
  });

  it('can be cancelled, and ends by its deadline as any other', async () => {
    const hands = handOperated();
    const { submit, settle, advance, until } = await scene({ providers: [hands.provider] });
    const cancelled = await submit(chain);
    const late = await submit(defineWorkflow({ name: 'late', timeoutMs: 1_000, tasks: (task) => task('a', { method: 'demo/work' }) }));
    cancelled.pause();
    late.pause();
    await settle();
    cancelled.cancel();
    await advance(1_000);
    expect((await until(cancelled.result())).status).toBe('cancelled');
    expect((await until(late.result())).error?.code).toBe('WORKFLOW_TIMEOUT');
  });
});

describe('the engine that is paused', () => {
  it('holds the queue for every workflow, and releases it when it is resumed', async () => {
    const hands = handOperated();
    const { submit, settle, advance, system, order } = await scene({ providers: [hands.provider] });
    const running = await submit(chain);
    await system.pause('upgrade');
    hands.callOf('a').succeed();
    await settle();
    await submit(pair);
    await advance(60_000);
    expect(hands.open()).toEqual([]);
    expect((await system.explain(running.id)).tasks[0]?.reasons[0]).toMatchObject({ kind: 'engine_paused' });
    await system.resume();
    await settle();
    expect(hands.open().length).toBeGreaterThan(0);
    expect(order('engine:paused', 'queue:held', 'engine:resumed', 'queue:released')).toEqual([
      'engine:paused',
      'queue:held',
      'engine:resumed',
      'queue:released',
    ]);
  });
});
