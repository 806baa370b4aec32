import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { type Scene, scene } from './scene.ts';

const many = (count: number) =>
  defineWorkflow({
    name: 'many',
    failurePolicy: 'continue_on_error',
    tasks: (task) => {
      for (let at = 0; at < count; at++) task(`t${at}`, { method: 'demo/work' });
      return null;
    },
  });

const circuit = { failureThreshold: 2, successThreshold: 2, recoveryTimeoutMs: 10_000, halfOpenProbes: 1 };

/** A provider whose circuit has just opened, with one call of before still under way. */
async function opened(): Promise<Scene & { readonly hands: ReturnType<typeof handOperated> }> {
  const hands = handOperated({ circuit, pool: { min: 4, max: 4 } });
  const stage = await scene({ providers: [hands.provider] });
  await stage.submit(many(12));
  for (let at = 0; at < 2; at++) {
    hands.open()[0]?.fail();
    await stage.settle();
  }
  expect(stage.only('circuit:opened').data).toMatchObject({
    circuit: 'demo/v1',
    reason: 'failure_threshold',
    failures: 2,
    epoch: 1,
    retryAt: stage.clock.now() + 10_000,
  });
  return { ...stage, hands };
}

describe('a slot that a failure gives back', () => {
  it('is not taken behind the circuit that the same failure opens', async () => {
    const hands = handOperated({ circuit: { ...circuit, failureThreshold: 1 }, pool: { min: 1, max: 1 } });
    const { submit, settle, only, of } = await scene({ providers: [hands.provider] });
    await submit(many(3));
    hands.open()[0]?.fail();
    await settle();
    expect(only('circuit:opened').data).toMatchObject({ epoch: 1 });
    expect([hands.calls.length, of('worker:assign').length]).toEqual([1, 1]);
  });
});

describe('a circuit', () => {
  it('that opens makes its method unavailable: tasks wait, they do not fail', async () => {
    const { hands, settle, of, only, advance } = await opened();
    const before = hands.calls.length;
    for (const call of hands.open()) call.succeed();
    await settle();
    await advance(9_999);
    expect(only('method:unavailable').data).toMatchObject({ method: 'demo/work', reason: 'circuit_open' });
    expect(hands.calls).toHaveLength(before);
    expect(of('task:retry_exhausted')).toHaveLength(2);
  });

  it('ignores the reports of calls that began before it opened', async () => {
    const { hands, settle, of, system } = await opened();
    for (const call of hands.open()) call.fail();
    await settle();
    expect(of('circuit:opened')).toHaveLength(1);
    expect((await system.snapshot('circuit', 'demo/v1'))?.context).toMatchObject({ epoch: 1, reopenings: 1 });
  });

  it('half-open lets one probe through at a time, while the rest wait', async () => {
    const { hands, settle, of, advance } = await opened();
    for (const call of hands.open()) call.fail();
    await settle();
    await advance(10_000);
    expect(of('circuit:half_open').map(({ data }) => data)).toMatchObject([{ probes: 1, successes: 0, epoch: 1 }]);
    expect(hands.open()).toHaveLength(1);
    await advance(5_000);
    expect(hands.open()).toHaveLength(1);
    hands.open()[0]?.succeed();
    await settle();
    expect(of('circuit:half_open').at(-1)?.data).toMatchObject({ probes: 1, successes: 1 });
    expect(hands.open()).toHaveLength(1);
    expect(of('circuit:closed')).toEqual([]);
  });

  it('closes after enough probes went well, and everything runs again', async () => {
    const { hands, settle, only, of, advance } = await opened();
    for (const call of hands.open()) call.fail();
    await settle();
    await advance(10_000);
    for (let at = 0; at < 2; at++) {
      hands.open()[0]?.succeed();
      await settle();
    }
    expect(only('circuit:closed').data).toMatchObject({ successes: 2, epoch: 1 });
    expect(hands.open()).toHaveLength(4);
    expect(of('task:started').at(-1)?.data.epoch).toBe(1);
  });

  it('opens again with the first probe that fails, each time for longer, and ignores what is of an older epoch', async () => {
    const { hands, settle, of, advance, clock, system } = await opened();
    const [old] = hands.open();
    for (const call of hands.open()) if (call !== old) call.fail();
    await settle();
    for (const [times, delay] of [
      [2, 20_000],
      [3, 40_000],
      [4, 80_000],
    ] as const) {
      await advance(delay / 2);
      const probe = hands.open().find((call) => call !== old);
      probe?.fail();
      await settle();
      expect(of('circuit:opened')).toHaveLength(times);
      expect(of('circuit:opened').at(-1)?.data).toMatchObject({ reason: 'probe_failed', epoch: times, retryAt: clock.now() + delay });
    }
    await advance(80_000);
    old?.succeed();
    await settle();
    expect((await system.snapshot('circuit', 'demo/v1'))?.context).toMatchObject({ epoch: 4, successes: 0 });
  });

  it('gives the probe of a cancelled task to another one', async () => {
    const { hands, settle, of, advance, system } = await opened();
    for (const call of hands.open()) call.fail();
    await settle();
    await advance(10_000);
    const [probe] = hands.open();
    system.cancelTask(probe!.workflowId, probe!.taskId);
    await settle();
    expect(of('circuit:half_open')).toHaveLength(2);
    expect(hands.open()).toHaveLength(1);
    expect(hands.open()[0]).not.toBe(probe);
  });

  it('does not count what says nothing of the provider', async () => {
    const hands = handOperated({ circuit, pool: { min: 4, max: 4 } });
    const { submit, settle, of } = await scene({ providers: [hands.provider] });
    await submit(many(4));
    for (const call of hands.open()) call.fail('INVALID_PARAMS');
    await settle();
    expect(of('task:failed')).toHaveLength(4);
    expect(of('circuit:opened')).toEqual([]);
  });

  it('of one method leaves the other methods alone', async () => {
    const hands = handOperated({ methods: ['demo/work', 'demo/rest'], circuit: { ...circuit, scope: 'method' }, pool: { min: 2, max: 2 } });
    const { submit, settle, only } = await scene({ providers: [hands.provider] });
    await submit(many(2));
    for (const call of hands.open()) call.fail();
    await settle();
    expect(only('circuit:opened').data.circuit).toBe('demo/v1/demo/work');
    await submit(defineWorkflow({ name: 'rest', tasks: (task) => task('rest', { method: 'demo/rest' }) }));
    hands.callOf('rest').succeed();
    await settle();
  });

  it('opened by hand stays open until somebody closes it', async () => {
    const hands = handOperated({ circuit });
    const { submit, settle, advance, system, of } = await scene({ providers: [hands.provider] });
    system.emit('circuit:isolate', { circuit: 'demo/v1', reason: 'maintenance' });
    await settle();
    await submit(many(1));
    await advance(600_000);
    expect(hands.calls).toEqual([]);
    system.emit('circuit:restore', { circuit: 'demo/v1', reason: 'done' });
    await settle();
    expect(of('circuit:closed')).toHaveLength(1);
    hands.callOf('t0').succeed();
    await settle();
  });
});
