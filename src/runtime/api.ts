/**
 * What a user asks of Gleitzeit, whether the system runs in this process or is reached over a hub.
 *
 * Code that takes a {@link Gleitzeit} works with both. What only one of them has (providers and machines here, a connection there)
 * is not part of it.
 */
import type { Observable } from 'rxjs';

import type { EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Priority } from '../../machines/events/definition.ts';
import type { WorkflowHead } from '../journal/journal.ts';
import type { EventFilter } from '../observe/event-filter.ts';
import type { Explanation } from '../observe/explain.ts';
import type { Trace } from '../observe/trace.ts';
import type { Workflow } from '../workflow/workflow.ts';
import type { SubmitOptions } from './options.ts';
import type { WorkflowResult } from './result.ts';
import type { Run } from './run.ts';
import type { ScheduleOptions, ScheduleStatus } from './schedules.ts';
import type { WorkflowStatus } from './status.ts';
import type { SystemView } from './view.ts';

/** A running system, as those who have workflows run on it see it. Every method throws what its docstring at the system says. */
export interface Gleitzeit {
  /** Submits a workflow; resolves when it is durable. */
  submit<Input, Output>(workflow: Workflow<Input, Output>, options?: SubmitOptions<Input>): Promise<Run<Output>>;
  /** A handle to a workflow that was submitted before. */
  run(workflowId: string): Promise<Run>;
  /** Has a workflow start time and again, or once. */
  schedule<Input, Output>(workflow: Workflow<Input, Output>, options: ScheduleOptions<Input>): Promise<ScheduleStatus>;
  /** Takes a schedule away; the run under way goes on. */
  unschedule(scheduleId: string, reason?: string): Promise<void>;
  /** The schedules that stand, in the order of their creation. */
  schedules(): Promise<readonly ScheduleStatus[]>;

  /** The workflows that the journal keeps, in the order of their submission. */
  list(): Promise<readonly WorkflowHead[]>;
  status(workflowId: string): Promise<WorkflowStatus>;
  /** The result of a workflow; waits for its end where that is still to come. */
  result(workflowId: string): Promise<WorkflowResult>;
  /** Everything recorded of a workflow, as a tree of causes. */
  trace(workflowId: string): Promise<Trace>;
  /** Why each unfinished task of a workflow, or the one named, waits, and what would release it. */
  explain(workflowId: string, taskId?: string): Promise<Explanation>;
  /** Workflows as they were at an event. */
  at(seq: number): Pick<SystemView, 'seq' | 'workflow'>;

  /** Dispatches nothing new until {@link resume}. */
  pause(reason?: string): Promise<void>;
  resume(reason?: string): Promise<void>;
  /** Asks for a workflow to be cancelled; one that has ended stays as it is. */
  cancel(workflowId: string, reason?: string): Promise<void>;
  /** Cancels one task of a running workflow; one that has ended stays as it is. */
  cancelTask(workflowId: string, taskId: string, reason?: string): Promise<void>;
  /** Changes the priority of a task that waits in the queue. */
  setPriority(workflowId: string, taskId: string, priority: Priority): Promise<void>;
  /** Has a workflow that failed go on from what failed. */
  retry(workflowId: string, reason?: string): Promise<Run>;

  /** Every event, once it is durable. Costs nothing while nobody subscribes. */
  readonly events$: Observable<GleitzeitEvent>;
  select(selection: EventFilter): Observable<GleitzeitEvent>;
  /** Calls a handler with every event of a type, of a family (`task:*`) or of all (`*`). @returns takes the handler away */
  on<Type extends EventType>(type: Type, handler: (event: Extract<GleitzeitEvent, { readonly type: Type }>) => unknown): () => void;
  on(pattern: string, handler: (event: GleitzeitEvent) => unknown): () => void;
}
