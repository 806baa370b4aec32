/**
 * Circuit breaker of one provider, or of one method of it: stops dispatch to a provider that keeps failing, then lets
 * probes through until it has earned trust again.
 *
 * A provider that says that it has recovered is tried at once, however long its rest was to last: its checks began to succeed
 * again, and only calls can show whether it can be called.
 *
 * It only decides. Outcomes of attempts make it state a fact (`circuit:opened`); the fact, routed back to it first, is
 * what moves it. It refuses to call anything, to hold a task back by itself, and to judge by what says nothing of the
 * provider: a caller's mistake (not retryable), a lost worker, one that gave up, and results of an older epoch, which began before the
 * circuit opened.
 */
import { assign, emit, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import type { CircuitOptions } from './events/provider.ts';
import { wasCutOff } from './policies/retry-decision.ts';

/** What a breaker is created with; the options as a provider registers them. */
export interface CircuitBreakerInput extends Partial<Omit<CircuitOptions, 'scope'>> {
  /** The guarded provider's id, or `<providerId>/<method>`; carried by every fact. */
  readonly circuit: string;
  readonly providerId: string;
  readonly protocol: string;
}

/** The value of each option that {@link CircuitBreakerInput} leaves out. */
export const circuitBreakerDefaults = {
  /** Consecutive failures that open the circuit; an integer from 1. */
  failureThreshold: 5,
  /** Consecutive probe successes that close the circuit; an integer from 1. */
  successThreshold: 3,
  /** Time from opening to the first probe, in milliseconds; doubles with every failed probe. */
  recoveryTimeoutMs: 60_000,
  /** Probes in flight at the same time; an integer from 1. */
  halfOpenProbes: 1,
} as const satisfies Omit<CircuitOptions, 'scope'>;

/** The recovery time grows by doubling to this multiple of its first value, and no further. */
const longestRecoveryFactor = 32;

/** All that a breaker remembers. */
export interface CircuitBreakerContext extends Required<CircuitBreakerInput> {
  /** Failures since the last success, while closed. */
  readonly failures: number;
  /** Probes that succeeded since the circuit was last open. */
  readonly successes: number;
  /** Counts openings. A result that carries an older epoch began before the circuit opened. */
  readonly epoch: number;
  /** Openings without a close between them. */
  readonly reopenings: number;
  /** When the first probe is let through; null: not open, or opened by hand. */
  readonly retryAt: number | null;
}

/** The facts a breaker owns. */
export type CircuitBreakerFact = DraftOf<'circuit:opened' | 'circuit:half_open' | 'circuit:closed' | 'circuit:removed'>;

/** What a breaker hears: others' events, and its own facts. */
export type CircuitBreakerEvent = EventOf<
  | 'task:completed'
  | 'task:failed'
  | 'task:cancelled'
  | 'provider:error'
  | 'provider:started'
  | 'provider:reduced'
  | 'provider:unregistered'
  | 'circuit:recovery_due'
  | 'circuit:isolate'
  | 'circuit:restore'
  | CircuitBreakerFact['type']
>;

type Seen = { readonly context: CircuitBreakerContext; readonly event: CircuitBreakerEvent };

/** Whether an event belongs to the present epoch; what carries no epoch is about now. */
function isOfThisEpoch({ context, event }: Seen): boolean {
  return !('epoch' in event.data) || event.data.epoch === context.epoch;
}

/** Whether an event counts against the guarded provider, or method of it. */
function isFailure(seen: Seen): boolean {
  const { context, event } = seen;
  if (event.type === 'task:failed') return !wasCutOff(event.data) && event.data.error.retryable && isOfThisEpoch(seen);
  if (event.type !== 'provider:error' || event.data.origin === 'attempt') return false;
  const { method } = event.data;
  return method === undefined || context.circuit === context.providerId || context.circuit === `${context.providerId}/${method}`;
}

/** Time from an opening to the first probe, in milliseconds: doubled by every failed probe, up to a cap. */
export function recoveryDelay({ recoveryTimeoutMs, reopenings }: Pick<CircuitBreakerContext, 'recoveryTimeoutMs' | 'reopenings'>): number {
  return recoveryTimeoutMs * Math.min(2 ** reopenings, longestRecoveryFactor);
}

const identity = ({ circuit, providerId, protocol }: CircuitBreakerContext) => ({ circuit, providerId, protocol });

export const circuitBreakerMachine = setup({
  types: {
    input: {} as CircuitBreakerInput,
    context: {} as CircuitBreakerContext,
    events: {} as CircuitBreakerEvent,
    emitted: {} as CircuitBreakerFact,
  },
  guards: {
    isFailure,
    isLastStraw: (seen) => isFailure(seen) && seen.context.failures + 1 >= seen.context.failureThreshold,
    endsStreak: (seen) => seen.context.failures > 0 && isOfThisEpoch(seen),
    isOfThisEpoch,
    isFinalProbe: (seen) => isOfThisEpoch(seen) && seen.context.successes + 1 >= seen.context.successThreshold,
    isRecovery: ({ event }) => event.type === 'provider:started' && event.data.recovered,
    isByHand: ({ event }) => event.type === 'circuit:opened' && event.data.reason === 'isolated',
  },
  actions: {
    stateOpened: emit(({ context, event }) => ({
      type: 'circuit:opened',
      data: {
        ...identity(context),
        reason: context.reopenings === 0 ? 'failure_threshold' : 'probe_failed',
        failures: context.failures + 1,
        epoch: context.epoch + 1,
        retryAt: event.time + recoveryDelay(context),
      },
    })),
    stateIsolated: emit(({ context }) => ({
      type: 'circuit:opened',
      data: { ...identity(context), reason: 'isolated', failures: context.failures, epoch: context.epoch + 1 },
    })),
    stateHalfOpen: emit(({ context }) => ({
      type: 'circuit:half_open',
      data: { ...identity(context), epoch: context.epoch, probes: context.halfOpenProbes, successes: 0 },
    })),
    stateProbePassed: emit(({ context }) => ({
      type: 'circuit:half_open',
      data: { ...identity(context), epoch: context.epoch, probes: 1, successes: context.successes + 1 },
    })),
    stateProbeReturned: emit(({ context }) => ({
      type: 'circuit:half_open',
      data: { ...identity(context), epoch: context.epoch, probes: 1, successes: context.successes },
    })),
    stateClosed: emit(({ context }) => ({
      type: 'circuit:closed',
      data: { ...identity(context), epoch: context.epoch, successes: context.successes + 1 },
    })),
    stateRemoved: emit(({ context }) => ({ type: 'circuit:removed', data: identity(context) })),
    stateRestored: emit(({ context }) => ({
      type: 'circuit:closed',
      data: { ...identity(context), epoch: context.epoch, successes: context.successes },
    })),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    enterEpoch: assign(({ context, event }) =>
      event.type === 'circuit:opened'
        ? { failures: 0, successes: 0, epoch: event.data.epoch, reopenings: context.reopenings + 1, retryAt: event.data.retryAt ?? null }
        : {},
    ),
    adoptSuccesses: assign(({ event }) => (event.type === 'circuit:half_open' ? { successes: event.data.successes, retryAt: null } : {})),
    regainTrust: assign({ failures: 0, successes: 0, reopenings: 0, retryAt: null }),
  },
}).createMachine({
  id: 'circuitBreaker',
  description: 'Guards one provider, or one method of it, against being called while it keeps failing.',
  context: ({ input }) => ({ ...circuitBreakerDefaults, ...input, failures: 0, successes: 0, epoch: 0, reopenings: 0, retryAt: null }),
  initial: 'closed',
  on: {
    'provider:reduced': { actions: 'stateRemoved' },
    'provider:unregistered': { actions: 'stateRemoved' },
    'circuit:removed': { target: '.removed' },
  },
  states: {
    closed: {
      description: 'The provider is trusted. Consecutive failures are counted; the last straw opens the circuit.',
      on: {
        'task:completed': { guard: 'endsStreak', actions: 'forgetFailures' },
        'task:failed': [
          { guard: 'isLastStraw', actions: 'stateOpened' },
          { guard: 'isFailure', actions: 'countFailure' },
        ],
        'task:cancelled': {},
        'provider:error': [
          { guard: 'isLastStraw', actions: 'stateOpened' },
          { guard: 'isFailure', actions: 'countFailure' },
        ],
        'provider:started': {},
        'circuit:recovery_due': {},
        'circuit:isolate': { actions: 'stateIsolated' },
        'circuit:restore': {},
        'circuit:opened': [
          { guard: 'isByHand', target: 'isolated', actions: 'enterEpoch' },
          { target: 'open', actions: 'enterEpoch' },
        ],
        'circuit:half_open': {},
        'circuit:closed': {},
      },
    },
    open: {
      description: 'The provider rests. Nothing is dispatched to it; late results change nothing.',
      on: {
        'task:completed': {},
        'task:failed': {},
        'task:cancelled': {},
        'provider:error': {},
        'provider:started': { guard: 'isRecovery', actions: 'stateHalfOpen' },
        'circuit:recovery_due': { guard: 'isOfThisEpoch', actions: 'stateHalfOpen' },
        'circuit:isolate': { actions: 'stateIsolated' },
        'circuit:restore': { actions: 'stateRestored' },
        'circuit:opened': { guard: 'isByHand', target: 'isolated', actions: 'enterEpoch' },
        'circuit:half_open': { target: 'halfOpen', actions: 'adoptSuccesses' },
        'circuit:closed': { target: 'closed', actions: 'regainTrust' },
      },
    },
    halfOpen: {
      description: 'The provider is on trial. Probes of this epoch decide; one that ended without a verdict may be tried again.',
      on: {
        'task:completed': [
          { guard: 'isFinalProbe', actions: 'stateClosed' },
          { guard: 'isOfThisEpoch', actions: 'stateProbePassed' },
        ],
        'task:failed': [
          { guard: 'isFailure', actions: 'stateOpened' },
          { guard: 'isOfThisEpoch', actions: 'stateProbeReturned' },
        ],
        'task:cancelled': { guard: 'isOfThisEpoch', actions: 'stateProbeReturned' },
        'provider:error': { guard: 'isFailure', actions: 'stateOpened' },
        'provider:started': {},
        'circuit:recovery_due': {},
        'circuit:isolate': { actions: 'stateIsolated' },
        'circuit:restore': { actions: 'stateRestored' },
        'circuit:half_open': { actions: 'adoptSuccesses' },
        'circuit:opened': [
          { guard: 'isByHand', target: 'isolated', actions: 'enterEpoch' },
          { target: 'open', actions: 'enterEpoch' },
        ],
        'circuit:closed': { target: 'closed', actions: 'regainTrust' },
      },
    },
    isolated: {
      description: 'A person opened the circuit. Only a person closes it again.',
      on: {
        'task:completed': {},
        'task:failed': {},
        'task:cancelled': {},
        'provider:error': {},
        'provider:started': {},
        'circuit:recovery_due': {},
        'circuit:isolate': {},
        'circuit:restore': { actions: 'stateRestored' },
        'circuit:opened': {},
        'circuit:half_open': {},
        'circuit:closed': { target: 'closed', actions: 'regainTrust' },
      },
    },
    removed: { type: 'final', description: 'The provider has gone, or the method of it: there is nothing to guard.' },
  },
});
