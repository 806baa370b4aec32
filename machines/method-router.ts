/**
 * Availability of one method: which of its providers serves it now, or why none does and until when.
 *
 * It tells the queue on edges only: when the method becomes available or not, and when the provider that serves it, the
 * epoch of its circuit, the reason or its end is another one. It refuses to choose by load, to hold tasks, and to count
 * probes: how many calls a half-open circuit lets through is between the circuit and the queue. To a method, a half-open
 * circuit is one that lets through.
 *
 * A method that nobody offers any more is forgotten with the last provider of it.
 *
 * Candidates are what others said of them; which of the states holds is said by its own facts.
 */
import { assign, enqueueActions, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import { type Candidate, type CandidateEvent, hindranceOfAll, learn, type Service, serviceOf, type Unavailability } from './policies/availability.ts';

/** What a method's router is created with. */
export interface MethodRouterInput {
  readonly protocol: string;
  readonly method: string;
}

/** All that a method's router remembers. */
export interface MethodRouterContext extends MethodRouterInput {
  /** The providers of the method, in the order of their registration. */
  readonly candidates: readonly Candidate[];
  /** What it said last: who serves, or why nobody does. */
  readonly said: Service | Unavailability;
}

/** The facts that a method's router owns. */
export type MethodRouterFact = DraftOf<'method:available' | 'method:unavailable'>;

/** What a method's router hears: others' events, and its own facts. */
export type MethodRouterEvent = CandidateEvent | EventOf<MethodRouterFact['type']>;

/** Why a method is unavailable, and until when; null: it is available. */
export function unavailabilityOf({ candidates }: Pick<MethodRouterContext, 'candidates'>): Unavailability | null {
  return hindranceOfAll(candidates);
}

/** What there is to say about a method with these candidates. */
function outlookOf(candidates: readonly Candidate[]): Service | Unavailability {
  return serviceOf(candidates) ?? hindranceOfAll(candidates) ?? { reason: 'no_provider' };
}

function isSame(one: Service | Unavailability, other: Service | Unavailability): boolean {
  if ('reason' in one) return 'reason' in other && one.reason === other.reason && one.until === other.until;
  return !('reason' in other) && one.providerId === other.providerId && one.circuit === other.circuit && one.epoch === other.epoch;
}

const isFor = (event: MethodRouterEvent, reason: Unavailability['reason']) => event.type === 'method:unavailable' && event.data.reason === reason;

export const methodRouterMachine = setup({
  types: {
    input: {} as MethodRouterInput,
    context: {} as MethodRouterContext,
    events: {} as MethodRouterEvent,
    emitted: {} as MethodRouterFact,
  },
  guards: {
    isDeserted: ({ context, event }) => isFor(event, 'no_provider') && context.candidates.length === 0,
    isCircuitOpen: ({ event }) => isFor(event, 'circuit_open'),
    isUnhealthy: ({ event }) => isFor(event, 'unhealthy'),
    isOverloaded: ({ event }) => isFor(event, 'overloaded'),
    isDraining: ({ event }) => isFor(event, 'draining'),
  },
  actions: {
    learn: assign(({ context, event }) =>
      event.type === 'method:available' || event.type === 'method:unavailable'
        ? {}
        : { candidates: learn(context.candidates, event, context.method) },
    ),
    stateEdge: enqueueActions(({ context, enqueue }) => {
      const outlook = outlookOf(context.candidates);
      // That nobody is left is said once more where nobody could be called before: it is what ends it.
      if (isSame(outlook, context.said) && context.candidates.length > 0) return;
      const { protocol, method } = context;
      if ('reason' in outlook) enqueue.emit({ type: 'method:unavailable', data: { protocol, method, ...outlook } });
      else enqueue.emit({ type: 'method:available', data: { protocol, method, ...outlook } });
    }),
    noteSaid: assign(({ event }) => {
      if (event.type !== 'method:available' && event.type !== 'method:unavailable') return {};
      const { protocol: _protocol, method: _method, ...said } = event.data;
      return { said };
    }),
  },
}).createMachine({
  id: 'methodRouter',
  description: 'Knows whether a method can be called, by which provider, and if not, why and until when.',
  context: ({ input }) => ({ ...input, candidates: [], said: { reason: 'no_provider' } }),
  initial: 'unavailable',
  on: {
    'provider:registered': { actions: ['learn', 'stateEdge'] },
    'provider:extended': { actions: ['learn', 'stateEdge'] },
    'provider:reduced': { actions: ['learn', 'stateEdge'] },
    'provider:unregistered': { actions: ['learn', 'stateEdge'] },
    'provider:started': { actions: ['learn', 'stateEdge'] },
    'provider:stopped': { actions: ['learn', 'stateEdge'] },
    'provider:degraded': { actions: ['learn', 'stateEdge'] },
    'provider:unhealthy': { actions: ['learn', 'stateEdge'] },
    'provider:overloaded': { actions: ['learn', 'stateEdge'] },
    'circuit:opened': { actions: ['learn', 'stateEdge'] },
    'circuit:half_open': { actions: ['learn', 'stateEdge'] },
    'circuit:closed': { actions: ['learn', 'stateEdge'] },
    'health:check_completed': { actions: ['learn', 'stateEdge'] },
    'health:check_failed': { actions: ['learn', 'stateEdge'] },
    'method:available': { target: '.available', actions: 'noteSaid' },
    'method:unavailable': [
      { guard: 'isDeserted', target: '.forgotten', actions: 'noteSaid' },
      { guard: 'isCircuitOpen', target: '.unavailable.circuitOpen', actions: 'noteSaid' },
      { guard: 'isUnhealthy', target: '.unavailable.unhealthy', actions: 'noteSaid' },
      { guard: 'isOverloaded', target: '.unavailable.overloaded', actions: 'noteSaid' },
      { guard: 'isDraining', target: '.unavailable.draining', actions: 'noteSaid' },
      { target: '.unavailable.noProvider', actions: 'noteSaid' },
    ],
  },
  states: {
    available: { description: 'Some provider can be called: the queue dispatches tasks of the method.' },
    unavailable: {
      description: 'No provider can be called: tasks of the method wait in the queue.',
      initial: 'noProvider',
      states: {
        noProvider: { description: 'No provider of the method is registered, or none has started yet.' },
        circuitOpen: { description: 'The circuit of the provider that may be back first is open.' },
        unhealthy: { description: 'The provider that may be back first is unhealthy; it is checked again.' },
        overloaded: { description: 'The provider that may be back first asked for rest.' },
        draining: { description: 'The providers of the method have stopped.' },
      },
    },
    forgotten: { type: 'final', description: 'Nobody offers the method any more.' },
  },
});
