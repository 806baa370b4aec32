/**
 * Scheduler: says that a time has come, to whom it matters.
 *
 * It learns of times from the facts that carry them (an attempt's deadline and lease, a retry, a workflow's start and timeout, an open
 * circuit, a worker's silence) and from `schedule:request`, and keeps one agenda of all of them. It refuses to look at a
 * clock: the host keeps one timer, for the time that `schedule:armed` names, and says `schedule:due`. It refuses to judge:
 * whether a retry, a timeout or a recovery still matters is for its receiver to say.
 *
 * Ids of entries, beside those that requests bring: see {@link scheduleIds}. An entry that is overdue fires at once; a
 * recurring one fires once, however many of its times have passed. Times that users name (the start of a workflow, the slots of a
 * schedule) are those of the wall clock, which `schedule:due` tells; all others are those of events.
 *
 * Heartbeats cost one step each: they are noted per worker, and an entry that comes up is put back if its worker was heard
 * of meanwhile. Facts about times change what it remembers; only its own facts change its state.
 */
import { Map as ImmutableMap } from 'immutable';
import { assign, emit, enqueueActions, setup } from 'xstate';

import { earliestOf, emptyAgenda, entryOf } from './collections/agenda.ts';
import type { DraftOf, EventOf } from './events/catalogue.ts';
import type { DueType } from './events/schedule.ts';
import {
  awaited,
  type BookingEvent,
  bookingOf,
  claimed,
  fire,
  isWall,
  noted,
  postponed,
  scheduleIds,
  type Timetable,
  without,
} from './policies/timetable.ts';

export { scheduleIds } from './policies/timetable.ts';

export interface SchedulerInput {
  /**
   * Heartbeats that a worker may leave out before it counts as lost; an integer from 1.
   * @defaultValue `6`
   */
  readonly missedBeats?: number;
}

export interface SchedulerContext extends Timetable {
  readonly missedBeats: number;
  /** The time that the host's timer was last asked for. */
  readonly armedFor: number | null;
  /** The time of the wall clock that it was last asked for. */
  readonly wallArmedFor: number | null;
}

type Striking =
  | 'schedule:cancel'
  | 'task:completed'
  | 'task:failed'
  | 'task:cancelled'
  | 'workflow:completed'
  | 'workflow:failed'
  | 'workflow:cancelled'
  | 'worker:stopped'
  | 'worker:failed';

export type SchedulerEvent =
  | BookingEvent
  | EventOf<Striking | 'worker:heartbeat' | 'system:storage_resumed' | 'engine:started' | 'engine:stopped'>
  | EventOf<'schedule:due' | 'schedule:armed' | 'schedule:stopped'>;

export type SchedulerFact = DraftOf<DueType | 'schedule:armed' | 'schedule:stopped'>;

export const schedulerDefaults = { missedBeats: 6 } as const satisfies Required<SchedulerInput>;

function noTimes(): Omit<SchedulerContext, 'missedBeats'> {
  return { agenda: emptyAgenda(), dates: emptyAgenda(), pulses: ImmutableMap(), armedFor: null, wallArmedFor: null };
}

/** The earliest time of events at which something is due, or null. */
export function earliestDue(context: SchedulerContext): number | null {
  return earliestOf(context.agenda);
}

/** What the host's timer has to be set to. */
function armed({ agenda, dates }: Pick<Timetable, 'agenda' | 'dates'>): DraftOf<'schedule:armed'> {
  const wallDueAt = earliestOf(dates);
  return { type: 'schedule:armed', data: { dueAt: earliestOf(agenda), ...(wallDueAt !== null && { wallDueAt }) } };
}

/** When the entry of an id is due (an attempt's lease may be renewed before), or null where there is none. */
export function dueAtOf(context: SchedulerContext, scheduleId: string): number | null {
  return (entryOf(context.agenda, scheduleId) ?? entryOf(context.dates, scheduleId))?.dueAt ?? null;
}

/** A cast, since the chart names the guards and actions that use it on booking events only, and this is a hot path. */
const bookingIn = (event: SchedulerEvent): BookingEvent => event as BookingEvent;

function booked(context: SchedulerContext, event: BookingEvent): Partial<SchedulerContext> {
  const entry = bookingOf(event, context.missedBeats);
  if (entry === null) return {};
  const times = noted(context, entry);
  if (event.type !== 'worker:started') return times;
  const { workerId, poolId, heartbeatMs, leases } = event.data;
  const silenceMs = context.missedBeats * heartbeatMs;
  return {
    ...times,
    agenda: claimed(times.agenda, leases),
    pulses: context.pulses.set(workerId, { poolId, silenceMs, aliveUntil: event.time + silenceMs, leaseUntil: 0 }),
  };
}

function struck(context: SchedulerContext, event: SchedulerEvent): Partial<SchedulerContext> {
  switch (event.type) {
    case 'task:completed':
    case 'task:failed':
      return without(context, scheduleIds.attempt(event.data.workflowId, event.data.taskId));
    case 'task:cancelled': {
      const { workflowId, taskId } = event.data;
      const left = { ...context, ...without(context, scheduleIds.attempt(workflowId, taskId)) };
      return without(left, scheduleIds.retry(workflowId, taskId));
    }
    case 'workflow:completed':
    case 'workflow:failed':
    case 'workflow:cancelled':
      return without(context, scheduleIds.workflow(event.data.workflowId));
    case 'worker:stopped':
    case 'worker:failed':
      return { ...without(context, scheduleIds.worker(event.data.workerId)), pulses: context.pulses.delete(event.data.workerId) };
    case 'circuit:opened':
      return without(context, scheduleIds.circuit(event.data.circuit));
    case 'schedule:cancel':
      return without(context, event.data.scheduleId);
    default:
      return {};
  }
}

export const schedulerMachine = setup({
  types: {
    input: {} as SchedulerInput,
    context: {} as SchedulerContext,
    events: {} as SchedulerEvent,
    emitted: {} as SchedulerFact,
  },
  guards: {
    isSooner: ({ context, event }) => {
      const entry = bookingOf(bookingIn(event), context.missedBeats);
      if (entry === null) return false;
      const armedFor = isWall(entry) ? context.wallArmedFor : context.armedFor;
      return armedFor === null || entry.dueAt < armedFor;
    },
    isDelayed: ({ event }) => event.type === 'workflow:submitted' && event.data.startAt !== undefined,
    isUntilRestored: ({ event }) => event.type === 'circuit:opened' && event.data.retryAt === undefined,
    isKnownWorker: ({ context, event }) => event.type === 'worker:heartbeat' && context.pulses.has(event.data.workerId),
    isForATime: ({ event }) => event.type === 'schedule:armed' && (event.data.dueAt !== null || event.data.wallDueAt !== undefined),
  },
  actions: {
    book: assign(({ context, event }) => booked(context, bookingIn(event))),
    strikeOut: assign(({ context, event }) => struck(context, event)),
    notePulse: assign(({ context, event }) => {
      if (event.type !== 'worker:heartbeat') return {};
      const { workerId, leaseUntil } = event.data;
      return {
        pulses: context.pulses.update(
          workerId,
          (pulse) => pulse && { ...pulse, leaseUntil: Math.max(pulse.leaseUntil, leaseUntil), aliveUntil: event.time + pulse.silenceMs },
        ),
      };
    }),
    noteArmed: assign(({ event }) =>
      event.type === 'schedule:armed' ? { armedFor: event.data.dueAt, wallArmedFor: event.data.wallDueAt ?? null } : {},
    ),
    postpone: assign(({ context, event }) => (event.type === 'system:storage_resumed' ? postponed(context, event.data.heldMs) : {})),
    awaitWorkers: assign(({ context, event }) => awaited(context, event.time)),
    disarm: assign({ armedFor: null, wallArmedFor: null }),
    stateArmed: emit(({ context }) => armed(context)),
    stateStopped: emit({ type: 'schedule:stopped', data: {} }),
    fire: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'schedule:due') return;
      const { facts, ...times } = fire(context, { time: event.time, wallTime: event.data.wallTime });
      enqueue.assign(times);
      // First, so that what the facts lead to is measured against the new time.
      enqueue.emit(armed(times));
      for (const fact of facts) enqueue.emit(fact);
    }),
  },
}).createMachine({
  id: 'scheduler',
  description: 'Keeps every time that something waits for, and says when it has come.',
  context: ({ input }) => ({ ...schedulerDefaults, ...input, ...noTimes() }),
  initial: 'idle',
  on: {
    'task:started': [{ guard: 'isSooner', actions: ['book', 'stateArmed'] }, { actions: 'book' }],
    'task:completed': { actions: 'strikeOut' },
    'task:failed': { actions: 'strikeOut' },
    'task:cancelled': { actions: 'strikeOut' },
    'task:retry_scheduled': [{ guard: 'isSooner', actions: ['book', 'stateArmed'] }, { actions: 'book' }],
    'workflow:submitted': [{ guard: 'isSooner', actions: ['book', 'stateArmed'] }, { guard: 'isDelayed', actions: 'book' }, {}],
    'workflow:started': [{ guard: 'isSooner', actions: ['book', 'stateArmed'] }, { actions: 'book' }],
    'workflow:retried': [{ guard: 'isSooner', actions: ['book', 'stateArmed'] }, { actions: 'book' }],
    'workflow:completed': { actions: 'strikeOut' },
    'workflow:failed': { actions: 'strikeOut' },
    'workflow:cancelled': { actions: 'strikeOut' },
    'worker:started': [{ guard: 'isSooner', actions: ['book', 'stateArmed'] }, { actions: 'book' }],
    'worker:heartbeat': [{ guard: 'isKnownWorker', actions: 'notePulse' }, {}],
    'worker:stopped': { actions: 'strikeOut' },
    'worker:failed': { actions: 'strikeOut' },
    'circuit:opened': [
      { guard: 'isUntilRestored', actions: 'strikeOut' },
      { guard: 'isSooner', actions: ['book', 'stateArmed'] },
      { actions: 'book' },
    ],
    'schedule:request': [{ guard: 'isSooner', actions: ['book', 'stateArmed'] }, { actions: 'book' }],
    'schedule:cancel': { actions: 'strikeOut' },
    'schedule:due': { actions: 'fire' },
    'system:storage_resumed': { actions: 'postpone' },
    'engine:started': { actions: ['awaitWorkers', 'stateArmed'] },
    'engine:stopped': { actions: 'stateStopped' },
  },
  states: {
    idle: {
      description: 'Waits for no time, or for times that recovery brought and that `engine:started` makes it announce.',
      on: {
        'schedule:armed': [{ guard: 'isForATime', target: 'armed', actions: 'noteArmed' }, {}],
        'schedule:stopped': { target: 'stopped' },
      },
    },
    armed: {
      description: 'The host keeps a timer for the earliest time, or for an earlier one whose entry is gone.',
      on: {
        'schedule:armed': [
          { guard: 'isForATime', actions: 'noteArmed' },
          { target: 'idle', actions: 'noteArmed' },
        ],
        'schedule:stopped': { target: 'stopped', actions: 'disarm' },
      },
    },
    stopped: {
      description: 'The engine has stopped. Times are still noted, and none of them fires until an engine starts.',
      on: {
        'task:started': { actions: 'book' },
        'task:retry_scheduled': { actions: 'book' },
        'workflow:submitted': [{ guard: 'isDelayed', actions: 'book' }, {}],
        'workflow:started': { actions: 'book' },
        'workflow:retried': { actions: 'book' },
        'worker:started': { actions: 'book' },
        'circuit:opened': [{ guard: 'isUntilRestored', actions: 'strikeOut' }, { actions: 'book' }],
        'schedule:request': { actions: 'book' },
        'schedule:due': {},
        'engine:stopped': {},
        'schedule:armed': [{ guard: 'isForATime', target: 'armed', actions: 'noteArmed' }, { target: 'idle' }],
        'schedule:stopped': {},
      },
    },
  },
});
