/**
 * Cron: one schedule, by which a workflow starts time and again, or once.
 *
 * It decides which slots start: each one once, and no two runs of it at a time. It refuses to know the calendar: which slots
 * have come, and which one is next, it asks (`cron:asked`) and is answered (`cron:answered`); all that it decides it decides on
 * an answer. A slot is known by its time, and its run by the workflow id that follows from it: a run that was refused for the
 * moment, or whose engine died first, is asked for again under the same id.
 *
 * Slots that came while no engine ran, or that a clock leapt over, are its catch-up policy's; a slot that comes while a run is
 * under way is its overlap policy's. What it was asked to catch up with starts one after the other, whatever the overlap
 * policy is. Each recorded fact says its whole progress: to bring it back takes its creation and its last fact.
 */
import { assign, emit, enqueueActions, setup } from 'xstate';

import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import { failure } from './failures.ts';
import {
  ask,
  isSameProgress,
  judge,
  requestRetry,
  runEnded,
  runIdOf,
  type SlotFact,
  type Standing,
  startingProgress,
  submit,
  timerOf,
} from './policies/slots.ts';

export { runIdOf, scheduleOf } from './policies/slots.ts';

/** What a schedule is created with. */
export type CronInput = DataOf<'cron:create'> & {
  /**
   * How late a slot may be seen and still count as seen in time, in milliseconds; one that is seen later was missed.
   * @defaultValue `60_000`
   */
  readonly graceMs?: number;
  /**
   * When a run is asked for again that the engine refused for the moment, in milliseconds.
   * @defaultValue `5_000`
   */
  readonly retryMs?: number;
};

/** All that a schedule remembers. */
export type CronContext = Standing & { readonly retryMs: number };

type RunEnd = EventOf<'workflow:completed' | 'workflow:failed' | 'workflow:cancelled'>;

/** What a schedule hears: commands, the calendar, its times, the ends of its runs, and its own facts. */
export type CronEvent =
  | RunEnd
  | EventOf<'cron:create' | 'cron:remove' | 'cron:answered' | 'engine:started' | 'schedule:elapsed' | 'workflow:rejected'>
  | EventOf<'cron:created' | 'cron:triggered' | 'cron:queued' | 'cron:skipped' | 'cron:run_ended' | 'cron:removed' | 'cron:finished'>;

/** The facts that a schedule owns, and the commands that it gives. */
export type CronFact = SlotFact | DraftOf<'cron:created' | 'cron:refused' | 'cron:removed' | 'schedule:cancel'>;

/** The value of each option that {@link CronInput} leaves out. */
export const cronDefaults = { graceMs: 60_000, retryMs: 5_000 } as const;

export const cronMachine = setup({
  types: {
    input: {} as CronInput,
    context: {} as CronContext,
    events: {} as CronEvent,
    emitted: {} as CronFact,
  },
  guards: {
    isSameSchedule: ({ context, event }) => event.type === 'cron:create' && event.data.specHash === context.specHash,
    isOutdated: ({ context, event }) => event.type === 'cron:answered' && !isSameProgress(event.data.progress, context.progress),
    saysRun: ({ event }) => 'progress' in event.data && event.data.progress.run !== null,
    isOfRun: ({ context, event }) => 'workflowId' in event.data && event.data.workflowId === runOf(context),
    isForGood: ({ context, event }) =>
      event.type === 'workflow:rejected' && event.data.workflowId === runOf(context) && event.data.error.code === 'WORKFLOW_INVALID_STATE',
  },
  actions: {
    stateCreated: emit(({ event }) => ({ type: 'cron:created', data: (event as EventOf<'cron:create'>).data })),
    stateRefused: emit(({ context, event }) => refusal(context, event)),
    noteCreated: assign(({ context, event }) => ({
      createdAt: wallTimeOf(event),
      liveSince: event.time,
      progress: startingProgress(context.rule, wallTimeOf(event)),
    })),
    noteLive: assign({ liveSince: ({ event }) => event.time }),
    noteProgress: assign(({ event }) => ('progress' in event.data ? { progress: event.data.progress } : {})),
    ask: emit(({ context }) => ask(context)),
    judge: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'cron:answered') for (const draft of judge(context, event.data, event.time)) enqueue.emit(draft);
    }),
    submitRun: emit(({ context, event }) => submit(context, (event as EventOf<'cron:triggered'>).data.slot)),
    stateRunEnded: emit(({ context, event }) => endOf(context, event)),
    requestAnotherTry: emit(({ context, event }) => requestRetry(context.scheduleId, event.time + context.retryMs)),
    stateRemoved: emit(({ event }) => ({ type: 'cron:removed', data: (event as EventOf<'cron:remove'>).data })),
    cancelTimer: emit(({ context }) => ({ type: 'schedule:cancel', data: { scheduleId: timerOf(context.scheduleId, 'slot') } })),
    cancelAnotherTry: emit(({ context }) => ({ type: 'schedule:cancel', data: { scheduleId: timerOf(context.scheduleId, 'retry') } })),
  },
}).createMachine({
  id: 'cron',
  description: 'Starts a workflow at the slots of one schedule, each of them once.',
  context: ({ input }) => startingFrom(input),
  initial: 'created',
  states: {
    created: {
      description: 'Asked for, and not there yet.',
      on: {
        'cron:create': { actions: 'stateCreated' },
        'cron:created': { target: 'standing', actions: ['noteCreated', 'ask'] },
        'cron:remove': {},
        'cron:removed': {},
        'cron:finished': {},
        'cron:answered': {},
        'cron:triggered': {},
        'cron:queued': {},
        'cron:skipped': {},
        'cron:run_ended': {},
        'engine:started': {},
        'schedule:elapsed': {},
        'workflow:completed': {},
        'workflow:failed': {},
        'workflow:cancelled': {},
        'workflow:rejected': {},
      },
    },
    standing: {
      description: 'Its slots start as they come.',
      initial: 'idle',
      on: {
        'cron:create': [{ guard: 'isSameSchedule' }, { actions: 'stateRefused' }],
        'cron:created': {},
        'cron:remove': { actions: 'stateRemoved' },
        'cron:removed': { target: 'removed', actions: ['cancelTimer', 'cancelAnotherTry'] },
        'cron:finished': { target: 'finished', actions: ['cancelTimer', 'cancelAnotherTry'] },
        'cron:answered': [{ guard: 'isOutdated' }, { actions: 'judge' }],
        'engine:started': { actions: ['noteLive', 'ask'] },
        'schedule:elapsed': { actions: 'ask' },
      },
      states: {
        idle: {
          description: 'No run of it is under way, unless the last fact of a schedule that is brought back says so.',
          on: {
            'cron:queued': [{ guard: 'saysRun', target: 'running', actions: 'noteProgress' }, { actions: 'noteProgress' }],
            'cron:skipped': [{ guard: 'saysRun', target: 'running', actions: 'noteProgress' }, { actions: 'noteProgress' }],
            'cron:triggered': { target: 'running', actions: ['noteProgress', 'submitRun'] },
            'cron:run_ended': { actions: 'noteProgress' },
            'workflow:completed': {},
            'workflow:failed': {},
            'workflow:cancelled': {},
            'workflow:rejected': {},
          },
        },
        running: {
          description: 'The run of a slot is under way, or on its way into the engine.',
          on: {
            'cron:queued': { actions: 'noteProgress' },
            'cron:skipped': { actions: 'noteProgress' },
            'cron:triggered': { actions: 'noteProgress' },
            'cron:run_ended': { target: 'idle', actions: ['noteProgress', 'ask'] },
            'workflow:completed': [{ guard: 'isOfRun', actions: 'stateRunEnded' }, {}],
            'workflow:failed': [{ guard: 'isOfRun', actions: 'stateRunEnded' }, {}],
            'workflow:cancelled': [{ guard: 'isOfRun', actions: 'stateRunEnded' }, {}],
            'workflow:rejected': [{ guard: 'isForGood', actions: 'stateRunEnded' }, { guard: 'isOfRun', actions: 'requestAnotherTry' }, {}],
          },
        },
      },
    },
    removed: { type: 'final', description: 'Somebody took it away.' },
    finished: { type: 'final', description: 'It has no slots left.' },
  },
});

function wallTimeOf(event: CronEvent): number {
  return event.type === 'cron:created' ? (event.data.wallTime ?? event.time) : event.time;
}

function startingFrom(input: CronInput): CronContext {
  const progress = startingProgress(input.rule, 0);
  return { ...cronDefaults, ...input, createdAt: 0, liveSince: 0, progress };
}

/** The workflow id of the run under way. */
export function runOf({ scheduleId, progress }: Pick<CronContext, 'scheduleId' | 'progress'>): string | undefined {
  return progress.run === null ? undefined : runIdOf(scheduleId, progress.run);
}

const statuses = {
  'workflow:completed': 'completed',
  'workflow:failed': 'failed',
  'workflow:cancelled': 'cancelled',
  'workflow:rejected': 'refused',
} as const;

function endOf(context: CronContext, event: CronEvent): DraftOf<'cron:run_ended'> {
  const { run } = context.progress;
  const status = event.type in statuses ? statuses[event.type as keyof typeof statuses] : undefined;
  if (run === null || status === undefined) throw new Error(`No run of a schedule ends by '${event.type}'.`);
  return runEnded(context, { slot: run, status, ...('error' in event.data ? { error: event.data.error } : {}) });
}

function refusal({ scheduleId, name, specHash }: CronContext, event: CronEvent): DraftOf<'cron:refused'> {
  const message = `The id '${scheduleId}' stands for another schedule already, of workflow '${name}'. Take that one away first, or choose another id.`;
  const details = { scheduleId, known: specHash, got: 'specHash' in event.data ? event.data.specHash : undefined };
  return { type: 'cron:refused', data: { scheduleId, error: failure('SCHEDULING_FAILED', message, { details }) } };
}
