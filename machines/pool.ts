/**
 * The workers of one protocol: decides which of them takes a task that is on offer, and how many of them there are.
 *
 * It refuses to run, order or keep tasks: what no worker takes stays in the queue. It does not judge its provider: an error
 * that shows in a worker makes it replace that worker, and only an open circuit or an unhealthy provider make it shrink.
 * Slots and offers are counted as it hears of them; its size and its state follow from its own facts. The one exception is
 * `system:shutdown`, a decision about everybody, which moves it to `draining` by itself.
 */
import { Map as PersistentMap } from 'immutable';
import { assign, emit, enqueueActions, setup } from 'xstate';

import { newPool, type PoolContext } from './pool-context.ts';
import { stating } from './pool-facts.ts';
import * as offers from './pool-offers.ts';
import type { PoolEvent, PoolFact, PoolInput } from './pool-protocol.ts';
import * as sizing from './pool-sizing.ts';
import { metricsOf } from './pool-skills.ts';
import * as workers from './pool-workers.ts';

export type { PoolContext } from './pool-context.ts';
export { type PoolEvent, type PoolFact, type PoolInput, type PoolState, poolDefaults } from './pool-protocol.ts';
export { type Unassigned, whyNotAssigned } from './pool-sizing.ts';

export const poolMachine = setup({
  types: {
    input: {} as PoolInput,
    context: {} as PoolContext,
    events: {} as PoolEvent,
    emitted: {} as PoolFact,
  },
  guards: {
    hasTaker: ({ context, event }) => offers.hasTaker(context, event),
    needsFirstWorker: ({ context, event }) => sizing.needsFirstWorker(context, event),
    hasCandidates: ({ context }) => !context.candidates.isEmpty(),
    isWaitingAlready: ({ context }) => context.waitingSince !== null,
    isRelease: ({ event }) => offers.isRelease(event),
    isPassedOn: ({ context, event }) => offers.isPassedOn(context, event),
    isOfOwnWorker: ({ context, event }) => workers.isOfOwnWorker(context, event),
    isMissed: ({ context, event }) => workers.isMissed(context, event),
    isLastWorker: ({ context, event }) => workers.isLastWorker(context, event),
    isDeserted: ({ context }) => context.workers.isEmpty(),
    isShortOfWorkers: ({ context }) => sizing.isShortOfWorkers(context),
    hasIdleWorkers: ({ context, event }) => sizing.hasIdleWorkers(context, event),
    callsForWorkers: ({ context, event }) => sizing.callsForWorkers(context, event),
    joinsToWork: ({ context, event }) => sizing.joinsToWork(context, event),
    isAboveMinimum: ({ context }) => context.size > context.min,
    isOtherSize: ({ context, event }) => sizing.isOtherSize(context, event),
    isSmallerThanBefore: ({ context }) => sizing.isSmallerThanBefore(context),
    isOfOneMethod: ({ event }) => sizing.isOfOneMethod(event),
    isOfRemoteProvider: ({ context, event }) => sizing.isOfRemoteProvider(context, event),
    hasNoLimits: ({ context }) => sizing.hasNoLimits(context),
    isBelowMinimum: ({ context, event }) => sizing.isBelowMinimum(context, event),
    isDisused: ({ context, event }) => sizing.isDisused(context, event),
    losesLastProvider: ({ context, event }) => sizing.losesLastProvider(context, event),
    isCooldown: ({ event }) => event.type === 'schedule:elapsed' && event.data.timer === 'cooldown',
    isQuarantine: ({ event }) => event.type === 'schedule:elapsed' && event.data.timer === 'quarantine',
    isReplacement: ({ event }) => event.type === 'pool:scaled_up' && event.data.reason === 'replace',
    isRestoration: ({ event }) => event.type === 'pool:scaled_up' && event.data.reason === 'restored',
    isRetreat: ({ event }) => event.type === 'pool:scaled_down' && event.data.reason === 'circuit_open',
  },
  actions: {
    stateAssigned: enqueueActions(stating(offers.assignment)),
    statePassedOn: enqueueActions(stating(offers.passedOn)),
    stateAssignments: enqueueActions(stating(offers.assignments)),
    stateStart: enqueueActions(stating(sizing.start)),
    stateGrowth: enqueueActions(stating(sizing.growth)),
    stateShrinking: enqueueActions(stating(sizing.shrinking)),
    stateCompliance: enqueueActions(stating(sizing.compliance)),
    stateReplacement: enqueueActions(stating(sizing.replacement)),
    stateRetreat: enqueueActions(stating(sizing.retreat)),
    stateRestoration: enqueueActions(stating(sizing.restoration)),
    stateQuarantined: enqueueActions(stating(sizing.quarantine)),
    stateMetrics: emit(({ context }) => ({ type: 'pool:metrics', data: metricsOf(context) })),
    stateCooled: emit(({ context: { poolId } }) => ({ type: 'pool:cooled', data: { poolId } })),
    stateStopped: emit(({ context: { poolId } }) => ({ type: 'pool:stopped', data: { poolId } })),
    requestCooldown: emit(({ context, event }) => sizing.timerOf(context, 'cooldown', event)),
    requestQuarantineEnd: emit(({ context, event }) => sizing.timerOf(context, 'quarantine', event)),
    rejectUnneeded: enqueueActions(stating((context, event) => sizing.rejection(context, event))),
    rejectWhileCooling: enqueueActions(stating((context, event) => sizing.rejection(context, event, 'cooldown'))),
    rejectForOpenCircuit: enqueueActions(stating((context, event) => sizing.rejection(context, event, 'circuit_open'))),
    rejectWhileDraining: enqueueActions(stating((context, event) => sizing.rejection(context, event, 'draining'))),
    takeSlot: assign(({ context, event }) => offers.withAssignment(context, event)),
    passSlotOn: assign(({ context, event }) => offers.withPassedOn(context, event)),
    takeSlots: assign(({ context }) => offers.withAssignments(context)),
    freeSlot: assign(({ context, event }) => offers.withRelease(context, event)),
    keepOffer: assign(({ context, event }) => offers.withOffer(context, event)),
    takeBack: assign(({ context, event }) => offers.withRefusal(context, event)),
    dropOffer: assign(({ context, event }) => offers.withoutOffer(context, event)),
    dropOffers: assign({ candidates: PersistentMap(), waitingSince: null }),
    welcome: assign(({ context, event }) => workers.withStarted(context, event)),
    dropWorker: assign(({ context, event }) => workers.withoutWorker(context, event)),
    resize: assign(({ context, event }) => workers.resized(context, event)),
    rememberSize: assign(({ context, event }) => ({ sizeBefore: 'from' in event.data ? event.data.from : context.sizeBefore })),
    meetRemote: assign(({ context, event }) =>
      'providerId' in event.data ? { remoteProviders: context.remoteProviders.add(event.data.providerId) } : {},
    ),
    adoptLimits: assign(({ event }) => (event.type === 'provider:registered' ? { ...event.data.pool, sizeBefore: event.data.pool.min } : {})),
    wakeProvider: assign(({ context, event }) =>
      'providerId' in event.data && !sizing.isOfRemoteProvider(context, event) ? { serving: context.serving.add(event.data.providerId) } : {},
    ),
    dropOffersBehind: assign(({ context, event }) => offers.withoutOffersBehind(context, event)),
    forgetProvider: assign(({ context, event }) => sizing.withoutProvider(context, event)),
    restProvider: assign(({ context, event }) => ('providerId' in event.data ? { serving: context.serving.delete(event.data.providerId) } : {})),
  },
}).createMachine({
  id: 'pool',
  description: 'The workers of one protocol.',
  context: ({ input }) => newPool(input),
  initial: 'starting',
  on: {
    'task:available': [
      { guard: 'hasTaker', actions: ['stateAssigned', 'takeSlot'] },
      { guard: 'needsFirstWorker', actions: ['keepOffer', 'stateGrowth'] },
      { guard: 'isWaitingAlready', actions: 'keepOffer' },
      { actions: ['keepOffer', 'stateMetrics'] },
    ],
    'queue:withdrawn': { actions: 'dropOffer' },
    'queue:empty': [{ guard: 'hasCandidates', actions: 'dropOffers' }, {}],
    'queue:full': { actions: 'stateMetrics' },
    'backpressure:normal': { actions: 'stateMetrics' },
    'backpressure:high': { actions: 'stateMetrics' },
    'backpressure:critical': { actions: 'stateMetrics' },
    'worker:started': { actions: ['welcome', 'stateAssignments', 'takeSlots'] },
    'worker:idle': [{ guard: 'isPassedOn', actions: ['statePassedOn', 'passSlotOn'] }, { actions: 'freeSlot' }],
    'worker:busy': [{ guard: 'isPassedOn', actions: ['statePassedOn', 'passSlotOn'] }, { guard: 'isRelease', actions: 'freeSlot' }, {}],
    'worker:refused': { actions: ['takeBack', 'stateAssignments', 'takeSlots'] },
    'worker:stopped': [
      { guard: 'isMissed', actions: ['dropWorker', 'stateReplacement'] },
      { guard: 'isOfOwnWorker', actions: ['dropWorker', 'stateMetrics'] },
      { actions: 'dropWorker' },
    ],
    'worker:failed': [{ guard: 'isOfOwnWorker', actions: ['dropWorker', 'stateReplacement'] }, { actions: 'dropWorker' }],
    'provider:registered': [{ guard: 'isOfRemoteProvider', actions: 'meetRemote' }, { guard: 'hasNoLimits', actions: 'adoptLimits' }, {}],
    'provider:started': [{ guard: 'isBelowMinimum', actions: ['wakeProvider', 'stateStart'] }, { actions: 'wakeProvider' }],
    'provider:stopped': [{ guard: 'losesLastProvider', actions: ['restProvider', 'stateRetreat'] }, { actions: 'restProvider' }],
    'provider:unhealthy': [{ guard: 'losesLastProvider', actions: ['restProvider', 'stateRetreat'] }, { actions: 'restProvider' }],
    'provider:unregistered': [
      { guard: 'isDisused', actions: ['forgetProvider', 'dropOffers', 'stateStopped'] },
      { guard: 'losesLastProvider', actions: ['forgetProvider', 'stateRetreat'] },
      { actions: 'forgetProvider' },
    ],
    'provider:error': {},
    'circuit:opened': [
      { guard: 'isOfOneMethod', actions: 'dropOffersBehind' },
      { guard: 'losesLastProvider', actions: ['dropOffersBehind', 'restProvider', 'stateRetreat'] },
      { actions: ['dropOffersBehind', 'restProvider'] },
    ],
    'circuit:closed': [{ guard: 'isOfOneMethod' }, { actions: 'wakeProvider' }],
    'pool:scale_requested': { actions: 'rejectWhileCooling' },
    'pool:scale_up': [{ guard: 'isOtherSize', actions: 'stateCompliance' }, { actions: 'rejectUnneeded' }],
    'pool:scale_down': [{ guard: 'isOtherSize', actions: 'stateCompliance' }, { actions: 'rejectUnneeded' }],
    'pool:scaled_up': { actions: ['resize', 'stateMetrics'] },
    'pool:scaled_down': [
      { guard: 'isRetreat', target: '.shrunk', actions: ['rememberSize', 'resize', 'stateMetrics'] },
      { actions: ['resize', 'stateMetrics'] },
    ],
    'pool:cooled': {},
    'pool:worker_quarantined': {},
    'pool:metrics': {},
    'pool:stopped': { target: '.disused' },
    'schedule:elapsed': {},
    'system:shutdown': [
      { guard: 'isDeserted', target: '.draining', actions: ['dropOffers', 'stateStopped'] },
      { target: '.draining', actions: 'dropOffers' },
    ],
  },
  states: {
    starting: {
      description: 'No provider can be called yet, so there are no workers; what is on offer is kept for them.',
      on: {
        'provider:started': { actions: ['wakeProvider', 'stateStart'] },
        'pool:scaled_up': { target: 'steady', actions: ['resize', 'stateMetrics'] },
        'pool:metrics': [{ guard: 'isShortOfWorkers', target: 'steady', actions: 'stateGrowth' }, { target: 'steady' }],
        'task:available': [{ guard: 'hasTaker', actions: ['stateAssigned', 'takeSlot'] }, { actions: 'keepOffer' }],
        'queue:full': {},
        'backpressure:normal': {},
        'backpressure:high': {},
        'backpressure:critical': {},
        'pool:scale_requested': { actions: 'rejectUnneeded' },
        'pool:scale_up': { actions: 'rejectUnneeded' },
        'pool:scale_down': { actions: 'rejectUnneeded' },
      },
    },
    steady: {
      description: 'Its size may change: each look at its own metrics decides whether it does.',
      on: {
        'task:available': [
          { guard: 'hasTaker', actions: ['stateAssigned', 'takeSlot'] },
          { guard: 'needsFirstWorker', actions: ['keepOffer', 'stateGrowth'] },
          { guard: 'callsForWorkers', actions: ['keepOffer', 'stateMetrics'] },
          { guard: 'isWaitingAlready', actions: 'keepOffer' },
          { actions: ['keepOffer', 'stateMetrics'] },
        ],
        'worker:started': [
          { guard: 'joinsToWork', actions: ['welcome', 'stateAssignments', 'takeSlots', 'stateMetrics'] },
          { actions: ['welcome', 'stateAssignments', 'takeSlots'] },
        ],
        'pool:metrics': [
          { guard: 'isShortOfWorkers', actions: 'stateGrowth' },
          { guard: 'hasIdleWorkers', actions: 'stateShrinking' },
          { guard: 'isAboveMinimum', actions: 'requestCooldown' },
          {},
        ],
        'pool:scaled_up': [
          { guard: 'isReplacement', actions: ['resize', 'stateMetrics'] },
          { target: 'cooling', actions: ['resize', 'stateMetrics', 'requestCooldown'] },
        ],
        'pool:scaled_down': [
          { guard: 'isRetreat', target: 'shrunk', actions: ['rememberSize', 'resize', 'stateMetrics'] },
          { target: 'cooling', actions: ['resize', 'stateMetrics', 'requestCooldown'] },
        ],
        'pool:scale_requested': [{ guard: 'isOtherSize', actions: 'stateCompliance' }, { actions: 'rejectUnneeded' }],
        'provider:error': [{ guard: 'isOfOwnWorker', actions: 'stateQuarantined' }, {}],
        'pool:worker_quarantined': { target: 'quarantining', actions: ['resize', 'stateMetrics', 'requestQuarantineEnd'] },
        'schedule:elapsed': [{ guard: 'isCooldown', actions: 'stateMetrics' }, {}],
      },
    },
    cooling: {
      description: 'Its size has changed; the load gets time to show what that did.',
      on: {
        'schedule:elapsed': [{ guard: 'isCooldown', actions: 'stateCooled' }, {}],
        'pool:cooled': { target: 'steady', actions: 'stateMetrics' },
        'provider:error': [{ guard: 'isOfOwnWorker', actions: 'stateQuarantined' }, {}],
        'pool:worker_quarantined': { target: 'quarantining', actions: ['resize', 'stateMetrics', 'requestQuarantineEnd'] },
      },
    },
    quarantining: {
      description: 'A worker that showed an error of its provider has been replaced; another one will not be, until this is over.',
      on: {
        'schedule:elapsed': [{ guard: 'isQuarantine', actions: 'stateCooled' }, {}],
        'pool:cooled': { target: 'steady', actions: 'stateMetrics' },
      },
    },
    shrunk: {
      description: 'No provider can be called: a few workers stay for the probes, and the size before is remembered.',
      on: {
        'provider:started': [
          { guard: 'isOfRemoteProvider' },
          { guard: 'isSmallerThanBefore', actions: ['wakeProvider', 'stateRestoration'] },
          { actions: ['wakeProvider', 'stateCooled'] },
        ],
        'circuit:closed': [
          { guard: 'isOfOneMethod' },
          { guard: 'isSmallerThanBefore', actions: ['wakeProvider', 'stateRestoration'] },
          { actions: ['wakeProvider', 'stateCooled'] },
        ],
        'pool:scaled_up': [
          { guard: 'isRestoration', target: 'cooling', actions: ['resize', 'stateMetrics', 'requestCooldown'] },
          { actions: ['resize', 'stateMetrics'] },
        ],
        'pool:scaled_down': { actions: ['resize', 'stateMetrics'] },
        'pool:cooled': { target: 'steady', actions: 'stateMetrics' },
        'pool:scale_requested': { actions: 'rejectForOpenCircuit' },
        'pool:scale_up': { actions: 'rejectForOpenCircuit' },
        'pool:scale_down': { actions: 'rejectForOpenCircuit' },
      },
    },
    draining: {
      description: 'The system stops: nothing more is taken, and the workers leave as they finish.',
      on: {
        'worker:stopped': [{ guard: 'isLastWorker', actions: ['dropWorker', 'stateStopped'] }, { actions: 'dropWorker' }],
        'worker:failed': [{ guard: 'isLastWorker', actions: ['dropWorker', 'stateStopped'] }, { actions: 'dropWorker' }],
        'pool:stopped': { target: 'stopped' },
        'pool:scale_requested': { actions: 'rejectWhileDraining' },
        'pool:scale_up': { actions: 'rejectWhileDraining' },
        'pool:scale_down': { actions: 'rejectWhileDraining' },
        'task:available': {},
        'worker:refused': {},
        'provider:started': { actions: 'wakeProvider' },
        'provider:stopped': { actions: 'restProvider' },
        'provider:unhealthy': {},
        'provider:unregistered': {},
        'circuit:opened': {},
        'pool:scaled_up': {},
        'pool:scaled_down': {},
        'system:shutdown': {},
      },
    },
    disused: { type: 'final', description: 'The last provider has gone that it had for workers elsewhere, and it never had others.' },
    stopped: {
      description: 'The last worker has gone.',
      on: {
        'pool:stopped': {},
        'pool:scale_requested': { actions: 'rejectWhileDraining' },
        'pool:scale_up': { actions: 'rejectWhileDraining' },
        'pool:scale_down': { actions: 'rejectWhileDraining' },
        'worker:started': {},
        'task:available': {},
        'worker:refused': {},
        'provider:started': { actions: 'wakeProvider' },
        'provider:stopped': { actions: 'restProvider' },
        'provider:unhealthy': {},
        'provider:unregistered': {},
        'circuit:opened': {},
        'pool:scaled_up': {},
        'pool:scaled_down': {},
        'system:shutdown': {},
      },
    },
  },
});
