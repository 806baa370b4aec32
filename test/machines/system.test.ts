import { describe, expect, it } from 'vitest';

import { failure } from '../../machines/failures.ts';
import { restartsOf, type SystemContext, systemDefaults, systemMachine, workflowOf } from '../../machines/system.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const recovered = { workflows: 1, tasks: 2 };
const stats = { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 };
const error = failure('INTERNAL_ERROR', 'It threw.');
const crash = (target: string) => ({ target, event: 'task:ready', error });
const stop = { reason: 'done', deadlineMs: 1_000 };
const held = { error: failure('PERSISTENCE_WRITE_FAILED', 'full', { retryable: true }), since: 7 };
const resumed = { since: 7, heldMs: 30 };
const ended = { mode: 'stopped', stats, reason: 'done' } as const;

function running() {
  const system = startMachine('system', systemMachine, {});
  system.hear('system:start', { recovered });
  return system;
}

describe('the system', () => {
  it('starts once, with what was recovered', () => {
    const system = running();
    expect(system.stated).toEqual([{ type: 'system:started', data: { recovered } }]);
    expect(system.state()).toBe('running');
    expect(system.hear('system:start', { recovered })).toEqual([]);
  });

  it('drains until the engine has stopped, by a deadline counted from the request', () => {
    const system = running();
    expect(system.hear('system:stop', stop, { time: 500 })).toEqual([{ type: 'system:shutdown', data: { ...stop, deadlineAt: 1_500 } }]);
    expect(system.state()).toBe('draining');
    expect(system.hear('system:stop', stop)).toEqual([]);
    expect(system.hear('engine:stopped', ended)).toEqual([{ type: 'system:stopped', data: { reason: 'done' } }]);
    expect(system.state()).toBe('stopped');
    expect(system.hear('system:start', { recovered })).toEqual([]);
  });

  it('stops at once where nothing was started', () => {
    const system = startMachine('system', systemMachine, {});
    expect(system.hear('system:stop', stop)).toEqual([{ type: 'system:stopped', data: { reason: 'done' } }]);
    expect(system.state()).toBe('stopped');
  });

  it('restarts an actor three times within a minute, each one for itself', () => {
    const system = running();
    for (const time of [0, 1, 2]) {
      expect(system.hear('system:crash', crash('queue'), { time })).toEqual([
        { type: 'system:actor_failed', data: { ...crash('queue'), restarts: time + 1, action: 'restart' } },
      ]);
    }
    expect(system.hear('system:crash', crash('queue'), { time: 59_999 })[0]?.data).toMatchObject({ restarts: 3, action: 'stop' });
    expect(system.hear('system:crash', crash('scheduler'), { time: 59_999 })[0]?.data).toMatchObject({ restarts: 1, action: 'restart' });
    expect(system.hear('system:crash', crash('queue'), { time: 60_000 })[0]?.data).toMatchObject({ restarts: 3, action: 'restart' });
    expect(system.hear('system:crash', crash('queue'), { time: 60_000 })[0]?.data).toMatchObject({ restarts: 3, action: 'stop' });
  });

  it.each([
    ['task/w/t', 'w'],
    ['workflow/w/1', 'w/1'],
    ['resolver/w', 'w'],
  ])('makes the failure of %s that of its workflow when no restart is left', (target, workflowId) => {
    const system = startMachine('system', systemMachine, { restartBudget: 0 });
    system.hear('system:start', { recovered });
    expect(system.hear('system:crash', crash(target))).toEqual([
      { type: 'system:actor_failed', data: { ...crash(target), restarts: 0, action: 'escalate', workflowId } },
    ]);
  });

  it('believes the reporter about the workflow', () => {
    const system = running();
    expect(system.hear('system:crash', { ...crash('task/a/b/c'), workflowId: 'a/b' })[0]?.data).toMatchObject({ workflowId: 'a/b' });
  });

  it.each([
    ['worker/w', undefined],
    ['workflow', undefined],
    ['task/w', 'w'],
    ['task/w/a/b', 'w'],
  ])('reads the workflow of %s as %s', (target, workflowId) => expect(workflowOf(target)).toBe(workflowId));

  it('forgets the restarts of actors whose window has passed', () => {
    const system = running();
    for (let index = 0; index < 100; index++) system.hear('system:crash', crash(`worker/${index}`), { time: index });
    system.hear('system:crash', crash('worker/50'), { time: 60_060 });
    expect(system.context().restarts.size).toBe(40);
    expect(restartsOf(system.context(), 'worker/50', 60_060)).toEqual([60_060]);
  });

  it('fails when the journal does, and can then only be stopped', () => {
    const system = running();
    expect(system.hear('system:crash', crash('journal'))).toEqual([{ type: 'system:failed', data: { error } }]);
    expect(system.state()).toBe('failed');
    expect(system.hear('system:crash', crash('queue'))).toEqual([]);
    expect(system.hear('system:stop', stop)).toEqual([{ type: 'system:stopped', data: { reason: 'done' } }]);
    expect(system.state()).toBe('stopped');
  });

  it('holds while the journal takes nothing, and goes on once it does', () => {
    const system = running();
    expect(system.hear('system:release', resumed)).toEqual([]);
    expect(system.hear('system:hold', held)).toEqual([{ type: 'system:storage_held', data: held }]);
    expect(system.state()).toBe('holding');
    expect(system.hear('system:hold', held)).toEqual([]);
    expect(system.hear('system:release', resumed)).toEqual([{ type: 'system:storage_resumed', data: resumed }]);
    expect(system.state()).toBe('running');
  });

  it('can be stopped while it holds, says also then that the journal takes facts again, and fails where it never will', () => {
    const system = running();
    system.hear('system:hold', held);
    expect(system.hear('system:stop', stop)[0]?.type).toBe('system:shutdown');
    expect(system.hear('system:release', resumed)).toEqual([{ type: 'system:storage_resumed', data: resumed }]);
    expect(system.state()).toBe('draining');
    const lost = running();
    lost.hear('system:hold', held);
    lost.hear('system:crash', crash('journal'));
    expect(lost.state()).toBe('failed');
  });

  it('replays to the same state from its facts alone', () => {
    const live = running();
    live.hear('system:crash', crash('queue'), { time: 1 });
    live.hear('system:stop', stop, { time: 2 });
    const replayed = startMachine('system', systemMachine, {});
    for (const { type, data } of live.stated) replayed.replay(type, data as never, { time: type === 'system:actor_failed' ? 1 : 0 });
    expect(replayed.state()).toBe('draining');
    expect(replayed.context()).toEqual(live.context());
  });

  it('has the defaults that are documented', () => expect(systemDefaults).toEqual({ restartBudget: 3, restartWindowMs: 60_000 }));

  it('has a sound chart: every state reached, every transition taken, nothing moved by others', () => {
    const actorFailed = { ...crash('queue'), restarts: 1 };
    const {
      visited: _visited,
      states: _states,
      ...faults
    } = explore(systemMachine, {
      component: 'system',
      input: {},
      events: [
        eventOf('system:start', { recovered }),
        eventOf('system:stop', stop),
        eventOf('system:crash', crash('queue')),
        eventOf('system:crash', crash('journal')),
        eventOf('engine:stopped', ended),
        eventOf('system:started', { recovered }),
        eventOf('system:shutdown', { ...stop, deadlineAt: 0 }),
        eventOf('system:stopped', { reason: 'done' }),
        eventOf('system:failed', { error }),
        eventOf('system:hold', held),
        eventOf('system:release', resumed),
        eventOf('system:storage_held', held),
        eventOf('system:storage_resumed', resumed),
        eventOf('system:actor_failed', { ...actorFailed, action: 'restart' }),
        eventOf('system:actor_failed', { ...actorFailed, action: 'stop' }),
      ],
      distinguish: ({ context }) => Math.min((context as SystemContext).restarts.get('queue')?.length ?? 0, 4),
    });
    expect(faults).toEqual({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
  });
});
