/**
 * The engine: admits workflows, and counts those in flight.
 *
 * It refuses a workflow that it cannot promise to run; it runs none, and knows nothing of tasks. A second submit of an id
 * that is in flight is the same run when the definition is the same: it says nothing then.
 *
 * Load throttles admission by the queue's policy: `reject` refuses, `block` keeps submits until there is room and admits
 * them in order, `shed` admits. The shutdown of the system (`system:shutdown`) moves it as it is: admission ends with that
 * word, and a fact of its own for it would say the same thing twice.
 */
import { Map, OrderedMap } from 'immutable';
import { assign, emit, enqueueActions, setup } from 'xstate';

import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import type { QueuePolicy } from './events/queue.ts';
import { type Failure, failure } from './failures.ts';

/** What an engine is created with. */
export interface EngineInput {
  /**
   * What a submit meets while the queue is full or the load critical.
   * @defaultValue `'reject'`
   */
  readonly queuePolicy?: QueuePolicy;
}

type Submit = DataOf<'workflow:submit'>;

/** All that an engine remembers. */
export interface EngineContext {
  readonly queuePolicy: QueuePolicy;
  readonly stats: { readonly submitted: number; readonly completed: number; readonly failed: number; readonly cancelled: number };
  /** Workflows in flight: version hashes by id. */
  readonly live: Map<string, string>;
  /** Submits that wait for room, by id, in order of arrival. */
  readonly waiting: OrderedMap<string, Submit>;
  /** What keeps submits out, where anything does. */
  readonly throttle: { readonly queueFull: boolean; readonly loadCritical: boolean };
}

/** What an engine hears: the system, commands, the load, the ends of workflows, and its own facts. */
export type EngineEvent =
  | EventOf<'system:started' | 'system:shutdown' | 'engine:halt' | 'engine:pause' | 'engine:resume' | 'workflow:submit'>
  | EventOf<'queue:full' | 'queue:room' | 'backpressure:normal' | 'backpressure:high' | 'backpressure:critical'>
  | EventOf<'workflow:submitted' | 'workflow:completed' | 'workflow:failed' | 'workflow:cancelled'>
  | EventOf<'engine:started' | 'engine:stopped' | 'engine:paused' | 'engine:resumed'>;

/** The facts that an engine owns. */
export type EngineFact = DraftOf<
  'engine:started' | 'engine:stopped' | 'engine:paused' | 'engine:resumed' | 'workflow:submitted' | 'workflow:validated' | 'workflow:rejected'
>;

/** The value of each option that {@link EngineInput} leaves out. */
export const engineDefaults = { queuePolicy: 'reject' } as const satisfies Required<EngineInput>;

export const engineMachine = setup({
  types: {
    input: {} as EngineInput,
    context: {} as EngineContext,
    events: {} as EngineEvent,
    emitted: {} as EngineFact,
  },
  guards: {
    isKnownRun: ({ context, event }) => event.type === 'workflow:submit' && knownHash(context, event.data) === event.data.versionHash,
    isOtherRun: ({ context, event }) => event.type === 'workflow:submit' && knownHash(context, event.data) !== undefined,
    mustWait: ({ context }) => isThrottled(context) && context.queuePolicy === 'block',
    isRefused: ({ context }) => isThrottled(context) && context.queuePolicy === 'reject',
    isOfSystem: ({ event }) => isOfSystem(event),
    isHeldBack: ({ event }) => event.type === 'system:started' && event.data.paused !== undefined,
    canAdmitAgain: ({ context, event }) => isLastObstacleGone(context, event),
  },
  actions: {
    stateStarted: emit(({ context }) => ({ type: 'engine:started', data: { mode: 'running', stats: statsOf(context) } })),
    stateStopped: emit(({ context, event }) => ({
      type: 'engine:stopped',
      data: { mode: 'stopped', stats: statsOf(context), reason: reasonOf(event) },
    })),
    statePaused: emit(({ event }) => ({ type: 'engine:paused', data: { reason: pauseReasonOf(event) } })),
    stateResumed: emit(({ event }) => ({ type: 'engine:resumed', data: { reason: reasonOf(event) } })),
    stateAdmitted: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'workflow:submit') for (const draft of admission(event.data)) enqueue.emit(draft);
    }),
    stateWaitingAdmitted: enqueueActions(({ context, enqueue }) => {
      for (const submit of context.waiting.values()) for (const draft of admission(submit)) enqueue.emit(draft);
    }),
    stateWaitingRejected: enqueueActions(({ context, event, enqueue }) => {
      for (const { workflowId } of context.waiting.values()) enqueue.emit(rejected(workflowId, shutDown(workflowId, reasonOf(event))));
    }),
    forgetWaiting: assign({ waiting: OrderedMap<string, Submit>() }),
    keepWaiting: assign(({ context, event }) =>
      event.type === 'workflow:submit' ? { waiting: context.waiting.set(event.data.workflowId, event.data) } : {},
    ),
    stateOtherRun: emit(({ context, event }) => refusal(event, (submit) => otherRun(submit, knownHash(context, submit)))),
    stateThrottled: emit(({ context, event }) => refusal(event, (submit) => throttled(submit, context))),
    stateNotStarted: emit(({ event }) =>
      refusal(event, ({ workflowId }) =>
        failure('SYSTEM_NOT_INITIALIZED', `Workflow '${workflowId}' was not admitted: the system has not been started.`),
      ),
    ),
    stateShutDown: emit(({ event }) => refusal(event, ({ workflowId }) => shutDown(workflowId, 'the system has stopped or is stopping'))),
    noteFull: assign(({ context }) => ({ throttle: { ...context.throttle, queueFull: true } })),
    noteRoom: assign(({ context }) => ({ throttle: { ...context.throttle, queueFull: false } })),
    noteCritical: assign(({ context }) => ({ throttle: { ...context.throttle, loadCritical: true } })),
    noteRelief: assign(({ context }) => ({ throttle: { ...context.throttle, loadCritical: false } })),
    countSubmitted: assign(({ context, event }) => (event.type === 'workflow:submitted' ? submitted(context, event.data) : context)),
    countEnded: assign(({ context, event }) => ended(context, event)),
  },
}).createMachine({
  id: 'engine',
  description: 'Admits workflows while the system runs, and counts those in flight.',
  context: ({ input }) => startingFrom(input),
  initial: 'stopped',
  on: {
    'workflow:submitted': { actions: 'countSubmitted' },
    'workflow:completed': { actions: 'countEnded' },
    'workflow:failed': { actions: 'countEnded' },
    'workflow:cancelled': { actions: 'countEnded' },
    'engine:started': {},
    'engine:stopped': {},
    'engine:paused': {},
    'engine:resumed': {},
  },
  states: {
    stopped: {
      description: 'Nothing is admitted.',
      initial: 'fresh',
      on: {
        'system:started': [{ guard: 'isHeldBack', actions: ['stateStarted', 'statePaused'] }, { actions: 'stateStarted' }],
        'system:shutdown': {},
        'engine:started': { target: 'running' },
        'engine:halt': {},
        'engine:pause': {},
        'engine:resume': {},
        'queue:full': {},
        'queue:room': {},
        'backpressure:normal': {},
        'backpressure:high': {},
        'backpressure:critical': {},
      },
      states: {
        fresh: { description: 'It was never started.', on: { 'workflow:submit': { actions: 'stateNotStarted' } } },
        halted: { description: 'It was stopped.', on: { 'workflow:submit': { actions: 'stateShutDown' } } },
      },
    },
    running: {
      description: 'Workflows are admitted as far as the load permits.',
      initial: 'accepting',
      on: {
        'workflow:submit': [
          { guard: 'isKnownRun' },
          { guard: 'isOtherRun', actions: 'stateOtherRun' },
          { guard: 'isRefused', actions: 'stateThrottled' },
          { guard: 'mustWait', actions: 'keepWaiting' },
          { actions: 'stateAdmitted' },
        ],
        'queue:full': { actions: 'noteFull' },
        'queue:room': [{ guard: 'canAdmitAgain', actions: ['noteRoom', 'stateWaitingAdmitted'] }, { actions: 'noteRoom' }],
        'backpressure:critical': [{ guard: 'isOfSystem', actions: 'noteCritical' }, {}],
        'backpressure:high': [
          { guard: 'canAdmitAgain', actions: ['noteRelief', 'stateWaitingAdmitted'] },
          { guard: 'isOfSystem', actions: 'noteRelief' },
          {},
        ],
        'backpressure:normal': [
          { guard: 'canAdmitAgain', actions: ['noteRelief', 'stateWaitingAdmitted'] },
          { guard: 'isOfSystem', actions: 'noteRelief' },
          {},
        ],
        'system:started': {},
        'system:shutdown': { target: 'draining', actions: ['stateWaitingRejected', 'forgetWaiting'] },
        'engine:halt': {},
      },
      states: {
        accepting: {
          description: 'What is admitted is dispatched.',
          on: { 'engine:pause': { actions: 'statePaused' }, 'engine:resume': {}, 'engine:paused': { target: 'paused' } },
        },
        paused: {
          description: 'What is admitted waits; running attempts finish.',
          on: { 'engine:resume': { actions: 'stateResumed' }, 'engine:pause': {}, 'engine:resumed': { target: 'accepting' } },
        },
      },
    },
    draining: {
      description: 'Nothing more is admitted; running attempts finish until somebody says that all is over.',
      on: {
        'workflow:submit': { actions: 'stateShutDown' },
        'engine:halt': { actions: 'stateStopped' },
        'engine:stopped': { target: 'stopped.halted' },
        'engine:pause': {},
        'engine:resume': {},
        'system:started': {},
        'system:shutdown': {},
        'queue:full': {},
        'queue:room': {},
        'backpressure:normal': {},
        'backpressure:high': {},
        'backpressure:critical': {},
      },
    },
  },
});

function startingFrom({ queuePolicy = engineDefaults.queuePolicy }: EngineInput): EngineContext {
  return {
    queuePolicy,
    stats: { submitted: 0, completed: 0, failed: 0, cancelled: 0 },
    live: Map(),
    waiting: OrderedMap(),
    throttle: { queueFull: false, loadCritical: false },
  };
}

function isOfSystem({ data }: EngineEvent): boolean {
  return 'scope' in data && data.scope === 'system';
}

/** The hash under which an id is known already: in flight, waiting for room, or from the journal. */
function knownHash({ live, waiting }: EngineContext, { workflowId, known }: Submit): string | undefined {
  return live.get(workflowId) ?? waiting.get(workflowId)?.versionHash ?? known;
}

/** Whether the load keeps submits out; the policy says what becomes of them then. */
export function isThrottled({ throttle }: EngineContext): boolean {
  return throttle.queueFull || throttle.loadCritical;
}

function isLastObstacleGone({ throttle }: EngineContext, event: EngineEvent): boolean {
  return event.type.startsWith('queue:')
    ? throttle.queueFull && !throttle.loadCritical
    : isOfSystem(event) && throttle.loadCritical && !throttle.queueFull;
}

function statsOf({ stats, live }: EngineContext): DataOf<'engine:started'>['stats'] {
  return { ...stats, live: live.size };
}

/** A start may come with a pause: nothing is dispatched between the two. */
function pauseReasonOf(event: EngineEvent): string {
  return event.type === 'system:started' ? (event.data.paused ?? '') : reasonOf(event);
}

function reasonOf({ data }: EngineEvent): string {
  return 'reason' in data ? data.reason : '';
}

function admission({ workflowId, name, versionHash, definition, input, levels, startAt, inputDigest }: Submit): readonly EngineFact[] {
  const more = { ...(startAt !== undefined && { startAt }), ...(inputDigest !== undefined && { inputDigest }) };
  return [
    { type: 'workflow:submitted', data: { workflowId, name, versionHash, definition, input, ...more } },
    { type: 'workflow:validated', data: { workflowId, tasks: definition.tasks.length, levels } },
  ];
}

function rejected(workflowId: string, error: Failure): EngineFact {
  return { type: 'workflow:rejected', data: { workflowId, error } };
}

function refusal(event: EngineEvent, why: (submit: Submit) => Failure): EngineFact {
  if (event.type !== 'workflow:submit') throw new Error(`The engine refuses submits only, not '${event.type}'.`);
  return rejected(event.data.workflowId, why(event.data));
}

function otherRun({ workflowId, versionHash }: Submit, known: string | undefined): Failure {
  const message = `The id '${workflowId}' stands for another definition already. Submit under another id.`;
  return failure('WORKFLOW_INVALID_STATE', message, { details: { workflowId, known, got: versionHash } });
}

function throttled({ workflowId }: Submit, { throttle }: EngineContext): Failure {
  if (throttle.queueFull) return failure('QUEUE_FULL', `Workflow '${workflowId}' was not admitted: the queue is full and its policy is 'reject'.`);
  return failure('RESOURCE_EXHAUSTED', `Workflow '${workflowId}' was not admitted: the load of the system is critical.`);
}

function shutDown(workflowId: string, reason: string): Failure {
  return failure('SYSTEM_SHUTDOWN', `Workflow '${workflowId}' was not admitted: ${reason}.`);
}

function submitted(context: EngineContext, { workflowId, versionHash }: DataOf<'workflow:submitted'>): Partial<EngineContext> {
  return {
    stats: { ...context.stats, submitted: context.stats.submitted + 1 },
    live: context.live.set(workflowId, versionHash),
    waiting: context.waiting.delete(workflowId),
  };
}

function ended(context: EngineContext, event: EngineEvent): Partial<EngineContext> {
  const status = event.type === 'workflow:completed' ? 'completed' : event.type === 'workflow:failed' ? 'failed' : 'cancelled';
  if (!('workflowId' in event.data) || !context.live.has(event.data.workflowId)) return {};
  return { stats: { ...context.stats, [status]: context.stats[status] + 1 }, live: context.live.delete(event.data.workflowId) };
}
