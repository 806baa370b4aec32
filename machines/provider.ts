/**
 * A provider of methods, as the system sees it: whether it can be called, from its start, its checks, and the attempts
 * that it ran.
 *
 * Failures of the provider itself are counted in a row: some make it degraded, more unhealthy; then it is checked again,
 * at intervals that double up to a cap, until a check succeeds. It refuses to judge by what it was asked (a task's own
 * failure, a lost worker), and it calls nothing: checks run elsewhere and come back as `provider:checked`. An overloaded
 * provider is a sound one that wants a rest, so being overloaded counts as no failure.
 *
 * One transition is not by a fact of its own: a stopped provider that is registered again starts again.
 */
import { assign, emit, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import { failure } from './failures.ts';
import { isOverload, isOwnFault, probeDelay } from './policies/provider-health.ts';

/** The value of each option that {@link ProviderInput} leaves out. */
export const providerDefaults = {
  /** Failures in a row that make a provider degraded; an integer from 1. */
  degradedAfter: 3,
  /** Failures in a row after which it is called no more; an integer above `degradedAfter`. */
  unhealthyAfter: 6,
  /** Time to the first check of a provider that failed, in milliseconds; doubles from check to check. */
  probeBaseMs: 1_000,
  /** The longest time between two checks, in milliseconds. */
  probeMaxMs: 60_000,
  /** How long an overloaded provider rests that does not say itself for how long, in milliseconds. */
  overloadMs: 1_000,
} as const;

type ProviderOptions = { readonly [Option in keyof typeof providerDefaults]: number };

/** What a provider's actor is created with. */
export interface ProviderInput extends Partial<ProviderOptions> {
  readonly providerId: string;
  readonly protocol: string;
  readonly methods: readonly string[];
}

/** All that a provider's actor remembers. */
export interface ProviderContext extends Required<ProviderInput> {
  /** Failures of the provider itself since it last did what it should. */
  readonly failures: number;
  /** Checks asked for by the timer since the provider last failed anew; each doubles the time to the next. */
  readonly probes: number;
  /** Whether a check is under way: its answer is awaited before the next one is asked for. */
  readonly isBeingChecked: boolean;
  /** When the next check is due; null: none is planned. */
  readonly probeAt: number | null;
  /** When the provider said last that it would be checked; null: it is not unhealthy. */
  readonly retryAt: number | null;
  /** Until when it rests because it is overloaded; null: it is not. */
  readonly overloadedUntil: number | null;
}

/** The facts that move a provider. */
type Move = 'provider:started' | 'provider:stopped' | 'provider:degraded' | 'provider:unhealthy' | 'provider:overloaded';

/** What a provider's actor states: its facts, checks it asks for, and the times it asks to be told of. */
export type ProviderFact = DraftOf<Move | 'provider:error' | 'provider:health_check' | 'schedule:request' | 'schedule:cancel'>;

/** What a provider's actor hears: others' events, and its own facts. */
export type ProviderEvent = EventOf<
  | Move
  | 'provider:registered'
  | 'provider:unregistered'
  | 'provider:checked'
  | 'provider:health_check'
  | 'task:completed'
  | 'task:failed'
  | 'schedule:elapsed'
  | 'system:shutdown'
>;

type Seen = { readonly context: ProviderContext; readonly event: ProviderEvent };

const nothingKnown = { failures: 0, probes: 0, isBeingChecked: false, probeAt: null, retryAt: null, overloadedUntil: null } as const;

const identity = ({ providerId, protocol }: ProviderContext) => ({ providerId, protocol });

/** Whether an event shows something wrong with the provider itself. */
function isFault({ event }: Seen): boolean {
  if (event.type === 'provider:checked') return !event.data.ok;
  return event.type === 'task:failed' && isOwnFault(event.data);
}

/** Until when an event asks for rest; the one that lasts longest counts. */
function restUntil({ context, event }: Seen): number {
  const asked = event.type === 'task:failed' && isOverload(event.data.error) ? event.time + (event.data.error.retryAfterMs ?? context.overloadMs) : 0;
  return Math.max(asked, context.overloadedUntil ?? 0);
}

/** When the next check is due: the one that is planned already, else one counted from this event. */
const nextProbe = ({ context, event }: Seen): number => context.probeAt ?? event.time + probeDelay(context);

function errorOf({ context, event }: Seen): DraftOf<'provider:error'>['data'] {
  if (event.type === 'task:failed') {
    const { error, method, workerId } = event.data;
    return { ...identity(context), method, ...(workerId === undefined ? {} : { workerId }), error, origin: 'attempt' };
  }
  const phase = event.type === 'provider:checked' ? event.data.phase : 'check';
  const unsaid = failure(
    phase === 'start' ? 'PROVIDER_INITIALIZATION_FAILED' : 'PROVIDER_UNHEALTHY',
    `The ${phase} of provider '${context.providerId}' failed.`,
  );
  return { ...identity(context), error: (event.type === 'provider:checked' ? event.data.error : undefined) ?? unsaid, origin: phase };
}

type Timer = 'probe' | 'relief';
const isTimer = (event: ProviderEvent, timer: Timer) => event.type === 'schedule:elapsed' && event.data.timer === timer;
const timerOf = ({ providerId }: ProviderContext, timer: Timer) => `provider/${providerId}/${timer}`;

function requestOf(context: ProviderContext, timer: Timer, dueAt: number): DraftOf<'schedule:request'>['data'] {
  const data: EventOf<'schedule:elapsed'>['data'] = { component: 'provider', key: context.providerId, timer };
  return { scheduleId: timerOf(context, timer), dueAt, event: { type: 'schedule:elapsed', data } };
}

export const providerMachine = setup({
  types: {
    input: {} as ProviderInput,
    context: {} as ProviderContext,
    events: {} as ProviderEvent,
    emitted: {} as ProviderFact,
  },
  guards: {
    isFault,
    endsStreak: (seen) => !isFault(seen) && seen.context.failures > 0,
    isOneTooMany: (seen) => isFault(seen) && seen.context.failures + 1 >= seen.context.unhealthyAfter,
    isOneOfMany: (seen) => isFault(seen) && seen.context.failures + 1 >= seen.context.degradedAfter,
    isFaultWithNewDate: (seen) => isFault(seen) && seen.context.probeAt !== seen.context.retryAt,
    asksForRest: (seen) => restUntil(seen) > Math.max(seen.event.time, seen.context.overloadedUntil ?? 0),
    isProbeDue: ({ context, event }) => isTimer(event, 'probe') && !context.isBeingChecked,
    isProbeUnanswered: ({ context, event }) => isTimer(event, 'probe') && context.isBeingChecked,
    hasNewMethods: ({ context, event }) =>
      event.type === 'provider:registered' && event.data.methods.some((method) => !context.methods.includes(method)),
    isRested: ({ context, event }) => isTimer(event, 'relief') && event.time >= (context.overloadedUntil ?? 0),
  },
  actions: {
    stateStarted: emit(({ context }) => ({ type: 'provider:started', data: { ...identity(context), recovered: false } })),
    stateRecovered: emit(({ context }) => ({ type: 'provider:started', data: { ...identity(context), recovered: true } })),
    stateDegraded: emit(({ context }) => ({ type: 'provider:degraded', data: { ...identity(context), consecutiveFailures: context.failures } })),
    stateUnhealthy: emit((seen) => ({
      type: 'provider:unhealthy',
      data: { ...identity(seen.context), consecutiveFailures: seen.context.failures, retryAt: nextProbe(seen) },
    })),
    stateError: emit((seen) => ({ type: 'provider:error', data: errorOf(seen) })),
    stateOverloaded: emit((seen) => ({ type: 'provider:overloaded', data: { ...identity(seen.context), until: restUntil(seen) } })),
    stateStopped: emit(({ context, event }) => ({
      type: 'provider:stopped',
      data: { ...identity(context), reason: 'reason' in event.data ? event.data.reason : 'shutdown' },
    })),
    askForCheck: emit(({ context }) => ({ type: 'provider:health_check', data: { providerId: context.providerId } })),
    askForProbe: emit((seen) => ({ type: 'schedule:request', data: requestOf(seen.context, 'probe', nextProbe(seen)) })),
    askForRelief: emit((seen) => ({ type: 'schedule:request', data: requestOf(seen.context, 'relief', restUntil(seen)) })),
    cancelProbe: emit(({ context }) => ({ type: 'schedule:cancel', data: { scheduleId: timerOf(context, 'probe') } })),
    cancelRelief: emit(({ context }) => ({ type: 'schedule:cancel', data: { scheduleId: timerOf(context, 'relief') } })),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    planProbe: assign((seen) => ({ probeAt: nextProbe(seen) })),
    planNextProbe: assign(({ context, event }) => {
      const probes = context.probes + 1;
      return { probes, probeAt: event.time + probeDelay({ ...context, probes }) };
    }),
    awaitAnswer: assign({ isBeingChecked: true }),
    awaitNoAnswer: assign({ isBeingChecked: false }),
    adoptDate: assign(({ event }) =>
      event.type === 'provider:unhealthy' ? { retryAt: event.data.retryAt, probeAt: event.data.retryAt, overloadedUntil: null } : {},
    ),
    adoptRest: assign(({ event }) => (event.type === 'provider:overloaded' ? { overloadedUntil: event.data.until } : {})),
    adoptMethods: assign(({ event }) => (event.type === 'provider:registered' ? { methods: event.data.methods } : {})),
    beginAnew: assign(nothingKnown),
  },
}).createMachine({
  id: 'provider',
  description: 'Knows whether one provider can be called: from its start, its checks and the attempts that it ran.',
  context: ({ input }) => ({ ...providerDefaults, ...input, ...nothingKnown }),
  initial: 'starting',
  on: {
    'provider:registered': { actions: 'adoptMethods' },
    'provider:unregistered': { actions: ['stateStopped', 'cancelProbe', 'cancelRelief'] },
    'system:shutdown': { actions: ['stateStopped', 'cancelProbe', 'cancelRelief'] },
    'provider:health_check': {},
    'task:completed': {},
    'task:failed': {},
    'schedule:elapsed': {},
    'provider:started': {},
    'provider:stopped': { target: '.stopped' },
    'provider:degraded': {},
    'provider:unhealthy': {},
    'provider:overloaded': {},
  },
  states: {
    starting: {
      description: 'The provider gets ready; it is not called yet. A start that failed is followed by checks.',
      on: {
        'provider:checked': [
          { guard: 'isOneTooMany', actions: ['awaitNoAnswer', 'countFailure', 'stateError', 'planProbe', 'stateUnhealthy', 'askForProbe'] },
          { guard: 'isFault', actions: ['awaitNoAnswer', 'countFailure', 'stateError', 'planProbe', 'askForProbe'] },
          { actions: ['stateStarted', 'cancelProbe'] },
        ],
        'provider:health_check': { actions: 'awaitAnswer' },
        'schedule:elapsed': [
          { guard: 'isProbeDue', actions: ['awaitAnswer', 'planNextProbe', 'askForCheck', 'askForProbe'] },
          { guard: 'isProbeUnanswered', actions: ['awaitNoAnswer', 'planNextProbe', 'askForProbe'] },
        ],
        'provider:started': { target: 'started', actions: 'beginAnew' },
        'provider:unhealthy': { target: 'unhealthy', actions: 'adoptDate' },
      },
    },
    started: {
      description: 'The provider does what it is asked.',
      on: {
        'provider:registered': { guard: 'hasNewMethods', actions: ['stateStarted', 'adoptMethods'] },
        'provider:checked': [
          { guard: 'isOneOfMany', actions: ['countFailure', 'stateError', 'stateDegraded'] },
          { guard: 'isFault', actions: ['countFailure', 'stateError'] },
          { guard: 'endsStreak', actions: 'forgetFailures' },
        ],
        'task:completed': { guard: 'endsStreak', actions: 'forgetFailures' },
        'task:failed': [
          { guard: 'isOneOfMany', actions: ['countFailure', 'stateError', 'stateDegraded'] },
          { guard: 'isFault', actions: ['countFailure', 'stateError'] },
          { guard: 'asksForRest', actions: ['stateOverloaded', 'askForRelief'] },
        ],
        'provider:degraded': { target: 'degraded' },
        'provider:overloaded': { target: 'overloaded', actions: 'adoptRest' },
      },
    },
    degraded: {
      description: 'The provider fails again and again, but is still called: one success, and it is trusted again.',
      on: {
        'provider:checked': [
          { guard: 'isOneTooMany', actions: ['countFailure', 'stateError', 'planProbe', 'stateUnhealthy', 'askForProbe'] },
          { guard: 'isFault', actions: ['countFailure', 'stateError'] },
          { actions: 'stateRecovered' },
        ],
        'task:completed': { actions: 'stateRecovered' },
        'task:failed': [
          { guard: 'isOneTooMany', actions: ['countFailure', 'stateError', 'planProbe', 'stateUnhealthy', 'askForProbe'] },
          { guard: 'isFault', actions: ['countFailure', 'stateError'] },
          { guard: 'asksForRest', actions: ['stateOverloaded', 'askForRelief'] },
        ],
        'provider:started': { target: 'started', actions: 'beginAnew' },
        'provider:unhealthy': { target: 'unhealthy', actions: 'adoptDate' },
        'provider:overloaded': { target: 'overloaded', actions: 'adoptRest' },
      },
    },
    overloaded: {
      description: 'The provider asked to be called less. It is called again when its time of rest is over.',
      on: {
        'provider:checked': [
          { guard: 'isOneTooMany', actions: ['countFailure', 'stateError', 'planProbe', 'stateUnhealthy', 'askForProbe', 'cancelRelief'] },
          { guard: 'isFault', actions: ['countFailure', 'stateError'] },
          { guard: 'endsStreak', actions: 'forgetFailures' },
        ],
        'task:completed': { guard: 'endsStreak', actions: 'forgetFailures' },
        'task:failed': [
          { guard: 'isOneTooMany', actions: ['countFailure', 'stateError', 'planProbe', 'stateUnhealthy', 'askForProbe', 'cancelRelief'] },
          { guard: 'isFault', actions: ['countFailure', 'stateError'] },
          { guard: 'asksForRest', actions: ['stateOverloaded', 'askForRelief'] },
        ],
        'schedule:elapsed': { guard: 'isRested', actions: 'stateRecovered' },
        'provider:started': { target: 'started', actions: 'beginAnew' },
        'provider:unhealthy': { target: 'unhealthy', actions: 'adoptDate' },
        'provider:overloaded': { actions: 'adoptRest' },
      },
    },
    unhealthy: {
      description: 'The provider is not called. It is checked, at growing intervals, until a check succeeds.',
      on: {
        'provider:checked': [
          { guard: 'isFaultWithNewDate', actions: ['awaitNoAnswer', 'countFailure', 'stateError', 'stateUnhealthy'] },
          { guard: 'isFault', actions: ['awaitNoAnswer', 'countFailure', 'stateError'] },
          { actions: ['stateRecovered', 'cancelProbe'] },
        ],
        'provider:health_check': { actions: 'awaitAnswer' },
        'task:failed': { guard: 'isFault', actions: ['countFailure', 'stateError'] },
        'schedule:elapsed': [
          { guard: 'isProbeDue', actions: ['awaitAnswer', 'planNextProbe', 'askForCheck', 'askForProbe'] },
          { guard: 'isProbeUnanswered', actions: ['awaitNoAnswer', 'planNextProbe', 'askForProbe'] },
        ],
        'provider:started': { target: 'started', actions: 'beginAnew' },
        'provider:unhealthy': { actions: 'adoptDate' },
      },
    },
    stopped: {
      tags: 'ended',
      description: 'The provider takes no part any more, until it is registered again.',
      on: {
        'provider:registered': { target: 'starting', actions: ['beginAnew', 'adoptMethods'] },
        'provider:unregistered': {},
        'provider:checked': {},
        'system:shutdown': {},
        'provider:stopped': {},
      },
    },
  },
});
