/**
 * Figures: what each event adds to which counter, gauge or histogram. Names and units are Prometheus's.
 *
 * Labels hold only what the catalogue or the configuration bounds: types, methods, protocols, priorities, reasons; never an id.
 */
import { Map as ImmutableMap } from 'immutable';

import type { EventOf, EventType } from '../events/catalogue.ts';
import { emptyHistogram, type Histogram, observed } from './histogram.ts';

export interface Figures {
  readonly counters: ImmutableMap<string, number>;
  readonly gauges: ImmutableMap<string, number>;
  readonly histograms: ImmutableMap<string, Histogram>;
}

export const noFigures: Figures = { counters: ImmutableMap(), gauges: ImmutableMap(), histograms: ImmutableMap() };

/** Series of one kind at most; what would be one more goes into a series of its name labelled `overflow="true"`. */
export const maxSeries = 2_000;

type Labels = Readonly<Record<string, string>>;

/** The key of a series: `name` or `name{label="value"}`, escaped as Prometheus asks for. */
export function seriesOf(name: string, labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(
    ([label, value]) => `${label}="${value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`,
  );
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

function keyIn(series: ImmutableMap<string, unknown>, name: string, labels?: Labels): string {
  const key = seriesOf(name, labels);
  return series.size < maxSeries || series.has(key) ? key : seriesOf(name, { overflow: 'true' });
}

function count(figures: Figures, [name, labels]: readonly [string, Labels?], by = 1): Figures {
  return { ...figures, counters: figures.counters.update(keyIn(figures.counters, `gleitzeit_${name}_total`, labels), 0, (total) => total + by) };
}

function gauge(figures: Figures, [name, labels]: readonly [string, Labels?], value: number): Figures {
  return { ...figures, gauges: figures.gauges.set(keyIn(figures.gauges, `gleitzeit_${name}`, labels), value) };
}

function observe(figures: Figures, [name, labels]: readonly [string, Labels?], durationMs: number): Figures {
  const key = keyIn(figures.histograms, `gleitzeit_${name}_seconds`, labels);
  return { ...figures, histograms: figures.histograms.update(key, emptyHistogram, (histogram) => observed(histogram, durationMs)) };
}

type Ended = EventOf<'workflow:completed' | 'workflow:failed' | 'workflow:cancelled'>;

function workflowEnded(figures: Figures, { data: { durationMs, counts } }: Ended, status: string): Figures {
  let next = observe(count(figures, ['workflows_ended', { status }]), ['workflow_duration', { status }], durationMs);
  for (const [outcome, tasks] of Object.entries(counts)) if (tasks > 0) next = count(next, ['tasks_ended', { status: outcome }], tasks);
  return next;
}

function poolUsed(figures: Figures, { data }: EventOf<'pool:metrics'>): Figures {
  const labels = { protocol: data.poolId };
  let next = figures;
  for (const figure of ['workers', 'busy', 'idle', 'waiting'] as const) next = gauge(next, [`pool_${figure}`, labels], data[figure]);
  return gauge(next, ['pool_utilization_ratio', labels], data.utilization);
}

const poolGauges = ['workers', 'busy', 'idle', 'waiting', 'utilization_ratio'].map((figure) => `gleitzeit_pool_${figure}`);

/** What a pool was like says nothing any more; what it did stays counted. */
function poolGone(figures: Figures, { data: { poolId } }: EventOf<'pool:stopped'>): Figures {
  return { ...figures, gauges: figures.gauges.deleteAll(poolGauges.map((name) => seriesOf(name, { protocol: poolId }))) };
}

function queueFilled(figures: Figures, { data }: EventOf<'queue:metrics'>): Figures {
  let next = gauge(gauge(figures, ['queue_depth'], data.depth), ['queue_capacity'], data.capacity);
  for (const [priority, depth] of Object.entries(data.byPriority)) next = gauge(next, ['queue_waiting', { priority }], depth);
  return gauge(next, ['queue_oldest_seconds'], data.oldestMs / 1_000);
}

/** What each event adds. */
const recorders = {
  'engine:started': (figures, { data }) => gauge(gauge(figures, ['engine_up'], 1), ['engine_workflows_live'], data.stats.live),
  'engine:stopped': (figures, { data }) => gauge(gauge(figures, ['engine_up'], 0), ['engine_workflows_live'], data.stats.live),
  'workflow:started': (figures) => count(figures, ['workflows_started']),
  'workflow:completed': (figures, event) => workflowEnded(figures, event, 'completed'),
  'workflow:failed': (figures, event) => workflowEnded(figures, event, 'failed'),
  'workflow:cancelled': (figures, event) => workflowEnded(figures, event, 'cancelled'),
  'task:submitted': (figures, { data: { method } }) => count(figures, ['tasks_submitted', { method }]),
  'task:ready': (figures, { data: { method } }) => count(figures, ['tasks_ready', { method }]),
  'task:queued': (figures, { data: { method, attempt } }) => (attempt === 1 ? figures : count(figures, ['task_retries', { method }])),
  'task:started': (figures, { data: { method } }) => count(figures, ['attempts_started', { method }]),
  'task:expanded': (figures, { data }) => count(figures, ['task_elements'], data.elements),
  'task:completed': (figures, { data: { method, leaseId, durationMs } }) => {
    const next = count(figures, ['tasks_completed', { method }]);
    return leaseId === undefined ? next : observe(next, ['attempt_duration', { method, ended: 'completed' }], durationMs);
  },
  'task:failed': (figures, { data: { method, ended, leaseId, durationMs } }) => {
    const next = count(figures, ['attempts_failed', { method, ended }]);
    return leaseId === undefined ? next : observe(next, ['attempt_duration', { method, ended }], durationMs);
  },
  'task:stale_report': (figures, { data: { reported } }) => count(figures, ['stale_reports', { reported }]),
  'queue:task_enqueued': (figures, { data }) => gauge(count(figures, ['queue_enqueued', { priority: data.priority }]), ['queue_depth'], data.depth),
  'queue:task_dequeued': (figures, { data: { depth, reason, method, waitMs } }) => {
    const next = gauge(count(figures, ['queue_dequeued', { reason }]), ['queue_depth'], depth);
    return reason === 'claimed' ? observe(next, ['task_wait', { method }], waitMs) : next;
  },
  'queue:priority_changed': (figures) => count(figures, ['queue_priority_changes']),
  'queue:metrics': queueFilled,
  'pool:scaled': (figures, { data }) =>
    gauge(count(figures, ['pool_scalings', { protocol: data.poolId }]), ['pool_workers', { protocol: data.poolId }], data.to),
  'pool:scaled_up': (figures, { data }) => count(figures, ['pool_workers_added', { protocol: data.poolId }], data.workerIds.length),
  'pool:scaled_down': (figures, { data }) => count(figures, ['pool_workers_removed', { protocol: data.poolId }], data.workerIds.length),
  'pool:scale_rejected': (figures, { data: { poolId, direction, reason } }) =>
    count(figures, ['pool_scalings_rejected', { protocol: poolId, direction, reason }]),
  'pool:metrics': poolUsed,
  'pool:stopped': poolGone,
  'cleanup:started': (figures) => count(figures, ['cleanups_started']),
  'cleanup:completed': (figures, { data }) => count(figures, ['workflows_removed'], data.removed),
} as const satisfies { readonly [Type in EventType]?: (figures: Figures, event: EventOf<Type>) => Figures };

/** The events that figures are made of. */
export type CountedType = keyof typeof recorders;

/** The figures after an event. */
export function recorded(figures: Figures, event: EventOf<CountedType>): Figures {
  // The table gives every type the recorder of that type, which the compiler cannot follow through a union.
  const record = recorders[event.type] as (figures: Figures, event: EventOf<CountedType>) => Figures;
  return record(figures, event);
}

export const countedTypes = Object.keys(recorders) as readonly CountedType[];
