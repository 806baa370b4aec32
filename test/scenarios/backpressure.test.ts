import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const ones = (count: number) =>
  defineWorkflow({
    name: 'ones',
    failurePolicy: 'continue_on_error',
    tasks: (task) => {
      for (let at = 0; at < count; at++) task(`t${at}`, { method: 'demo/work' });
      return null;
    },
  });

const calm = { memoryBytes: 0, cpu: 0, lagMs: 0 };

describe('backpressure', () => {
  it('is no matter of busy workers alone', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const { submit, advance, of } = await scene({ providers: [hands.provider] });
    await submit(ones(2));
    await advance(60_000);
    expect(of('backpressure:high')).toEqual([]);
  });

  it('is high in a pool with work behind full workers, and asks that pool once to grow', async () => {
    const hands = handOperated({ pool: { min: 1, max: 2, cooldownMs: 3_000 } });
    const { submit, advance, of, only } = await scene({ providers: [hands.provider] });
    await advance(3_000);
    await submit(ones(4));
    await advance(2_000);
    expect(only('backpressure:high').data).toMatchObject({ scope: 'demo/v1', signals: { utilization: 1 } });
    expect(only('pool:scale_requested').data).toMatchObject({ poolId: 'demo/v1', direction: 'up', reason: 'backpressure:high' });
    for (let at = 0; at < 4; at++) {
      hands.open()[0]?.succeed();
      await advance(1_000);
    }
    await advance(20_000);
    expect(of('backpressure:normal').map(({ data }) => data.scope)).toEqual(['demo/v1']);
  });

  it('rises and falls with the depth of the queue, with hysteresis and a dwell', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, advance, settle, events } = await scene({ providers: [hands.provider], queue: { capacity: 20 } });
    const levels = () =>
      events.flatMap((event) =>
        event.type.startsWith('backpressure:') && (event.data as { scope?: string }).scope === 'system' ? [event.type.slice(13)] : [],
      );
    await submit(ones(15));
    expect(levels()).toEqual([]);
    await submit(ones(2));
    expect(levels()).toEqual(['high']);
    await submit(ones(3));
    expect(levels()).toEqual(['high', 'critical']);
    for (let at = 0; at < 2; at++) {
      hands.open()[0]?.succeed();
      await settle();
    }
    expect(levels()).toEqual(['high', 'critical']);
    await advance(5_000);
    expect(levels()).toEqual(['high', 'critical', 'high']);
    for (let at = 0; at < 17; at++) {
      hands.open()[0]?.succeed();
      await settle();
    }
    await advance(10_000);
    expect(levels()).toEqual(['high', 'critical', 'high', 'normal']);
  });

  it.each([
    ['in the pool behind it', 20_000, ['demo/v1']],
    ['in the system too', 290_000, ['demo/v1', 'system']],
  ])('ends %s as soon as the queue is empty', async (_, waitedMs, scopes) => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, advance, settle, of } = await scene({ providers: [hands.provider] });
    const scopesOf = (type: 'backpressure:high' | 'backpressure:normal') =>
      of(type)
        .map(({ data }) => data.scope)
        .sort();
    await submit(ones(2));
    await advance(waitedMs);
    expect([scopesOf('backpressure:high'), scopesOf('backpressure:normal')]).toEqual([scopes, []]);
    hands.open()[0]?.succeed();
    await settle();
    expect(scopesOf('backpressure:normal')).toEqual(scopes);
  });

  it('that is critical throttles admission, until it is normal again', async () => {
    let lagMs = 0;
    const { advance, play, system, of } = await scene({ vitals: () => ({ ...calm, lagMs }), providers: [handOperated().provider] });
    const quick = defineWorkflow({ name: 'quick', tasks: (task) => task('one', { run: () => 1 }) });
    await play(quick);
    lagMs = 3_000;
    await advance(5_000);
    expect(of('backpressure:critical').map(({ data }) => data.scope)).toContain('system');
    await expect(system.submit(quick)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    lagMs = 0;
    await advance(60_000);
    expect(of('backpressure:normal').map(({ data }) => data.scope)).toContain('system');
    expect((await play(quick)).status).toBe('completed');
  });

  it('that is critical makes submits wait by the policy `block`', async () => {
    let lagMs = 3_000;
    const { advance, until, system, settle } = await scene({
      queue: { policy: 'block' },
      vitals: () => ({ ...calm, lagMs }),
      providers: [handOperated().provider],
    });
    await advance(5_000);
    const submitted = system.submit(defineWorkflow({ name: 'quick', tasks: (task) => task('one', { run: () => 1 }) }), { id: 'held' });
    await settle();
    expect((await system.explain('held')).admission).toMatchObject([{ kind: 'backpressure', message: expect.stringContaining('critical (lag') }]);
    lagMs = 0;
    const run = await until(submitted);
    expect((await until(run.result())).status).toBe('completed');
  });

  it('of an overloaded provider asks its pool to shrink', async () => {
    const hands = handOperated({ pool: { min: 1, max: 4, scaleUpBy: 3, cooldownMs: 1_000 }, circuit: false });
    const { submit, advance, settle, of } = await scene({ providers: [hands.provider] });
    await advance(2_000);
    await submit(ones(4));
    await advance(10_000);
    hands.open()[0]?.fail('PROVIDER_OVERLOADED', { retryAfterMs: 30_000 });
    await settle();
    expect(of('provider:overloaded').map(({ data }) => data.until)).toEqual([42_000]);
    expect(of('pool:scale_requested').at(-1)?.data).toMatchObject({ direction: 'down' });
    for (const call of hands.open()) call.succeed();
    await advance(60_000);
    expect(of('provider:started').at(-1)?.data).toMatchObject({ recovered: true });
  });
});
