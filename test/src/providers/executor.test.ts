import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { catalogue } from '../../../machines/events/catalogue.ts';
import { type AttemptOutcome, createExecutor } from '../../../src/providers/executor.ts';
import { defineProvider, type Handler, makeProvider } from '../../../src/providers/provider.ts';
import { simulatedClock } from '../../../src/testing/simulated-clock.ts';
import { attemptOf, bench, failureOf, resultOf } from './attempts.ts';

function benchOf(run: Handler<never, unknown>) {
  return bench(makeProvider({ protocol: 'p/v1', methods: { 'p/m': { run } } }));
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

const circular: unknown[] = [];
circular.push(circular);

describe('an attempt', () => {
  it('reports what its handler returned, under its lease, as the catalogue has it', async () => {
    const clock = simulatedClock({ now: 5 });
    const provider = defineProvider({ protocol: 'p/v1', methods: { 'p/m': { run: () => clock.advance(7) ?? { a: 1 } } } });
    const outcome = await bench(provider, { clock }).run({ method: 'p/m', leaseId: 'lease', attempt: 3 });
    expect(outcome).toEqual({
      type: 'attempt:succeeded',
      data: { workflowId: 'w', taskId: 't', attempt: 3, leaseId: 'lease', workerId: 'worker', result: { a: 1 }, durationMs: 7 },
    });
    expect(catalogue[outcome.type].data.safeParse(outcome.data).success).toBe(true);
  });

  it('hands over what the schema makes of the parameters', async () => {
    const params = z.object({ n: z.coerce.number().default(4) });
    const provider = defineProvider({ protocol: 'p/v1', methods: { 'p/m': { params, run: ({ n }) => n + 1 } } });
    expect(await resultOf(bench(provider).run({ method: 'p/m', params: { n: '2' } }))).toBe(3);
    expect(await resultOf(bench(provider).run({ method: 'p/m', params: undefined }))).toBe(5);
  });

  it('gives the handler its signal, names and key', async () => {
    const seen = await resultOf(
      benchOf((_params, { signal, ...call }) => ({
        ...Object.fromEntries(Object.entries(call).filter(([, value]) => typeof value !== 'function')),
        aborted: signal.aborted,
      })).run({
        method: 'p/m',
        attempt: 2,
      }),
    );
    expect(seen).toEqual({ attempt: 2, idempotencyKey: 'w/t', workflowId: 'w', taskId: 't', aborted: false });
  });

  it('passes on what the handler logs and tells of its progress', async () => {
    const told: unknown[] = [];
    const provider = defineProvider({
      protocol: 'p/v1',
      methods: {
        'p/m': {
          run: (_params, { log, progress }) => {
            log('half way', { rows: 2 });
            progress(7, 'done');
          },
        },
      },
    });
    await bench(provider, { log: (line) => told.push(line), progress: (note) => told.push(note) }).run({ method: 'p/m' });
    const ref = { workflowId: 'w', taskId: 't', attempt: 1, leaseId: 'l' };
    expect(told).toEqual([
      { ...ref, message: 'half way', details: { rows: 2 } },
      { ...ref, fraction: 1, message: 'done' },
    ]);
  });

  it('cannot change the parameters that the task holds', async () => {
    const params = { list: [3, 1, 2] };
    const sort = benchOf(({ list }: { list: number[] }) => list.sort());
    expect(await resultOf(sort.run({ method: 'p/m', params }))).toEqual([1, 2, 3]);
    expect(params).toEqual({ list: [3, 1, 2] });
  });

  it('cannot change its result once it is reported', async () => {
    const kept = { n: 1 };
    const result = await resultOf(benchOf(() => kept).run({ method: 'p/m' }));
    kept.n = 2;
    expect(result).toEqual({ n: 1 });
  });

  it('is never reported from within the call that runs it', () => {
    const executor = createExecutor({ clock: simulatedClock() });
    const reported: AttemptOutcome[] = [];
    const provider = defineProvider({ protocol: 'p/v1', methods: {} });
    executor.run(attemptOf(provider, { method: 'none' }), (outcome) => reported.push(outcome));
    expect(reported).toEqual([]);
  });
});

describe('an attempt fails', () => {
  it('when its provider is unknown, or its method', async () => {
    const p = benchOf(() => 1);
    expect(await failureOf(p.run({ method: 'p/m', providerId: 'other' }))).toMatchObject({
      code: 'PROVIDER_NOT_FOUND',
      message: 'No provider "other" is registered',
    });
    expect(await failureOf(p.run({ method: 'p/x' }))).toMatchObject({ code: 'METHOD_NOT_SUPPORTED' });
    expect(await failureOf(p.run({ method: 'constructor' }))).toMatchObject({ code: 'METHOD_NOT_SUPPORTED' });
  });

  it('when its parameters do not fit, naming each fault, and for good', async () => {
    const params = z.object({ n: z.number(), s: z.array(z.string()) });
    const provider = defineProvider({ protocol: 'p/v1', methods: { 'p/m': { params, run: () => 1 } } });
    expect(await failureOf(bench(provider).run({ method: 'p/m', params: { s: ['a', 1] } }))).toMatchObject({
      code: 'TASK_VALIDATION_FAILED',
      retryable: false,
      message: expect.stringMatching(/^The parameters of task "t" do not fit p\/m: "n": .*; "s\.1": /),
      details: { issues: [{ path: 'n' }, { path: 's.1' }] },
    });
  });

  it('when its result is not what the method promises', async () => {
    const provider = defineProvider({ protocol: 'p/v1', methods: { 'p/m': { result: z.object({ a: z.string() }), run: () => ({ a: 1 }) } } });
    expect(await failureOf(bench(provider).run({ method: 'p/m' }))).toMatchObject({
      code: 'TASK_RESULT_INVALID',
      message: expect.stringContaining('"a"'),
    });
  });

  it.each([
    [() => () => 1, 'The result of task "t" (p/m) is not JSON: a function at its top; call it first, or leave it out'],
    [() => ({ f: () => 1 }), 'The result of task "t" (p/m) is not JSON: a function at "f"; call it first, or leave it out'],
    [() => circular, 'The result of task "t" (p/m) is circular, at "[0]"'],
    [() => 'x'.repeat(10 * 1024 * 1024), 'The result of task "t" (p/m) is 10 MB, more than the limit of 8 MB'],
  ])('when its result cannot be recorded, case %#', async (run, message) => {
    expect(await failureOf(benchOf(run).run({ method: 'p/m' }))).toMatchObject({ code: 'TASK_RESULT_INVALID', retryable: false, message });
  });

  it.each([
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ code: 7 }, 'code'],
    [Symbol('odd'), 'symbol'],
    [Object.create(null), ''],
  ])('when its handler throws what is no error: %o', async (thrown, named) => {
    const run = (): never => {
      throw thrown;
    };
    const error = await failureOf(benchOf(run).run({ method: 'p/m' }));
    expect(error).toMatchObject({ code: 'TASK_EXECUTION_FAILED', retryable: true });
    expect(JSON.stringify(error)).toContain(named);
  });

  it('with the code and the wishes of what was thrown', async () => {
    const run = (): never => {
      throw Object.assign(new Error('slow down'), { code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: 250, retryable: false });
    };
    expect(await failureOf(benchOf(run).run({ method: 'p/m' }))).toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      rpcCode: -31005,
      retryAfterMs: 250,
      retryable: false,
    });
  });

  it('once, when its handler settles twice', async () => {
    const reported: unknown[] = [];
    const executor = createExecutor({ clock: simulatedClock() });
    const twice = { then: (resolve: (value: number) => void) => [1, 2].forEach(resolve) };
    const provider = makeProvider({ protocol: 'p/v1', methods: { 'p/m': { run: () => twice } } });
    executor.register(provider);
    executor.run(attemptOf(provider, { method: 'p/m' }), (outcome) => reported.push(outcome.type));
    await settled();
    expect(reported).toEqual(['attempt:succeeded']);
  });
});

describe('an aborted attempt', () => {
  it('is forgotten at once, its signal saying why', async () => {
    const executor = createExecutor({ clock: simulatedClock() });
    const signals: AbortSignal[] = [];
    const run = (_params: unknown, { signal }: { signal: AbortSignal }) => new Promise(() => signals.push(signal));
    const provider = defineProvider({ protocol: 'p/v1', methods: { 'p/m': { run } } });
    executor.register(provider);
    executor.run(attemptOf(provider, { method: 'p/m' }), () => undefined);
    await settled();
    expect(executor.running().map(({ leaseId }) => leaseId)).toEqual(['l']);

    executor.abort('l', 'it ran longer than 5 ms');
    executor.abort('l', 'again');
    executor.abort('unknown', 'never ran');

    expect(executor.running()).toEqual([]);
    expect(signals[0]?.reason).toMatchObject({ code: 'TASK_CANCELLED', message: 'Attempt 1 of task "t" was aborted: it ran longer than 5 ms' });
  });

  it('still has its late report passed on, for the task to refuse', async () => {
    const executor = createExecutor({ clock: simulatedClock() });
    const late: (() => void)[] = [];
    const provider = defineProvider({
      protocol: 'p/v1',
      methods: { 'p/m': { run: () => new Promise((resolve) => late.push(() => resolve('late'))) } },
    });
    const reported: unknown[] = [];
    executor.register(provider);
    executor.run(attemptOf(provider, { method: 'p/m', leaseId: 'old' }), ({ data }) => reported.push(data.leaseId));
    await settled();
    executor.abort('old', 'too late');
    late[0]?.();
    await settled();
    expect(reported).toEqual(['old']);
  });

  it('wakes from its sleep, which runs on the clock of the system', async () => {
    const clock = simulatedClock();
    const provider = defineProvider({ protocol: 'p/v1', methods: { 'p/m': { run: async (_params, { sleep }) => sleep(50) } } });
    const b = bench(provider, { clock });
    const slept = b.run({ method: 'p/m' });
    await settled();
    clock.advance(50);
    expect(await slept).toMatchObject({ type: 'attempt:succeeded', data: { result: null, durationMs: 50 } });

    const woken = b.run({ method: 'p/m' });
    await settled();
    b.abort();
    expect(await failureOf(woken)).toMatchObject({ code: 'TASK_CANCELLED' });
    expect(clock.pending()).toBe(0);
  });
});

describe('a provider', () => {
  const broken = defineProvider({
    id: 'broken',
    protocol: 'p/v1',
    methods: {},
    start: () => {
      throw new Error('no licence');
    },
    check: () => {
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    },
    stop: async () => undefined,
  });

  it('answers to its start, its checks and its stop', async () => {
    const executor = createExecutor({ clock: simulatedClock() });
    executor.register(broken);
    expect(await executor.start('broken')).toMatchObject({
      ok: false,
      error: { code: 'PROVIDER_INITIALIZATION_FAILED', message: 'The start of provider "broken" failed: no licence' },
    });
    expect(await executor.check('broken')).toMatchObject({ ok: false, error: { code: 'CONNECTION_REFUSED' } });
    expect(await executor.stop('broken')).toEqual({ ok: true, durationMs: 0 });
  });

  it('without a start or a check is well', async () => {
    const executor = createExecutor({ clock: simulatedClock() });
    executor.register(defineProvider({ protocol: 'p/v1', methods: {} }));
    expect([await executor.start('p/v1'), await executor.check('p/v1')]).toEqual([
      { ok: true, durationMs: 0 },
      { ok: true, durationMs: 0 },
    ]);
    expect(await executor.check('unknown')).toMatchObject({ ok: false, error: { code: 'PROVIDER_NOT_FOUND' } });
  });

  it('that does not answer a check in time is told so, and is not well', async () => {
    const clock = simulatedClock();
    const executor = createExecutor({ clock, checkTimeoutMs: 100 });
    const signals: AbortSignal[] = [];
    executor.register(defineProvider({ protocol: 'p/v1', methods: {}, check: (signal) => new Promise(() => signals.push(signal)) }));
    const checked = executor.check('p/v1');
    clock.advance(100);
    expect(await checked).toMatchObject({ ok: false, error: { code: 'PROVIDER_TIMEOUT' }, durationMs: 100 });
    expect(signals[0]?.aborted).toBe(true);
  });

  it('that is unregistered is called no more', async () => {
    const executor = createExecutor({ clock: simulatedClock() });
    const provider = defineProvider({ protocol: 'p/v1', methods: { 'p/m': { run: () => 1 } } });
    executor.register(provider);
    executor.unregister('p/v1');
    const outcome = new Promise<AttemptOutcome>((resolve) => executor.run(attemptOf(provider, { method: 'p/m' }), resolve));
    expect(await failureOf(outcome)).toMatchObject({ code: 'PROVIDER_NOT_FOUND' });
  });
});
