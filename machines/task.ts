/**
 * One task of a workflow, from the moment it can run to its end: whether a claim, a report, a deadline or a cancel is
 * legal now. Attempt and lease are checked here and nowhere else.
 *
 * It refuses to choose a worker, to decide about retries, and to believe a report of an attempt that is not the one it waits
 * for. The retry manager's decisions about it (`task:retry_scheduled`, `task:retry_executed`, `task:retry_exhausted`) are
 * recorded facts of their own and move it as they are: stating each once more would only double the journal.
 */
import { assertEvent, assign, emit, setup } from 'xstate';

import type { EventOf } from './events/catalogue.ts';
import { failure } from './failures.ts';
import {
  cancelledBy,
  collected,
  elementOf,
  failedAttempt,
  failedUntried,
  idempotencyKeyOf,
  isOfCurrentAttempt,
  nameOf,
  refOf,
  routeOf,
  runMsOf,
  skippedBy,
  type TaskContext,
  type TaskFact,
  type TaskInput,
} from './task-facts.ts';

export { idempotencyKeyOf, isOfCurrentAttempt, type Lease, type TaskContext, type TaskFact, type TaskInput } from './task-facts.ts';

export type TaskEvent = EventOf<
  | 'task:ready'
  | 'task:claimed'
  | 'task:collected'
  | 'task:timeout'
  | 'task:lease_expired'
  | 'task:cancel'
  | 'task:retry_scheduled'
  | 'task:retry_executed'
  | 'task:retry_exhausted'
  | 'attempt:succeeded'
  | 'attempt:failed'
  | 'attempt:abandoned'
  | 'worker:failed'
  | 'worker:lease_lost'
  | 'workflow:failing'
  | 'workflow:recover'
  | 'workflow:cancelling'
  | 'queue:task_shed'
  | 'queue:priority_changed'
  | 'task:queued'
  | 'task:started'
  | 'task:expanded'
  | 'task:completed'
  | 'task:failed'
  | 'task:cancelled'
  | 'task:skipped'
>;

export const taskMachine = setup({
  types: {
    input: {} as TaskInput,
    context: {} as TaskContext,
    events: {} as TaskEvent,
    emitted: {} as TaskFact,
  },
  guards: {
    hasFault: ({ event }) => event.type === 'task:ready' && event.data.fault !== undefined,
    hasBegun: ({ context }) => context.attempt > 0,
    hasElements: ({ event }) => event.type === 'task:ready' && event.data.elements !== undefined,
    isNextAttempt: ({ context, event }) => event.type === 'task:claimed' && event.data.attempt === context.attempt + 1,
    isOfLatestAttempt: ({ context, event }) => 'attempt' in event.data && event.data.attempt === context.attempt,
    isOfCurrentAttempt: ({ context, event }) =>
      'leaseId' in event.data &&
      'attempt' in event.data &&
      event.data.leaseId !== undefined &&
      isOfCurrentAttempt(context, { attempt: event.data.attempt, leaseId: event.data.leaseId }),
    hasLostWorker: ({ context, event }) =>
      event.type === 'worker:failed' && event.data.tasks.some(({ leaseId }) => leaseId === context.lease?.leaseId),
    /** What ran in the process that is gone is lost with it; a remote worker has its lease to come back. */
    goesOn: ({ context, event }) => event.type === 'workflow:recover' && (context.isRemote || context.startedSeq >= event.data.since),
    isQuarantined: ({ event }) => event.type === 'task:retry_exhausted' && event.data.error.code === 'TASK_QUARANTINED',
  },
  actions: {
    stateQueued: emit(({ context }) => ({
      type: 'task:queued',
      data: { ...refOf(context), ...routeOf(context), priority: context.priority, attempt: context.attempt + 1 },
    })),
    stateFault: emit(({ context, event }) => {
      assertEvent(event, 'task:ready');
      return failedUntried(context, event.data.fault ?? failure('TASK_PARAMETER_ERROR', `${nameOf(context)} has no parameters.`));
    }),
    stateExpanded: emit(({ context, event }) => {
      assertEvent(event, 'task:ready');
      return { type: 'task:expanded', data: { ...refOf(context), elements: event.data.elements ?? 0 } };
    }),
    stateShed: emit(({ context, event }) => {
      assertEvent(event, 'queue:task_shed');
      const message = `${nameOf(context)} was pushed out of a queue that holds no more than ${event.data.capacity} tasks.`;
      return failedUntried(context, failure('QUEUE_FULL', message));
    }),
    stateStarted: emit(({ context, event }) => {
      assertEvent(event, 'task:claimed');
      const { timeoutMs } = context;
      return { type: 'task:started', data: { ...event.data, timeoutMs, idempotencyKey: idempotencyKeyOf(context) } };
    }),
    stateCompleted: emit(({ context, event }) => {
      assertEvent(event, 'attempt:succeeded');
      const { result, durationMs } = event.data;
      return {
        type: 'task:completed',
        data: { ...refOf(context), ...routeOf(context), ...context.lease, attempt: context.attempt, result, durationMs, ...elementOf(context) },
      };
    }),
    stateFailed: emit(({ context, event }) => {
      assertEvent(event, 'attempt:failed');
      return failedAttempt(context, { error: event.data.error, durationMs: event.data.durationMs, ended: 'error' });
    }),
    stateTimedOut: emit(({ context, event }) => {
      assertEvent(event, 'task:timeout');
      const message = `${nameOf(context)} ran longer than its ${event.data.timeoutMs} ms in attempt ${context.attempt}.`;
      return failedAttempt(context, { error: failure('TASK_TIMEOUT', message), durationMs: runMsOf(context, event.time), ended: 'timeout' });
    }),
    stateLost: emit(({ context, event }) => {
      const message = `${nameOf(context)} lost its worker '${context.lease?.workerId ?? ''}' in attempt ${context.attempt}.`;
      return failedAttempt(context, { error: failure('CONNECTION_LOST', message), durationMs: runMsOf(context, event.time), ended: 'lost' });
    }),
    stateAbandoned: emit(({ context, event }) => {
      assertEvent(event, 'attempt:abandoned');
      const message = `${nameOf(context)} was given up in attempt ${context.attempt}: ${event.data.reason}.`;
      return failedAttempt(context, { error: failure('SYSTEM_SHUTDOWN', message), durationMs: runMsOf(context, event.time), ended: 'abandoned' });
    }),
    stateCollected: emit(({ context, event }) => {
      assertEvent(event, 'task:collected');
      return collected(context, event);
    }),
    stateCancelled: emit(({ context, event }) => {
      assertEvent(event, ['task:cancel', 'workflow:cancelling', 'workflow:failing']);
      return cancelledBy(context, event);
    }),
    stateSkipped: emit(({ context, event }) => {
      assertEvent(event, 'workflow:failing');
      return skippedBy(context, event);
    }),
    stateStaleReport: emit(({ context, event }) => {
      assertEvent(event, ['attempt:succeeded', 'attempt:failed']);
      const { attempt, leaseId, workerId } = event.data;
      const reported = event.type === 'attempt:succeeded' ? 'succeeded' : 'failed';
      return { type: 'task:stale_report', data: { ...refOf(context), attempt, leaseId, workerId, reported } };
    }),
    beginAttempt: assign(({ event }) => {
      assertEvent(event, 'task:started');
      const { attempt, workerId, leaseId, providerId, circuit, epoch, remote: isRemote } = event.data;
      return { attempt, startedAt: event.time, startedSeq: event.seq, isRemote, lease: { workerId, leaseId, providerId, circuit, epoch } };
    }),
    beginExpansion: assign(({ context, event }) => ({ attempt: context.attempt + 1, startedAt: event.time })),
    noteFailure: assign(({ event }) => {
      assertEvent(event, 'task:failed');
      const { attempt, lost, error } = event.data;
      return { attempt, lost, error, lease: null };
    }),
    noteDueTime: assign(({ event }) => {
      assertEvent(event, 'task:retry_scheduled');
      return { dueAt: event.data.dueAt };
    }),
    forgetDueTime: assign({ dueAt: null }),
    setPriority: assign(({ event }) => {
      assertEvent(event, 'queue:priority_changed');
      return { priority: event.data.to };
    }),
  },
}).createMachine({
  id: 'task',
  description: 'One task of a workflow: it waits, runs in attempts, and ends once.',
  context: ({ input }) => ({
    ...input,
    attempt: input.earlier ?? 0,
    lost: 0,
    lease: null,
    isRemote: false,
    startedAt: 0,
    startedSeq: 0,
    error: null,
    dueAt: null,
  }),
  initial: 'waiting',
  on: {
    'attempt:succeeded': { actions: 'stateStaleReport' },
    'attempt:failed': { actions: 'stateStaleReport' },
    'task:cancel': { actions: 'stateCancelled' },
    'workflow:cancelling': { actions: 'stateCancelled' },
    'workflow:failing': { actions: 'stateCancelled' },
    'task:cancelled': { target: '.cancelled' },
    'task:skipped': {},
    'queue:priority_changed': { actions: 'setPriority' },
    'task:ready': {},
    'workflow:recover': {},
    'task:queued': {},
    'task:claimed': {},
    'task:started': {},
    'task:expanded': {},
    'task:collected': {},
    'task:completed': {},
    'task:failed': {},
    'task:timeout': {},
    'task:lease_expired': {},
    'task:retry_scheduled': {},
    'task:retry_executed': {},
    'task:retry_exhausted': {},
    'worker:failed': {},
    'worker:lease_lost': {},
    'attempt:abandoned': {},
    'queue:task_shed': {},
  },
  states: {
    waiting: {
      description: 'Everything that the task depends on is there; a worker is not.',
      initial: 'pending',
      on: {
        'task:started': { target: 'running', actions: 'beginAttempt' },
        'task:expanded': { target: 'expanded', actions: 'beginExpansion' },
        'task:failed': { target: 'failing', actions: 'noteFailure' },
        'workflow:failing': [{ guard: 'hasBegun', actions: 'stateCancelled' }, { actions: 'stateSkipped' }],
        'task:skipped': { target: 'skipped' },
      },
      states: {
        pending: {
          description: 'Not in the queue: it was made just now, or brought back from the journal, or its retry is due.',
          on: {
            'task:ready': [
              { guard: 'hasFault', actions: 'stateFault' },
              { guard: 'hasElements', actions: 'stateExpanded' },
              { actions: 'stateQueued' },
            ],
            'workflow:recover': { actions: 'stateQueued' },
            'task:queued': { target: 'queued' },
          },
        },
        queued: {
          description: 'In the queue, until a worker claims it.',
          on: {
            'task:claimed': { guard: 'isNextAttempt', actions: 'stateStarted' },
            'queue:task_shed': { actions: 'stateShed' },
          },
        },
      },
    },
    running: {
      description: 'An attempt runs under a lease. Only a report of this attempt under this lease counts.',
      on: {
        'attempt:succeeded': { guard: 'isOfCurrentAttempt', actions: 'stateCompleted' },
        'attempt:failed': { guard: 'isOfCurrentAttempt', actions: 'stateFailed' },
        'task:timeout': { guard: 'isOfCurrentAttempt', actions: 'stateTimedOut' },
        'task:lease_expired': { guard: 'isOfCurrentAttempt', actions: 'stateLost' },
        'worker:failed': { guard: 'hasLostWorker', actions: 'stateLost' },
        'worker:lease_lost': { guard: 'isOfCurrentAttempt', actions: 'stateLost' },
        'attempt:abandoned': { guard: 'isOfCurrentAttempt', actions: 'stateAbandoned' },
        'workflow:recover': [{ guard: 'goesOn' }, { actions: 'stateLost' }],
        'task:completed': { target: 'completed' },
        'task:failed': { target: 'failing', actions: 'noteFailure' },
      },
    },
    expanded: {
      description: 'Its elements run as tasks of their own; it ends when all of them have.',
      on: {
        'task:collected': { actions: 'stateCollected' },
        'task:completed': { target: 'completed' },
        'task:failed': { target: 'failing', actions: 'noteFailure' },
      },
    },
    failing: {
      description: 'An attempt failed; the retry manager says whether another follows.',
      on: {
        'task:retry_scheduled': { guard: 'isOfLatestAttempt', target: 'waitingRetry', actions: 'noteDueTime' },
        'task:retry_exhausted': [{ guard: 'isQuarantined', target: 'quarantined' }, { target: 'failed' }],
      },
    },
    waitingRetry: {
      description: 'The next attempt has its time, and that has not come.',
      on: {
        'task:retry_executed': { guard: 'isOfLatestAttempt', target: 'waiting', actions: ['forgetDueTime', 'stateQueued'] },
      },
    },
    completed: { description: 'It ended well; its result is in the journal.', type: 'final' },
    failed: { description: 'It failed for good.', type: 'final' },
    cancelled: { description: 'Somebody asked for it not to run, or not to its end.', type: 'final' },
    skipped: { description: 'It never ran, because its workflow failed while it waited.', type: 'final' },
    quarantined: { description: 'It lost so many workers that it is not tried again.', type: 'final' },
  },
});
