/** A handle to one workflow: what `submit` answers with. */
import type { Observable } from 'rxjs';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Explanation } from '../observe/explain.ts';
import type { Trace } from '../observe/trace.ts';
import type { WorkflowResult } from './result.ts';
import type { WorkflowStatus } from './status.ts';

export interface Run<Output = unknown> {
  /** The workflow's id. */
  readonly id: string;
  /**
   * Resolves when the workflow has ended, in whichever way.
   * @throws GleitzeitError SYSTEM_SHUTDOWN when the system stops first
   */
  result(): Promise<WorkflowResult<Output>>;
  /** Asks for the workflow to be cancelled: nothing new starts, what runs is aborted. */
  cancel(reason?: string): void;
  /** Asks for nothing new to be dispatched; what runs finishes. */
  pause(reason?: string): void;
  resume(reason?: string): void;
  status(): Promise<WorkflowStatus>;
  /** The workflow's events, once they are durable. */
  readonly events$: Observable<GleitzeitEvent>;
  /** Everything recorded of the workflow, as a tree of causes. */
  trace(): Promise<Trace>;
  /** Why each unfinished task, or the one named, waits. */
  explain(taskId?: string): Promise<Explanation>;
}
