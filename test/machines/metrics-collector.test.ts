import { describe, expect, it } from 'vitest';

import { type MetricsContext, metricsCollectorMachine, metricsDefaults } from '../../machines/metrics-collector.ts';
import { type CountedType, countedTypes } from '../../machines/policies/figures.ts';
import { explore } from '../../src/testing/explore.ts';
import { countedEvents } from './counted-events.ts';
import { eventOf, startMachine } from './harness.ts';

const start = () => startMachine('metrics', metricsCollectorMachine, {});

function collecting(time = 0) {
  const metrics = start();
  metrics.hear('metrics:collect', {}, { time });
  return metrics;
}

type Collector = ReturnType<typeof start>;

interface Run {
  readonly at: number;
  readonly waitMs?: number;
  readonly runMs: number;
  readonly unlockedBy?: string;
  readonly element?: { readonly of: string; readonly index: number };
}

/** Takes a task from ready to completed, with a wait and a run, and returns what its end made the collector say. */
function run(metrics: Collector, taskId: string, { at, waitMs = 0, runMs, element, ...readyMore }: Run) {
  const of = element === undefined ? {} : { element };
  metrics.hear('task:ready', { ...countedEvents['task:ready'], taskId, ...readyMore, ...of }, { time: at });
  metrics.hear('task:queued', { ...countedEvents['task:queued'], taskId, attempt: 1 }, { time: at });
  metrics.hear('task:started', { ...countedEvents['task:started'], taskId }, { time: at + waitMs });
  return metrics.hear('task:completed', { ...countedEvents['task:completed'], taskId, durationMs: runMs, ...of }, { time: at + waitMs + runMs });
}

const ended = (metrics: Collector) => metrics.hear('workflow:completed', countedEvents['workflow:completed'])[0]?.data;

describe('the metrics collector', () => {
  it('begins when it is asked, and asks for the end of each window', () => {
    const metrics = start();
    expect(metrics.hear('metrics:collect', { windowMs: 500 }, { time: 5 })).toEqual([
      { type: 'metrics:started', data: { windowMs: 500 } },
      { type: 'schedule:request', data: { scheduleId: 'metrics/window', dueAt: 505, everyMs: 500, event: { type: 'metrics:collect', data: {} } } },
    ]);
    expect(metrics.state()).toBe('collecting');
    expect(collecting().context().windowMs).toBe(metricsDefaults.windowMs);
  });

  it('counts nothing while it is suspended', () => {
    const metrics = start();
    for (const type of countedTypes) expect(metrics.hear(type, countedEvents[type] as never)).toEqual([]);
    expect(metrics.state()).toBe('suspended');
    expect(metrics.context().counters.size).toBe(0);
  });

  it('states the figures of each window, which begins where the last one ended', () => {
    const metrics = collecting(100);
    metrics.hear('task:submitted', countedEvents['task:submitted']);
    expect(metrics.hear('metrics:collect', {}, { time: 200 })).toEqual([
      {
        type: 'metrics:collected',
        data: { window: { from: 100, to: 200 }, counters: { 'gleitzeit_tasks_submitted_total{method="text/words"}': 1 }, gauges: {}, histograms: {} },
      },
    ]);
    expect(metrics.hear('metrics:collect', {}, { time: 300 })[0]?.data).toMatchObject({ window: { from: 200, to: 300 } });
  });

  it('states the last figures before it rests, and begins from nothing when it is asked again', () => {
    const metrics = collecting();
    metrics.hear('task:submitted', countedEvents['task:submitted']);
    expect(metrics.hear('metrics:suspend', {}).map(({ type }) => type)).toEqual(['metrics:collected', 'schedule:cancel', 'metrics:suspended']);
    expect(metrics.state()).toBe('suspended');
    metrics.hear('metrics:collect', {}, { time: 900 });
    expect(metrics.context()).toMatchObject({ windowFrom: 900 });
    expect(metrics.context().counters.size).toBe(0);
  });

  it('states the last figures when the engine stops', () => {
    const metrics = collecting();
    const [collected] = metrics.hear('engine:stopped', countedEvents['engine:stopped'], { time: 7 });
    expect(collected?.data).toMatchObject({ window: { from: 0, to: 7 }, gauges: { gleitzeit_engine_up: 0 } });
  });

  it('says how long a task waited and ran, all of its attempts together', () => {
    const metrics = collecting();
    metrics.hear('workflow:started', countedEvents['workflow:started']);
    metrics.hear('task:ready', countedEvents['task:ready'], { time: 0 });
    metrics.hear('task:queued', { ...countedEvents['task:queued'], attempt: 1 }, { time: 1 });
    metrics.hear('task:started', countedEvents['task:started'], { time: 11 });
    metrics.hear('task:failed', countedEvents['task:failed'], { time: 41 });
    metrics.hear('task:queued', countedEvents['task:queued'], { time: 1_041 });
    metrics.hear('task:started', countedEvents['task:started'], { time: 1_043 });
    expect(metrics.hear('task:completed', countedEvents['task:completed'], { time: 1_083 })).toEqual([
      { type: 'task:duration', data: { workflowId: 'w', taskId: 't', waitMs: 12, runMs: 70, totalMs: 1_083 } },
    ]);
  });

  it('says how long a workflow took and its longest chain of tasks, waits left out', () => {
    const metrics = collecting();
    metrics.hear('workflow:started', countedEvents['workflow:started']);
    run(metrics, 'a', { at: 0, waitMs: 500, runMs: 100 });
    run(metrics, 'b', { at: 0, runMs: 250 });
    run(metrics, 'c', { at: 600, runMs: 200, unlockedBy: 'a' });
    run(metrics, 'd', { at: 600, runMs: 10, unlockedBy: 'b' });
    expect(ended(metrics)).toEqual({ workflowId: 'w', totalMs: 2_000, criticalPathMs: 300 });
  });

  it('takes the longest element of a fan-out for its part in a chain', () => {
    const metrics = collecting();
    metrics.hear('workflow:started', countedEvents['workflow:started']);
    run(metrics, 'list', { at: 0, runMs: 10 });
    metrics.hear('task:ready', { ...countedEvents['task:ready'], taskId: 'each', elements: 2, unlockedBy: 'list' }, { time: 10 });
    run(metrics, 'each[0]', { at: 10, runMs: 30, element: { of: 'each', index: 0 } });
    run(metrics, 'each[1]', { at: 10, runMs: 20, element: { of: 'each', index: 1 } });
    const { leaseId: _, ...whole } = countedEvents['task:completed'];
    metrics.hear('task:completed', { ...whole, taskId: 'each', durationMs: 50 }, { time: 60 });
    run(metrics, 'last', { at: 60, runMs: 5, unlockedBy: 'each' });
    expect(ended(metrics)).toMatchObject({ criticalPathMs: 45 });
  });

  it('guesses no duration of what began before it did, but counts its end', () => {
    const metrics = collecting();
    for (const type of ['task:queued', 'task:started', 'task:failed', 'task:completed', 'workflow:completed'] as const) {
      expect(metrics.hear(type, countedEvents[type] as never)).toEqual([]);
    }
    expect(metrics.context().spans.size).toBe(0);
    expect(metrics.context().counters.get('gleitzeit_workflows_ended_total{status="completed"}')).toBe(1);
  });

  it.each(['workflow:completed', 'workflow:failed', 'workflow:cancelled'] as const)(
    'remembers nothing of the spans of a workflow after %s',
    (type) => {
      const metrics = collecting();
      metrics.hear('workflow:started', countedEvents['workflow:started']);
      run(metrics, 'a', { at: 0, runMs: 1 });
      expect(metrics.hear(type, countedEvents[type] as never).map((fact) => fact.type)).toEqual(['workflow:duration']);
      expect(metrics.context().spans.size).toBe(0);
    },
  );

  it('replays to the same state from its facts alone', () => {
    const live = collecting(3);
    live.hear('metrics:collect', {}, { time: 9 });
    const replayed = start();
    for (const { type, data } of live.stated) if (type.startsWith('metrics:')) replayed.replay(type, data as never, { time: 3 });
    expect(replayed.state()).toBe('collecting');
    expect(replayed.context()).toEqual(live.context());
  });

  it('has a sound chart: every state reached, every transition taken, nothing moved by others', () => {
    const window = { from: 0, to: 1 };
    const {
      visited: _visited,
      states: _states,
      ...faults
    } = explore(metricsCollectorMachine, {
      component: 'metrics',
      input: {},
      events: [
        ...countedTypes.map((type: CountedType) => eventOf(type, countedEvents[type] as never)),
        eventOf('metrics:collect', {}),
        eventOf('metrics:suspend', {}),
        eventOf('metrics:started', { windowMs: 1 }),
        eventOf('metrics:suspended', {}),
        eventOf('metrics:collected', { window, counters: {}, gauges: {}, histograms: {} }),
      ],
      distinguish: ({ context }) => (context as MetricsContext).spans.map(({ tasks }) => [...tasks.keys()]),
    });
    expect(faults).toEqual({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
  });
});
