/**
 * One workflow: when it is done, by counting tasks that have ended, and what its end is.
 *
 * It refuses to schedule anything: which task may run says the resolver, and how a task ended says the task itself. It never
 * looks at all tasks, except to hand them in. The elements of a fan-out are none of its tasks.
 *
 * A task that failed for good ends a `fail_fast` workflow at once. A task that somebody cancelled does not: what depends on
 * it is skipped, the rest goes on, and in the end a `fail_fast` workflow has failed with TASK_CANCELLED, while a
 * `continue_on_error` one has completed if nothing failed.
 *
 * A workflow that failed is at rest (tag `ended`), and not over for ever: somebody may have it retried. What completed stands
 * then, and the rest has its turn again.
 */
import { assign, emit, enqueueActions, setup } from 'xstate';

import type { EventOf } from './events/catalogue.ts';
import { type Failure, failure } from './failures.ts';
import {
  count,
  end,
  failing,
  handInTasks,
  initialTally,
  isHopeless,
  isLastMissing,
  isTaskEnd,
  lose,
  retried,
  revive,
  step,
} from './policies/tally.ts';
import { scheduleIds } from './policies/timetable.ts';
import type { WorkflowContext, WorkflowEvent, WorkflowFact, WorkflowInput } from './workflow-protocol.ts';

export type { WorkflowContext, WorkflowEvent, WorkflowFact, WorkflowInput } from './workflow-protocol.ts';

export const workflowMachine = setup({
  types: {
    input: {} as WorkflowInput,
    context: {} as WorkflowContext,
    events: {} as WorkflowEvent,
    emitted: {} as WorkflowFact,
  },
  guards: {
    hasNoTasks: ({ context }) => context.definition.tasks.length === 0,
    isDelayed: ({ context }) => context.startAt !== null,
    isElement: ({ event }) => 'element' in event.data && event.data.element !== undefined,
    isLast: ({ context }) => isLastMissing(context),
    isFatal: ({ context }) => context.definition.failurePolicy === 'fail_fast',
    isHopeless: ({ context, event }) => isEscalation(event) && isHopeless(context, event.data),
    isEscalated: ({ event }) => isEscalation(event),
    hasNothingLeft: ({ context }) => context.counts.completed >= context.definition.tasks.length,
    isTimeout: ({ event }) => event.type === 'workflow:failed' && event.data.error.code === 'WORKFLOW_TIMEOUT',
  },
  actions: {
    stateTasksAndStart: enqueueActions(({ context, enqueue }) => {
      for (const draft of handInTasks(context)) enqueue.emit(draft);
    }),
    countEnd: assign(({ context, event }) => (isTaskEnd(event) ? count(context, event) : context)),
    countLost: assign(({ context, event }) => (isEscalation(event) ? lose(context, event.data) : context)),
    noteStart: assign(({ event }) => ({ startedAt: event.time })),
    // Whether that time has come, the scheduler knows.
    requestStart: emit(({ context: { workflowId, startAt } }) => ({
      type: 'schedule:request',
      data: {
        scheduleId: scheduleIds.workflow(workflowId),
        dueAt: startAt ?? 0,
        wall: true,
        event: { type: 'workflow:start_due', data: { workflowId } },
      },
    })),
    noteError: assign(({ event }) => (event.type === 'workflow:failing' ? { error: event.data.error } : {})),
    noteStop: assign(({ event }) => ({ stop: wordsOf(event) })),
    stateStep: enqueueActions(({ context, event, enqueue }) => {
      if (isTaskEnd(event)) enqueue.emit(step(context, event));
    }),
    stateFailing: emit(({ context, event }) => failing(context, errorOf(context, event))),
    stateCancelling: emit(({ context, event }) => ({ type: 'workflow:cancelling', data: { workflowId: context.workflowId, ...wordsOf(event) } })),
    statePaused: emit(({ context, event }) => ({ type: 'workflow:paused', data: { workflowId: context.workflowId, reason: wordsOf(event).reason } })),
    stateResumed: emit(({ context, event }) => ({
      type: 'workflow:resumed',
      data: { workflowId: context.workflowId, reason: wordsOf(event).reason },
    })),
    stateRetried: emit(({ context, event }) => retried(context, wordsOf(event))),
    forgetFailures: assign(({ context }) => revive(context)),
    stateEnd: emit(({ context, event }) => end(context, event.time)),
  },
}).createMachine({
  id: 'workflow',
  description: 'Counts the tasks of one workflow to its end.',
  context: ({ input }) => initialTally(input),
  initial: 'pending',
  on: {
    'task:completed': [
      { guard: 'isElement' },
      { guard: 'isLast', actions: ['countEnd', 'stateStep', 'stateEnd'] },
      { actions: ['countEnd', 'stateStep'] },
    ],
    'task:retry_exhausted': [
      { guard: 'isElement' },
      { guard: 'isLast', actions: ['countEnd', 'stateStep', 'stateEnd'] },
      { actions: ['countEnd', 'stateStep'] },
    ],
    'task:cancelled': [
      { guard: 'isElement' },
      { guard: 'isLast', actions: ['countEnd', 'stateStep', 'stateEnd'] },
      { actions: ['countEnd', 'stateStep'] },
    ],
    'task:skipped': [{ guard: 'isLast', actions: ['countEnd', 'stateStep', 'stateEnd'] }, { actions: ['countEnd', 'stateStep'] }],
    'system:actor_failed': [{ guard: 'isHopeless', actions: ['countLost', 'stateEnd'] }, { guard: 'isEscalated', actions: 'countLost' }, {}],
    'workflow:completed': { target: '.completed' },
    'workflow:failed': [{ guard: 'isTimeout', target: '.timedOut' }, { target: '.failed' }],
    'workflow:cancelled': { target: '.cancelled' },
    'workflow:submitted': {},
    'workflow:validated': {},
    'workflow:start_due': {},
    'workflow:started': {},
    'workflow:paused': {},
    'workflow:resumed': {},
    'workflow:failing': {},
    'workflow:cancelling': {},
    'workflow:retry': {},
    'workflow:retried': {},
  },
  states: {
    pending: {
      description: 'Admitted, not started: at once, unless it was given a time to start at.',
      on: {
        'workflow:validated': [{ guard: 'isDelayed' }, { actions: 'stateTasksAndStart' }],
        'workflow:start_due': { actions: 'stateTasksAndStart' },
        'workflow:started': [
          { guard: 'hasNoTasks', target: 'running', actions: ['noteStart', 'stateEnd'] },
          { guard: 'isDelayed', target: 'running', actions: 'noteStart' },
          { target: 'running' },
        ],
        'workflow:timeout': {},
        'workflow:cancel': { actions: 'stateCancelling' },
        'workflow:pause': { actions: 'statePaused' },
        'workflow:resume': {},
        'workflow:paused': { target: 'held' },
        'workflow:cancelling': [
          { guard: 'hasNoTasks', target: 'cancelling', actions: ['noteStop', 'stateEnd'] },
          { target: 'cancelling', actions: 'noteStop' },
        ],
      },
    },
    held: {
      description: 'Paused before its start: its time may come and go.',
      on: {
        'workflow:timeout': {},
        'workflow:cancel': { actions: 'stateCancelling' },
        'workflow:pause': {},
        'workflow:resume': { actions: 'stateResumed' },
        'workflow:resumed': [
          { guard: 'isDelayed', target: 'pending', actions: 'requestStart' },
          { target: 'pending', actions: 'stateTasksAndStart' },
        ],
        'workflow:cancelling': [
          { guard: 'hasNoTasks', target: 'cancelling', actions: ['noteStop', 'stateEnd'] },
          { target: 'cancelling', actions: 'noteStop' },
        ],
      },
    },
    running: {
      description: 'Tasks run; the last one to end makes the workflow end.',
      on: {
        'task:retry_exhausted': [
          { guard: 'isElement' },
          { guard: 'isLast', actions: ['countEnd', 'stateStep', 'stateEnd'] },
          { guard: 'isFatal', actions: ['countEnd', 'stateStep', 'stateFailing'] },
          { actions: ['countEnd', 'stateStep'] },
        ],
        'system:actor_failed': [
          { guard: 'isHopeless', actions: ['countLost', 'stateFailing', 'stateEnd'] },
          { guard: 'isEscalated', actions: ['countLost', 'stateFailing'] },
          {},
        ],
        'workflow:timeout': { actions: 'stateFailing' },
        'workflow:cancel': { actions: 'stateCancelling' },
        'workflow:pause': { actions: 'statePaused' },
        'workflow:resume': {},
        'workflow:failing': { target: 'failing', actions: 'noteError' },
        'workflow:cancelling': { target: 'cancelling', actions: 'noteStop' },
        'workflow:paused': { target: 'paused' },
      },
    },
    paused: {
      description: 'Nothing new is dispatched; what runs goes on to its end, and timers keep their times.',
      on: {
        'task:retry_exhausted': [
          { guard: 'isElement' },
          { guard: 'isLast', actions: ['countEnd', 'stateStep', 'stateEnd'] },
          { guard: 'isFatal', actions: ['countEnd', 'stateStep', 'stateFailing'] },
          { actions: ['countEnd', 'stateStep'] },
        ],
        'system:actor_failed': [
          { guard: 'isHopeless', actions: ['countLost', 'stateFailing', 'stateEnd'] },
          { guard: 'isEscalated', actions: ['countLost', 'stateFailing'] },
          {},
        ],
        'workflow:timeout': { actions: 'stateFailing' },
        'workflow:cancel': { actions: 'stateCancelling' },
        'workflow:pause': {},
        'workflow:resume': { actions: 'stateResumed' },
        'workflow:failing': { target: 'failing', actions: 'noteError' },
        'workflow:cancelling': { target: 'cancelling', actions: 'noteStop' },
        'workflow:resumed': { target: 'running' },
      },
    },
    failing: {
      description: 'It will fail: what has not started is skipped, what runs is cancelled, and the last of these ends it.',
      on: {
        'workflow:timeout': {},
        'workflow:cancel': {},
        'workflow:pause': {},
        'workflow:resume': {},
      },
    },
    cancelling: {
      description: 'Somebody cancelled it: what has not started is skipped, what runs is cancelled, and the last of these ends it.',
      on: {
        'workflow:timeout': {},
        'workflow:cancel': {},
        'workflow:pause': {},
        'workflow:resume': {},
      },
    },
    completed: { type: 'final', description: 'Every task has ended, as well as the workflow needs it.' },
    failed: {
      tags: 'ended',
      description: 'A task failed for good, or was cancelled, or the output could not be made. It may be retried.',
      on: {
        'workflow:retry': { actions: 'stateRetried' },
        'workflow:retried': [
          { guard: 'hasNothingLeft', target: 'running', actions: ['forgetFailures', 'stateEnd'] },
          { target: 'running', actions: 'forgetFailures' },
        ],
        'task:completed': {},
        'task:retry_exhausted': {},
        'task:cancelled': {},
        'task:skipped': {},
        'system:actor_failed': {},
        'workflow:timeout': {},
        'workflow:cancel': {},
        'workflow:pause': {},
        'workflow:resume': {},
        'workflow:completed': {},
        'workflow:failed': {},
        'workflow:cancelled': {},
      },
    },
    cancelled: { type: 'final', description: 'Somebody cancelled it.' },
    timedOut: {
      tags: 'ended',
      description: 'It took longer than it may. It may be retried.',
      on: {
        'workflow:retry': { actions: 'stateRetried' },
        'workflow:retried': [
          { guard: 'hasNothingLeft', target: 'running', actions: ['forgetFailures', 'stateEnd'] },
          { target: 'running', actions: 'forgetFailures' },
        ],
        'task:completed': {},
        'task:retry_exhausted': {},
        'task:cancelled': {},
        'task:skipped': {},
        'system:actor_failed': {},
        'workflow:timeout': {},
        'workflow:cancel': {},
        'workflow:pause': {},
        'workflow:resume': {},
        'workflow:completed': {},
        'workflow:failed': {},
        'workflow:cancelled': {},
      },
    },
  },
});

function isEscalation(event: WorkflowEvent): event is EventOf<'system:actor_failed'> {
  return event.type === 'system:actor_failed' && event.data.action === 'escalate';
}

function errorOf({ definition, error }: WorkflowContext, event: WorkflowEvent): Failure {
  if (event.type === 'workflow:timeout') {
    return failure('WORKFLOW_TIMEOUT', `Workflow '${definition.name}' took longer than the ${event.data.timeoutMs} ms that it may.`);
  }
  return error ?? failure('WORKFLOW_EXECUTION_FAILED', `Workflow '${definition.name}' cannot go on.`);
}

function wordsOf({ data }: WorkflowEvent): { readonly reason: string; readonly by: string } {
  return { reason: 'reason' in data ? data.reason : '', by: 'by' in data ? data.by : '' };
}
