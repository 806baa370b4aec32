import { describe, expect, it } from 'vitest';

import {
  type BackpressureMonitorInput,
  backpressureMonitorDefaults,
  backpressureMonitorMachine,
  pressureOf,
} from '../../machines/backpressure-monitor.ts';
import type { DataOf } from '../../machines/events/catalogue.ts';
import { noPressure } from '../../machines/policies/pressure.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const entry = { workflowId: 'w', taskId: 't', method: 'llm/ask', protocol: 'llm/v1', priority: 'normal' } as const;
const enqueued = (depth: number): DataOf<'queue:task_enqueued'> => ({ ...entry, depth, attempt: 1 });
const dequeued = (depth: number): DataOf<'queue:task_dequeued'> => ({ ...entry, depth, waitMs: 0, reason: 'claimed' });
const full = { depth: 100, capacity: 100, policy: 'reject' } as const;
const queueMetrics = (depth: number, oldestMs: number): DataOf<'queue:metrics'> => ({
  depth,
  capacity: 100,
  oldestMs,
  enqueued: 0,
  dequeued: 0,
  byPriority: { low: 0, normal: depth, high: 0, urgent: 0 },
});
const poolMetrics = (waiting: number, utilization = 1, poolId = 'llm/v1'): DataOf<'pool:metrics'> => ({
  poolId,
  workers: 2,
  busy: 2,
  idle: 0,
  utilization,
  waiting,
  completed: 0,
  failed: 0,
});
const load = (running: number, poolId = 'llm/v1') => ({ workerId: `${poolId}#1`, poolId, running, slots: 1 });
const idle = (poolId?: string) => ({ ...load(0, poolId), change: 'released' as const });
const busy = (poolId?: string) => ({ ...load(1, poolId), change: 'claimed' as const });
const heartbeat = (vitals: Partial<DataOf<'worker:heartbeat'>>): DataOf<'worker:heartbeat'> => ({
  ...load(0),
  leaseUntil: 0,
  memoryBytes: 0,
  cpu: 0,
  lagMs: 0,
  ...vitals,
});
const overloaded = (until: number) => ({ providerId: 'llm', protocol: 'llm/v1', until });
const closed = { circuit: 'llm', providerId: 'llm', protocol: 'llm/v1', epoch: 1, successes: 3 };
const elapsed = (key: string) => ({ component: 'backpressure' as const, key, timer: 'dwell' });

const start = (input: Partial<BackpressureMonitorInput> = {}) =>
  startMachine('backpressure', backpressureMonitorMachine, { scope: 'system', capacity: 100, dwellMs: 5_000, ...input });
const startPool = (input: Partial<BackpressureMonitorInput> = {}) => start({ scope: 'llm/v1', ...input });

/** A monitor whose clock moves on beyond its dwell with every event that brings no time of its own. */
function startQuick(scope: string) {
  const monitor = start({ scope, dwellMs: 1 });
  let time = 0;
  const hear: typeof monitor.hear = (type, data, at) => {
    time += 1;
    return monitor.hear(type, data, at ?? { time });
  };
  return { ...monitor, hear };
}
const typesOf = (facts: readonly { readonly type: string }[]) => facts.map(({ type }) => type);

describe('backpressureMonitorMachine', () => {
  it('says on the edge that the queue is under high, then critical pressure, and looks again after the dwell', () => {
    const monitor = start();
    expect(monitor.hear('queue:task_enqueued', enqueued(79))).toEqual([]);
    expect(monitor.hear('queue:task_enqueued', enqueued(80), { time: 10 })).toEqual([
      { type: 'backpressure:high', data: { scope: 'system', score: 0.8, signals: { ...noPressure, depth: 0.8 } } },
      {
        type: 'schedule:request',
        data: {
          scheduleId: 'backpressure/system/dwell',
          dueAt: 5_010,
          everyMs: 5_000,
          event: { type: 'schedule:elapsed', data: elapsed('system') },
        },
      },
    ]);
    expect(monitor.state()).toBe('high');
    expect(monitor.hear('queue:task_enqueued', enqueued(81))).toEqual([]);
    expect(typesOf(monitor.hear('queue:task_enqueued', enqueued(95)))).toEqual(['backpressure:critical', 'schedule:request']);
    expect(monitor.state()).toBe('critical');
  });

  it('remembers nothing of the events of every task that cross no threshold', () => {
    const monitor = start();
    const before = monitor.context();
    monitor.hear('queue:task_enqueued', enqueued(50));
    monitor.hear('queue:task_dequeued', dequeued(49));
    monitor.hear('worker:idle', idle());
    monitor.hear('worker:busy', busy());
    monitor.hear('queue:empty', {});
    expect(monitor.context()).toBe(before);
  });

  it('falls step by step, each below the threshold at which it rose', () => {
    const monitor = startQuick('system');
    monitor.hear('queue:task_enqueued', enqueued(95));
    expect(monitor.hear('queue:task_dequeued', dequeued(86))).toEqual([]);
    expect(typesOf(monitor.hear('queue:task_dequeued', dequeued(85)))).toEqual(['backpressure:high', 'schedule:request']);
    expect(monitor.hear('queue:task_dequeued', dequeued(66))).toEqual([]);
    expect(monitor.hear('queue:task_dequeued', dequeued(65))).toEqual([
      { type: 'backpressure:normal', data: { scope: 'system', score: 0.65, signals: { ...noPressure, depth: 0.65 } } },
      { type: 'schedule:cancel', data: { scheduleId: 'backpressure/system/dwell' } },
    ]);
    expect(monitor.state()).toBe('normal');
  });

  it('holds a fall back for the dwell, and says it by its own timer', () => {
    const monitor = start();
    monitor.hear('queue:task_enqueued', enqueued(80), { time: 1_000 });
    expect(monitor.hear('queue:empty', {}, { time: 2_000 })).toEqual([]);
    expect(monitor.hear('schedule:elapsed', elapsed('system'), { time: 5_999 })).toEqual([]);
    expect(typesOf(monitor.hear('schedule:elapsed', elapsed('system'), { time: 6_000 }))).toEqual(['backpressure:normal', 'schedule:cancel']);
  });

  it('rises at once, within the dwell', () => {
    const monitor = start();
    monitor.hear('queue:task_enqueued', enqueued(80), { time: 1_000 });
    monitor.hear('queue:full', full, { time: 1_001 });
    expect(monitor.state()).toBe('critical');
  });

  it('knows the capacity of the queue from the queue, and the wait of its oldest task', () => {
    const monitor = startMachine('backpressure', backpressureMonitorMachine, { scope: 'system' });
    expect(backpressureMonitorDefaults.capacity).toBe(100_000);
    monitor.hear('queue:metrics', queueMetrics(10, backpressureMonitorDefaults.oldestLimitMs));
    expect(monitor.state()).toBe('high');
    expect(monitor.context()).toMatchObject({ capacity: 100, signals: { depth: 0.1, oldest: 1 } });
    expect(pressureOf(monitor.context())).toEqual({ level: 'high', score: 0.85, signal: 'oldest' });
  });

  it('is critical while the queue is full, and less so when there is room', () => {
    const monitor = startQuick('system');
    monitor.hear('queue:full', full);
    expect(monitor.state()).toBe('critical');
    monitor.hear('queue:room', { depth: 80, capacity: 100 });
    expect(monitor.state()).toBe('high');
  });

  it('finds busy workers without waiting work healthy', () => {
    const monitor = startPool();
    expect(monitor.hear('pool:metrics', poolMetrics(0))).toEqual([]);
    expect(pressureOf(monitor.context())).toBeNull();
  });

  it('asks a pool once per edge to grow when work waits behind its full workers', () => {
    const monitor = startPool();
    const facts = monitor.hear('pool:metrics', poolMetrics(1));
    expect(typesOf(facts)).toEqual(['backpressure:high', 'schedule:request', 'pool:scale_requested']);
    expect(facts[2]).toEqual({
      type: 'pool:scale_requested',
      data: { poolId: 'llm/v1', direction: 'up', reason: 'backpressure:high', evidence: { ...noPressure, score: 0.85, utilization: 1 } },
    });
    expect(monitor.hear('pool:metrics', poolMetrics(2))).toEqual([]);
  });

  it('minds its own pool only', () => {
    const monitor = startPool();
    expect(monitor.hear('pool:metrics', poolMetrics(1, 1, 'other/v1'))).toEqual([]);
    expect(monitor.hear('queue:full', full)).toEqual([]);
    expect(monitor.hear('queue:room', { depth: 90, capacity: 100 })).toEqual([]);
    expect(monitor.hear('queue:metrics', queueMetrics(100, 1_000_000))).toEqual([]);
    expect(monitor.hear('queue:task_enqueued', enqueued(100))).toEqual([]);
    expect(monitor.hear('provider:overloaded', { ...overloaded(9), protocol: 'other/v1' })).toEqual([]);
    expect(monitor.hear('worker:heartbeat', heartbeat({ poolId: 'other/v1', lagMs: 9_000 }))).toEqual([]);
    monitor.hear('pool:metrics', poolMetrics(1));
    monitor.hear('worker:idle', idle('other/v1'));
    monitor.hear('circuit:closed', { ...closed, protocol: 'other/v1' });
    expect(monitor.context().hasIdleWorker).toBe(false);
  });

  it('asks for no growth when pressure falls from critical to high', () => {
    const monitor = startQuick('llm/v1');
    monitor.hear('pool:metrics', poolMetrics(1));
    expect(typesOf(monitor.hear('worker:heartbeat', heartbeat({ lagMs: 2_000 })))).toContain('pool:scale_requested');
    expect(typesOf(monitor.hear('worker:heartbeat', heartbeat({}), { time: 15_000 }))).toEqual(['backpressure:high', 'schedule:request']);
  });

  it('expects relief from new workers', () => {
    const monitor = startQuick('llm/v1');
    monitor.hear('pool:metrics', poolMetrics(1));
    monitor.hear('pool:scaled', { poolId: 'llm/v1', from: 4, to: 2, reason: 'idle' });
    expect(monitor.state()).toBe('high');
    monitor.hear('pool:scaled', { poolId: 'llm/v1', from: 2, to: 4, reason: 'load' });
    expect(monitor.state()).toBe('normal');
  });

  it('sees by an idle worker that nothing waits any more, unless the worker is taken again', () => {
    const monitor = startPool();
    monitor.hear('pool:metrics', poolMetrics(1));
    monitor.hear('worker:idle', idle());
    monitor.hear('worker:busy', busy());
    monitor.hear('schedule:elapsed', elapsed('llm/v1'), { time: 5_000 });
    expect(monitor.state()).toBe('high');
    monitor.hear('worker:idle', idle());
    monitor.hear('schedule:elapsed', elapsed('llm/v1'), { time: 10_000 });
    expect(monitor.state()).toBe('normal');
  });

  it('believes the pool more than one idle worker', () => {
    const monitor = startPool();
    monitor.hear('pool:metrics', poolMetrics(1));
    monitor.hear('worker:idle', idle());
    monitor.hear('pool:metrics', poolMetrics(1));
    monitor.hear('schedule:elapsed', elapsed('llm/v1'), { time: 5_000 });
    expect(monitor.state()).toBe('high');
  });

  it('asks a pool to shrink while its provider is overloaded, until that is over', () => {
    const monitor = startPool();
    expect(monitor.hear('provider:overloaded', overloaded(7_000)).at(-1)).toMatchObject({
      type: 'pool:scale_requested',
      data: { direction: 'down' },
    });
    monitor.hear('schedule:elapsed', elapsed('llm/v1'), { time: 5_000 });
    expect(monitor.state()).toBe('high');
    monitor.hear('schedule:elapsed', elapsed('llm/v1'), { time: 10_000 });
    expect(monitor.state()).toBe('normal');
  });

  it('takes a circuit that closed as the end of an overload', () => {
    const monitor = startQuick('llm/v1');
    monitor.hear('provider:overloaded', overloaded(60_000));
    monitor.hear('circuit:closed', closed);
    expect(monitor.state()).toBe('normal');
  });

  it.each([
    ['system', { lagMs: 2_000 }, 'critical'],
    ['llm/v1', { memoryBytes: 1_000 }, 'critical'],
    ['system', { cpu: 2 }, 'high'],
    ['system', { lagMs: 1_000 }, 'normal'],
  ] as const)('judges, as %s, a worker by its vital signs %o: %s', (scope, vitals, level) => {
    const monitor = start({ scope, memoryLimitBytes: 1_000, cpuLimit: 2 });
    monitor.hear('worker:heartbeat', heartbeat(vitals));
    expect(monitor.state()).toBe(level);
  });

  it('counts the worst heartbeat of a while, and takes neither memory nor CPU for a signal unless told their limits', () => {
    const monitor = startQuick('system');
    monitor.hear('worker:heartbeat', heartbeat({ memoryBytes: 1e12, cpu: 64, lagMs: 2_000 }));
    monitor.hear('worker:heartbeat', heartbeat({}), { time: 10 });
    expect(monitor.context().signals).toEqual({ ...noPressure, lag: 1 });
    monitor.hear('worker:heartbeat', heartbeat({}), { time: 15_000 });
    expect(monitor.state()).toBe('normal');
  });

  it('forgets the vital signs of workers that fell silent', () => {
    const monitor = start();
    monitor.hear('worker:heartbeat', heartbeat({ lagMs: 2_000 }), { time: 15_000 });
    monitor.hear('schedule:elapsed', elapsed('system'), { time: 40_000 });
    expect(monitor.state()).toBe('critical');
    monitor.hear('schedule:elapsed', elapsed('system'), { time: 45_000 });
    expect(monitor.state()).toBe('normal');
  });

  it('is over with its pool, and leaves no pressure behind', () => {
    const calm = start({ scope: 'llm/v1' });
    expect(calm.hear('pool:stopped', { poolId: 'llm/v1' })).toEqual([]);
    expect(calm.state()).toBe('over');
    const live = start({ scope: 'llm/v1' });
    live.hear('worker:heartbeat', { ...heartbeat({ lagMs: 2_000 }), poolId: 'llm/v1' });
    expect(live.hear('pool:stopped', { poolId: 'llm/v1' })).toMatchObject([
      { type: 'backpressure:normal', data: { scope: 'llm/v1', score: 0 } },
      { type: 'schedule:cancel' },
    ]);
    expect(live.state()).toBe('over');
  });

  it('replays to the same state from its facts alone', () => {
    const live = start();
    live.hear('queue:task_enqueued', enqueued(80));
    live.hear('queue:task_enqueued', enqueued(95));
    const replayed = start();
    for (const fact of live.stated) if (fact.type.startsWith('backpressure:')) replayed.replay(fact.type, fact.data as never);
    expect(replayed.state()).toBe('critical');
    expect(replayed.context()).toEqual(live.context());
  });

  it('reaches every state, takes every transition, and is moved by its own facts only', () => {
    const level = { scope: 'llm/v1', score: 0.9, signals: { ...noPressure, utilization: 1 } };
    const { unvisited, untaken, movedByOthers, unhandled, errors } = explore(backpressureMonitorMachine, {
      component: 'backpressure',
      movedBy: ['pool:stopped'],
      input: { scope: 'system', capacity: 100, dwellMs: 1 },
      events: [
        eventOf('queue:task_enqueued', enqueued(99)),
        eventOf('queue:task_dequeued', dequeued(0), { time: 100 }),
        eventOf('queue:full', full),
        eventOf('queue:room', { depth: 80, capacity: 100 }),
        eventOf('queue:empty', {}),
        eventOf('queue:metrics', queueMetrics(10, 0)),
        eventOf('pool:metrics', poolMetrics(1, 1, 'system')),
        eventOf('pool:scaled', { poolId: 'system', from: 1, to: 2, reason: 'load' }),
        eventOf('pool:stopped', { poolId: 'system' }),
        eventOf('worker:idle', idle('system')),
        eventOf('worker:busy', busy('system')),
        eventOf('worker:heartbeat', heartbeat({ lagMs: 2_000 })),
        eventOf('provider:overloaded', { ...overloaded(9), protocol: 'system' }),
        eventOf('circuit:closed', { ...closed, protocol: 'system' }),
        eventOf('schedule:elapsed', elapsed('system'), { time: 100_000 }),
        eventOf('backpressure:normal', level),
        eventOf('backpressure:high', level),
        eventOf('backpressure:critical', level),
      ],
      distinguish: ({ context }) => [context.signals.depth, Math.round(context.signals.utilization), context.level, context.hasIdleWorker],
    });
    expect({ unvisited, untaken, movedByOthers, unhandled, errors }).toEqual({
      unvisited: [],
      untaken: [],
      movedByOthers: [],
      unhandled: [],
      errors: [],
    });
  });
});
