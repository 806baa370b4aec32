/**
 * Cleaner: has finished workflows removed that are kept no longer.
 *
 * It says when, and what may go; it refuses to touch the journal, which its sweeper does, and to remove anything at all
 * where neither an age nor a number to keep was given: what a workflow left behind is its user's.
 */
import { emit, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';

export interface CleanerInput {
  /**
   * Time between two cleanups, in milliseconds; the first one comes so long after the engine's start.
   * @defaultValue `3_600_000`
   */
  readonly intervalMs?: number;
  /**
   * Finished workflows may go when they ended so long ago, in milliseconds; null: age alone lets nothing go.
   * @defaultValue `null`
   */
  readonly maxAgeMs?: number | null;
  /**
   * So many of the finished workflows stay, the latest; null: their number alone lets nothing go.
   * @defaultValue `null`
   */
  readonly keep?: number | null;
}

export type CleanerContext = Required<CleanerInput>;

export type CleanerEvent = EventOf<'engine:started' | 'cleanup' | 'cleanup:swept' | 'cleanup:started' | 'cleanup:completed'>;

export type CleanerFact = DraftOf<'schedule:request' | 'cleanup:started' | 'cleanup:completed'>;

export const cleanerDefaults = { intervalMs: 3_600_000, maxAgeMs: null, keep: null } as const satisfies Required<CleanerInput>;

/** Whether anything is ever removed. */
export function hasRetention({ maxAgeMs, keep }: CleanerContext): boolean {
  return maxAgeMs !== null || keep !== null;
}

export const cleanerMachine = setup({
  types: {
    input: {} as CleanerInput,
    context: {} as CleanerContext,
    events: {} as CleanerEvent,
    emitted: {} as CleanerFact,
  },
  guards: {
    hasRetention: ({ context }) => hasRetention(context),
  },
  actions: {
    requestCleanups: emit(({ context: { intervalMs }, event }) => ({
      type: 'schedule:request',
      data: {
        scheduleId: 'cleaner/cleanup',
        dueAt: event.time + intervalMs,
        everyMs: intervalMs,
        event: { type: 'cleanup', data: { scope: 'workflows' } },
      },
    })),
    stateStarted: emit(({ context: { maxAgeMs, keep }, event }) => ({
      type: 'cleanup:started',
      data: {
        scope: 'workflows',
        ...(maxAgeMs === null ? {} : { olderThan: event.time - maxAgeMs }),
        ...(keep === null ? {} : { keep }),
      },
    })),
    // A cast, since the chart names it on the sweeper's report only.
    stateCompleted: emit(({ event }) => ({ type: 'cleanup:completed', data: (event as EventOf<'cleanup:swept'>).data })),
  },
}).createMachine({
  id: 'cleaner',
  description: 'Has finished workflows removed, time and again, once they are beyond their retention.',
  context: ({ input }) => ({ ...cleanerDefaults, ...input }),
  initial: 'idle',
  on: {
    'engine:started': [{ guard: 'hasRetention', actions: 'requestCleanups' }, {}],
  },
  states: {
    idle: {
      description: 'Waits for the next cleanup.',
      on: {
        cleanup: [{ guard: 'hasRetention', actions: 'stateStarted' }, {}],
        'cleanup:swept': {},
        'cleanup:started': { target: 'cleaning' },
        'cleanup:completed': {},
      },
    },
    cleaning: {
      description: 'The journal is being swept; a cleanup that comes up meanwhile is left out.',
      on: {
        cleanup: {},
        'cleanup:swept': { actions: 'stateCompleted' },
        'cleanup:started': {},
        'cleanup:completed': { target: 'idle' },
      },
    },
  },
});
