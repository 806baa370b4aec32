/** A handle to one workflow: what `submit` answers with. */
import type { Observable } from 'rxjs';

import type { DraftOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { WorkflowHead } from '../journal/journal.ts';
import type { Explanation } from '../observe/explain.ts';
import type { Trace } from '../observe/trace.ts';
import { cancelReason } from './commands.ts';
import type { WorkflowResult } from './result.ts';
import type { WorkflowStatus } from './status.ts';

/** A handle to one workflow. */
export interface Run<Output = unknown> {
  /** The workflow's id. */
  readonly id: string;
  /** Where a submit found the run there already: how that stood then, `running` or how it had ended. */
  readonly known?: WorkflowHead['status'];
  /**
   * Resolves when the workflow has ended, in whichever way.
   * @throws GleitzeitError SYSTEM_SHUTDOWN when the system stops first
   */
  result(): Promise<WorkflowResult<Output>>;
  /** Asks for the workflow to be cancelled: nothing new starts, what runs is aborted. Resolves when that is durable. */
  cancel(reason?: string): Promise<void>;
  /** Asks for nothing new to be dispatched; what runs finishes. Resolves when that is durable. */
  pause(reason?: string): Promise<void>;
  resume(reason?: string): Promise<void>;
  status(): Promise<WorkflowStatus>;
  /** The workflow's events, once they are durable. */
  readonly events$: Observable<GleitzeitEvent>;
  /** Everything recorded of the workflow, as a tree of causes. */
  trace(): Promise<Trace>;
  /** Why each unfinished task, or the one named, waits. */
  explain(taskId?: string): Promise<Explanation>;
}

/** What a handle asks of its workflow. */
type HandleCommand = DraftOf<'workflow:cancel' | 'workflow:pause' | 'workflow:resume'>;

/** What a handle acts through. */
interface Handled {
  readonly id: string;
  readonly known?: WorkflowHead['status'] | undefined;
  /** Collected already, for as long as somebody holds the handle. */
  readonly pending: Promise<WorkflowResult> | undefined;
  readonly system: {
    result(id: string): Promise<WorkflowResult>;
    status(id: string): Promise<WorkflowStatus>;
    trace(id: string): Promise<Trace>;
    explain(id: string, taskId?: string): Promise<Explanation>;
    select(selection: { readonly correlationId: string }): Observable<GleitzeitEvent>;
  };
  /** Hands a command to the workflow, where it is still there; resolves when what came of it is durable. */
  tell(draft: HandleCommand): Promise<void>;
}

export function makeHandle({ id, known, pending, system, tell }: Handled): Run {
  // Whoever does not wait for it need not hear of its failure either.
  const heeded = <Value>(promise: Promise<Value>): Promise<Value> => {
    promise.catch(() => undefined);
    return promise;
  };
  if (pending !== undefined) heeded(pending);
  const command = (type: HandleCommand['type'], reason: string): Promise<void> => heeded(tell({ type, data: { workflowId: id, reason, by: 'api' } }));
  return {
    id,
    ...(known !== undefined && { known }),
    result: () => heeded(pending ?? system.result(id)),
    cancel: (reason = cancelReason) => command('workflow:cancel', reason),
    pause: (reason = 'pause') => command('workflow:pause', reason),
    resume: (reason = 'resume') => command('workflow:resume', reason),
    status: () => system.status(id),
    events$: system.select({ correlationId: id }),
    trace: () => system.trace(id),
    explain: (taskId) => system.explain(id, taskId),
  };
}
