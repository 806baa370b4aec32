/**
 * The retry manager of one protocol: says of each failed attempt whether another follows and when, or that the task failed
 * for good.
 *
 * It refuses to run anything, to keep time (the scheduler does), to retry what is no longer waiting, and to give up a retry
 * because the budget is spent: such a retry is put off. With the pool of its protocol, which moves it by itself, it is over.
 */
import { Map as PersistentMap } from 'immutable';
import { assertEvent, assign, emit, setup } from 'xstate';

import type { DraftOf, EventOf } from './events/catalogue.ts';
import { withoutStacks } from './failures.ts';
import { chanceOf } from './policies/chance.ts';
import { credit, fullRetryBudget, type RetryBudget, refill, retryBudgetDefaults, spend } from './policies/retry-budget.ts';
import { attemptsAllowed, lastingError, retryDelayMs, verdictOn, wasCutOff } from './policies/retry-decision.ts';

export interface RetryManagerInput {
  readonly protocol: string;
}

export interface RetryManagerContext {
  readonly protocol: string;
  readonly budget: RetryBudget;
  /** The attempt that failed, by `workflowId/taskId`, of each task whose retry is not due yet. */
  readonly pending: PersistentMap<string, number>;
}

export type RetryManagerEvent = EventOf<
  'task:failed' | 'task:retry' | 'task:completed' | 'task:cancelled' | 'task:retry_scheduled' | 'task:retry_executed' | 'pool:stopped'
>;

export type RetryManagerFact = DraftOf<'task:retry_scheduled' | 'task:retry_executed' | 'task:retry_exhausted'>;

interface TaskRef {
  readonly workflowId: string;
  readonly taskId: string;
}

const keyOf = ({ workflowId, taskId }: TaskRef) => `${workflowId}/${taskId}`;

/** Whether a task waits for the retry after this attempt. */
export function isRetryPending({ pending }: Pick<RetryManagerContext, 'pending'>, task: TaskRef & { readonly attempt: number }): boolean {
  return pending.get(keyOf(task)) === task.attempt;
}

/** Whether a retry that is decided on now would not be put off by the budget. */
export function hasRetryBudget({ budget }: Pick<RetryManagerContext, 'budget'>, time: number): boolean {
  return refill(budget, time).tokens >= 1;
}

function scheduledAfter({ budget, protocol }: RetryManagerContext, { data, id, time }: EventOf<'task:failed'>): DraftOf<'task:retry_scheduled'> {
  const { workflowId, taskId, attempt } = data;
  // An attempt that was cut off is no call that the provider answered badly, so it costs no token and waits for none.
  const { tokens, waitMs } = wasCutOff(data) ? { ...refill(budget, time), waitMs: 0 } : spend(budget, time);
  const delayMs = Math.max(retryDelayMs(data, chanceOf(id)), Math.ceil(waitMs));
  return {
    type: 'task:retry_scheduled',
    data: { workflowId, taskId, protocol, attempt, delayMs, dueAt: time + delayMs, maxAttempts: attemptsAllowed(data), budget: tokens },
  };
}

function exhaustedBy({ data }: EventOf<'task:failed'>): DraftOf<'task:retry_exhausted'> {
  const { workflowId, taskId, attempt, durationMs, element } = data;
  return {
    type: 'task:retry_exhausted',
    data: { workflowId, taskId, attempts: attempt, error: withoutStacks(lastingError(data)), durationMs, ...(element !== undefined && { element }) },
  };
}

export const retryManagerMachine = setup({
  types: {
    input: {} as RetryManagerInput,
    context: {} as RetryManagerContext,
    events: {} as RetryManagerEvent,
    emitted: {} as RetryManagerFact,
  },
  guards: {
    isWorthAnother: ({ event }) => event.type === 'task:failed' && verdictOn(event.data) === 'retry',
    isPending: ({ context, event }) => event.type === 'task:retry' && isRetryPending(context, event.data),
    isSpent: ({ event }) => event.type === 'task:retry_scheduled' && event.data.budget < 1,
    hasRoom: ({ context }) => context.budget.tokens < retryBudgetDefaults.burst,
    isIdle: ({ context }) => context.pending.isEmpty(),
    isKnown: ({ context, event }) => 'taskId' in event.data && context.pending.has(keyOf(event.data)),
  },
  actions: {
    stateScheduled: emit(({ context, event }) => {
      assertEvent(event, 'task:failed');
      return scheduledAfter(context, event);
    }),
    stateExhausted: emit(({ event }) => {
      assertEvent(event, 'task:failed');
      return exhaustedBy(event);
    }),
    stateExecuted: emit(({ event }) => {
      assertEvent(event, 'task:retry');
      const { workflowId, taskId, attempt } = event.data;
      return { type: 'task:retry_executed', data: { workflowId, taskId, attempt } };
    }),
    creditCompletion: assign({ budget: ({ context, event }) => credit(context.budget, event.time) }),
    remember: assign(({ context, event }) => {
      assertEvent(event, 'task:retry_scheduled');
      const { budget, attempt } = event.data;
      return { budget: { tokens: budget, at: event.time }, pending: context.pending.set(keyOf(event.data), attempt) };
    }),
    forget: assign({ pending: ({ context, event }) => ('taskId' in event.data ? context.pending.delete(keyOf(event.data)) : context.pending) }),
  },
}).createMachine({
  id: 'retryManager',
  description: 'Decides about the failed attempts of one protocol: another one and when, or none.',
  context: ({ input }) => ({ protocol: input.protocol, budget: fullRetryBudget, pending: PersistentMap() }),
  initial: 'withinBudget',
  on: {
    'task:failed': [{ guard: 'isWorthAnother', actions: 'stateScheduled' }, { actions: 'stateExhausted' }],
    'task:retry': [{ guard: 'isPending', actions: 'stateExecuted' }, {}],
    'task:retry_executed': { actions: 'forget' },
    'task:cancelled': [{ guard: 'isKnown', actions: 'forget' }, {}],
    'task:completed': [{ guard: 'hasRoom', actions: 'creditCompletion' }, {}],
    'pool:stopped': [{ guard: 'isIdle', target: '.over' }, {}],
  },
  states: {
    over: { type: 'final', description: 'The pool of the protocol has stopped, and nothing waits for a retry.' },
    withinBudget: {
      description: 'Retries are few: each waits only for its own delay.',
      on: {
        'task:retry_scheduled': [{ guard: 'isSpent', target: 'budgetExhausted', actions: 'remember' }, { actions: 'remember' }],
      },
    },
    budgetExhausted: {
      description: 'Retries are too great a share of the load: each further one also waits until the budget has a token for it.',
      on: {
        'task:retry_scheduled': [
          { guard: 'isSpent', actions: 'remember' },
          { target: 'withinBudget', actions: 'remember' },
        ],
      },
    },
  },
});
