/**
 * One alert: one rule about one subject. It fires when the rule holds, once, however often the rule's events come, and
 * resolves when they are answered; then it is over, and the next event makes a new one.
 *
 * A rule may ask to hold for a while first (pending), and end by itself a time after its last event. A silenced alert
 * keeps quiet until a time, also if it ends and begins again meanwhile; what holds then is said then. It refuses to
 * notify anybody: it states facts, and whoever watches acts on them.
 */
import { assign, enqueueActions, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import { type AlertRule, type AlertSign, type AlertType, matches, resolves, subjectOf, summaryOf } from './policies/alert-rules.ts';
import { headOf } from './policies/text.ts';

export const alertSystemDefaults = {
  /** Event ids kept as evidence, the last ones. */
  evidence: 10,
  /** Characters of a summary; what is beyond is cut. */
  summaryLength: 300,
} as const;

/** What an alert is created with. */
export interface AlertInput {
  readonly rule: AlertRule;
  readonly subject: string;
}

/** All that an alert remembers. */
export interface AlertContext extends AlertInput {
  /** What it said last, for the eyes of actions: the state. */
  readonly phase: 'quiet' | 'pending' | 'firing' | 'silenced';
  /** Whether the rule holds, as far as events say. */
  readonly holds: boolean;
  /** When the rule began to hold. */
  readonly since: number;
  /** When an event last said that it holds. */
  readonly lastAt: number;
  /** Events that said so. */
  readonly occurrences: number;
  /** The ids of the last of them. */
  readonly evidence: readonly string[];
  readonly summary: string;
  /** Until when it keeps quiet, while it is silenced. */
  readonly silencedUntil: number;
}

/** What an alert states: its facts, and the times it asks to be told of. */
export type AlertFact = DraftOf<'alert:pending' | 'alert:triggered' | 'alert:silenced' | 'alert:resolved' | 'schedule:request' | 'schedule:cancel'>;

/** What an alert hears: every event that a rule may name, and its own facts. */
export type AlertEvent = EventOf<
  AlertType | 'alert:silence' | 'schedule:elapsed' | 'alert:pending' | 'alert:triggered' | 'alert:silenced' | 'alert:resolved'
>;

type Timer = 'pending' | 'end' | 'silence';

/** The key of an alert: the same for every alert of a rule about a subject. */
export function alertKey(rule: Pick<AlertRule, 'name'>, subject: string): string {
  return `${rule.name}/${subject}`;
}

/** Whether a rule holds at a time: events said so, and it has not ended by itself since. */
export function isHolding({ holds, lastAt, rule }: AlertContext, time: number): boolean {
  return holds && (rule.resolveAfterMs === undefined || time < lastAt + rule.resolveAfterMs);
}

function isSign(event: AlertEvent): event is AlertSign {
  return event.type !== 'schedule:elapsed' && !event.type.startsWith('alert:');
}

/** What a further event that says that the rule holds adds to an alert. */
function noted({ rule, holds, since, occurrences, evidence }: AlertContext, event: AlertSign) {
  return {
    holds: true,
    since: holds ? since : event.time,
    lastAt: event.time,
    occurrences: occurrences + 1,
    evidence: [...evidence, event.id].slice(-alertSystemDefaults.evidence),
    summary: headOf(summaryOf(rule, event), alertSystemDefaults.summaryLength),
  };
}

function alertData({ rule, subject, evidence, summary }: AlertContext): DraftOf<'alert:triggered'>['data'] {
  return { rule: rule.name, subject, severity: rule.severity, evidence: [...evidence], dedupeKey: alertKey(rule, subject), summary };
}

const timerOf = ({ rule, subject }: AlertContext, timer: Timer) => `alerts/${alertKey(rule, subject)}/${timer}`;

function tellAt(context: AlertContext, timer: Timer, dueAt: number): DraftOf<'schedule:request'> {
  const data: EventOf<'schedule:elapsed'>['data'] = { component: 'alerts', key: alertKey(context.rule, context.subject), timer };
  return { type: 'schedule:request', data: { scheduleId: timerOf(context, timer), dueAt, event: { type: 'schedule:elapsed', data } } };
}

/** What an alert states when its rule begins to hold, or holds when silence is over: that it fires, or that it waits. */
function announcement(context: AlertContext, time: number): readonly AlertFact[] {
  const dueAt = context.since + (context.rule.forMs ?? 0);
  if (time >= dueAt) return firing(context);
  return [{ type: 'alert:pending', data: { ...alertData(context), dueAt } }, tellAt(context, 'pending', dueAt)];
}

function firing(context: AlertContext): readonly AlertFact[] {
  const { resolveAfterMs } = context.rule;
  const end = resolveAfterMs === undefined ? [] : [tellAt(context, 'end', context.lastAt + resolveAfterMs)];
  return [{ type: 'alert:triggered', data: alertData(context) }, ...end];
}

function resolution(context: AlertContext): readonly AlertFact[] {
  const timers = (['pending', 'end', 'silence'] as const).map(
    (timer): AlertFact => ({ type: 'schedule:cancel', data: { scheduleId: timerOf(context, timer) } }),
  );
  return [{ type: 'alert:resolved', data: { ...alertData(context), occurrences: context.occurrences } }, ...timers];
}

const isTimer = (event: AlertEvent, timer: Timer) => event.type === 'schedule:elapsed' && event.data.timer === timer;

function adopted(event: AlertEvent) {
  return 'evidence' in event.data ? { evidence: event.data.evidence, summary: event.data.summary } : {};
}

export const alertSystemMachine = setup({
  types: {
    input: {} as AlertInput,
    context: {} as AlertContext,
    events: {} as AlertEvent,
    emitted: {} as AlertFact,
  },
  guards: {
    isPendingOver: ({ event }) => isTimer(event, 'pending'),
    isOver: ({ context, event }) => isTimer(event, 'end') && !isHolding(context, event.time),
    isExtended: ({ event }) => isTimer(event, 'end'),
    isHoldingAfterSilence: ({ context, event }) => isTimer(event, 'silence') && event.time >= context.silencedUntil && isHolding(context, event.time),
    isSilenceOver: ({ context, event }) => isTimer(event, 'silence') && event.time >= context.silencedUntil,
  },
  actions: {
    weigh: enqueueActions(({ context, event, enqueue }) => {
      if (!isSign(event) || subjectOf(context.rule, event) !== context.subject) return;
      if (matches(context.rule, event)) {
        const known = noted(context, event);
        enqueue.assign(known);
        if (context.phase === 'quiet') for (const fact of announcement({ ...context, ...known }, event.time)) enqueue.emit(fact);
      } else if (resolves(context.rule, event)) {
        enqueue.assign({ holds: false });
        if (context.phase === 'pending' || context.phase === 'firing') for (const fact of resolution(context)) enqueue.emit(fact);
      }
    }),
    stateTriggered: enqueueActions(({ context, enqueue }) => {
      for (const fact of firing(context)) enqueue.emit(fact);
    }),
    stateHolding: enqueueActions(({ context, event, enqueue }) => {
      for (const fact of announcement(context, event.time)) enqueue.emit(fact);
    }),
    stateResolved: enqueueActions(({ context, enqueue }) => {
      for (const fact of resolution(context)) enqueue.emit(fact);
    }),
    stateSilenced: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'alert:silence') return;
      const { until, by } = event.data;
      enqueue.emit({ type: 'alert:silenced', data: { dedupeKey: alertKey(context.rule, context.subject), until, by } });
      enqueue.emit(tellAt(context, 'silence', until));
    }),
    askForEnd: enqueueActions(({ context, event, enqueue }) => {
      enqueue.emit(tellAt(context, 'end', Math.max(event.time, context.lastAt + (context.rule.resolveAfterMs ?? 0))));
    }),
    enterPending: assign(({ event }) => ({ phase: 'pending', ...adopted(event) })),
    enterFiring: assign(({ event }) => ({ phase: 'firing', ...adopted(event) })),
    enterSilenced: assign(({ context, event }) => ({
      phase: 'silenced',
      silencedUntil: event.type === 'alert:silenced' ? event.data.until : context.silencedUntil,
    })),
  },
}).createMachine({
  id: 'alertSystem',
  description: 'One alert: what one rule has to say about one subject.',
  context: ({ input }) => ({
    ...input,
    phase: 'quiet',
    holds: false,
    since: 0,
    lastAt: 0,
    occurrences: 0,
    evidence: [],
    summary: input.rule.summary,
    silencedUntil: 0,
  }),
  initial: 'quiet',
  on: {
    'workflow:rejected': { actions: 'weigh' },
    'workflow:failed': { actions: 'weigh' },
    'workflow:cancelled': { actions: 'weigh' },
    'workflow:timeout': { actions: 'weigh' },
    'workflow:completed': { actions: 'weigh' },
    'task:retry_exhausted': { actions: 'weigh' },
    'task:stale_report': { actions: 'weigh' },
    'queue:full': { actions: 'weigh' },
    'queue:room': { actions: 'weigh' },
    'pool:worker_quarantined': { actions: 'weigh' },
    'worker:failed': { actions: 'weigh' },
    'provider:started': { actions: 'weigh' },
    'provider:degraded': { actions: 'weigh' },
    'provider:unhealthy': { actions: 'weigh' },
    'provider:unregistered': { actions: 'weigh' },
    'circuit:opened': { actions: 'weigh' },
    'circuit:closed': { actions: 'weigh' },
    'circuit:removed': { actions: 'weigh' },
    'backpressure:normal': { actions: 'weigh' },
    'backpressure:high': { actions: 'weigh' },
    'backpressure:critical': { actions: 'weigh' },
    'engine:paused': { actions: 'weigh' },
    'engine:resumed': { actions: 'weigh' },
    'health:check_completed': { actions: 'weigh' },
    'health:check_failed': { actions: 'weigh' },
    'metrics:collected': { actions: 'weigh' },
    'system:failed': { actions: 'weigh' },
    'system:storage_held': { actions: 'weigh' },
    'system:storage_resumed': { actions: 'weigh' },
    'system:actor_failed': { actions: 'weigh' },
    'system:unhandled': { actions: 'weigh' },
    'system:dead_letter': { actions: 'weigh' },
    'alert:silence': { actions: 'stateSilenced' },
    'alert:pending': { target: '.pending', actions: 'enterPending' },
    'alert:triggered': { target: '.firing', actions: 'enterFiring' },
    'alert:silenced': { target: '.silenced', actions: 'enterSilenced' },
    'alert:resolved': { target: '.resolved' },
  },
  states: {
    quiet: {
      description: 'Nothing was said yet.',
      on: { 'schedule:elapsed': {} },
    },
    pending: {
      description: 'The rule holds, but not yet for as long as it asks.',
      on: { 'schedule:elapsed': { guard: 'isPendingOver', actions: 'stateTriggered' } },
    },
    firing: {
      description: 'Somebody should look. Further events of the rule are counted, not said again.',
      on: {
        'schedule:elapsed': [
          { guard: 'isOver', actions: 'stateResolved' },
          { guard: 'isExtended', actions: 'askForEnd' },
        ],
      },
    },
    silenced: {
      description: 'Somebody knows. Nothing is said until the silence is over; what holds then is said then.',
      on: {
        'schedule:elapsed': [
          { guard: 'isHoldingAfterSilence', actions: 'stateHolding' },
          { guard: 'isSilenceOver', actions: 'stateResolved' },
        ],
      },
    },
    resolved: { type: 'final', description: 'The rule holds no more, and that was said.' },
  },
});
