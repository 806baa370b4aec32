import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const many = (count: number) =>
  defineWorkflow({
    name: 'many',
    failurePolicy: 'continue_on_error',
    tasks: (task) => {
      for (let at = 0; at < count; at++) task(`t${at}`, { method: 'demo/work' });
      return null;
    },
  });

describe('a pool', () => {
  it('grows by steps while work waits, with a short cooldown between them, up to its limit', async () => {
    const hands = handOperated({ pool: { min: 1, max: 4, scaleUpBy: 2, cooldownMs: 10_000, scaleUpCooldownMs: 2_000 } });
    const { submit, advance, of } = await scene({ providers: [hands.provider] });
    await advance(10_000);
    await submit(many(9));
    expect(hands.open()).toHaveLength(3);
    await advance(1_999);
    expect(hands.open()).toHaveLength(3);
    await advance(1);
    expect(hands.open()).toHaveLength(4);
    await advance(30_000);
    expect(of('pool:scaled').map(({ data: { from, to, reason } }) => [from, to, reason])).toEqual([
      [0, 1, 'started'],
      [1, 3, 'load'],
      [3, 4, 'load'],
    ]);
  });

  it('shrinks by one when it is idle, after each cooldown, to its minimum, and sets no timer then', async () => {
    const hands = handOperated({ pool: { min: 1, max: 4, scaleUpBy: 3, cooldownMs: 10_000 } });
    const { submit, advance, settle, of, system } = await scene({ providers: [hands.provider] });
    await advance(10_000);
    await submit(many(4));
    for (const call of hands.open()) call.succeed();
    await settle();
    await advance(60_000);
    expect(of('pool:scaled_down').map(({ data: { from, to, reason } }) => [from, to, reason])).toEqual([
      [4, 3, 'idle'],
      [3, 2, 'idle'],
      [2, 1, 'idle'],
    ]);
    const [first, second, third] = of('pool:scaled_down').map(({ time }) => time);
    expect([second! - first!, third! - second!]).toEqual([10_000, 10_000]);
    expect((await system.actors()).worker).toBe(1);
    const before = of('pool:metrics').length;
    await advance(120_000);
    expect(of('pool:metrics')).toHaveLength(before);
  });

  it('states the scaling pattern: high pressure, a request, more workers, each of them started', async () => {
    const hands = handOperated({ pool: { min: 1, max: 4, scaleUpBy: 2, cooldownMs: 2_000 } });
    const { submit, advance, order } = await scene({ providers: [hands.provider] });
    await advance(5_000);
    await submit(many(9));
    await advance(2_000);
    const pattern = order('backpressure:high', 'pool:scale_requested', 'pool:scaled_up', 'worker:started');
    expect(pattern.join(' ')).toContain('backpressure:high pool:scale_requested');
    expect(pattern.join(' ')).toMatch(/pool:scale_requested .*pool:scaled_up worker:started/);
  });

  it('obeys an order within its limits, and refuses one with its reason', async () => {
    const hands = handOperated({ pool: { min: 1, max: 3, cooldownMs: 5_000 } });
    const { settle, advance, of, system } = await scene({ providers: [hands.provider] });
    await advance(5_000);
    const ask = async (type: 'pool:scale_up' | 'pool:scale_down', target: number) => {
      system.emit(type, { poolId: 'demo/v1', target, reason: 'by hand' });
      await settle();
    };
    await ask('pool:scale_up', 9);
    expect(of('pool:scaled_up').at(-1)?.data).toMatchObject({ from: 1, to: 3, reason: 'requested' });
    await ask('pool:scale_up', 9);
    system.emit('pool:scale_requested', { poolId: 'demo/v1', direction: 'up', reason: 'by hand', evidence: {} });
    await settle();
    await ask('pool:scale_down', 0);
    expect(of('pool:scaled_down').at(-1)?.data).toMatchObject({ from: 3, to: 1 });
    await ask('pool:scale_down', 0);
    expect(of('pool:scale_rejected').map(({ data: { direction, reason } }) => [direction, reason])).toEqual([
      ['up', 'limit'],
      ['up', 'cooldown'],
      ['down', 'limit'],
    ]);
  });

  it('of slots runs several attempts in one worker', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1, slots: 3 } });
    const { submit, system } = await scene({ providers: [hands.provider] });
    await submit(many(5));
    expect(hands.open()).toHaveLength(3);
    expect((await system.snapshot('worker', 'demo/v1#1'))?.value).toBe('full');
  });

  it('without a minimum has no worker until there is work', async () => {
    const hands = handOperated({ pool: { min: 0, max: 2, scaleUpBy: 1 } });
    const { submit, system, advance } = await scene({ providers: [hands.provider] });
    expect((await system.actors()).worker).toBeUndefined();
    await advance(1_000);
    await submit(many(1));
    hands.callOf('t0').succeed();
    await advance(120_000);
    expect((await system.actors()).worker).toBeUndefined();
  });

  it('replaces a worker in which an error of its provider showed, one at a time', async () => {
    const hands = handOperated({ pool: { min: 2, max: 2, quarantineMs: 10_000 }, circuit: false });
    const { submit, settle, only, of, advance } = await scene({ providers: [hands.provider] });
    await submit(many(2));
    hands.callOf('t0').fail('PROVIDER_NOT_AVAILABLE');
    await settle();
    const { workerId, replacementId, until } = only('pool:worker_quarantined').data;
    expect([workerId, replacementId, until]).toEqual(['demo/v1#1', 'demo/v1#3', 10_000]);
    hands.callOf('t1').fail('PROVIDER_NOT_AVAILABLE');
    await settle();
    expect(of('pool:worker_quarantined')).toHaveLength(1);
    expect(of('worker:stopped').map(({ data }) => data.workerId)).toEqual(['demo/v1#1']);
    await advance(10_000);
    await submit(many(1));
    hands.callOf('t0').fail('PROVIDER_NOT_AVAILABLE');
    await settle();
    expect(of('pool:worker_quarantined')).toHaveLength(2);
  });

  it('lets a worker that was quarantined finish what it runs', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1, slots: 2 }, circuit: false });
    const { submit, settle, of } = await scene({ providers: [hands.provider] });
    await submit(many(2));
    hands.callOf('t0').fail('PROVIDER_NOT_AVAILABLE');
    await settle();
    expect(of('worker:draining').map(({ data }) => data)).toMatchObject([{ workerId: 'demo/v1#1', running: 1 }]);
    hands.callOf('t1').succeed('kept');
    await settle();
    expect(of('task:completed').map(({ data }) => data.result)).toEqual(['kept']);
    expect(of('worker:stopped').map(({ data }) => data.workerId)).toEqual(['demo/v1#1']);
  });

  it('shrinks to its minimum while the circuit is open, and is restored when it closes', async () => {
    const hands = handOperated({
      pool: { min: 1, max: 5, scaleUpBy: 4 },
      circuit: { failureThreshold: 2, successThreshold: 1, recoveryTimeoutMs: 60_000 },
    });
    const { submit, settle, of, advance } = await scene({ providers: [hands.provider] });
    await advance(30_000);
    await submit(many(16));
    for (const call of hands.open().slice(0, 2)) call.fail();
    await settle();
    expect(of('pool:scaled').at(-1)?.data).toMatchObject({ from: 5, to: 1, reason: 'circuit_open' });
    for (const call of hands.open()) call.fail();
    await settle();
    await advance(60_000);
    hands.open()[0]?.succeed();
    await settle();
    expect(of('pool:scaled').at(-1)?.data).toMatchObject({ from: 1, to: 5, reason: 'restored' });
    expect(hands.open()).toHaveLength(5);
  });

  it('takes the offer back that a draining worker refuses, and gives it to another', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1, slots: 2 } });
    const { submit, settle, system, of } = await scene({ providers: [hands.provider] });
    await submit(many(1));
    system.emit('worker:drain', { workerId: 'demo/v1#1', reason: 'by hand' });
    await settle();
    await submit(many(1));
    expect(of('worker:refused').map(({ data }) => data.workerId)).toEqual(['demo/v1#1']);
    expect(hands.open()).toHaveLength(1);
    hands.open()[0]?.succeed();
    await settle();
    expect(hands.open()).toHaveLength(1);
    expect(of('task:started').at(-1)?.data.workerId).toBe('demo/v1#2');
  });
});
