/**
 * Dependency resolver of one workflow: says which tasks became ready, with their parameters, and which can never run.
 *
 * It releases no more at a time than its window holds, so that live tasks follow the work in flight and not the size of the
 * definition. It runs nothing, retries nothing, and does not say when the workflow is done: it has no phases of its own but
 * follows those of its workflow, so the workflow's recorded facts move it, the retry of one that failed among them. A task that failed for good under `fail_fast`
 * closes it as well: what it released between the failure and the workflow's word would never hear that word. A workflow that
 * waits for its time may be cancelled before any task was handed in: all of them are skipped then.
 *
 * The attempts that fail concern it only because their failures say more than what repeats them later: a result has all of it.
 *
 * What it releases it states before what it rules out: a skip that comes back releases in its turn, and has to find counted what
 * was released before.
 *
 * Hears of tasks by their recorded facts; what it states itself comes back to it and is counted then. After a recovery the
 * transient facts are missing from its past: then a task counts as released again only once it was released again.
 */
import { assign, enqueueActions, setup } from 'xstate';

import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import { type Failure, failure, withAllOf } from './failures.ts';
import {
  collect,
  elementId,
  expand,
  forget,
  handIn,
  handInRoots,
  initialProgress,
  isExhausted,
  type Progress,
  release,
  revive,
  settle,
  settleElement,
  type TaskOutcome,
  tell,
} from './policies/progress.ts';
import { collected, itemsOf, readyNow, ruledOut, skipUnreleased } from './policies/release.ts';
import { taskAt, topologyOf } from './policies/topology.ts';

export {
  fanOutOf,
  isHeldBack,
  isReleased,
  type OutcomeView,
  outcomesOf,
  type UnmetDependency,
  unmetDependencies,
} from './policies/progress-views.ts';

/** What a resolver is created with. */
export type ResolverInput = DataOf<'workflow:submitted'> & {
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  /**
   * Tasks of the workflow, and elements of its fan-outs, that may be released and not have ended at the same time; an
   * integer from 1. The definition's `maxParallelTasks` goes before it.
   * @defaultValue `1_000`
   */
  readonly window?: number;
};

/** All that a resolver remembers. */
export type ResolverContext = Progress;

type TaskEnd = EventOf<'task:completed' | 'task:retry_exhausted' | 'task:cancelled'>;

/** What a resolver hears: its workflow, the ends of tasks, and its own facts. */
export type ResolverEvent =
  | TaskEnd
  | EventOf<'workflow:submitted' | 'workflow:started' | 'workflow:paused' | 'workflow:resumed' | 'workflow:failing' | 'workflow:cancelling'>
  | EventOf<'workflow:recover' | 'workflow:completed' | 'workflow:failed' | 'workflow:cancelled' | 'workflow:retried'>
  | EventOf<'task:failed' | 'task:submitted' | 'task:expanded' | 'task:ready' | 'task:skipped' | 'task:collected'>;

/** The facts that a resolver owns, and the command that it gives to the elements of a fan-out that was cancelled. */
export type ResolverFact = DraftOf<'task:ready' | 'task:skipped' | 'task:collected' | 'task:cancel'>;

/** The value of each option that {@link ResolverInput} leaves out. */
export const resolverDefaults = { window: 1_000 } as const;

export const dependencyResolverMachine = setup({
  types: {
    input: {} as ResolverInput,
    context: {} as ResolverContext,
    events: {} as ResolverEvent,
    emitted: {} as ResolverFact,
  },
  guards: {
    isFatal: ({ context, event }) =>
      event.type === 'task:retry_exhausted' && event.data.element === undefined && context.definition.failurePolicy === 'fail_fast',
  },
  actions: {
    handInTask: assign(({ context, event }) => (event.type === 'task:submitted' ? handIn(context, event.data.taskId) : context)),
    handInRoots: assign(({ context }) => handInRoots(context)),
    countReleased: assign(({ context, event }) => (event.type === 'task:ready' ? release(context, event.data) : context)),
    noteCollected: assign(({ context, event }) => (event.type === 'task:collected' ? collect(context, event.data.taskId) : context)),
    noteFailure: assign(({ context, event }) => (event.type === 'task:failed' ? tell(context, event.data.taskId, event.data.error) : context)),
    noteOutcome: assign(({ context, event }) => evolve(context, event)),
    forgetFailures: assign(({ context }) => revive(context)),
    stateReady: enqueueActions(({ context, enqueue }) => {
      for (const draft of readyNow(context)) enqueue.emit(draft);
    }),
    stateWhatFollows: enqueueActions(({ context, event, enqueue }) => {
      for (const draft of consequences(context, event)) enqueue.emit(draft);
    }),
    stateSkipped: enqueueActions(({ context, event, enqueue }) => {
      for (const draft of skipUnreleased(context, reasonOf(event))) enqueue.emit(draft);
    }),
  },
}).createMachine({
  id: 'dependencyResolver',
  description: 'Releases the tasks of one workflow as what they depend on ends.',
  context: ({ input }) => startingFrom(input),
  initial: 'preparing',
  on: {
    'task:ready': { actions: 'countReleased' },
    'workflow:recover': {},
    'task:failed': { actions: 'noteFailure' },
    'task:collected': { actions: 'noteCollected' },
    'workflow:completed': { target: '.settled' },
    'workflow:failed': { target: '.resting' },
    'workflow:cancelled': { target: '.settled' },
    'workflow:retried': {},
  },
  states: {
    preparing: {
      description: 'The tasks are being handed in; none is released before the workflow has started.',
      on: {
        'workflow:submitted': {},
        'task:submitted': { actions: 'handInTask' },
        'workflow:started': { target: 'resolving', actions: ['handInRoots', 'stateReady'] },
        'task:completed': {},
        'task:retry_exhausted': {},
        'task:cancelled': {},
        'task:expanded': {},
        'task:skipped': {},
        'workflow:paused': {},
        'workflow:resumed': {},
        'workflow:failing': {},
        'workflow:cancelling': { target: 'closing', actions: 'stateSkipped' },
      },
    },
    resolving: {
      description: 'Each end of a task releases what waited for it, as far as the window has room.',
      on: {
        'workflow:recover': { actions: 'stateReady' },
        'workflow:submitted': {},
        'task:submitted': {},
        'workflow:started': {},
        'task:completed': { actions: ['noteOutcome', 'stateReady', 'stateWhatFollows'] },
        'task:retry_exhausted': [
          { guard: 'isFatal', target: 'closing', actions: 'noteOutcome' },
          { actions: ['noteOutcome', 'stateReady', 'stateWhatFollows'] },
        ],
        'task:cancelled': { actions: ['noteOutcome', 'stateReady', 'stateWhatFollows'] },
        'task:skipped': { actions: ['noteOutcome', 'stateReady'] },
        'task:expanded': { actions: ['noteOutcome', 'stateReady', 'stateWhatFollows'] },
        'workflow:paused': { target: 'held' },
        'workflow:resumed': {},
        'workflow:failing': { target: 'closing', actions: 'stateSkipped' },
        'workflow:cancelling': { target: 'closing', actions: 'stateSkipped' },
      },
    },
    held: {
      description: 'The workflow is paused: what ends is noted, nothing is released.',
      on: {
        'workflow:submitted': {},
        'task:submitted': {},
        'workflow:started': {},
        'task:completed': { actions: ['noteOutcome', 'stateWhatFollows'] },
        'task:retry_exhausted': [{ guard: 'isFatal', target: 'closing', actions: 'noteOutcome' }, { actions: ['noteOutcome', 'stateWhatFollows'] }],
        'task:cancelled': { actions: ['noteOutcome', 'stateWhatFollows'] },
        'task:skipped': { actions: 'noteOutcome' },
        'task:expanded': { actions: ['noteOutcome', 'stateWhatFollows'] },
        'workflow:paused': {},
        'workflow:resumed': { target: 'resolving', actions: 'stateReady' },
        'workflow:failing': { target: 'closing', actions: 'stateSkipped' },
        'workflow:cancelling': { target: 'closing', actions: 'stateSkipped' },
      },
    },
    closing: {
      description: 'The workflow will not go on: nothing is released, what was not released is skipped, the ends of the rest are noted.',
      on: {
        'workflow:submitted': {},
        'task:submitted': {},
        'workflow:started': {},
        'task:completed': { actions: 'noteOutcome' },
        'task:retry_exhausted': { actions: 'noteOutcome' },
        'task:cancelled': { actions: 'noteOutcome' },
        'task:skipped': { actions: 'noteOutcome' },
        'task:expanded': { actions: 'noteOutcome' },
        'workflow:paused': {},
        'workflow:resumed': {},
        'workflow:failing': { actions: 'stateSkipped' },
        'workflow:cancelling': { actions: 'stateSkipped' },
      },
    },
    resting: {
      tags: 'ended',
      description: 'The workflow has failed. Elements that end late are noted: what completed stands, should it be retried.',
      on: {
        'workflow:retried': { target: 'resolving', actions: ['forgetFailures', 'stateReady'] },
        'workflow:submitted': {},
        'task:submitted': {},
        'workflow:started': {},
        'task:completed': { actions: 'noteOutcome' },
        'task:retry_exhausted': { actions: 'noteOutcome' },
        'task:cancelled': { actions: 'noteOutcome' },
        'task:skipped': {},
        'task:expanded': {},
        'workflow:paused': {},
        'workflow:resumed': {},
        'workflow:failing': {},
        'workflow:cancelling': {},
        'workflow:completed': {},
        'workflow:failed': {},
        'workflow:cancelled': {},
      },
    },
    settled: {
      type: 'final',
      description: 'The workflow has ended.',
    },
  },
});

function startingFrom({ workflowId, definition, input, window = resolverDefaults.window }: ResolverInput): ResolverContext {
  return initialProgress({ workflowId, definition, input, window: definition.maxParallelTasks ?? window });
}

/** Folds the end of a task or element, or the expansion of a fan-out, into the progress. */
function evolve(context: ResolverContext, event: ResolverEvent): ResolverContext {
  switch (event.type) {
    case 'task:completed':
    case 'task:retry_exhausted':
    case 'task:cancelled': {
      const { taskId, element } = event.data;
      const outcome = outcomeOf(event, context.told.get(taskId));
      const progress = forget(context, taskId);
      return element === undefined ? settle(progress, taskId, outcome) : settleElement(progress, element, outcome);
    }
    case 'task:skipped': {
      const { taskId, because, policy } = event.data;
      return settle(context, taskId, { status: 'skipped', attempts: 0, because, policy });
    }
    case 'task:expanded': {
      const index = topologyOf(context.definition).byId.get(event.data.taskId);
      const items = index === undefined ? undefined : itemsOf(context, index);
      return index === undefined || items === undefined || 'fault' in items ? context : expand(context, index, items.value);
    }
    default:
      return context;
  }
}

/** @param told - What its last attempt failed with, where that was not long ago. */
function outcomeOf({ type, data }: TaskEnd, told: Failure | undefined): Exclude<TaskOutcome, { status: 'skipped' }> {
  if (type === 'task:completed') return { status: 'completed', attempts: data.attempt, durationMs: data.durationMs, result: data.result };
  if (type === 'task:retry_exhausted')
    return { status: 'failed', attempts: data.attempts, durationMs: data.durationMs, error: withAllOf(data.error, told) };
  return { status: 'cancelled', attempts: data.attempts, error: failure('TASK_CANCELLED', `Task '${data.taskId}' was cancelled: ${data.reason}`) };
}

/** What else than releases follows from an event that was folded into the progress. */
function consequences(context: ResolverContext, event: ResolverEvent): readonly ResolverFact[] {
  if (!('taskId' in event.data)) return [];
  const element = 'element' in event.data ? event.data.element : undefined;
  const { taskId } = event.data;
  const index = topologyOf(context.definition).byId.get(element?.of ?? taskId);
  if (index === undefined) return [];
  const expansion = context.expansions.get(index);
  const { forEach } = taskAt(context.definition, index);
  if (expansion !== undefined && isExhausted(expansion, forEach)) return [collected(context, index, expansion)];
  const outcome = context.outcomes.get(index);
  if (element !== undefined || outcome === undefined) return [];
  const skips = ruledOut(context, taskId, outcome.status);
  if (event.type !== 'task:cancelled' || expansion === undefined) return skips;
  const { reason, workflowId } = event.data;
  const cancels = [...expansion.running].map(
    (at): ResolverFact => ({ type: 'task:cancel', data: { workflowId, taskId: elementId(taskId, at), reason, by: 'resolver' } }),
  );
  return [...cancels, ...skips];
}

function reasonOf(event: ResolverEvent): Parameters<typeof skipUnreleased>[1] {
  if (event.type !== 'workflow:failing')
    return { because: event.type === 'workflow:cancelling' ? event.data.reason : '', policy: 'workflow_cancelled' };
  const { error, failedTaskIds } = event.data;
  return { because: failedTaskIds[0] ?? error.code, policy: error.code === 'WORKFLOW_TIMEOUT' ? 'workflow_timeout' : 'fail_fast' };
}
