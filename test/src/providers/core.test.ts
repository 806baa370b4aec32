import { describe, expect, it } from 'vitest';

import { coreProvider } from '../../../src/providers/core.ts';
import { simulatedClock } from '../../../src/testing/simulated-clock.ts';
import { bench, failureOf, resultOf } from './attempts.ts';

const core = bench(coreProvider, { seed: 'seed' });

describe('core/v1', () => {
  it('echoes its parameters', async () => {
    expect(await resultOf(core.run({ method: 'core/echo', params: { a: [1, { b: 2 }] } }))).toEqual({ a: [1, { b: 2 }] });
  });

  it('sleeps on the clock of the system', async () => {
    const clock = simulatedClock();
    const slept = bench(coreProvider, { clock }).run({ method: 'core/sleep', params: { ms: 60_000 } });
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(60_000);
    expect(await slept).toMatchObject({ data: { result: { ms: 60_000 }, durationMs: 60_000 } });
  });

  it('fails its first attempts, then succeeds', async () => {
    const params = { times: 2 };
    expect(await failureOf(core.run({ method: 'core/fail', params, attempt: 2 }))).toMatchObject({ code: 'TASK_EXECUTION_FAILED', retryable: true });
    expect(await resultOf(core.run({ method: 'core/fail', params, attempt: 3 }))).toEqual({ attempt: 3 });
  });

  it('fails as it is asked to', async () => {
    const params = { times: 1, code: 'PROVIDER_OVERLOADED', retryable: false, message: 'enough' };
    expect(await failureOf(core.run({ method: 'core/fail', params }))).toMatchObject({
      code: 'PROVIDER_OVERLOADED',
      rpcCode: -30007,
      retryable: false,
      message: 'enough',
    });
    expect(await failureOf(core.run({ method: 'core/fail', params: { times: 1, code: 'ODD' } }))).toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
  });

  it('draws the same number for the same seed and task, and others for others', async () => {
    const draw = (idempotencyKey: string) => resultOf(core.run({ method: 'core/random', idempotencyKey }));
    const [first, again, other] = await Promise.all([draw('w/a'), draw('w/a'), draw('w/b')]);
    const reseeded = await resultOf(bench(coreProvider, { seed: 'other' }).run({ method: 'core/random', idempotencyKey: 'w/a' }));
    expect(again).toEqual(first);
    expect(new Set([first, other, reseeded].map((drawn) => JSON.stringify(drawn))).size).toBe(3);
  });

  it('draws integers from both ends of a range', async () => {
    const drawn = new Set<unknown>();
    for (let i = 0; i < 200; i++)
      drawn.add(JSON.stringify(await resultOf(core.run({ method: 'core/random', params: { min: -1, max: 1 }, idempotencyKey: String(i) }))));
    expect([...drawn].sort()).toEqual(['{"value":-1}', '{"value":0}', '{"value":1}']);
    expect(await failureOf(core.run({ method: 'core/random', params: { min: 2, max: 1 } }))).toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
  });
});
