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

/** A provider without a circuit, whose check fails for as long as it is ill. */
async function frail(): Promise<Scene & { readonly hands: ReturnType<typeof handOperated>; readonly health: { ill: boolean } }> {
  const health = { ill: false };
  const hands = handOperated({
    circuit: false,
    pool: { min: 1, max: 1 },
    check: () => {
      if (health.ill) throw new Error('it does not answer');
    },
  });
  const stage = await scene({ providers: [hands.provider] });
  return { ...stage, hands, health };
}

async function failTimes({ hands, settle }: Awaited<ReturnType<typeof frail>>, times: number): Promise<void> {
  for (let at = 0; at < times; at++) {
    hands.open()[0]?.fail('PROVIDER_NOT_AVAILABLE');
    await settle();
  }
}

describe('a health check', () => {
  it('is asked for by the scheduler, begins, and ends with a verdict on each target', async () => {
    const { advance, order, of } = await frail();
    await advance(30_000);
    expect(of('health:check')).toHaveLength(1);
    expect(of('health:check_started').map(({ data }) => data.component)).toEqual(['engine', 'workers', 'provider/demo/v1']);
    expect(of('health:check_completed').map(({ data }) => [data.component, data.status])).toEqual([
      ['engine', 'healthy'],
      ['workers', 'healthy'],
      ['provider/demo/v1', 'healthy'],
    ]);
    expect(order('health:check', 'provider:health_check', 'provider:checked').slice(1)).toEqual([
      'health:check',
      'provider:health_check',
      'provider:checked',
    ]);
  });

  it('that fails is said, and the one that finds all well again too', async () => {
    const { advance, of, health } = await frail();
    health.ill = true;
    await advance(30_000);
    expect(of('health:check_failed').map(({ data }) => data)).toMatchObject([{ component: 'provider/demo/v1', status: 'degraded' }]);
    health.ill = false;
    await advance(30_000);
    expect(of('health:check_completed').at(-1)?.data).toMatchObject({ component: 'provider/demo/v1', status: 'healthy' });
  });

  it('of one target can be asked for', async () => {
    const { settle, of, system } = await frail();
    system.emit('health:check', { targets: ['engine'] });
    await settle();
    expect(of('health:check_completed').map(({ data }) => data.component)).toEqual(['engine']);
  });
});

describe('a provider', () => {
  it('is degraded after three faults of its own, and trusted again after one success', async () => {
    const stage = await frail();
    await stage.submit(many(4));
    await failTimes(stage, 3);
    expect(stage.only('provider:degraded').data.consecutiveFailures).toBe(3);
    stage.hands.open()[0]?.succeed();
    await stage.settle();
    expect(stage.of('provider:started').at(-1)?.data.recovered).toBe(true);
  });

  it('is unhealthy after six: its tasks wait, it is checked at growing intervals, and started again when a check succeeds', async () => {
    const stage = await frail();
    const { health, advance, of, only, hands, settle } = stage;
    health.ill = true;
    await stage.submit(many(8));
    await failTimes(stage, 6);
    expect(only('provider:unhealthy').data).toMatchObject({ consecutiveFailures: 6, retryAt: 1_000 });
    expect(only('method:unavailable').data).toMatchObject({ reason: 'unhealthy' });
    const before = hands.calls.length;
    // One more had been dispatched before the verdict.
    for (const call of hands.open()) call.succeed();
    await settle();
    await advance(10_000);
    expect(hands.calls.length - before).toBeLessThanOrEqual(1);
    const checks = of('provider:health_check').map(({ time }) => time);
    expect(checks).toEqual([1_000, 3_000, 7_000]);
    health.ill = false;
    await advance(10_000);
    expect(of('provider:started').at(-1)?.data.recovered).toBe(true);
    expect(of('method:available')).toHaveLength(2);
    while (hands.open().length > 0) {
      hands.open()[0]?.succeed();
      await settle();
    }
  });

  it('that is overloaded rests for as long as it asks, and is called again then', async () => {
    const stage = await frail();
    const { hands, settle, advance, only, of } = stage;
    await stage.submit(many(3));
    hands.open()[0]?.fail('RATE_LIMIT_EXCEEDED', { retryAfterMs: 20_000 });
    await settle();
    expect(only('provider:overloaded').data.until).toBe(20_000);
    for (const call of hands.open()) call.succeed();
    await settle();
    expect(only('method:unavailable').data).toMatchObject({ reason: 'overloaded', until: 20_000 });
    expect(hands.open()).toEqual([]);
    await advance(20_000);
    expect(of('method:available')).toHaveLength(2);
    expect(hands.open()).toHaveLength(1);
  });

  it('whose start fails is not called before a check of it succeeds', async () => {
    let isReady = false;
    const hands = handOperated({
      start: () => {
        throw new Error('not yet');
      },
      check: () => {
        if (!isReady) throw new Error('not yet');
      },
    });
    const { submit, advance, of, settle } = await scene({ providers: [hands.provider] });
    expect(of('provider:error').map(({ data }) => data.origin)).toEqual(['start']);
    await submit(many(1));
    await advance(2_000);
    expect(hands.calls).toEqual([]);
    isReady = true;
    await advance(10_000);
    hands.callOf('t0').succeed();
    await settle();
  });

  it('that is unregistered is called no more, and another one of its methods takes over', async () => {
    const first = handOperated({ id: 'first' });
    const second = handOperated({ id: 'second' });
    const { submit, settle, system, of } = await scene({ providers: [first.provider, second.provider] });
    system.unregister('first', 'replaced');
    await settle();
    await submit(many(1));
    expect([first.open().length, second.open().length]).toEqual([0, 1]);
    expect(of('provider:stopped').map(({ data }) => data)).toMatchObject([{ providerId: 'first', reason: 'replaced' }]);
    system.unregister('second');
    await settle();
    expect(of('method:unavailable').at(-1)?.data.reason).toBe('no_provider');
  });

  it('that fails leaves its methods to a sound one', async () => {
    const first = handOperated({ id: 'first', circuit: { failureThreshold: 1 } });
    const second = handOperated({ id: 'second' });
    const { submit, settle, of } = await scene({ providers: [first.provider, second.provider] });
    await submit(many(1));
    first.callOf('t0').fail();
    await settle();
    await submit(many(1));
    expect(second.open()).toHaveLength(1);
    expect(of('method:available').at(-1)?.data.providerId).toBe('second');
  });
});
