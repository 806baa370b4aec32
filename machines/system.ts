/**
 * System: the order of start and shutdown, and what becomes of an actor that threw.
 *
 * It refuses to touch actors, timers or the journal: whoever runs the system reads its facts and acts. An actor that threw
 * is restarted as long as its budget of restarts in a window lasts; after that its failure is its workflow's, and where it
 * belongs to no workflow, it stays stopped. A journal that takes no facts for a time is waited for, by whoever writes to it;
 * only one that fails for good takes the system with it.
 */
import { OrderedMap } from 'immutable';
import { assign, emit, setup } from 'xstate';

import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';

export interface SystemInput {
  /**
   * Restarts that one actor gets within a window; an integer from 0.
   * @defaultValue `3`
   */
  readonly restartBudget?: number;
  /**
   * The length of the window that restarts are counted in, in milliseconds, back from each failure.
   * @defaultValue `60_000`
   */
  readonly restartWindowMs?: number;
}

export interface SystemContext extends Required<SystemInput> {
  /** When actors were restarted in their window, by address; the one restarted last stands last. */
  readonly restarts: OrderedMap<string, readonly number[]>;
}

export type SystemEvent = EventOf<
  | 'system:start'
  | 'system:stop'
  | 'system:crash'
  | 'system:hold'
  | 'system:release'
  | 'engine:stopped'
  | 'system:started'
  | 'system:shutdown'
  | 'system:stopped'
  | 'system:failed'
  | 'system:actor_failed'
  | 'system:storage_held'
  | 'system:storage_resumed'
>;

export type SystemFact = DraftOf<
  'system:started' | 'system:shutdown' | 'system:stopped' | 'system:failed' | 'system:actor_failed' | 'system:storage_held' | 'system:storage_resumed'
>;

export const systemDefaults = { restartBudget: 3, restartWindowMs: 60_000 } as const satisfies Required<SystemInput>;

/** Restarts of an actor that still count at a time. */
export function restartsOf(context: SystemContext, target: string, time: number): readonly number[] {
  return (context.restarts.get(target) ?? []).filter((at) => at > time - context.restartWindowMs);
}

/**
 * The workflow that an address belongs to, where it belongs to one. Ids may hold slashes: of `task/<workflowId>/<taskId>`
 * the workflow's is taken to hold none, so whoever reports a crash of a task had better name the workflow.
 */
export function workflowOf(target: string): string | undefined {
  const [, kind, rest = ''] = /^(task|workflow|resolver)\/(.+)$/s.exec(target) ?? [];
  if (kind === undefined) return undefined;
  const slash = kind === 'task' ? rest.indexOf('/') : -1;
  return slash === -1 ? rest : rest.slice(0, slash);
}

function verdictOn(context: SystemContext, { data, time }: EventOf<'system:crash'>): DataOf<'system:actor_failed'> {
  const { target, event, error } = data;
  const spent = restartsOf(context, target, time).length;
  const workflowId = data.workflowId ?? workflowOf(target);
  const about = { target, event, error, ...(workflowId === undefined ? {} : { workflowId }) };
  if (spent < context.restartBudget) return { ...about, restarts: spent + 1, action: 'restart' };
  return { ...about, restarts: spent, action: workflowId === undefined ? 'stop' : 'escalate' };
}

/** Notes a restart, and forgets the actors whose window has passed: they stand first, so this costs what it removes. */
function restartNoted(context: SystemContext, { data: { target }, time }: EventOf<'system:actor_failed'>): SystemContext['restarts'] {
  let restarts = context.restarts.delete(target).set(target, [...restartsOf(context, target, time), time]);
  for (const [address, times] of context.restarts) {
    if ((times.at(-1) ?? 0) > time - context.restartWindowMs) break;
    if (address !== target) restarts = restarts.delete(address);
  }
  return restarts;
}

export const systemMachine = setup({
  types: {
    input: {} as SystemInput,
    context: {} as SystemContext,
    events: {} as SystemEvent,
    emitted: {} as SystemFact,
  },
  guards: {
    isOfJournal: ({ event }) => event.type === 'system:crash' && event.data.target === 'journal',
    isRestart: ({ event }) => event.type === 'system:actor_failed' && event.data.action === 'restart',
  },
  // The chart names each action on the events that its cast says, and on no others.
  actions: {
    stateStarted: emit(({ event }) => ({ type: 'system:started', data: (event as EventOf<'system:start'>).data })),
    stateShutdown: emit(({ event }) => {
      const { reason, deadlineMs } = (event as EventOf<'system:stop'>).data;
      return { type: 'system:shutdown', data: { reason, deadlineMs, deadlineAt: event.time + deadlineMs } };
    }),
    stateStopped: emit(({ event }) => ({
      type: 'system:stopped',
      data: { reason: (event as EventOf<'system:stop' | 'engine:stopped'>).data.reason },
    })),
    stateFailed: emit(({ event }) => ({ type: 'system:failed', data: { error: (event as EventOf<'system:crash'>).data.error } })),
    stateHeld: emit(({ event }) => ({ type: 'system:storage_held', data: (event as EventOf<'system:hold'>).data })),
    stateResumed: emit(({ event }) => ({ type: 'system:storage_resumed', data: (event as EventOf<'system:release'>).data })),
    stateActorFailed: emit(({ context, event }) => ({ type: 'system:actor_failed', data: verdictOn(context, event as EventOf<'system:crash'>) })),
    noteRestart: assign({ restarts: ({ context, event }) => restartNoted(context, event as EventOf<'system:actor_failed'>) }),
  },
}).createMachine({
  id: 'system',
  description: 'Starts and stops the whole in order, and decides about actors that threw.',
  context: ({ input }) => ({ ...systemDefaults, ...input, restarts: OrderedMap() }),
  initial: 'booting',
  on: {
    'system:actor_failed': [{ guard: 'isRestart', actions: 'noteRestart' }, {}],
    'system:hold': {},
    'system:release': {},
    'system:storage_held': {},
    'system:storage_resumed': {},
  },
  states: {
    booting: {
      description: 'Recovers, and waits for the word to start.',
      on: {
        'system:start': { actions: 'stateStarted' },
        'system:stop': { actions: 'stateStopped' },
        'system:crash': [{ guard: 'isOfJournal', actions: 'stateFailed' }, { actions: 'stateActorFailed' }],
        'engine:stopped': {},
        'system:started': { target: 'running' },
        'system:shutdown': {},
        'system:stopped': { target: 'stopped' },
        'system:failed': { target: 'failed' },
      },
    },
    running: {
      description: 'Everything is up.',
      on: {
        'system:start': {},
        'system:stop': { actions: 'stateShutdown' },
        'system:crash': [{ guard: 'isOfJournal', actions: 'stateFailed' }, { actions: 'stateActorFailed' }],
        'system:hold': { actions: 'stateHeld' },
        'engine:stopped': {},
        'system:started': {},
        'system:shutdown': { target: 'draining' },
        'system:stopped': {},
        'system:failed': { target: 'failed' },
        'system:storage_held': { target: 'holding' },
      },
    },
    holding: {
      description: 'The journal takes no facts for now: what is stated waits, and nothing that follows from it is done or admitted.',
      on: {
        'system:start': {},
        'system:stop': { actions: 'stateShutdown' },
        'system:crash': [{ guard: 'isOfJournal', actions: 'stateFailed' }, { actions: 'stateActorFailed' }],
        'system:release': { actions: 'stateResumed' },
        'engine:stopped': {},
        'system:started': {},
        'system:shutdown': { target: 'draining' },
        'system:stopped': {},
        'system:failed': { target: 'failed' },
        'system:storage_resumed': { target: 'running' },
      },
    },
    draining: {
      description: 'Admits and dispatches nothing; what runs finishes. In a journal of several runs the next one may begin here.',
      on: {
        'system:start': {},
        'system:stop': {},
        'system:crash': [{ guard: 'isOfJournal', actions: 'stateFailed' }, { actions: 'stateActorFailed' }],
        'system:hold': { actions: 'stateHeld' },
        'system:release': { actions: 'stateResumed' },
        'engine:stopped': { actions: 'stateStopped' },
        'system:started': { target: 'running' },
        'system:shutdown': {},
        'system:stopped': { target: 'stopped' },
        'system:failed': { target: 'failed' },
      },
    },
    stopped: {
      description: 'Over: asked to start, it stays as it is. Only a record of a later run leads on.',
      on: {
        'system:start': {},
        'system:stop': {},
        'system:crash': {},
        'engine:stopped': {},
        'system:started': { target: 'running' },
        'system:shutdown': {},
        'system:stopped': {},
        'system:failed': {},
      },
    },
    failed: {
      description: 'The journal records no more, so nothing may happen any more but the end.',
      on: {
        'system:start': {},
        'system:stop': { actions: 'stateStopped' },
        'system:crash': {},
        'engine:stopped': {},
        'system:started': {},
        'system:shutdown': {},
        'system:stopped': { target: 'stopped' },
        'system:failed': {},
      },
    },
  },
});
