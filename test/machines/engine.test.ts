import { describe, expect, it } from 'vitest';

import { engineMachine, isThrottled } from '../../machines/engine.ts';
import type { DataOf } from '../../machines/events/catalogue.ts';
import type { QueuePolicy } from '../../machines/events/queue.ts';
import { failure } from '../../machines/failures.ts';
import { explore } from '../../src/testing/explore.ts';
import { definitionOf, taskOf } from './definitions.ts';
import { eventOf, startMachine } from './harness.ts';

const definition = definitionOf([taskOf('a')]);
const submitOf = (workflowId: string, more: Partial<DataOf<'workflow:submit'>> = {}): DataOf<'workflow:submit'> => ({
  workflowId,
  name: 'sample',
  versionHash: 'h1',
  definition,
  input: {},
  levels: 1,
  ...more,
});
const started = { recovered: { workflows: 0, tasks: 0 } };
const shutdown = { reason: 'stop', deadlineMs: 0, deadlineAt: 0 };
const words = { reason: 'because', by: 'me' };
const full = { depth: 10, capacity: 10, policy: 'reject' as const };
const signals = { depth: 0, oldest: 0, utilization: 0, lag: 0, memory: 0, cpu: 0, overload: 0 };
const load = (scope = 'system') => ({ scope, score: 0.96, signals });
const ended = (workflowId: string) => ({ workflowId, durationMs: 1, counts: { completed: 1, failed: 0, cancelled: 0, skipped: 0 } });

function start(queuePolicy?: QueuePolicy) {
  const engine = startMachine('engine', engineMachine, queuePolicy === undefined ? {} : { queuePolicy });
  engine.hear('system:started', started);
  return engine;
}

type Drafts = readonly { readonly type: string; readonly data: unknown }[];
const told = (drafts: Drafts) => drafts.map(({ type, data }) => `${type} ${(data as { workflowId?: string }).workflowId ?? ''}`.trim());
const codeOf = (drafts: Drafts) => drafts.map(({ data }) => (data as { error?: { code: string } }).error?.code)[0];

describe('engineMachine', () => {
  it('starts with the system, and says what it counts', () => {
    const engine = start();
    expect(engine.stated).toEqual([
      { type: 'engine:started', data: { mode: 'running', stats: { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 } } },
    ]);
    expect(engine.state()).toEqual({ running: 'accepting' });
  });

  it('starts paused where the start says so: it admits, and was never seen to dispatch', () => {
    const engine = startMachine('engine', engineMachine, {});
    engine.hear('system:started', { ...started, paused: 'maintenance' });
    expect(engine.stated.map(({ type }) => type)).toEqual(['engine:started', 'engine:paused']);
    expect(engine.stated[1]?.data).toEqual({ reason: 'maintenance' });
    expect(engine.state()).toEqual({ running: 'paused' });
    expect(engine.hear('workflow:submit', submitOf('w'))).toHaveLength(2);
    engine.hear('engine:resume', words);
    expect(engine.state()).toEqual({ running: 'accepting' });
  });

  it('admits a workflow', () => {
    const engine = start();
    expect(engine.hear('workflow:submit', submitOf('w', { input: { x: 1 } }))).toEqual([
      { type: 'workflow:submitted', data: { workflowId: 'w', name: 'sample', versionHash: 'h1', definition, input: { x: 1 } } },
      { type: 'workflow:validated', data: { workflowId: 'w', tasks: 1, levels: 1 } },
    ]);
    expect(engine.context().live.get('w')).toBe('h1');
  });

  it('takes a second submit of the same definition for the same run, and refuses another under the same id', () => {
    const engine = start();
    engine.hear('workflow:submit', submitOf('w'));
    expect(engine.hear('workflow:submit', submitOf('w'))).toEqual([]);
    expect(engine.hear('workflow:submit', submitOf('w', { versionHash: 'h2' }))[0]?.data).toMatchObject({
      workflowId: 'w',
      error: { code: 'WORKFLOW_INVALID_STATE', details: { workflowId: 'w', known: 'h1', got: 'h2' } },
    });
    expect(engine.hear('workflow:submit', submitOf('old', { known: 'h1' }))).toEqual([]);
    expect(codeOf(engine.hear('workflow:submit', submitOf('old', { known: 'h0' })))).toBe('WORKFLOW_INVALID_STATE');
  });

  it('counts how workflows end, each once', () => {
    const engine = start();
    for (const id of ['a', 'b', 'c', 'd']) engine.hear('workflow:submit', submitOf(id));
    engine.hear('workflow:completed', ended('a'));
    engine.hear('workflow:completed', ended('a'));
    engine.hear('workflow:failed', { ...ended('b'), error: failure('INTERNAL_ERROR', 'x'), failedTaskIds: [] });
    engine.hear('workflow:cancelled', { ...ended('c'), ...words });
    engine.hear('system:shutdown', shutdown);
    expect(engine.hear('engine:halt', { reason: 'done' })).toEqual([
      { type: 'engine:stopped', data: { mode: 'stopped', reason: 'done', stats: { submitted: 4, completed: 1, failed: 1, cancelled: 1, live: 1 } } },
    ]);
  });

  it('refuses before the start, during the shutdown, and after it', () => {
    const fresh = startMachine('engine', engineMachine, {});
    expect(codeOf(fresh.hear('workflow:submit', submitOf('w')))).toBe('SYSTEM_NOT_INITIALIZED');
    const engine = start();
    engine.hear('system:shutdown', shutdown);
    expect(engine.state()).toBe('draining');
    expect(codeOf(engine.hear('workflow:submit', submitOf('w')))).toBe('SYSTEM_SHUTDOWN');
    engine.hear('engine:halt', { reason: 'done' });
    expect(engine.state()).toEqual({ stopped: 'halted' });
    expect(codeOf(engine.hear('workflow:submit', submitOf('w')))).toBe('SYSTEM_SHUTDOWN');
  });

  it('admits while it is paused, and says that it pauses and goes on, once each', () => {
    const engine = start();
    expect(engine.hear('engine:pause', words)).toEqual([{ type: 'engine:paused', data: { reason: 'because' } }]);
    expect(engine.hear('engine:pause', words)).toEqual([]);
    expect(engine.state()).toEqual({ running: 'paused' });
    expect(told(engine.hear('workflow:submit', submitOf('w')))).toEqual(['workflow:submitted w', 'workflow:validated w']);
    expect(engine.hear('engine:resume', words)).toEqual([{ type: 'engine:resumed', data: { reason: 'because' } }]);
    expect(engine.state()).toEqual({ running: 'accepting' });
  });

  it.each([
    ['reject', 'QUEUE_FULL', 'RESOURCE_EXHAUSTED'],
    ['shed', undefined, undefined],
  ] as const)('meets a full queue and a critical load by the policy %s', (policy, whenFull, whenCritical) => {
    const engine = start(policy);
    engine.hear('queue:full', full);
    expect(codeOf(engine.hear('workflow:submit', submitOf('a')))).toBe(whenFull);
    engine.hear('queue:room', full);
    engine.hear('backpressure:critical', load());
    expect(codeOf(engine.hear('workflow:submit', submitOf('b')))).toBe(whenCritical);
    engine.hear('backpressure:high', load());
    expect(told(engine.hear('workflow:submit', submitOf('c')))).toEqual(['workflow:submitted c', 'workflow:validated c']);
  });

  it('lets submits wait by the policy block, and admits them in order when nothing is in the way any more', () => {
    const engine = start('block');
    engine.hear('queue:full', full);
    for (const id of ['b', 'a']) expect(engine.hear('workflow:submit', submitOf(id))).toEqual([]);
    expect(engine.hear('workflow:submit', submitOf('b'))).toEqual([]);
    expect(codeOf(engine.hear('workflow:submit', submitOf('b', { versionHash: 'h2' })))).toBe('WORKFLOW_INVALID_STATE');
    engine.hear('backpressure:critical', load());
    expect(engine.hear('queue:room', full)).toEqual([]);
    expect(told(engine.hear('backpressure:normal', load()))).toEqual([
      'workflow:submitted b',
      'workflow:validated b',
      'workflow:submitted a',
      'workflow:validated a',
    ]);
    expect(engine.context().waiting.size).toBe(0);
    engine.hear('queue:full', full);
    engine.hear('workflow:submit', submitOf('c'));
    expect(engine.hear('backpressure:normal', load())).toEqual([]);
    expect(told(engine.hear('queue:room', full))).toEqual(['workflow:submitted c', 'workflow:validated c']);
  });

  it('refuses what still waits when the system shuts down', () => {
    const engine = start('block');
    engine.hear('queue:full', full);
    engine.hear('workflow:submit', submitOf('a'));
    expect(codeOf(engine.hear('system:shutdown', shutdown))).toBe('SYSTEM_SHUTDOWN');
    expect(engine.context().waiting.size).toBe(0);
  });

  it('minds the load of the whole system only', () => {
    const engine = start();
    engine.hear('backpressure:critical', load('pool'));
    expect(isThrottled(engine.context())).toBe(false);
    engine.hear('backpressure:critical', load());
    engine.hear('backpressure:normal', load('pool'));
    expect(isThrottled(engine.context())).toBe(true);
  });

  it('replays to the same counts from its facts alone', () => {
    const live = start();
    live.hear('workflow:submit', submitOf('a'));
    live.hear('workflow:submit', submitOf('b'));
    live.hear('workflow:completed', ended('a'));

    const replayed = startMachine('engine', engineMachine, {});
    replayed.replay('engine:started', { mode: 'running', stats: { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 } });
    for (const id of ['a', 'b']) replayed.replay('workflow:submitted', { workflowId: id, name: 'sample', versionHash: 'h1', definition, input: {} });
    replayed.replay('workflow:completed', ended('a'));
    expect(replayed.state()).toEqual(live.state());
    expect(replayed.context()).toEqual(live.context());
  });

  it('has no dead end, no transition that nothing takes, and is moved by others at the shutdown only', () => {
    const stats = { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 };
    const events = [
      eventOf('system:started', started),
      eventOf('system:started', { ...started, paused: 'r' }),
      eventOf('system:shutdown', shutdown),
      eventOf('engine:halt', { reason: 'r' }),
      eventOf('engine:pause', words),
      eventOf('engine:resume', words),
      eventOf('workflow:submit', submitOf('w')),
      eventOf('workflow:submit', submitOf('w', { versionHash: 'h2' })),
      eventOf('workflow:submit', submitOf('v')),
      eventOf('queue:full', full),
      eventOf('queue:room', full),
      ...(['backpressure:normal', 'backpressure:high', 'backpressure:critical'] as const).flatMap((type) => [
        eventOf(type, load()),
        eventOf(type, load('pool')),
      ]),
      eventOf('workflow:submitted', { workflowId: 'w', name: 'sample', versionHash: 'h1', definition, input: {} }),
      eventOf('workflow:completed', ended('w')),
      eventOf('workflow:cancelled', { ...ended('w'), ...words }),
      eventOf('workflow:failed', { ...ended('w'), error: failure('INTERNAL_ERROR', 'x'), failedTaskIds: [] }),
      eventOf('engine:started', { mode: 'running', stats }),
      eventOf('engine:stopped', { mode: 'stopped', stats, reason: 'r' }),
      eventOf('engine:paused', { reason: 'r' }),
      eventOf('engine:resumed', { reason: 'r' }),
    ];
    const explorations = (['reject', 'block', 'shed'] as const).map((queuePolicy) =>
      explore(engineMachine, {
        component: 'engine',
        input: { queuePolicy },
        events,
        distinguish: ({ context }) => [context.live.size, context.waiting.size, context.throttle],
        movedBy: ['system:shutdown'],
      }),
    );
    for (const { unvisited, movedByOthers, unhandled, errors } of explorations) {
      expect({ unvisited, movedByOthers, unhandled, errors }).toEqual({ unvisited: [], movedByOthers: [], unhandled: [], errors: [] });
    }
    const [first, ...others] = explorations;
    expect(first?.untaken.filter((name) => others.every(({ untaken }) => untaken.includes(name)))).toEqual([]);
  });
});
