/**
 * Health monitor: has every target checked at an interval, keeps the verdicts, and knows how the whole is.
 *
 * Targets are the engine, the workers together, and each registered provider. A provider is asked; of the others it judges by
 * what it heard. What a provider says of itself meanwhile counts like a check. It refuses to take a provider out of service:
 * the provider and its circuit do that; it only asks the pool of a protocol that nobody serves to shrink.
 *
 * One machine for all targets, with their statuses in a map: the chart shows the worst of them beside whether a check is
 * under way, and both move by its own verdicts. A target that leaves takes its status along at the next verdict.
 */
import { Map as ImmutableMap } from 'immutable';
import { assign, emit, enqueueActions, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import { type Failure, failure } from './failures.ts';
import {
  type HealthRecord,
  type HealthStatus,
  noted,
  nothingHeard,
  poolOrder,
  providerTarget,
  statusAfterFailure,
  type Verdict,
  verdictOnWorkers,
  worstOf,
} from './policies/health.ts';

export interface HealthInput {
  /**
   * Time between two checks of everything, in milliseconds, from the engine's start.
   * @defaultValue `30_000`
   */
  readonly intervalMs?: number;
  /**
   * Checks in a row that a provider fails before it counts as unhealthy; an integer from 1.
   * @defaultValue `3`
   */
  readonly unhealthyAfter?: number;
  /**
   * The delay of an event loop from which on the workers count as degraded, in milliseconds.
   * @defaultValue `1_000`
   */
  readonly laggingMs?: number;
}

type EngineMode = 'running' | 'paused';

export interface HealthContext extends Required<HealthInput>, HealthRecord {
  readonly engineMode: EngineMode;
}

type EngineEvent = 'engine:started' | 'engine:stopped' | 'engine:paused' | 'engine:resumed';
type ProviderEvent =
  | 'provider:registered'
  | 'provider:unregistered'
  | 'provider:started'
  | 'provider:degraded'
  | 'provider:unhealthy'
  | 'provider:checked';
type OwnFact = 'health:check_started' | 'health:check_completed' | 'health:check_failed';

export type HealthEvent = EventOf<'health:check' | EngineEvent | ProviderEvent | 'worker:heartbeat' | 'worker:failed' | OwnFact>;

export type HealthFact = DraftOf<OwnFact | 'schedule:request' | 'schedule:cancel' | 'provider:health_check' | 'pool:scale_up' | 'pool:scale_down'>;

export const healthDefaults = { intervalMs: 30_000, unhealthyAfter: 3, laggingMs: 1_000 } as const satisfies Required<HealthInput>;

const scheduleId = 'health/check';

/** How the whole is: as its worst target. */
export function overallHealth(context: HealthContext): HealthStatus {
  return worstOf(context.targets.values());
}

function completed(component: string, status: HealthStatus, more: { details?: Record<string, unknown>; durationMs?: number } = {}): HealthFact {
  return { type: 'health:check_completed', data: { component, status, details: {}, durationMs: 0, ...more } };
}

/** The failure of a check; how bad it is follows from the ones before. */
function failed(context: HealthContext, component: string, { error, durationMs }: { error: Failure; durationMs: number }): HealthFact {
  const failures = (context.providers.get(component)?.failures ?? 0) + 1;
  const status = statusAfterFailure(context.targets.get(component) ?? 'unhealthy', failures, context.unhealthyAfter);
  return { type: 'health:check_failed', data: { component, status, error, durationMs } };
}

const engineVerdict = (mode: EngineMode): HealthFact => completed('engine', mode === 'paused' ? 'degraded' : 'healthy', { details: { mode } });

const modeAfter = ({ type }: HealthEvent): EngineMode => (type === 'engine:paused' ? 'paused' : 'running');

/** All that the check of one target makes it say. */
function checkOf(context: HealthContext, target: string, time: number): readonly HealthFact[] {
  const said: HealthFact[] = [];
  const since = context.pending.get(target);
  if (since !== undefined) {
    said.push(
      failed(context, target, { error: failure('PROVIDER_TIMEOUT', `The last check of ${target} got no answer.`), durationMs: time - since }),
    );
  }
  said.push({ type: 'health:check_started', data: { component: target } });
  if (target === 'engine') said.push(engineVerdict(context.engineMode));
  else if (target === 'workers') said.push(verdictOnWorkers(context.workers, context.laggingMs));
  else if (context.providers.has(target)) said.push({ type: 'provider:health_check', data: { providerId: target.slice(providerTarget('').length) } });
  else said.push(failed(context, target, { error: failure('PROVIDER_NOT_FOUND', `There is no target '${target}' to check.`), durationMs: 0 }));
  return said;
}

/** What a provider's answer to a check makes of it. */
function answered(context: HealthContext, { data: { providerId, ok, error, durationMs } }: EventOf<'provider:checked'>): HealthFact {
  const target = providerTarget(providerId);
  if (ok) return completed(target, 'healthy', { durationMs });
  return failed(context, target, { error: error ?? failure('PROVIDER_UNHEALTHY', `The check of ${target} failed.`), durationMs });
}

/** The overall health once a verdict is noted; asked on verdicts only, hence the cast. */
const worstAfter = (context: HealthContext, event: HealthEvent): HealthStatus => worstOf(noted(context, event as Verdict).targets.values());

function registered(
  { targets, providers }: HealthContext,
  { data: { providerId, protocol, pool } }: EventOf<'provider:registered'>,
): Partial<HealthContext> {
  const target = providerTarget(providerId);
  return { targets: targets.set(target, 'healthy'), providers: providers.set(target, { protocol, poolMin: pool.min, failures: 0 }) };
}

export const healthMonitorMachine = setup({
  types: {
    input: {} as HealthInput,
    context: {} as HealthContext,
    events: {} as HealthEvent,
    emitted: {} as HealthFact,
  },
  // The chart names each guard and action on the events that its cast says, and on no others.
  guards: {
    isAwaited: ({ context, event }) => {
      if (event.type === 'provider:checked' && event.data.phase === 'start') return false;
      return 'providerId' in event.data && context.pending.has(providerTarget(event.data.providerId));
    },
    isUnwell: ({ context, event }) => {
      const status = 'providerId' in event.data ? context.targets.get(providerTarget(event.data.providerId)) : undefined;
      return status !== undefined && status !== 'healthy';
    },
    isLastPending: ({ context, event }) => context.pending.delete((event as Verdict).data.component).size === 0,
    makesHealthy: ({ context, event }) => worstAfter(context, event) === 'healthy',
    makesDegraded: ({ context, event }) => worstAfter(context, event) === 'degraded',
    makesUnhealthy: ({ context, event }) => worstAfter(context, event) === 'unhealthy',
  },
  actions: {
    requestChecks: emit(({ context: { intervalMs }, event: { time } }) => ({
      type: 'schedule:request',
      data: { scheduleId, dueAt: time + intervalMs, everyMs: intervalMs, event: { type: 'health:check', data: { targets: [] } } },
    })),
    cancelChecks: emit({ type: 'schedule:cancel', data: { scheduleId } }),
    check: enqueueActions(({ context, event, enqueue }) => {
      const { data, time } = event as EventOf<'health:check'>;
      const targets = data.targets.length === 0 ? context.targets.keys() : new Set(data.targets);
      for (const target of targets) for (const fact of checkOf(context, target, time)) enqueue.emit(fact);
    }),
    judge: enqueueActions(({ context, event, enqueue }) => {
      const after = noted(context, event as Verdict);
      const order = poolOrder(context, after, (event as Verdict).data.component);
      enqueue.assign(after);
      if (order !== null) enqueue.emit(order);
    }),
    noteCheck: assign({
      pending: ({ context, event }) => context.pending.set((event as EventOf<'health:check_started'>).data.component, event.time),
    }),
    noteMode: assign({ engineMode: ({ event }) => modeAfter(event) }),
    noteProvider: assign(({ context, event }) => registered(context, event as EventOf<'provider:registered'>)),
    forgetProvider: assign(({ context: { targets, providers }, event }) => {
      const target = providerTarget((event as EventOf<'provider:unregistered'>).data.providerId);
      return { targets: targets.delete(target), providers: providers.delete(target) };
    }),
    noteHeartbeat: assign(({ context: { workers }, event }) => ({
      workers: { ...workers, beats: workers.beats + 1, lagMs: Math.max(workers.lagMs, (event as EventOf<'worker:heartbeat'>).data.lagMs) },
    })),
    noteLoss: assign({ workers: ({ context: { workers } }) => ({ ...workers, lost: workers.lost + 1 }) }),
    stateEngine: emit(({ event }) => engineVerdict(modeAfter(event))),
    stateAnswered: emit(({ context, event }) => answered(context, event as EventOf<'provider:checked'>)),
    stateRecovered: emit(({ event }) => completed(providerTarget((event as EventOf<'provider:started'>).data.providerId), 'healthy')),
    stateDegraded: emit(({ event }) => {
      const { providerId, consecutiveFailures } = (event as EventOf<'provider:degraded'>).data;
      return completed(providerTarget(providerId), 'degraded', { details: { consecutiveFailures } });
    }),
    stateUnhealthy: emit(({ event }) => {
      const { providerId, consecutiveFailures } = (event as EventOf<'provider:unhealthy'>).data;
      const error = failure('PROVIDER_UNHEALTHY', `Provider '${providerId}' failed ${consecutiveFailures} times in a row.`);
      return { type: 'health:check_failed', data: { component: providerTarget(providerId), status: 'unhealthy', error, durationMs: 0 } };
    }),
    stateLeft: emit(({ context, event }) => {
      const {
        data: { providerId },
        time,
      } = event as EventOf<'provider:unregistered'>;
      const component = providerTarget(providerId);
      const error = failure('PROVIDER_NOT_FOUND', `Provider '${providerId}' left during its check.`);
      return {
        type: 'health:check_failed',
        data: { component, status: 'unhealthy', error, durationMs: time - (context.pending.get(component) ?? time) },
      };
    }),
  },
}).createMachine({
  id: 'healthMonitor',
  description: 'Knows how the engine, the workers and every provider are, and how the whole is.',
  context: ({ input }) => ({
    ...healthDefaults,
    ...input,
    targets: ImmutableMap<string, HealthStatus>({ engine: 'healthy', workers: 'healthy' }),
    providers: ImmutableMap(),
    pending: ImmutableMap(),
    workers: nothingHeard,
    engineMode: 'running',
  }),
  type: 'parallel',
  on: {
    'engine:started': { actions: 'requestChecks' },
    'engine:stopped': { actions: 'cancelChecks' },
    'engine:paused': { actions: ['noteMode', 'stateEngine'] },
    'engine:resumed': { actions: ['noteMode', 'stateEngine'] },
    'provider:registered': { actions: 'noteProvider' },
    'provider:unregistered': [{ guard: 'isAwaited', actions: ['stateLeft', 'forgetProvider'] }, { actions: 'forgetProvider' }],
    'provider:started': [{ guard: 'isUnwell', actions: 'stateRecovered' }, {}],
    'provider:degraded': { actions: 'stateDegraded' },
    'provider:unhealthy': { actions: 'stateUnhealthy' },
    'provider:checked': [{ guard: 'isAwaited', actions: 'stateAnswered' }, {}],
    'worker:heartbeat': { actions: 'noteHeartbeat' },
    'worker:failed': { actions: 'noteLoss' },
    'health:check': { actions: 'check' },
  },
  states: {
    verdict: {
      description: 'How the worst target is.',
      initial: 'healthy',
      states: {
        healthy: {
          description: 'Nothing speaks against any target.',
          on: {
            'health:check_completed': [{ guard: 'makesUnhealthy', target: 'unhealthy' }, { guard: 'makesDegraded', target: 'degraded' }, {}],
            'health:check_failed': [{ guard: 'makesUnhealthy', target: 'unhealthy' }, { guard: 'makesDegraded', target: 'degraded' }, {}],
          },
        },
        degraded: {
          description: 'Some target serves, but not as it should.',
          on: {
            'health:check_completed': [{ guard: 'makesUnhealthy', target: 'unhealthy' }, { guard: 'makesHealthy', target: 'healthy' }, {}],
            'health:check_failed': [{ guard: 'makesUnhealthy', target: 'unhealthy' }, { guard: 'makesHealthy', target: 'healthy' }, {}],
          },
        },
        unhealthy: {
          description: 'Some target does not serve.',
          on: {
            'health:check_completed': [{ guard: 'makesHealthy', target: 'healthy' }, { guard: 'makesDegraded', target: 'degraded' }, {}],
            'health:check_failed': [{ guard: 'makesHealthy', target: 'healthy' }, { guard: 'makesDegraded', target: 'degraded' }, {}],
          },
        },
      },
    },
    activity: {
      description: 'Whether a target has been asked.',
      initial: 'resting',
      states: {
        resting: {
          description: 'No check is under way; verdicts come from what targets say of themselves.',
          on: {
            'health:check_started': { target: 'checking', actions: 'noteCheck' },
            'health:check_completed': { actions: 'judge' },
            'health:check_failed': { actions: 'judge' },
          },
        },
        checking: {
          description: 'Some target has been asked and has not answered. One that is asked again before it answers has failed.',
          on: {
            'health:check_started': { actions: 'noteCheck' },
            'health:check_completed': [{ guard: 'isLastPending', target: 'resting', actions: 'judge' }, { actions: 'judge' }],
            'health:check_failed': [{ guard: 'isLastPending', target: 'resting', actions: 'judge' }, { actions: 'judge' }],
          },
        },
      },
    },
  },
});
