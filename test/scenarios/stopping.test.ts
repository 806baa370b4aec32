import { describe, expect, it } from 'vitest';

import { specOf } from '../../machines/events/catalogue.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { openScene, scene } from './scene.ts';

const pair = defineWorkflow({
  name: 'pair',
  tasks: (task) => {
    task('a', { method: 'demo/work' });
    task('b', { method: 'demo/work' });
    return null;
  },
});

describe('a stop', () => {
  it('ends admission, holds dispatch, drains the workers, stops time, and says last that the engine has stopped', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const stage = await openScene({ providers: [hands.provider] });
    const { submit, settle, system, order, of, clock, events } = stage;
    const run = await submit(pair);
    const pending = run.result();
    const stopped = system.stop({ deadlineMs: 10_000, reason: 'upgrade' });
    await settle();
    expect(system.phase).toBe('stopping');
    expect(of('system:shutdown')[0]?.data).toEqual({ reason: 'upgrade', deadlineMs: 10_000, deadlineAt: clock.now() + 10_000 });
    expect(of('worker:draining')).toHaveLength(1);
    hands.callOf('a').succeed('done');
    await stopped;
    expect(order('system:shutdown', 'queue:held', 'worker:draining', 'task:completed', 'worker:stopped', 'pool:stopped', 'engine:stopped')).toEqual([
      'system:shutdown',
      'queue:held',
      'worker:draining',
      'task:completed',
      'worker:stopped',
      'pool:stopped',
      'engine:stopped',
    ]);
    expect(events.filter(({ type }) => specOf(type).recorded).at(-1)?.type).toBe('engine:stopped');
    expect(events.slice(events.findIndex(({ type }) => type === 'engine:stopped') + 1).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['schedule:stopped', 'system:stopped']),
    );
    expect(hands.calls).toHaveLength(1);
    expect(await pending.catch((error: unknown) => error)).toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
    await expect(system.submit(pair)).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
  });

  it('aborts at the deadline what still runs, and says that it gave it up; what the handlers say after that is not heard', async () => {
    const hands = handOperated();
    const { submit, settle, advance, system, of, order } = await openScene({ providers: [hands.provider] });
    await submit(pair);
    const [call] = hands.calls;
    const stopped = system.stop({ deadlineMs: 10_000 });
    await settle();
    await advance(9_999);
    expect(call?.signal.aborted).toBe(false);
    await advance(1);
    await stopped;
    expect(call?.signal.aborted).toBe(true);
    call?.succeed('too late');
    expect(of('task:failed').map(({ data }) => [data.taskId, data.ended, data.lost, data.error.code])).toEqual([
      ['a', 'abandoned', 0, 'SYSTEM_SHUTDOWN'],
      ['b', 'abandoned', 0, 'SYSTEM_SHUTDOWN'],
    ]);
    expect(order('task:completed', 'task:stale_report', 'task:retry_scheduled', 'engine:stopped')).toEqual([
      'task:retry_scheduled',
      'task:retry_scheduled',
      'engine:stopped',
    ]);
    expect(of('engine:stopped')).toHaveLength(1);
    expect(system.phase).toBe('stopped');
  });

  it('lets nothing fall due after it, and is over when nothing ran', async () => {
    const { play, system, clock, events } = await openScene();
    await play(defineWorkflow({ name: 'quick', tasks: (task) => task('a', { run: () => 1 }) }));
    await system.stop();
    const before = events.length;
    expect(clock.pending()).toBe(0);
    clock.advance(3_600_000);
    expect(events).toHaveLength(before);
    await system.stop();
  });

  it('refuses the submits that still waited for room', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, system, settle } = await openScene({ providers: [hands.provider], queue: { capacity: 1, policy: 'block' } });
    await submit(pair);
    const waiting = system.submit(pair).catch((error: unknown) => error);
    await settle();
    await system.stop({ deadlineMs: 0 });
    expect(await waiting).toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
  });

  it('of providers calls what each of them registered for it', async () => {
    let stops = 0;
    const { provider } = handOperated();
    const { system } = await openScene({ providers: [{ ...provider, stop: () => void stops++ }] });
    await system.stop();
    expect(stops).toBe(1);
  });
});

describe('memory', () => {
  it('does not grow with finished work', async () => {
    const { play, system, core } = await scene({ pools: { 'function/v1': { max: 1 } } });
    const workflow = defineWorkflow({
      name: 'three',
      tasks: (task) => {
        for (const id of ['a', 'b', 'c']) task(id, { run: () => 1 });
        return null;
      },
    });
    await play(workflow);
    const before = await system.actors();
    for (let at = 0; at < 20; at++) await play(workflow);
    expect(await system.actors()).toEqual(before);
    expect(core.snapshot('engine')?.context).toMatchObject({ stats: { submitted: 21, completed: 21 } });
  });
});
