import { describe, expect, it } from 'vitest';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { defineProvider, loadWorkflow, memoryJournal } from '../../src/index.ts';
import { simulate } from '../../src/testing/index.ts';

/** Calls by task, over every run of the system: what really was done. */
function ledgerProvider() {
  const calls: string[] = [];
  const provider = defineProvider({
    protocol: 'work/v1',
    circuit: false,
    pool: { min: 2, max: 2 },
    methods: {
      'work/do': {
        run: async ({ ms = 0, fail = 0 }: { readonly ms?: number; readonly fail?: number }, call) => {
          calls.push(`${call.taskId}#${call.attempt} ${call.idempotencyKey}`);
          await call.sleep(ms);
          if (call.attempt <= fail) throw new Error(`attempt ${call.attempt} fails`);
          return { done: call.taskId };
        },
      },
    },
  });
  return { provider, calls };
}

const typesOf = (events: readonly GleitzeitEvent[], taskId: string) =>
  events
    .filter(({ correlation, type }) => correlation.taskId === taskId && !type.startsWith('queue:') && type !== 'worker:assign')
    .map(({ type }) => type);

describe('a second run on the journal of the first', () => {
  it('goes on with what was in flight: running attempts anew under the same key, finished tasks not at all', async () => {
    const journal = memoryJournal();
    const { provider, calls } = ledgerProvider();
    const workflow = await loadWorkflow({
      name: 'chain',
      tasks: [
        { id: 'first', method: 'work/do' },
        { id: 'second', method: 'work/do', dependencies: ['first'], parameters: { ms: 60_000 } },
        { id: 'third', method: 'work/do', parameters: { after: '${second.done}' } },
      ],
    });
    const one = await simulate({ journal, providers: [provider], seed: 'one' });
    await one.until(one.system.submit(workflow, { id: 'w' }));
    await one.advance(1_000);
    await one.until(one.system.stop({ deadlineMs: 0 }));

    const two = await simulate({ journal, providers: [provider], seed: 'two', startAt: 5_000 });
    expect(two.events.find(({ type }) => type === 'system:started')?.data).toEqual({ recovered: { workflows: 1, tasks: 1 } });
    const result = await two.until(two.system.result('w'));

    expect(result).toMatchObject({ status: 'completed', tasks: { first: { attempts: 1 }, second: { attempts: 2 }, third: { attempts: 1 } } });
    expect(calls).toEqual(['first#1 w/first', 'second#1 w/second', 'second#2 w/second', 'third#1 w/third']);
    await two.system.stop();
  });

  it('keeps the time of a retry that is not due yet', async () => {
    const journal = memoryJournal();
    const { provider, calls } = ledgerProvider();
    const workflow = await loadWorkflow({
      name: 'retried',
      tasks: [{ id: 'a', method: 'work/do', parameters: { fail: 1 }, retry: { max_attempts: 2, strategy: 'fixed', base_delay: 100, jitter: false } }],
    });
    const one = await simulate({ journal, providers: [provider], seed: 'one' });
    await one.until(one.system.submit(workflow, { id: 'w' }));
    await one.advance(10_000);
    await one.until(one.system.stop({ deadlineMs: 0 }));

    const two = await simulate({ journal, providers: [provider], seed: 'two', startAt: 50_000 });
    await two.advance(49_000);
    expect(calls).toHaveLength(1);
    await two.advance(1_500);
    expect(calls).toEqual(['a#1 w/a', 'a#2 w/a']);
    expect((await two.until(two.system.result('w'))).status).toBe('completed');
    await two.system.stop();
  });

  it('tries again at once what a stop cut off, however often and whatever its retry policy, and holds nothing against it', async () => {
    const journal = memoryJournal();
    const { provider, calls } = ledgerProvider();
    const workflow = await loadWorkflow({ name: 'long', tasks: [{ id: 'a', method: 'work/do', parameters: { ms: 60_000 } }] });
    const one = await simulate({ journal, providers: [provider], seed: 'run0' });
    await one.until(one.system.submit(workflow, { id: 'w' }));
    await one.until(one.system.stop({ deadlineMs: 0 }));
    for (const run of [1, 2, 3, 4, 5]) {
      const next = await simulate({ journal, providers: [provider], seed: `run${run}`, startAt: run * 10_000 });
      await next.advance(1_000);
      await next.until(next.system.stop({ deadlineMs: 500 }));
    }
    expect((await journal.read({ workflowId: 'w' })).flatMap(({ type, data }) => (type === 'task:failed' ? [data] : []))).toMatchObject(
      [1, 2, 3, 4, 5, 6].map((attempt) => ({ attempt, ended: 'abandoned', lost: 0 })),
    );
    const last = await simulate({ journal, providers: [provider], seed: 'last', startAt: 90_000 });
    await last.advance(0);
    expect(calls).toHaveLength(7);
    expect(await last.until(last.system.result('w'))).toMatchObject({ status: 'completed', tasks: { a: { attempts: 7 } } });
    await last.system.stop();
  });

  it('quarantines a task whose attempts were lost three times', async () => {
    const journal = memoryJournal();
    const { provider } = ledgerProvider();
    const workflow = await loadWorkflow({ name: 'deadly', tasks: [{ id: 'a', method: 'work/do', parameters: { ms: 60_000 } }] });
    const one = await simulate({ journal, providers: [provider], seed: 'run0' });
    await one.until(one.system.submit(workflow, { id: 'w' }));
    // Each is killed, and says nothing more.
    for (const run of [1, 2]) await (await simulate({ journal, providers: [provider], seed: `run${run}`, startAt: run * 10_000 })).advance(1_000);
    const last = await simulate({ journal, providers: [provider], seed: 'run3', startAt: 90_000 });
    const result = await last.until(last.system.result('w'));
    expect(result).toMatchObject({ status: 'failed', tasks: { a: { status: 'failed', error: { code: 'TASK_QUARANTINED' } } } });
    await last.system.stop();
  });

  it('brings back a fan-out with its finished elements', async () => {
    const journal = memoryJournal();
    const { provider, calls } = ledgerProvider();
    const workflow = await loadWorkflow({
      name: 'fan',
      input: { times: [0, 60_000, 0, 60_000, 0] },
      tasks: [{ id: 'each', method: 'work/do', for_each: '${input.times}', parameters: { ms: '${item}' } }],
    });
    const one = await simulate({ journal, providers: [provider], seed: 'one' });
    await one.until(one.system.submit(workflow, { id: 'w' }));
    await one.advance(1_000);
    await one.until(one.system.stop({ deadlineMs: 0 }));
    const before = calls.length;

    const two = await simulate({ journal, providers: [provider], seed: 'two', startAt: 5_000 });
    const result = await two.until(two.system.result('w'));
    expect(result.tasks['each']?.result).toEqual([0, 1, 2, 3, 4].map((index) => ({ done: `each[${index}]` })));
    expect(calls.slice(before).sort()).toEqual(['each[1]#2 w/each[1]', 'each[3]#2 w/each[3]', 'each[4]#1 w/each[4]']);
    await two.system.stop();
  });

  it('does not run the lost attempt of a paused workflow again before it is resumed', async () => {
    const journal = memoryJournal();
    const { provider, calls } = ledgerProvider();
    const workflow = await loadWorkflow({ name: 'p', tasks: [{ id: 'a', method: 'work/do', parameters: { ms: 60_000 } }] });
    const one = await simulate({ journal, providers: [provider], seed: 'one' });
    const run = await one.until(one.system.submit(workflow, { id: 'w' }));
    await one.settle();
    void run.pause();
    await one.settle();
    expect(calls).toEqual(['a#1 w/a']);

    // The first run is killed, and says nothing more.
    const two = await simulate({ journal, providers: [provider], seed: 'two', startAt: 5_000 });
    await two.advance(600_000);
    expect(calls).toEqual(['a#1 w/a']);
    void (await two.system.run('w')).resume();
    expect(await two.until(two.system.result('w'))).toMatchObject({ status: 'completed', tasks: { a: { attempts: 2 } } });
    await two.system.stop();
  });

  it('leaves a paused workflow paused', async () => {
    const journal = memoryJournal();
    const { provider, calls } = ledgerProvider();
    const workflow = await loadWorkflow({
      name: 'p',
      tasks: [
        { id: 'a', method: 'work/do' },
        { id: 'b', method: 'work/do', dependencies: ['a'], parameters: {} },
      ],
    });
    const one = await simulate({ journal, providers: [provider], seed: 'one', pools: { 'work/v1': { min: 1, max: 1 } } });
    await one.system.pause();
    const run = await one.until(one.system.submit(workflow, { id: 'w' }));
    run.pause();
    await one.settle();
    await one.until(one.system.stop({ deadlineMs: 0 }));

    const two = await simulate({ journal, providers: [provider], seed: 'two', startAt: 5_000 });
    await two.advance(10_000);
    expect(calls).toEqual([]);
    (await two.system.run('w')).resume();
    expect((await two.until(two.system.result('w'))).status).toBe('completed');
    expect(typesOf(two.events, 'a')).toContain('task:completed');
    await two.system.stop();
  });
});
