import { describe, expect, it } from 'vitest';

import type { EventOf } from '../../../machines/events/catalogue.ts';
import { eventTypes, specOf } from '../../../machines/events/catalogue.ts';
import { type CountedType, countedTypes, type Figures, maxSeries, noFigures, recorded, seriesOf } from '../../../machines/policies/figures.ts';
import { countedEvents } from '../counted-events.ts';
import { eventOf } from '../harness.ts';

const record = (figures: Figures, type: CountedType, data: object = {}) =>
  recorded(figures, eventOf(type, { ...countedEvents[type], ...data } as never) as EventOf<CountedType>);

/** The figures that one event leaves, of a histogram the sum and the count. */
function figuresOf(type: CountedType, data?: object): Record<string, unknown> {
  const { counters, gauges, histograms } = record(noFigures, type, data);
  return { ...counters.toObject(), ...gauges.toObject(), ...histograms.map(({ sum, count }) => [sum, count]).toObject() };
}

const figuresOfEnd = (status: string): Record<string, unknown> => ({
  [`gleitzeit_workflows_ended_total{status="${status}"}`]: 1,
  [`gleitzeit_workflow_duration_seconds{status="${status}"}`]: [2, 1],
  'gleitzeit_tasks_ended_total{status="completed"}': 2,
  'gleitzeit_tasks_ended_total{status="failed"}': 1,
});
const method = 'method="text/words"';
const protocol = 'protocol="text/v1"';
const table: { readonly [Type in CountedType]: Record<string, unknown> } = {
  'engine:started': { gleitzeit_engine_up: 1, gleitzeit_engine_workflows_live: 2 },
  'engine:stopped': { gleitzeit_engine_up: 0, gleitzeit_engine_workflows_live: 2 },
  'workflow:started': { gleitzeit_workflows_started_total: 1 },
  'workflow:completed': figuresOfEnd('completed'),
  'workflow:failed': figuresOfEnd('failed'),
  'workflow:cancelled': figuresOfEnd('cancelled'),
  'task:submitted': { [`gleitzeit_tasks_submitted_total{${method}}`]: 1 },
  'task:ready': { [`gleitzeit_tasks_ready_total{${method}}`]: 1 },
  'task:queued': { [`gleitzeit_task_retries_total{${method}}`]: 1 },
  'task:started': { [`gleitzeit_attempts_started_total{${method}}`]: 1 },
  'task:expanded': { gleitzeit_task_elements_total: 4 },
  'task:completed': {
    [`gleitzeit_tasks_completed_total{${method}}`]: 1,
    [`gleitzeit_attempt_duration_seconds{${method},ended="completed"}`]: [0.04, 1],
  },
  'task:failed': {
    [`gleitzeit_attempts_failed_total{${method},ended="error"}`]: 1,
    [`gleitzeit_attempt_duration_seconds{${method},ended="error"}`]: [0.03, 1],
  },
  'task:stale_report': { 'gleitzeit_stale_reports_total{reported="succeeded"}': 1 },
  'queue:task_enqueued': { 'gleitzeit_queue_enqueued_total{priority="high"}': 1, gleitzeit_queue_depth: 5 },
  'queue:task_dequeued': {
    'gleitzeit_queue_dequeued_total{reason="claimed"}': 1,
    gleitzeit_queue_depth: 4,
    [`gleitzeit_task_wait_seconds{${method}}`]: [0.02, 1],
  },
  'queue:priority_changed': { gleitzeit_queue_priority_changes_total: 1 },
  'queue:metrics': {
    gleitzeit_queue_depth: 6,
    gleitzeit_queue_capacity: 10,
    'gleitzeit_queue_waiting{priority="low"}': 1,
    'gleitzeit_queue_waiting{priority="normal"}': 2,
    'gleitzeit_queue_waiting{priority="high"}': 3,
    'gleitzeit_queue_waiting{priority="urgent"}': 0,
    gleitzeit_queue_oldest_seconds: 0.5,
  },
  'pool:scaled': { [`gleitzeit_pool_scalings_total{${protocol}}`]: 1, [`gleitzeit_pool_workers{${protocol}}`]: 3 },
  'pool:scaled_up': { [`gleitzeit_pool_workers_added_total{${protocol}}`]: 2 },
  'pool:scaled_down': { [`gleitzeit_pool_workers_removed_total{${protocol}}`]: 1 },
  'pool:scale_rejected': { [`gleitzeit_pool_scalings_rejected_total{${protocol},direction="up",reason="limit"}`]: 1 },
  'pool:stopped': {},
  'pool:metrics': {
    [`gleitzeit_pool_workers{${protocol}}`]: 3,
    [`gleitzeit_pool_busy{${protocol}}`]: 2,
    [`gleitzeit_pool_idle{${protocol}}`]: 1,
    [`gleitzeit_pool_waiting{${protocol}}`]: 1,
    [`gleitzeit_pool_utilization_ratio{${protocol}}`]: 0.5,
  },
  'cleanup:started': { gleitzeit_cleanups_started_total: 1 },
  'cleanup:completed': { gleitzeit_workflows_removed_total: 8 },
};

describe('the figures', () => {
  it.each(countedTypes)('of %s are those of the table', (type) => expect(figuresOf(type)).toEqual(table[type]));

  it('are made of every event that the catalogue says the collector hears', () => {
    const heard = eventTypes.filter((type) => specOf(type).listeners.includes('metrics') && specOf(type).kind === 'fact');
    expect([...countedTypes].sort()).toEqual(heard.sort());
  });

  it('add up', () => {
    const twice = record(record(noFigures, 'task:completed'), 'task:completed');
    expect(twice.counters.get(`gleitzeit_tasks_completed_total{${method}}`)).toBe(2);
  });

  it('count a first queueing as no retry, and time neither the whole of a fan-out nor the wait of a cancelled task', () => {
    expect(figuresOf('task:queued', { attempt: 1 })).toEqual({});
    expect(figuresOf('task:completed', { leaseId: undefined })).toEqual({ [`gleitzeit_tasks_completed_total{${method}}`]: 1 });
    expect(figuresOf('queue:task_dequeued', { reason: 'cancelled' })).toEqual({
      'gleitzeit_queue_dequeued_total{reason="cancelled"}': 1,
      gleitzeit_queue_depth: 4,
    });
  });

  it('forget how a pool was used that has stopped, and keep what it did', () => {
    let figures = record(record(noFigures, 'pool:metrics', {}), 'pool:scaled', {});
    figures = record(figures, 'pool:metrics', { poolId: 'other/v1' });
    const gone = record(figures, 'pool:stopped', {});
    expect([...gone.gauges.keys()].filter((key) => key.includes('text/v1'))).toEqual([]);
    expect([...gone.gauges.keys()].filter((key) => key.includes('other/v1'))).toHaveLength(5);
    expect(gone.counters).toBe(figures.counters);
  });

  it('escape what Prometheus would misread', () => {
    expect(seriesOf('name', { a: 'x\\y"z\n' })).toBe('name{a="x\\\\y\\"z\\n"}');
    expect(seriesOf('name')).toBe('name');
  });

  it('have a bounded number of series, and lose no count beyond it', () => {
    let figures = noFigures;
    for (let index = 0; index < maxSeries + 50; index++) figures = record(figures, 'task:submitted', { method: `m${index}` });
    figures = record(figures, 'task:submitted', { method: 'm0' });
    expect(figures.counters.size).toBe(maxSeries + 1);
    expect(figures.counters.get('gleitzeit_tasks_submitted_total{overflow="true"}')).toBe(50);
    expect(figures.counters.get('gleitzeit_tasks_submitted_total{method="m0"}')).toBe(2);
  });
});
