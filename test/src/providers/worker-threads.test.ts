import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

import type { ParamsOf, ResultOf } from '../../../src/providers/provider.ts';
import { defineThreadProvider } from '../../../src/providers/worker-threads.ts';
import { bench, failureOf, resultOf } from './attempts.ts';
import { appearance } from './processes.ts';

const provider = defineThreadProvider({
  protocol: 'work/v1',
  module: new URL('./modules/work.ts', import.meta.url),
  threads: 1,
  memoryMb: 64,
  methods: {
    'work/sum': { params: z.object({ upTo: z.number() }), result: z.looseObject({ total: z.number() }) },
    'work/spin': {},
    'work/leave': {},
    'work/crash': {},
    'work/refuse': {},
    'work/odd': {},
    'work/hoard': {},
    'work/other': { exported: 'sum' },
    'work/missing': {},
  },
});
const threads = bench(provider);
afterAll(() => provider.stop?.());

async function spinning(leaseId: string) {
  const file = join(mkdtempSync(join(tmpdir(), 'gleitzeit-')), 'spinning');
  const outcome = threads.run({ method: 'work/spin', params: { file }, leaseId });
  await appearance(file);
  return { outcome };
}

describe('a function in a worker thread', () => {
  it('is typed by its schemas', () => {
    expectTypeOf<ParamsOf<typeof provider, 'work/sum'>>().toEqualTypeOf<{ upTo: number }>();
    expectTypeOf<ResultOf<typeof provider, 'work/sum'>['total']>().toEqualTypeOf<number>();
    expectTypeOf<ResultOf<typeof provider, 'work/spin'>>().toEqualTypeOf<unknown>();
  });

  it('runs in a thread, and knows its attempt', async () => {
    const expected = { total: 55, attempt: 2, idempotencyKey: 'w/t', isInThread: true };
    expect(await resultOf(threads.run({ method: 'work/sum', params: { upTo: 10 }, attempt: 2 }))).toEqual(expected);
    expect(await resultOf(threads.run({ method: 'work/other', params: { upTo: 10 }, attempt: 2 }))).toEqual(expected);
  });

  it('has its parameters checked before', async () => {
    expect(await failureOf(threads.run({ method: 'work/sum', params: {} }))).toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
  });

  it('is killed with its thread while it spins, and the next one gets another', async () => {
    const { outcome } = await spinning('l');
    threads.abort();
    expect(await failureOf(outcome)).toMatchObject({ code: 'TASK_CANCELLED' });
    expect(await resultOf(threads.run({ method: 'work/sum', params: { upTo: 3 } }))).toMatchObject({ total: 6 });
  });

  it('never starts where it is aborted while it waits for a thread', async () => {
    const { outcome } = await spinning('first');
    const second = threads.run({ method: 'work/sum', params: { upTo: 3 }, leaseId: 'second' });
    threads.abort('second');
    expect(await failureOf(second)).toMatchObject({ code: 'TASK_CANCELLED' });
    threads.abort('first');
    await failureOf(outcome);
  });

  it('fails with what it throws, code and wishes included', async () => {
    expect(await failureOf(threads.run({ method: 'work/refuse' }))).toMatchObject({
      code: 'PROVIDER_OVERLOADED',
      retryAfterMs: 100,
      message: 'come back later',
    });
  });

  it('fails as a lost connection where it ends its thread', async () => {
    const expected = { code: 'CONNECTION_LOST', retryable: true };
    expect(await failureOf(threads.run({ method: 'work/leave', params: { code: 1 } }))).toMatchObject({
      ...expected,
      message: expect.stringContaining('"leave" ended before it had answered'),
    });
    expect(await failureOf(threads.run({ method: 'work/leave', params: { code: 0 } }))).toMatchObject(expected);
    expect(await failureOf(threads.run({ method: 'work/crash' }))).toMatchObject({
      ...expected,
      message: expect.stringContaining('out of the blue'),
    });
    expect(await resultOf(threads.run({ method: 'work/sum', params: { upTo: 3 } }))).toMatchObject({ total: 6 });
  });

  it('takes nobody else down where it takes all the memory that it may have', async () => {
    expect(await failureOf(threads.run({ method: 'work/hoard' }))).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryable: true });
  });

  it('has its result checked as any other', async () => {
    expect(await failureOf(threads.run({ method: 'work/odd' }))).toMatchObject({
      code: 'TASK_RESULT_INVALID',
      message: 'The result of "odd" is not JSON: a function at "f"; call it first, or leave it out',
    });
  });

  it('is named where its module has it not', async () => {
    expect(await failureOf(threads.run({ method: 'work/missing' }))).toMatchObject({
      code: 'METHOD_NOT_SUPPORTED',
      message: expect.stringContaining('exports no function "missing"'),
    });
  });

  it('can be called again after a stop', async () => {
    await provider.stop?.();
    expect(await resultOf(threads.run({ method: 'work/sum', params: { upTo: 3 } }))).toMatchObject({ total: 6 });
  });
});
