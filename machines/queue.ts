/**
 * The task queue: decides which task is next for each method, and puts it on offer; whoever has a free slot claims it.
 *
 * It refuses to choose a worker, to drop a task of an admitted workflow (except by the policy `shed`), and to admit or
 * reject workflows: it says when it is full, and the engine acts on that. What others say (methods, circuits, paused
 * workflows) it notes as it hears it; tasks come, go and are offered by its own facts.
 */
import { Map as PersistentMap, Set as PersistentSet } from 'immutable';
import { assertEvent, assign, emit, enqueueActions, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import {
  entered,
  granted,
  left,
  metricsOf,
  offered,
  parked,
  type QueueContext,
  reprioritised,
  routed,
  unparked,
  unrouted,
  waitingTask,
  withdrawn,
} from './queue-context.ts';
import type { WaitingTask } from './queue-lanes.ts';
import { corrections, isNextOnArrival, nextOffer, outcast, succession } from './queue-offers.ts';
import { type QueueEvent, type QueueFact, type QueueInput, queueDefaults } from './queue-protocol.ts';

export type { QueueContext } from './queue-context.ts';
export { type Obstacle, whyNotOffered } from './queue-offers.ts';
export { type QueueEvent, type QueueFact, type QueueInput, queueDefaults } from './queue-protocol.ts';

/** A full queue has room again at this share of its capacity. */
const roomAt = 0.9;
const metricsTimer = 'queue/metrics';

const departures = { 'task:claimed': 'claimed', 'task:cancelled': 'cancelled', 'task:skipped': 'skipped' } as const;

/** Whether a circuit limits nothing any more. */
function isOver(event: QueueEvent): event is EventOf<'circuit:closed' | 'circuit:removed'> {
  return event.type === 'circuit:closed' || event.type === 'circuit:removed';
}

type Departure = { readonly depth: number; readonly time: number; readonly reason: 'shed' | (typeof departures)[keyof typeof departures] };

function dequeued(task: WaitingTask, { depth, time, reason }: Departure): DraftOf<'queue:task_dequeued'> {
  const { workflowId, taskId, method, protocol, priority, since } = task;
  const waitMs = Math.max(0, time - since);
  return { type: 'queue:task_dequeued', data: { workflowId, taskId, method, protocol, priority, depth: depth - 1, waitMs, reason } };
}

export const queueMachine = setup({
  types: {
    input: {} as QueueInput,
    context: {} as QueueContext,
    events: {} as QueueEvent,
    emitted: {} as QueueFact,
  },
  guards: {
    isWaiting: ({ context, event }) =>
      (event.type === 'task:claimed' || event.type === 'task:cancelled' || event.type === 'task:skipped') &&
      waitingTask(context, event.data) !== undefined,
    isNew: ({ context, event }) => event.type === 'task:queued' && waitingTask(context, event.data) === undefined,
    isNext: ({ context, event }) => event.type === 'queue:task_enqueued' && isNextOnArrival(context, event.data, event.time),
    leavesNext: ({ context, event }) => event.type === 'queue:task_dequeued' && succession(context, event.data) === 'next',
    leavesNothing: ({ context, event }) => event.type === 'queue:task_dequeued' && succession(context, event.data) === 'none',
    changesPriority: ({ context, event }) => {
      const task = event.type === 'task:set_priority' ? waitingTask(context, event.data) : undefined;
      return task !== undefined && event.type === 'task:set_priority' && task.priority !== event.data.priority;
    },
    isProbing: ({ context, event }) => isOver(event) && context.grants.has(event.data.circuit),
    isPaused: ({ context, event }) => 'workflowId' in event.data && context.paused.has(event.data.workflowId),
    isSystemWide: ({ event }) => 'scope' in event.data && event.data.scope === 'system',
    isReporting: ({ context }) => context.isReporting,
    fillsUp: ({ context, event }) => event.type === 'queue:task_enqueued' && event.data.depth >= context.capacity,
    exceedsLimit: ({ context, event }) => context.policy === 'shed' && event.type === 'queue:task_enqueued' && event.data.depth > context.limit,
    hasRoom: ({ context, event }) => event.type === 'queue:task_dequeued' && event.data.depth <= Math.floor(context.capacity * roomAt),
    isDrained: ({ context, event }) => (event.type === 'queue:task_dequeued' ? event.data.depth === 0 : context.depth === 0),
  },
  actions: {
    stateEnqueued: emit(({ context, event }) => {
      assertEvent(event, 'task:queued');
      return { type: 'queue:task_enqueued', data: { ...event.data, depth: context.depth + 1 } };
    }),
    stateDequeued: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, ['task:claimed', 'task:cancelled', 'task:skipped']);
      const task = waitingTask(context, event.data);
      const reason = departures[event.type];
      if (task !== undefined) enqueue.emit(dequeued(task, { depth: context.depth, time: event.time, reason }));
    }),
    stateClaimRefused: emit(({ event }) => {
      assertEvent(event, 'task:claimed');
      const { workflowId, taskId, workerId, leaseId } = event.data;
      return { type: 'queue:claim_refused', data: { workflowId, taskId, workerId, leaseId } };
    }),
    stateShed: enqueueActions(({ context, event, enqueue }) => {
      const task = outcast(context);
      if (task === undefined) return;
      enqueue.emit(dequeued(task, { depth: context.depth, time: event.time, reason: 'shed' }));
      enqueue.emit({ type: 'queue:task_shed', data: { workflowId: task.workflowId, taskId: task.taskId, capacity: context.limit } });
    }),
    stateNext: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, ['queue:task_enqueued', 'queue:task_dequeued']);
      const offer = nextOffer(context, event.data);
      if (offer !== undefined) enqueue.emit({ type: 'task:available', data: offer });
    }),
    stateOffers: enqueueActions(({ context, enqueue }) => {
      for (const fact of corrections(context)) enqueue.emit(fact);
    }),
    statePriorityChanged: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, 'task:set_priority');
      const { priority: to, ...ref } = event.data;
      const task = waitingTask(context, ref);
      if (task !== undefined) enqueue.emit({ type: 'queue:priority_changed', data: { ...ref, from: task.priority, to } });
    }),
    stateHeld: emit(({ event }) => ({ type: 'queue:held', data: { reason: 'reason' in event.data ? String(event.data.reason) : '' } })),
    stateReleased: emit(({ event }) => ({ type: 'queue:released', data: { reason: 'reason' in event.data ? String(event.data.reason) : '' } })),
    stateFull: emit(({ context: { depth, capacity, policy } }) => ({ type: 'queue:full', data: { depth, capacity, policy } })),
    stateRoom: emit(({ context: { depth, capacity } }) => ({ type: 'queue:room', data: { depth, capacity } })),
    stateEmpty: emit({ type: 'queue:empty', data: {} }),
    stateMetrics: emit(({ context, event }) => ({ type: 'queue:metrics', data: metricsOf(context, event.time) })),
    requestMetrics: emit(({ context: { metricsMs }, event }) => ({
      type: 'schedule:request',
      data: {
        scheduleId: metricsTimer,
        dueAt: event.time + metricsMs,
        everyMs: metricsMs,
        event: { type: 'schedule:elapsed', data: { component: 'queue', key: '', timer: 'metrics' } },
      },
    })),
    cancelMetrics: emit({ type: 'schedule:cancel', data: { scheduleId: metricsTimer } }),
    startReporting: assign({ isReporting: true }),
    stopReporting: assign({ isReporting: false }),
    enter: assign(({ context, event }) => (event.type === 'queue:task_enqueued' ? entered(context, event.data, event.time) : {})),
    leave: assign(({ context, event }) => (event.type === 'queue:task_dequeued' ? left(context, event.data) : {})),
    noteOffer: assign(({ context, event }) => (event.type === 'task:available' ? offered(context, event.data) : {})),
    forgetOffer: assign(({ context, event }) => (event.type === 'queue:withdrawn' ? withdrawn(context, event.data) : {})),
    reprioritise: assign(({ context, event }) => (event.type === 'queue:priority_changed' ? reprioritised(context, event.data) : {})),
    noteRoute: assign(({ context, event }) => (event.type === 'method:available' ? routed(context, event.data) : {})),
    forgetRoute: assign(({ context, event }) => (event.type === 'method:unavailable' ? unrouted(context, event.data) : {})),
    noteGrant: assign(({ context, event }) => (event.type === 'circuit:half_open' ? granted(context, event.data) : {})),
    liftLimit: assign(({ context, event }) => (isOver(event) ? { grants: context.grants.delete(event.data.circuit) } : {})),
    park: assign(({ context, event }) => (event.type === 'workflow:paused' ? parked(context, event.data.workflowId) : {})),
    unpark: assign(({ context, event }) => ('workflowId' in event.data ? unparked(context, event.data.workflowId) : {})),
    noteHold: assign(({ event }) => (event.type === 'queue:held' ? { heldBecause: event.data.reason } : {})),
    forgetHold: assign({ heldBecause: null }),
    keepToDepth: assign({ limit: ({ context }) => Math.max(1, Math.min(context.depth, context.capacity)) }),
    keepToCapacity: assign({ limit: ({ context }) => context.capacity }),
  },
}).createMachine({
  id: 'queue',
  description: 'Every task that waits for a worker, and the next one of each method.',
  context: ({ input }) => ({
    ...queueDefaults,
    ...input,
    waiting: PersistentMap(),
    depth: 0,
    lanes: PersistentMap(),
    offers: PersistentMap(),
    routes: PersistentMap(),
    grants: PersistentMap(),
    paused: PersistentSet(),
    heldBecause: null,
    limit: input.capacity ?? queueDefaults.capacity,
    arrivals: 0,
    latest: 0,
    isReporting: false,
  }),
  type: 'parallel',
  states: {
    dispatch: {
      description: 'Which tasks are on offer.',
      initial: 'open',
      on: {
        'task:queued': [{ guard: 'isNew', actions: 'stateEnqueued' }, {}],
        'task:claimed': [{ guard: 'isWaiting', actions: 'stateDequeued' }, { actions: 'stateClaimRefused' }],
        'task:cancelled': [{ guard: 'isWaiting', actions: 'stateDequeued' }, {}],
        'task:skipped': [{ guard: 'isWaiting', actions: 'stateDequeued' }, {}],
        'task:set_priority': [{ guard: 'changesPriority', actions: 'statePriorityChanged' }, {}],
        'method:available': { actions: ['noteRoute', 'stateOffers'] },
        'method:unavailable': { actions: ['forgetRoute', 'stateOffers'] },
        'circuit:half_open': { actions: ['noteGrant', 'stateOffers'] },
        'circuit:closed': [{ guard: 'isProbing', actions: ['liftLimit', 'stateOffers'] }, {}],
        'circuit:removed': [{ guard: 'isProbing', actions: ['liftLimit', 'stateOffers'] }, {}],
        'workflow:paused': { actions: ['park', 'stateOffers'] },
        'workflow:resumed': { actions: ['unpark', 'stateOffers'] },
        'workflow:completed': [{ guard: 'isPaused', actions: 'unpark' }, {}],
        'workflow:failed': [{ guard: 'isPaused', actions: 'unpark' }, {}],
        'workflow:cancelled': [{ guard: 'isPaused', actions: 'unpark' }, {}],
        'queue:task_enqueued': [{ guard: 'isNext', actions: ['enter', 'stateNext'] }, { actions: 'enter' }],
        'queue:task_dequeued': [
          { guard: 'leavesNext', actions: ['leave', 'stateNext'] },
          { guard: 'leavesNothing', actions: ['leave', 'stateOffers'] },
          { actions: 'leave' },
        ],
        'queue:priority_changed': { actions: ['reprioritise', 'stateOffers'] },
        'queue:withdrawn': { actions: 'forgetOffer' },
        'task:available': { actions: 'noteOffer' },
      },
      states: {
        open: {
          description: 'The best task of each method that is available stands on offer.',
          on: {
            'engine:paused': { actions: 'stateHeld' },
            'system:shutdown': { actions: 'stateHeld' },
            'queue:held': { target: 'held', actions: ['noteHold', 'stateOffers'] },
            'engine:resumed': {},
            'queue:released': {},
          },
        },
        held: {
          description: 'Nothing is on offer; tasks come and go, and keep their places.',
          on: {
            'engine:resumed': { actions: 'stateReleased' },
            'queue:released': { target: 'open', actions: ['forgetHold', 'stateOffers'] },
            'engine:paused': {},
            'system:shutdown': {},
            'queue:held': {},
          },
        },
      },
    },
    depth: {
      description: 'How much waits, said on edges only.',
      initial: 'empty',
      on: {
        'backpressure:critical': [{ guard: 'isSystemWide', actions: 'keepToDepth' }, {}],
        'backpressure:high': [{ guard: 'isSystemWide', actions: 'keepToCapacity' }, {}],
        'backpressure:normal': [{ guard: 'isSystemWide', actions: 'keepToCapacity' }, {}],
        'schedule:elapsed': { actions: 'stateMetrics' },
        'queue:task_dequeued': {},
        'queue:full': {},
        'queue:room': {},
        'queue:empty': {},
      },
      states: {
        empty: {
          description: 'No task waits.',
          on: {
            'queue:task_enqueued': [
              { guard: 'fillsUp', target: 'some', actions: ['requestMetrics', 'startReporting', 'stateFull'] },
              { guard: 'isReporting', target: 'some' },
              { target: 'some', actions: ['requestMetrics', 'startReporting'] },
            ],
            // The timer outlives a short emptiness: a queue that fills and empties with each task does not wind it up anew each time.
            'schedule:elapsed': { actions: ['stateMetrics', 'cancelMetrics', 'stopReporting'] },
          },
        },
        some: {
          description: 'Tasks wait, and more may.',
          on: {
            'queue:task_enqueued': [{ guard: 'fillsUp', actions: 'stateFull' }, { guard: 'exceedsLimit', actions: 'stateShed' }, {}],
            'queue:task_dequeued': [{ guard: 'isDrained', actions: 'stateEmpty' }, {}],
            'queue:full': { target: 'full' },
            'queue:empty': { target: 'empty' },
          },
        },
        full: {
          description: 'As many tasks wait as may; new work meets the policy until there is room again.',
          on: {
            'queue:task_enqueued': [{ guard: 'exceedsLimit', actions: 'stateShed' }, {}],
            'queue:task_dequeued': [{ guard: 'hasRoom', actions: 'stateRoom' }, {}],
            'queue:room': [{ guard: 'isDrained', target: 'some', actions: 'stateEmpty' }, { target: 'some' }],
          },
        },
      },
    },
  },
});
