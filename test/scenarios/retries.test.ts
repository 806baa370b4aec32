import { describe, expect, it } from 'vitest';

import type { RetryPolicy } from '../../machines/events/definition.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const retrying = (retry: Partial<RetryPolicy> | boolean) =>
  defineWorkflow({ name: 'retrying', tasks: (task) => task('one', { method: 'demo/work', retry }) });

const failing = (retry: Partial<RetryPolicy>, times = 99) =>
  defineWorkflow({
    name: 'failing',
    tasks: (task) =>
      task('one', {
        run: (_, { attempt }) => {
          if (attempt <= times) throw new Error('no');
          return attempt;
        },
        retry,
      }),
  });

describe('the retry pattern', () => {
  it('is failed, scheduled, executed, started', async () => {
    const hands = handOperated();
    const { submit, settle, advance, order, only } = await scene({ providers: [hands.provider] });
    await submit(retrying({ jitter: 'none' }));
    hands.callOf('one').fail();
    await settle();
    await advance(1_000);
    const pattern = ['task:started', 'task:failed', 'task:retry_scheduled', 'task:retry', 'task:retry_executed', 'task:queued'] as const;
    expect(order(...pattern)).toEqual([
      'task:queued',
      'task:started',
      'task:failed',
      'task:retry_scheduled',
      'task:retry',
      'task:retry_executed',
      'task:queued',
      'task:started',
    ]);
    expect(only('task:retry_executed').time - only('task:failed').time).toBe(1_000);
    hands.callOf('one').succeed();
    await settle();
  });

  it('waits exponentially longer, up to the cap', async () => {
    const { play, of } = await scene();
    await play(failing({ maxAttempts: 6, baseDelayMs: 100, maxDelayMs: 500, jitter: 'none' }));
    expect(of('task:retry_scheduled').map(({ data }) => data.delayMs)).toEqual([100, 200, 400, 500, 500]);
  });

  it('waits linearly longer, or always as long, where the policy says so', async () => {
    const { play, of } = await scene();
    await play(failing({ maxAttempts: 4, baseDelayMs: 100, strategy: 'linear', jitter: 'none' }));
    await play(failing({ maxAttempts: 4, baseDelayMs: 70, strategy: 'fixed', jitter: 'none' }));
    expect(of('task:retry_scheduled').map(({ data }) => data.delayMs)).toEqual([100, 200, 300, 70, 70, 70]);
  });

  it.each([
    ['full', 0],
    ['equal', 0.5],
  ] as const)('spreads by %s jitter inside the cap', async (jitter, least) => {
    const { submit, advance, of } = await scene();
    for (let at = 0; at < 8; at++) await submit(failing({ maxAttempts: 2, baseDelayMs: 40_000, maxDelayMs: 40_000, jitter }));
    await advance(40_000);
    const delays = of('task:retry_scheduled').map(({ data }) => data.delayMs);
    expect(delays).toHaveLength(8);
    for (const delay of delays) expect(delay >= least * 40_000 && delay <= 40_000).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(1);
  });

  it('waits at least as long as the failing side asked for, even beyond the cap', async () => {
    const hands = handOperated();
    const { submit, settle, advance, only, clock } = await scene({ providers: [hands.provider] });
    await submit(retrying({ baseDelayMs: 10, maxDelayMs: 1_000, jitter: 'none' }));
    hands.callOf('one').fail('TASK_EXECUTION_FAILED', { retryAfterMs: 7_000 });
    await settle();
    expect(only('task:retry_scheduled').data).toMatchObject({ delayMs: 7_000, dueAt: clock.now() + 7_000 });
    await advance(7_000);
    hands.callOf('one').succeed();
    await settle();
  });

  it('does not try again what is not retryable', async () => {
    const hands = handOperated();
    const { submit, settle, only, of } = await scene({ providers: [hands.provider] });
    const run = await submit(retrying({ maxAttempts: 5 }));
    hands.callOf('one').fail('INVALID_PARAMS');
    await settle();
    expect(of('task:retry_scheduled')).toEqual([]);
    expect(only('task:retry_exhausted').data).toMatchObject({ attempts: 1, error: { code: 'INVALID_PARAMS' } });
    expect((await run.result()).status).toBe('failed');
  });

  it('follows the codes that the policy names, whatever the error says of itself', async () => {
    const hands = handOperated();
    const { submit, settle, advance, of } = await scene({ providers: [hands.provider] });
    await submit(retrying({ maxAttempts: 5, baseDelayMs: 1, retryOn: ['INVALID_PARAMS'], neverOn: ['TASK_EXECUTION_FAILED'] }));
    hands.callOf('one').fail('INVALID_PARAMS');
    await settle();
    await advance(1);
    hands.callOf('one').fail('TASK_EXECUTION_FAILED');
    await settle();
    expect(of('task:retry_scheduled')).toHaveLength(1);
    expect(of('task:retry_exhausted')).toHaveLength(1);
  });

  it('gives up after the last attempt, with the last error', async () => {
    const { play, of, only } = await scene();
    const result = await play(failing({ maxAttempts: 3, baseDelayMs: 1 }));
    expect(of('task:started')).toHaveLength(3);
    expect(only('task:retry_exhausted').data).toMatchObject({ attempts: 3, error: { code: 'TASK_EXECUTION_FAILED', message: 'no' } });
    expect(result).toMatchObject({ status: 'failed', error: { message: 'no' }, tasks: { one: { status: 'failed', attempts: 3 } } });
  });

  it('tries once where nothing is asked for, and fails the workflow only with the last attempt', async () => {
    const { play, order } = await scene();
    expect(
      (
        await play(
          defineWorkflow({
            name: 'once',
            tasks: (task) =>
              task('one', {
                run: () => {
                  throw new Error('no');
                },
              }),
          }),
        )
      ).status,
    ).toBe('failed');
    expect(order('task:started', 'task:failed', 'task:retry_exhausted', 'workflow:failed')).toEqual([
      'task:started',
      'task:failed',
      'task:retry_exhausted',
      'workflow:failed',
    ]);
  });

  it('puts retries off when too many fail at once, and forfeits none', async () => {
    const { submit, of, until } = await scene();
    const runs = [];
    for (let at = 0; at < 30; at++) runs.push(await submit(failing({ maxAttempts: 2, baseDelayMs: 1, jitter: 'none' }, 1)));
    const results = await until(Promise.all(runs.map((run) => run.result())));
    expect(results.every(({ status }) => status === 'completed')).toBe(true);
    const delays = of('task:retry_scheduled').map(({ data }) => data.delayMs);
    expect(Math.min(...delays)).toBe(1);
    expect(Math.max(...delays)).toBeGreaterThan(500);
  });
});
