import { describe, expect, it } from 'vitest';

import type { GleitzeitDraft } from '../../machines/events/catalogue.ts';
import { components } from '../../machines/events/define.ts';
import type { Core } from '../../src/system/core.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const single = defineWorkflow({ name: 'single', tasks: (task) => task('one', { method: 'demo/work' }) });
const quick = defineWorkflow({ name: 'quick', tasks: (task) => task('a', { run: () => 1 }) });

/** Makes the actors of an address throw at events of a type. */
function poison(core: Core, address: string, type: string): { readonly heal: () => void } {
  let isPoisoned = true;
  const { registry } = core;
  const { get } = registry;
  registry.get = (component, key) => {
    const actor = get.call(registry, component, key);
    if (actor === undefined || actor.address !== address || Object.hasOwn(actor, 'send')) return actor;
    const { send } = actor;
    actor.send = (event) => {
      if (isPoisoned && event.type === type) throw new Error('poisoned');
      return send.call(actor, event);
    };
    return actor;
  };
  return {
    heal: () => {
      isPoisoned = false;
    },
  };
}

/** Puts something into the inbox as whoever is named would. */
const put = (core: Core, draft: GleitzeitDraft, source: string) => core.accept(draft, { source });

describe('an actor that throws', () => {
  it('keeps its last sound state, is reported, and lets everything else go on', async () => {
    const hands = handOperated();
    const { submit, settle, only, core, play, until } = await scene({ strict: false, providers: [hands.provider] });
    const run = await submit(single);
    const { heal } = poison(core, `task/${run.id}/one`, 'attempt:succeeded');
    hands.callOf('one').succeed(1);
    await settle();
    expect(only('system:actor_failed').data).toMatchObject({
      target: `task/${run.id}/one`,
      event: 'attempt:succeeded',
      restarts: 1,
      action: 'restart',
      workflowId: run.id,
    });
    expect((await run.status()).tasks['one']?.status).toBe('running');
    heal();
    const { leaseId, workerId } = only('attempt:succeeded').data;
    expect((await play(quick)).status).toBe('completed');
    put(
      core,
      { type: 'attempt:succeeded', data: { workflowId: run.id, taskId: 'one', attempt: 1, leaseId, workerId, result: 2, durationMs: 0 } },
      `worker/${workerId}`,
    );
    expect((await until(run.result())).output).toBe(2);
  });

  it('again and again takes its workflow with it, never the system', async () => {
    const hands = handOperated();
    const { submit, settle, of, core, play, until, system } = await scene({ strict: false, providers: [hands.provider] });
    const run = await submit(single);
    poison(core, `task/${run.id}/one`, 'task:cancel');
    for (let at = 0; at < 4; at++) {
      system.cancelTask(run.id, 'one');
      await settle();
    }
    expect(of('system:actor_failed').map(({ data }) => data.action)).toEqual(['restart', 'restart', 'restart', 'escalate']);
    expect(await until(run.result())).toMatchObject({ status: 'failed', error: { code: 'INTERNAL_ERROR' } });
    expect((await play(quick)).status).toBe('completed');
    expect(system.phase).toBe('running');
  });

  it('and is dispensable is let go', async () => {
    const { core, of, advance, play, system } = await scene({ strict: false, metrics: true });
    poison(core, 'metrics', 'workflow:started');
    for (let at = 0; at < 4; at++) await play(quick);
    expect(of('system:actor_failed').map(({ data }) => data.action)).toEqual(['restart', 'restart', 'restart', 'stop']);
    await advance(1_000);
    expect(await system.snapshot('metrics')).toBeUndefined();
    expect((await play(quick)).status).toBe('completed');
  });

  it('and is not dispensable stays, however often it throws', async () => {
    const hands = handOperated();
    const { core, submit, settle, play } = await scene({ strict: false, metrics: true, providers: [hands.provider] });
    await submit(single);
    const addresses = () => components.flatMap((component) => [...core.registry.all(component)].map(({ address }) => address));
    const before = addresses();
    const error = { code: 'INTERNAL_ERROR', rpcCode: -32_603, message: 'poisoned', retryable: false };
    for (const target of before)
      put(core, { type: 'system:actor_failed', data: { target, event: 'task:queued', restarts: 4, action: 'stop', error } }, 'system');
    await settle();
    const gone = before.filter((address) => !addresses().includes(address)).map((address) => address.split('/')[0]);
    expect([...new Set(gone)].sort()).toEqual(['backpressure', 'cleaner', 'health', 'metrics']);
    hands.callOf('one').succeed();
    expect((await play(quick)).status).toBe('completed');
  });

  it('makes a strict system fail, with a message that names it', async () => {
    const { core, system, settle, submit } = await scene({ fails: true, providers: [handOperated().provider] });
    const run = await submit(single);
    poison(core, `workflow/${run.id}`, 'workflow:cancel');
    run.cancel();
    await settle();
    expect(system.phase).toBe('failed');
    await expect(run.result()).rejects.toThrow(`'workflow/${run.id}' threw at 'workflow:cancel': poisoned`);
  });
});

describe('nothing is silent', () => {
  it('about an event to somebody who is not there', async () => {
    const { core, settle, only } = await scene({ strict: false });
    put(core, { type: 'worker:drain', data: { workerId: 'nobody', reason: 'test' } }, 'api');
    await settle();
    expect(only('system:dead_letter').data).toMatchObject({ event: 'worker:drain', target: 'worker/nobody' });
  });

  it('about an event that a state neither handles nor ignores', async () => {
    const { core, settle, only } = await scene({ strict: false });
    put(core, { type: 'cleanup:swept', data: { scope: 'workflows', removed: 0, durationMs: 0 } }, 'sweeper');
    const cleaner = core.registry.get('cleaner', '');
    cleaner!.handles = () => false;
    await settle();
    expect(only('system:unhandled').data).toMatchObject({ event: 'cleanup:swept', target: 'cleaner' });
  });
});
