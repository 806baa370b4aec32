/**
 * The scheduler's arithmetic: which entry a fact asks for, and what becomes of an entry when its time has come.
 */
import type { Map as ImmutableMap } from 'immutable';

import { type Agenda, entryOf, put, strike, takeDue } from '../collections/agenda.ts';
import type { DataOf, DraftOf, EventOf } from '../events/catalogue.ts';
import type { DueType } from '../events/schedule.ts';

/** An event for a time. */
interface Planned {
  readonly kind: 'planned';
  readonly id: string;
  readonly dueAt: number;
  /** Whether the time is one of the wall clock. */
  readonly isWall?: boolean;
  readonly everyMs: number | null;
  readonly event: DraftOf<DueType>;
}

/** A running attempt; due at its deadline or at the end of its lease, whichever is first. */
interface Attempt {
  readonly kind: 'attempt';
  readonly id: string;
  readonly dueAt: number;
  readonly deadlineAt: number;
  readonly leaseUntil: number;
  /** Whether its worker has to come back and say that it runs it: until then no sign of life renews the lease. */
  readonly isAwaited: boolean;
  readonly timeoutMs: number;
  readonly lease: DataOf<'task:lease_expired'>;
}

/** A worker that should be heard of. */
interface Watch {
  readonly kind: 'watch';
  readonly id: string;
  readonly dueAt: number;
  readonly workerId: string;
}

export type ScheduleEntry = Planned | Attempt | Watch;

/** What is known of a worker's life. */
export interface Pulse {
  readonly poolId: string;
  readonly silenceMs: number;
  /** It counts as lost from here on, unless it is heard of before. */
  readonly aliveUntil: number;
  /** The end of all leases that it holds, as its last heartbeat renewed them. */
  readonly leaseUntil: number;
}

/** What the scheduler knows of times, and of the lives that extend them. */
export interface Timetable {
  readonly agenda: Agenda<ScheduleEntry>;
  /** What waits for a time of the wall clock: those times neither pass nor are put off as the others are. */
  readonly dates: Agenda<ScheduleEntry>;
  /** By worker id. */
  readonly pulses: ImmutableMap<string, Pulse>;
}

type WorkflowBooking = 'workflow:submitted' | 'workflow:started' | 'workflow:retried';

/** The events that bring a time. */
export type BookingEvent = EventOf<
  'schedule:request' | 'task:started' | 'task:retry_scheduled' | 'worker:started' | 'circuit:opened' | WorkflowBooking
>;

/** The ids under which facts are noted. */
export const scheduleIds = {
  attempt: (workflowId: string, taskId: string) => `attempt/${workflowId}/${taskId}`,
  retry: (workflowId: string, taskId: string) => `retry/${workflowId}/${taskId}`,
  workflow: (workflowId: string) => `workflow/${workflowId}`,
  circuit: (circuit: string) => `circuit/${circuit}`,
  worker: (workerId: string) => `worker/${workerId}`,
} as const;

const planned = (id: string, dueAt: number, event: DraftOf<DueType>): Planned => ({ kind: 'planned', id, dueAt, everyMs: null, event });

function attemptOf({ data, time }: EventOf<'task:started'>): Attempt {
  const { workflowId, taskId, attempt, leaseId, workerId, leaseUntil, timeoutMs } = data;
  const deadlineAt = time + timeoutMs;
  const lease = { workflowId, taskId, attempt, leaseId, workerId };
  return {
    kind: 'attempt',
    id: scheduleIds.attempt(workflowId, taskId),
    dueAt: Math.min(deadlineAt, leaseUntil),
    deadlineAt,
    leaseUntil,
    isAwaited: false,
    timeoutMs,
    lease,
  };
}

function retryOf({ data: { workflowId, taskId, protocol, attempt, dueAt } }: EventOf<'task:retry_scheduled'>): Planned {
  return planned(scheduleIds.retry(workflowId, taskId), dueAt, { type: 'task:retry', data: { workflowId, taskId, protocol, attempt } });
}

/** The entry that an event asks for, or null where it asks for none. */
export function bookingOf(event: BookingEvent, missedBeats: number): ScheduleEntry | null {
  switch (event.type) {
    case 'task:started':
      return attemptOf(event);
    case 'task:retry_scheduled':
      return retryOf(event);
    case 'workflow:submitted': {
      const { workflowId, startAt } = event.data;
      if (startAt === undefined) return null;
      return { ...planned(scheduleIds.workflow(workflowId), startAt, { type: 'workflow:start_due', data: { workflowId } }), isWall: true };
    }
    case 'workflow:started':
    case 'workflow:retried': {
      const { workflowId, timeoutMs } = event.data;
      if (timeoutMs === undefined) return null;
      return planned(scheduleIds.workflow(workflowId), event.time + timeoutMs, { type: 'workflow:timeout', data: { workflowId, timeoutMs } });
    }
    case 'circuit:opened': {
      const { circuit, epoch, retryAt } = event.data;
      return retryAt === undefined
        ? null
        : planned(scheduleIds.circuit(circuit), retryAt, { type: 'circuit:recovery_due', data: { circuit, epoch } });
    }
    case 'worker:started': {
      const { workerId, heartbeatMs } = event.data;
      return { kind: 'watch', id: scheduleIds.worker(workerId), dueAt: event.time + missedBeats * heartbeatMs, workerId };
    }
    case 'schedule:request': {
      const { scheduleId, dueAt, wall = false, everyMs, event: wanted } = event.data;
      // The catalogue cannot tie the data to the type here; the requester's own types did.
      const entry: Planned = { kind: 'planned', id: scheduleId, dueAt, everyMs: everyMs ?? null, event: wanted as DraftOf<DueType> };
      return wall ? { ...entry, isWall: true } : entry;
    }
  }
}

/** What becomes of an entry that has come up: a fact, the entry again for later, or both. */
type Outcome = { readonly fact?: DraftOf<DueType>; readonly again?: ScheduleEntry };

function plannedOutcome(entry: Planned, time: number): Outcome {
  const { event, everyMs, dueAt } = entry;
  if (everyMs === null) return { fact: event };
  const passed = Math.floor((time - dueAt) / everyMs);
  return { fact: event, again: { ...entry, dueAt: dueAt + (passed + 1) * everyMs } };
}

function attemptOutcome(entry: Attempt, pulse: Pulse | undefined, time: number): Outcome {
  const { deadlineAt, timeoutMs, lease } = entry;
  if (deadlineAt <= time) return { fact: { type: 'task:timeout', data: { ...lease, timeoutMs } } };
  const leaseUntil = Math.max(entry.leaseUntil, entry.isAwaited ? 0 : (pulse?.leaseUntil ?? 0));
  if (leaseUntil <= time) return { fact: { type: 'task:lease_expired', data: lease } };
  return { again: { ...entry, leaseUntil, dueAt: Math.min(deadlineAt, leaseUntil) } };
}

function watchOutcome(entry: Watch, pulse: Pulse | undefined, time: number): Outcome {
  if (pulse === undefined) return {};
  if (pulse.aliveUntil > time) return { again: { ...entry, dueAt: pulse.aliveUntil } };
  return { fact: { type: 'worker:heartbeat_missed', data: { workerId: entry.workerId, poolId: pulse.poolId } } };
}

/** The times with an entry, in place of the one with its id. */
export function noted({ agenda, dates }: Timetable, entry: ScheduleEntry): Pick<Timetable, 'agenda' | 'dates'> {
  if (isWall(entry)) return { agenda: strike(agenda, entry.id), dates: put(dates, entry) };
  return { agenda: put(agenda, entry), dates: withoutDate(dates, entry.id) };
}

/** The times without the entry of an id. */
export function without({ agenda, dates }: Timetable, id: string): Pick<Timetable, 'agenda' | 'dates'> {
  return { agenda: strike(agenda, id), dates: withoutDate(dates, id) };
}

export function isWall(entry: ScheduleEntry): boolean {
  return entry.kind === 'planned' && entry.isWall === true;
}

/** Mostly there are none. */
function withoutDate(dates: Timetable['dates'], id: string): Timetable['dates'] {
  return dates.slots.size === 0 ? dates : strike(dates, id);
}

type Fired = Pick<Timetable, 'agenda' | 'dates'> & { readonly facts: readonly DraftOf<DueType>[] };

/** Everything that is due, as facts in order, and the times that are left. */
export function fire({ agenda, dates, pulses }: Timetable, { time, wallTime }: { readonly time: number; readonly wallTime: number }): Fired {
  const even = fireOf(agenda, pulses, time);
  if (dates.slots.size === 0) return { ...even, dates };
  const named = fireOf(dates, pulses, wallTime);
  return { facts: [...even.facts, ...named.facts], agenda: even.agenda, dates: named.agenda };
}

function fireOf(
  agenda: Agenda<ScheduleEntry>,
  pulses: Timetable['pulses'],
  time: number,
): { readonly facts: readonly DraftOf<DueType>[]; readonly agenda: Agenda<ScheduleEntry> } {
  const { due, rest } = takeDue(agenda, time);
  const facts: DraftOf<DueType>[] = [];
  let left = rest;
  for (const entry of due) {
    const { fact, again } =
      entry.kind === 'planned'
        ? plannedOutcome(entry, time)
        : entry.kind === 'attempt'
          ? attemptOutcome(entry, pulses.get(entry.lease.workerId), time)
          : watchOutcome(entry, pulses.get(entry.workerId), time);
    if (fact !== undefined) facts.push(fact);
    if (again !== undefined) left = put(left, again);
  }
  return { facts, agenda: left };
}

/** The times as an engine starts with them: what goes on elsewhere has a whole lease for its worker to say so. */
export function awaited({ agenda }: Timetable, time: number): Pick<Timetable, 'agenda'> {
  let later = agenda;
  for (const { entry } of agenda.slots.values()) {
    if (entry.kind !== 'attempt') continue;
    const leaseUntil = time + (entry.leaseUntil - (entry.deadlineAt - entry.timeoutMs));
    later = put(later, { ...entry, leaseUntil, isAwaited: true, dueAt: Math.min(entry.deadlineAt, leaseUntil) });
  }
  return { agenda: later };
}

/** The times once a worker has said what it runs. */
export function claimed(agenda: Timetable['agenda'], leases: DataOf<'worker:started'>['leases']): Timetable['agenda'] {
  let later = agenda;
  for (const { workflowId, taskId, leaseId } of leases) {
    const entry = entryOf(later, scheduleIds.attempt(workflowId, taskId));
    if (entry?.kind === 'attempt' && entry.lease.leaseId === leaseId) later = put(later, { ...entry, isAwaited: false });
  }
  return later;
}

/**
 * The times after a while in which nothing that was decided could begin: what runs, and who is to be heard of, has that much
 * longer. An attempt may stand here that was not even called yet.
 */
export function postponed({ agenda, pulses }: Timetable, ms: number): Pick<Timetable, 'agenda' | 'pulses'> {
  let later = agenda;
  for (const { entry } of agenda.slots.values()) {
    if (entry.kind === 'planned') continue;
    const dueAt = entry.dueAt + ms;
    if (entry.kind === 'watch') later = put(later, { ...entry, dueAt });
    else later = put(later, { ...entry, dueAt, deadlineAt: entry.deadlineAt + ms, leaseUntil: entry.leaseUntil + ms });
  }
  return { agenda: later, pulses: pulses.map((pulse) => ({ ...pulse, aliveUntil: pulse.aliveUntil + ms })) };
}
