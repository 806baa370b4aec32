/** What a workflow is created with, hears, states and remembers. */
import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import type { Tally } from './policies/tally.ts';

/** What a workflow is created with. */
export type WorkflowInput = DataOf<'workflow:submitted'> & {
  /** Epoch milliseconds; the workflow's duration counts from here, or from `startAt` where that is later. */
  readonly submittedAt: number;
};

/** All that a workflow remembers. */
export type WorkflowContext = Tally;

/** What a workflow hears: the engine, commands, the ends of its tasks, its deadline, and its own facts. */
export type WorkflowEvent = EventOf<
  | 'workflow:submitted'
  | 'workflow:validated'
  | 'workflow:start_due'
  | 'workflow:cancel'
  | 'workflow:pause'
  | 'workflow:resume'
  | 'workflow:retry'
  | 'workflow:timeout'
  | 'task:completed'
  | 'task:retry_exhausted'
  | 'task:cancelled'
  | 'task:skipped'
  | 'system:actor_failed'
  | 'workflow:started'
  | 'workflow:failing'
  | 'workflow:cancelling'
  | 'workflow:paused'
  | 'workflow:resumed'
  | 'workflow:completed'
  | 'workflow:failed'
  | 'workflow:cancelled'
  | 'workflow:retried'
>;

/** The facts that a workflow owns. */
export type WorkflowFact = DraftOf<
  | 'task:submitted'
  | 'workflow:started'
  | 'workflow:step_completed'
  | 'workflow:failing'
  | 'workflow:cancelling'
  | 'workflow:paused'
  | 'workflow:resumed'
  | 'workflow:completed'
  | 'workflow:failed'
  | 'workflow:cancelled'
  | 'workflow:retried'
  | 'schedule:request'
>;
