/**
 * Metrics collector: counts what happens, and says the figures window by window.
 *
 * It rests until somebody reads: at rest the router takes it off every event but `metrics:collect`, so what it says holds
 * from `metrics:started` on, and it refuses to guess: a task or a workflow whose start it did not see has no duration.
 * While it collects, `metrics:collect` closes a window; another length of the window takes a rest in between.
 * Counting changes its figures on others' events; only its own facts change its state.
 */
import { Map as ImmutableMap } from 'immutable';
import { assign, emit, setup } from 'xstate';

import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import { type CountedType, type Figures, noFigures, recorded } from './policies/figures.ts';
import { histogramData } from './policies/histogram.ts';
import { type SpanEvent, type Spans, spanned, taskDuration, workflowDuration } from './policies/spans.ts';

export interface MetricsInput {
  /**
   * The length of a window, in milliseconds, where `metrics:collect` asks for none.
   * @defaultValue `10_000`
   */
  readonly windowMs?: number;
}

export interface MetricsContext extends Figures {
  readonly windowMs: number;
  /** When the open window began. */
  readonly windowFrom: number;
  readonly spans: Spans;
}

type OwnFact = 'metrics:started' | 'metrics:collected' | 'metrics:suspended';

export type MetricsEvent = EventOf<CountedType | 'metrics:collect' | 'metrics:suspend' | OwnFact>;

export type MetricsFact = DraftOf<OwnFact | 'task:duration' | 'workflow:duration' | 'schedule:request' | 'schedule:cancel'>;

export const metricsDefaults = { windowMs: 10_000 } as const satisfies Required<MetricsInput>;

const scheduleId = 'metrics/window';

type EndOfWorkflow = EventOf<'workflow:completed' | 'workflow:failed' | 'workflow:cancelled'>;

/** The figures as they stand at a time; what `metrics:collected` carries. */
export function figuresAt({ windowFrom, counters, gauges, histograms }: MetricsContext, time: number): DataOf<'metrics:collected'> {
  return {
    window: { from: windowFrom, to: time },
    counters: counters.toObject(),
    gauges: gauges.toObject(),
    histograms: histograms.map(histogramData).toObject(),
  };
}

const windowOf = ({ windowMs }: MetricsContext, event: MetricsEvent): number => (event as EventOf<'metrics:collect'>).data.windowMs ?? windowMs;

export const metricsCollectorMachine = setup({
  types: {
    input: {} as MetricsInput,
    context: {} as MetricsContext,
    events: {} as MetricsEvent,
    emitted: {} as MetricsFact,
  },
  // The chart names each guard and action on the events that its cast says, and on no others.
  guards: {
    isTaskWatched: ({ context, event }) => taskDuration(context.spans, event as EventOf<'task:completed'>) !== null,
    isWorkflowWatched: ({ context, event }) => context.spans.has((event as EndOfWorkflow).data.workflowId),
  },
  actions: {
    stateStarted: emit(({ context, event }) => ({ type: 'metrics:started', data: { windowMs: windowOf(context, event) } })),
    requestWindows: emit(({ context, event }) => {
      const everyMs = windowOf(context, event);
      return { type: 'schedule:request', data: { scheduleId, dueAt: event.time + everyMs, everyMs, event: { type: 'metrics:collect', data: {} } } };
    }),
    cancelWindows: emit({ type: 'schedule:cancel', data: { scheduleId } }),
    stateCollected: emit(({ context, event }) => ({ type: 'metrics:collected', data: figuresAt(context, event.time) })),
    stateSuspended: emit({ type: 'metrics:suspended', data: {} }),
    // The guard before it made sure that there is one.
    stateTaskDuration: emit(({ context, event }) => ({
      type: 'task:duration',
      data: taskDuration(context.spans, event as EventOf<'task:completed'>) as DataOf<'task:duration'>,
    })),
    // The guard before it made sure that there is one.
    stateWorkflowDuration: emit(({ context, event }) => ({
      type: 'workflow:duration',
      data: workflowDuration(context.spans, (event as EndOfWorkflow).data) as DataOf<'workflow:duration'>,
    })),
    begin: assign(({ event }) => ({
      ...noFigures,
      spans: ImmutableMap() as Spans,
      windowMs: (event as EventOf<'metrics:started'>).data.windowMs,
      windowFrom: event.time,
    })),
    beginWindow: assign({ windowFrom: ({ event }) => (event as EventOf<'metrics:collected'>).data.window.to }),
    count: assign(({ context, event }) => recorded(context, event as EventOf<CountedType>)),
    countAndSpan: assign(({ context, event }) => ({
      ...recorded(context, event as EventOf<CountedType>),
      spans: spanned(context.spans, event as SpanEvent),
    })),
  },
}).createMachine({
  id: 'metricsCollector',
  description: 'Makes figures of what happens, while somebody reads them.',
  context: ({ input }) => ({ ...metricsDefaults, ...input, ...noFigures, windowFrom: 0, spans: ImmutableMap() }),
  initial: 'suspended',
  states: {
    suspended: {
      description: 'Nobody reads, so nothing is counted.',
      on: {
        'metrics:collect': { actions: ['stateStarted', 'requestWindows'] },
        'metrics:started': { target: 'collecting', actions: 'begin' },
        'metrics:suspend': {},
        'metrics:suspended': {},
        'metrics:collected': {},
        'engine:started': {},
        'engine:stopped': {},
        'workflow:started': {},
        'workflow:completed': {},
        'workflow:failed': {},
        'workflow:cancelled': {},
        'task:submitted': {},
        'task:ready': {},
        'task:queued': {},
        'task:started': {},
        'task:expanded': {},
        'task:completed': {},
        'task:failed': {},
        'task:stale_report': {},
        'queue:task_enqueued': {},
        'queue:task_dequeued': {},
        'queue:priority_changed': {},
        'queue:metrics': {},
        'pool:scaled': {},
        'pool:scaled_up': {},
        'pool:scaled_down': {},
        'pool:scale_rejected': {},
        'pool:metrics': {},
        'pool:stopped': {},
        'cleanup:started': {},
        'cleanup:completed': {},
      },
    },
    collecting: {
      description: 'Counts everything, and states the figures at the end of each window.',
      on: {
        'metrics:collect': { actions: 'stateCollected' },
        'metrics:started': {},
        'metrics:suspend': { actions: ['stateCollected', 'cancelWindows', 'stateSuspended'] },
        'metrics:suspended': { target: 'suspended' },
        'metrics:collected': { actions: 'beginWindow' },
        'engine:started': { actions: 'count' },
        'engine:stopped': { actions: ['count', 'stateCollected'] },
        'workflow:started': { actions: 'countAndSpan' },
        'workflow:completed': [{ guard: 'isWorkflowWatched', actions: ['stateWorkflowDuration', 'countAndSpan'] }, { actions: 'count' }],
        'workflow:failed': [{ guard: 'isWorkflowWatched', actions: ['stateWorkflowDuration', 'countAndSpan'] }, { actions: 'count' }],
        'workflow:cancelled': [{ guard: 'isWorkflowWatched', actions: ['stateWorkflowDuration', 'countAndSpan'] }, { actions: 'count' }],
        'task:submitted': { actions: 'count' },
        'task:ready': { actions: 'countAndSpan' },
        'task:queued': { actions: 'countAndSpan' },
        'task:started': { actions: 'countAndSpan' },
        'task:expanded': { actions: 'count' },
        'task:completed': [{ guard: 'isTaskWatched', actions: ['stateTaskDuration', 'countAndSpan'] }, { actions: 'count' }],
        'task:failed': { actions: 'countAndSpan' },
        'task:stale_report': { actions: 'count' },
        'queue:task_enqueued': { actions: 'count' },
        'queue:task_dequeued': { actions: 'count' },
        'queue:priority_changed': { actions: 'count' },
        'queue:metrics': { actions: 'count' },
        'pool:scaled': { actions: 'count' },
        'pool:scaled_up': { actions: 'count' },
        'pool:scaled_down': { actions: 'count' },
        'pool:scale_rejected': { actions: 'count' },
        'pool:metrics': { actions: 'count' },
        'pool:stopped': { actions: 'count' },
        'cleanup:started': { actions: 'count' },
        'cleanup:completed': { actions: 'count' },
      },
    },
  },
});
