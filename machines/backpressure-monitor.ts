/**
 * Pressure on one scope: the whole system, by its queue and its workers' vital signs, or one pool, by the use of its
 * workers and what its providers ask for.
 *
 * It says on edges only that the pressure is another one. It rises at once; it falls no sooner than after a minimum dwell
 * in a level, so that it cannot flap: until then a timer looks again. The pool of a pressed scope is asked once per edge
 * to grow, or, where its provider is overloaded, to shrink. It refuses to scale or to throttle by itself.
 *
 * Busy workers are no pressure by themselves; only work that waits behind them makes their use a signal. Events of every
 * task are only looked at, and change nothing unless they cross a threshold. With its pool, whose end moves it by itself, it is over.
 */
import { assign, enqueueActions, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import {
  isRelief,
  levelAfter,
  noPressure,
  type PressureLevel,
  type PressureSignals,
  pressureScore,
  pressureThresholds,
  shareOf,
  worstSignal,
} from './policies/pressure.ts';

/** The value of each option that {@link BackpressureMonitorInput} leaves out. */
export const backpressureMonitorDefaults = {
  ...pressureThresholds,
  /** The least time in a level before the pressure is said to fall, in milliseconds, above 0; also how often it is looked at meanwhile. */
  dwellMs: 5_000,
  /** Tasks that the queue may hold; the queue's own figure replaces it. */
  capacity: 100_000,
  /** The wait of the oldest task that counts as full pressure, in milliseconds. */
  oldestLimitMs: 300_000,
  /** The lag of an event loop that counts as full pressure, in milliseconds. */
  lagLimitMs: 2_000,
  /** The memory of a worker that counts as full pressure, in bytes; null: memory is no signal. */
  memoryLimitBytes: null,
  /** The cores of a worker in use that count as full pressure; null: the CPU is no signal. */
  cpuLimit: null,
  /** How long the worst heartbeat counts, in milliseconds: three of a worker's heartbeats. */
  vitalsMs: 15_000,
} as const;

type Defaults = typeof backpressureMonitorDefaults;
type Options = { readonly [Option in keyof Defaults]: Defaults[Option] extends null ? number | null : number };

/** What a monitor is created with. */
export interface BackpressureMonitorInput extends Partial<Options> {
  /** `system`, or the id of a pool. */
  readonly scope: string;
}

/** All that a monitor remembers. */
export interface BackpressureMonitorContext extends Options {
  readonly scope: string;
  /** As of the last event that is not of every task. */
  readonly signals: PressureSignals;
  /** What it said last, for the eyes of guards and actions: the state. */
  readonly level: PressureLevel;
  /** When it said so. */
  readonly since: number;
  /** Whether a worker of the pool runs nothing, so that no work can wait for one; only kept while the pool's use is a signal. */
  readonly hasIdleWorker: boolean;
  /** Since when the worst heartbeat is kept. */
  readonly vitalsSince: number;
  /** Until when a provider of the pool is overloaded. */
  readonly overloadedUntil: number;
}

/** What a monitor states: its facts, its requests to a pool, and the times it asks to be told of. */
export type BackpressureMonitorFact = DraftOf<
  'backpressure:normal' | 'backpressure:high' | 'backpressure:critical' | 'pool:scale_requested' | 'schedule:request' | 'schedule:cancel'
>;

/** What a monitor hears: others' events, and its own facts. */
export type BackpressureMonitorEvent = EventOf<
  | 'queue:task_enqueued'
  | 'queue:task_dequeued'
  | 'queue:full'
  | 'queue:room'
  | 'queue:empty'
  | 'queue:metrics'
  | 'pool:metrics'
  | 'pool:scaled'
  | 'pool:stopped'
  | 'worker:idle'
  | 'worker:busy'
  | 'worker:heartbeat'
  | 'provider:overloaded'
  | 'circuit:closed'
  | 'schedule:elapsed'
  | 'backpressure:normal'
  | 'backpressure:high'
  | 'backpressure:critical'
>;

type Seen = { readonly context: BackpressureMonitorContext; readonly event: BackpressureMonitorEvent };

/** The scope of the monitor that watches the queue. */
const systemScope = 'system';

/** What throttles admission or asks for growth in a scope, and how much; null: nothing does. */
export function pressureOf(
  context: BackpressureMonitorContext,
): { readonly level: PressureLevel; readonly score: number; readonly signal: keyof PressureSignals } | null {
  if (context.level === 'normal') return null;
  return { level: context.level, score: pressureScore(context.signals), signal: worstSignal(context.signals) };
}

/** The signals after an event; the same where it changes none. */
function signalsAfter({ context, event }: Seen): PressureSignals {
  const { signals, scope } = context;
  switch (event.type) {
    case 'queue:task_enqueued':
    case 'queue:task_dequeued':
      return scope === systemScope ? { ...signals, depth: shareOf(event.data.depth, context.capacity) } : signals;
    case 'queue:full':
    case 'queue:room':
      return scope === systemScope ? { ...signals, depth: shareOf(event.data.depth, event.data.capacity) } : signals;
    case 'queue:metrics':
      if (scope !== systemScope) return signals;
      return { ...signals, depth: shareOf(event.data.depth, event.data.capacity), oldest: shareOf(event.data.oldestMs, context.oldestLimitMs) };
    case 'queue:empty':
      return { ...signals, depth: 0, oldest: 0, utilization: 0 };
    case 'pool:metrics':
      return scope === event.data.poolId ? { ...signals, utilization: event.data.waiting > 0 ? event.data.utilization : 0 } : signals;
    case 'pool:scaled':
      if (scope !== event.data.poolId || event.data.to <= event.data.from) return signals;
      return { ...signals, utilization: (signals.utilization * event.data.from) / event.data.to };
    case 'worker:heartbeat':
      return vitalsAfter(context, event);
    case 'provider:overloaded':
      return scope === event.data.protocol ? { ...signals, overload: 1 } : signals;
    case 'circuit:closed':
      return scope === event.data.protocol ? { ...signals, overload: 0 } : signals;
    case 'schedule:elapsed':
      return lapsed(context, event.time);
    default:
      return signals;
  }
}

const vitalsWindows = ({ vitalsSince, vitalsMs }: BackpressureMonitorContext, time: number) => (time - vitalsSince) / vitalsMs;

/** The worst heartbeat of a window counts: one quick worker does not hide a slow one. */
function vitalsAfter(context: BackpressureMonitorContext, { data, time }: EventOf<'worker:heartbeat'>): PressureSignals {
  const { scope, signals, lagLimitMs, memoryLimitBytes, cpuLimit } = context;
  if (scope !== systemScope && scope !== data.poolId) return signals;
  const worst = vitalsWindows(context, time) >= 1 ? noPressure : signals;
  return {
    ...signals,
    lag: Math.max(worst.lag, shareOf(data.lagMs, lagLimitMs)),
    memory: Math.max(worst.memory, shareOf(data.memoryBytes, memoryLimitBytes)),
    cpu: Math.max(worst.cpu, shareOf(data.cpu, cpuLimit)),
  };
}

/** What is left of the signals when nothing refreshed them. */
function lapsed(context: BackpressureMonitorContext, time: number): PressureSignals {
  const { signals, hasIdleWorker, overloadedUntil } = context;
  // One window more than a heartbeat needs to begin the next: only workers that fell silent are forgotten here.
  const fresh = vitalsWindows(context, time) >= 2 ? { ...signals, lag: 0, memory: 0, cpu: 0 } : signals;
  return { ...fresh, utilization: hasIdleWorker ? 0 : fresh.utilization, overload: time >= overloadedUntil ? 0 : fresh.overload };
}

/** The level to be said after signals at a time: a fall is held back for the dwell. */
function levelAt(context: BackpressureMonitorContext, signals: PressureSignals, time: number): PressureLevel {
  const level = levelAfter(context.level, pressureScore(signals), context);
  return isRelief(context.level, level) && time - context.since < context.dwellMs ? context.level : level;
}

function entered({ context, event }: Seen, level: PressureLevel): Pick<BackpressureMonitorContext, 'level' | 'since' | 'signals'> {
  return { level, since: event.time, signals: 'signals' in event.data ? event.data.signals : context.signals };
}

function levelData({ scope, signals }: BackpressureMonitorContext): DraftOf<'backpressure:normal'>['data'] {
  return { scope, score: pressureScore(signals), signals };
}

const timerOf = ({ scope }: BackpressureMonitorContext) => `backpressure/${scope}/dwell`;

function lookAgain(context: BackpressureMonitorContext, time: number): DraftOf<'schedule:request'> {
  const data: EventOf<'schedule:elapsed'>['data'] = { component: 'backpressure', key: context.scope, timer: 'dwell' };
  const event = { type: 'schedule:elapsed', data } as const;
  return { type: 'schedule:request', data: { scheduleId: timerOf(context), dueAt: time + context.dwellMs, everyMs: context.dwellMs, event } };
}

function scaleRequest({ scope, signals }: BackpressureMonitorContext, level: PressureLevel): DraftOf<'pool:scale_requested'> {
  const signal = worstSignal(signals);
  return {
    type: 'pool:scale_requested',
    data: {
      poolId: scope,
      direction: signal === 'overload' ? 'down' : 'up',
      reason: `backpressure:${level}`,
      evidence: { score: pressureScore(signals), ...signals },
    },
  };
}

export const backpressureMonitorMachine = setup({
  types: {
    input: {} as BackpressureMonitorInput,
    context: {} as BackpressureMonitorContext,
    events: {} as BackpressureMonitorEvent,
    emitted: {} as BackpressureMonitorFact,
  },
  guards: {
    isNormal: ({ context }) => context.level === 'normal',
    crossesThreshold: (seen) => levelAt(seen.context, signalsAfter(seen), seen.event.time) !== seen.context.level,
    isRelieving: ({ context }) => context.signals.depth > 0 || context.signals.oldest > 0 || context.signals.utilization > 0,
    isFirstIdle: ({ context, event }) =>
      context.signals.utilization > 0 && !context.hasIdleWorker && event.type === 'worker:idle' && event.data.poolId === context.scope,
    isTakenAgain: ({ context, event }) => context.hasIdleWorker && event.type === 'worker:busy' && event.data.poolId === context.scope,
  },
  actions: {
    learn: assign((seen) => {
      const { context, event } = seen;
      const signals = signalsAfter(seen);
      const hasIdleWorker = context.hasIdleWorker && signals.utilization > 0 && event.type !== 'pool:metrics';
      if (event.type === 'queue:metrics' || event.type === 'queue:full') return { signals, hasIdleWorker, capacity: event.data.capacity };
      if (event.type === 'provider:overloaded')
        return { signals, hasIdleWorker, overloadedUntil: Math.max(context.overloadedUntil, event.data.until) };
      if (event.type === 'worker:heartbeat' && vitalsWindows(context, event.time) >= 1) return { signals, hasIdleWorker, vitalsSince: event.time };
      return { signals, hasIdleWorker };
    }),
    stateEdge: enqueueActions(({ context, event, enqueue }) => {
      const level = levelAt(context, context.signals, event.time);
      if (level === context.level) return;
      enqueue.emit({ type: `backpressure:${level}`, data: levelData(context) });
      if (level === 'normal') enqueue.emit({ type: 'schedule:cancel', data: { scheduleId: timerOf(context) } });
      else enqueue.emit(lookAgain(context, event.time));
      if (!isRelief(context.level, level) && context.scope !== systemScope) enqueue.emit(scaleRequest(context, level));
    }),
    stateRelief: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({ type: 'backpressure:normal', data: { ...levelData({ ...context, signals: noPressure }) } });
      enqueue.emit({ type: 'schedule:cancel', data: { scheduleId: timerOf(context) } });
    }),
    noteIdle: assign({ hasIdleWorker: true }),
    noteTaken: assign({ hasIdleWorker: false }),
    enterNormal: assign((seen) => entered(seen, 'normal')),
    enterHigh: assign((seen) => entered(seen, 'high')),
    enterCritical: assign((seen) => entered(seen, 'critical')),
  },
}).createMachine({
  id: 'backpressureMonitor',
  description: 'Says when the pressure on the system, or on one pool, rises and falls.',
  context: ({ input }) => ({
    ...backpressureMonitorDefaults,
    ...input,
    signals: noPressure,
    level: 'normal',
    since: 0,
    hasIdleWorker: false,
    vitalsSince: 0,
    overloadedUntil: 0,
  }),
  initial: 'normal',
  on: {
    'queue:task_enqueued': { guard: 'crossesThreshold', actions: ['learn', 'stateEdge'] },
    'queue:task_dequeued': { guard: 'crossesThreshold', actions: ['learn', 'stateEdge'] },
    'queue:full': { actions: ['learn', 'stateEdge'] },
    'queue:room': { actions: ['learn', 'stateEdge'] },
    'queue:empty': { guard: 'isRelieving', actions: ['learn', 'stateEdge'] },
    'queue:metrics': { actions: ['learn', 'stateEdge'] },
    'pool:metrics': { actions: ['learn', 'stateEdge'] },
    'pool:scaled': { actions: ['learn', 'stateEdge'] },
    'pool:stopped': [
      { guard: 'isNormal', target: '.over' },
      { target: '.over', actions: 'stateRelief' },
    ],
    'worker:idle': { guard: 'isFirstIdle', actions: 'noteIdle' },
    'worker:busy': { guard: 'isTakenAgain', actions: 'noteTaken' },
    'worker:heartbeat': { actions: ['learn', 'stateEdge'] },
    'provider:overloaded': { actions: ['learn', 'stateEdge'] },
    'circuit:closed': { actions: ['learn', 'stateEdge'] },
    'schedule:elapsed': { actions: ['learn', 'stateEdge'] },
    'backpressure:normal': { target: '.normal', actions: 'enterNormal' },
    'backpressure:high': { target: '.high', actions: 'enterHigh' },
    'backpressure:critical': { target: '.critical', actions: 'enterCritical' },
  },
  states: {
    normal: { description: 'Load is what it should be: everything is admitted.' },
    high: { description: 'Load is high: a pool is asked to grow, or to spare its provider.' },
    critical: { description: 'Load is critical: admission follows the policy of the queue until it falls.' },
    over: { type: 'final', description: 'The pool has stopped: there is nothing to watch.' },
  },
});
