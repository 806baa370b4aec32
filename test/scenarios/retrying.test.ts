/** A workflow that failed goes on from what failed: what completed stands, and never runs again. */
import { describe, expect, it } from 'vitest';

import type { Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { Run } from '../../src/runtime/run.ts';
import { checkLog } from '../../src/testing/check-log.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const callsOf = ({ calls }: ReturnType<typeof handOperated>) => calls.map(({ taskId, attempt }) => `${taskId}#${attempt}`);

/** a, then b; c beside them. */
const some = (options: { readonly failurePolicy?: 'continue_on_error'; readonly maxAttempts?: number; readonly timeoutMs?: number } = {}) =>
  defineWorkflow({
    name: 'some',
    ...(options.failurePolicy && { failurePolicy: options.failurePolicy }),
    ...(options.timeoutMs && { timeoutMs: options.timeoutMs }),
    tasks: (task) => {
      const retry = { maxAttempts: options.maxAttempts ?? 1, baseDelayMs: 1_000, strategy: 'exponential', jitter: 'none' } as const;
      const a = task('a', { method: 'demo/work', retry });
      const b = task('b', { method: 'demo/work', params: { of: a }, retry });
      const c = task('c', { method: 'demo/work', retry });
      return { b, c };
    },
  });

describe('a workflow that failed', () => {
  it('goes on from its failed tasks, those that completed not at all', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const stage = await scene({ providers: [hands.provider] });
    const { system, settle } = stage;
    const run = await stage.submit(some());
    hands.callOf('c').succeed('of c');
    await settle();
    hands.callOf('a').fail();
    await settle();
    expect(await run.result()).toMatchObject({
      status: 'failed',
      tasks: { a: { status: 'failed' }, b: { status: 'skipped' }, c: { status: 'completed' } },
    });
    const again = await system.retry(run.id);
    expect((await again.status()).status).toBe('running');
    expect(stage.only('workflow:retried').data).toMatchObject({ kept: 1, reason: 'retried by its user', by: 'api' });
    await settle();
    hands.callOf('a').succeed('of a');
    await settle();
    expect(hands.callOf('b').params).toEqual({ of: 'of a' });
    hands.callOf('b').succeed('of b');
    expect(await again.result()).toMatchObject({
      status: 'completed',
      output: { b: 'of b', c: 'of c' },
      tasks: { a: { status: 'completed', attempts: 2 }, b: { attempts: 1 }, c: { attempts: 1 } },
    });
    expect(callsOf(hands)).toEqual(['a#1', 'c#1', 'a#2', 'b#1']);
    expect(hands.calls.filter(({ taskId }) => taskId === 'a').map(({ call }) => call.idempotencyKey)).toEqual([`${run.id}/a`, `${run.id}/a`]);
    expect(checkLog(stage.events)).toEqual([]);
    expect((await system.list()).map(({ status }) => status)).toEqual(['completed']);
  });

  it('gives each failed task all attempts of its policy again, counted on, with its delays from the first', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const stage = await scene({ providers: [hands.provider] });
    const run = await stage.submit(some({ maxAttempts: 2 }));
    hands.callOf('c').succeed();
    hands.callOf('a').fail();
    await stage.advance(1_000);
    hands.callOf('a').fail();
    await stage.settle();
    expect((await run.result()).tasks['a']).toMatchObject({ attempts: 2, status: 'failed' });
    const again = await stage.system.retry(run.id);
    await stage.settle();
    hands.callOf('a').fail();
    await stage.advance(1_000);
    hands.callOf('a').fail();
    await stage.settle();
    expect((await again.result()).tasks['a']).toMatchObject({ attempts: 4, status: 'failed' });
    expect(callsOf(hands)).toEqual(['a#1', 'c#1', 'a#2', 'a#3', 'a#4']);
    expect(stage.of('task:retry_scheduled').map(({ data: { attempt, delayMs, maxAttempts } }) => [attempt, delayMs, maxAttempts])).toEqual([
      [1, 1_000, 2],
      [3, 1_000, 4],
    ]);
    expect(checkLog(stage.events)).toEqual([]);
  });

  it('may be retried as often as it fails, also by whoever continues on errors', async () => {
    const hands = handOperated({ pool: { min: 3, max: 3 } });
    const stage = await scene({ providers: [hands.provider] });
    let run: Run = await stage.submit(some({ failurePolicy: 'continue_on_error' }));
    for (let at = 0; at < 3; at++) {
      for (const { fail } of hands.open()) fail('INVALID_PARAMS');
      await stage.settle();
      expect(await run.result()).toMatchObject({
        status: 'failed',
        tasks: { a: { attempts: at + 1 }, b: { status: 'skipped' }, c: { attempts: at + 1 } },
      });
      run = await stage.system.retry(run.id);
      await stage.settle();
    }
    while (hands.open().length > 0) {
      hands.open()[0]?.succeed();
      await stage.settle();
    }
    expect(await run.result()).toMatchObject({ status: 'completed', tasks: { a: { attempts: 4 }, b: { attempts: 1 }, c: { attempts: 4 } } });
    expect(checkLog(stage.events)).toEqual([]);
  });

  it('keeps the elements of a fan-out that completed', async () => {
    const hands = handOperated({ pool: { min: 4, max: 4 } });
    const stage = await scene({ providers: [hands.provider] });
    const fan = defineWorkflow({
      name: 'fan',
      tasks: (task) => {
        const list = task('list', { run: () => [10, 11, 12, 13] });
        return task('each', { method: 'demo/work', forEach: { items: list }, params: (item) => ({ item }) });
      },
    });
    const run = await stage.submit(fan);
    for (const at of [0, 2]) hands.callOf(`each[${at}]`).succeed(at);
    await stage.settle();
    hands.callOf('each[1]').fail();
    await stage.settle();
    hands.callOf('each[3]').succeed(3);
    await stage.settle();
    expect((await run.result()).status).toBe('failed');
    const again = await stage.system.retry(run.id);
    await stage.settle();
    expect(hands.open().map(({ taskId, attempt, params }) => [taskId, attempt, params])).toEqual([['each[1]', 2, { item: 11 }]]);
    hands.callOf('each[1]').succeed(1);
    await stage.settle();
    expect(await again.result()).toMatchObject({ status: 'completed', output: [0, 1, 2, 3] });
    expect(checkLog(stage.events)).toEqual([]);
  });

  it('has all of its time again, when it took too long', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const stage = await scene({ providers: [hands.provider] });
    const run = await stage.submit(some({ timeoutMs: 10_000 }));
    hands.callOf('c').succeed();
    await stage.advance(10_000);
    expect(await run.result()).toMatchObject({ status: 'failed', error: { code: 'WORKFLOW_TIMEOUT' } });
    expect((await run.status()).status).toBe('timedOut');
    const again = await stage.system.retry(run.id);
    await stage.advance(9_999);
    expect((await again.status()).status).toBe('running');
    await stage.advance(1);
    expect((await again.result()).error?.code).toBe('WORKFLOW_TIMEOUT');
    const third = await stage.system.retry(run.id);
    for (const id of ['a', 'b']) {
      await stage.settle();
      hands.callOf(id).succeed();
    }
    expect((await stage.until(third.result())).status).toBe('completed');
    expect(callsOf(hands)).toEqual(['a#1', 'c#1', 'a#2', 'a#3', 'b#1']);
  });

  it('may be cancelled, paused and watched again, as before it failed', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const stage = await scene({ providers: [hands.provider] });
    const run = await stage.submit(some());
    hands.callOf('a').fail();
    await stage.settle();
    const again = await stage.system.retry(run.id, 'the disk is back');
    await stage.settle();
    expect((await again.explain()).tasks.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'c']);
    again.pause();
    await stage.settle();
    expect((await again.status()).status).toBe('paused');
    again.cancel('enough');
    await stage.settle();
    expect(await again.result()).toMatchObject({ status: 'cancelled', error: { message: 'enough' } });
    expect((await again.trace()).events.map(({ type }) => type)).toContain('workflow:retried');
  });

  it.each([0, 1, 2])('goes on after a restart as if there had been none, %i steps after the retry', async (steps) => {
    const journal = memoryJournal();
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const one = await scene({ journal, providers: [hands.provider], seed: 'one' });
    await one.submit(some({ maxAttempts: 2 }), { id: 'w' });
    hands.callOf('c').succeed('of c');
    hands.callOf('a').fail();
    await one.advance(1_000);
    hands.callOf('a').fail();
    await one.close();
    // Another one retries it: everything that it needs is in the journal.
    const two = await scene({ journal, providers: [hands.provider], seed: 'two', startAt: 10_000 });
    await two.system.retry('w');
    await two.settle();
    if (steps > 0) hands.callOf('a').fail();
    if (steps > 1) await two.advance(1_000);
    await two.close();
    const three = await scene({ journal, providers: [hands.provider], seed: 'three', startAt: 20_000 });
    for (const id of ['a', 'b']) {
      await three.untilTrue(() => hands.open().some(({ taskId }) => taskId === id));
      hands.callOf(id).succeed(`of ${id}`);
    }
    const result = await three.until(three.system.result('w'));
    expect(result).toMatchObject({
      status: 'completed',
      output: { b: 'of b', c: 'of c' },
      tasks: { a: { attempts: steps === 2 ? 5 : 4 }, b: { attempts: 1 }, c: { attempts: 1 } },
    });
    expect(callsOf(hands).filter((call) => call.startsWith('c'))).toEqual(['c#1']);
    expect(checkLog(await journal.read())).toEqual([]);
  });
});

describe('a retry', () => {
  it('is refused for what has not failed', async () => {
    const hands = handOperated();
    const stage = await scene({ providers: [hands.provider] });
    const { system } = stage;
    const run = await stage.submit(some());
    await expect(system.retry(run.id)).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE', message: expect.stringContaining('has not ended') });
    run.cancel();
    await stage.settle();
    await expect(system.retry(run.id)).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE', message: expect.stringContaining('is cancelled') });
    const done = await stage.play(defineWorkflow({ name: 'done', tasks: (task) => task('a', { run: () => 1 }) }));
    await expect(system.retry(done.workflowId)).rejects.toMatchObject({
      code: 'WORKFLOW_INVALID_STATE',
      message: expect.stringContaining('is completed'),
    });
    await expect(system.retry('nobody')).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    expect(stage.of('workflow:retried')).toEqual([]);
  });

  it('by two at once is one, and the other is told so', async () => {
    const hands = handOperated();
    const stage = await scene({ providers: [hands.provider] });
    const run = await stage.submit(some());
    hands.callOf('a').fail();
    await stage.settle();
    const both = await Promise.allSettled([stage.system.retry(run.id), stage.system.retry(run.id)]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(stage.of('workflow:retried')).toHaveLength(1);
  });

  it('by a handler of its end finds it ended', async () => {
    const hands = handOperated();
    const stage = await scene({ providers: [hands.provider] });
    let retried: Promise<unknown> | undefined;
    stage.system.on('workflow:failed', ({ data }) => {
      retried ??= stage.system.retry(data.workflowId);
    });
    const run = await stage.submit(some());
    hands.callOf('a').fail();
    await stage.settle();
    await retried;
    await stage.settle();
    for (const id of ['a', 'b', 'c']) {
      hands.callOf(id).succeed();
      await stage.settle();
    }
    expect((await stage.system.result(run.id)).status).toBe('completed');
  });

  it('is not removed between the reading of its facts and its going on', async () => {
    const journal = memoryJournal();
    let letRead: (() => void) | undefined;
    const slow: Journal = {
      open: () => journal.open(),
      append: (facts) => journal.append(facts),
      read: async (options) => {
        const facts = await journal.read(options);
        if (options?.workflowId !== 'w' || letRead !== undefined) return facts;
        await new Promise<void>((resolve) => {
          letRead = resolve;
        });
        return facts;
      },
      find: (workflowId) => journal.find(workflowId),
      list: () => journal.list(),
      unfinished: () => journal.unfinished(),
      schedules: () => journal.schedules(),
      sweep: (retention) => journal.sweep(retention),
      close: () => journal.close(),
    };
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const stage = await scene({ providers: [hands.provider], journal: slow, cleanup: { intervalMs: 1_000, keep: 0 } });
    await stage.submit(some(), { id: 'w' });
    hands.callOf('c').succeed();
    hands.callOf('a').fail();
    await stage.settle();
    const retried = stage.system.retry('w');
    await stage.advance(1_000);
    expect(stage.only('cleanup:started').data).toMatchObject({ keep: 0 });
    letRead?.();
    await retried;
    await stage.settle();
    expect(stage.only('cleanup:completed').data).toMatchObject({ removed: 0 });
    expect(await journal.find('w')).toMatchObject({ status: 'running' });
    expect((await journal.read({ workflowId: 'w' }))[0]?.type).toBe('workflow:submitted');
  });
});
