/** What a user gets of a workflow: its result when it has ended, its status at any time. */
import { outcomesOf, type ResolverContext } from '../../machines/dependency-resolver.ts';
import type { DataOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { type Failure, withAllOf } from '../../machines/failures.ts';

/** A failure as a user sees it: secrets blotted out, and within the limits of what is recorded (`docs/durability.md`). */
export interface ErrorInfo {
  readonly code: string;
  readonly rpcCode: number;
  readonly message: string;
  /** Whether another attempt may go better. */
  readonly retryable?: boolean;
  /** The least time until another attempt makes sense, in milliseconds, as the failing side said. */
  readonly retryAfterMs?: number;
  /** What the failing side said besides: the body that a server refused with, the last of a command's output, the errors of several. */
  readonly details?: unknown;
  /** Where it was thrown, a stack or a traceback. Observers at a hub do not get it. */
  readonly stack?: string;
  /** What it came of, up to five of them; the innermost says most. */
  readonly cause?: ErrorInfo;
}

/** What became of a task. */
export interface TaskResult {
  readonly status: 'completed' | 'failed' | 'cancelled' | 'skipped';
  /** Attempts that began; 0 for a task that never ran. */
  readonly attempts: number;
  /** Of the last attempt, in milliseconds. */
  readonly durationMs?: number;
  readonly result?: unknown;
  readonly error?: ErrorInfo;
}

/** What became of a workflow. */
export interface WorkflowResult<Output = unknown> {
  readonly workflowId: string;
  readonly name: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  /** From the start of the workflow to its end, in milliseconds. */
  readonly durationMs: number;
  readonly output?: Output;
  /** Why it failed or was cancelled. */
  readonly error?: ErrorInfo;
  /** By task id, in the order of the definition; a fan-out is one task with an array. */
  readonly tasks: Readonly<Record<string, TaskResult>>;
}

export type EndOfWorkflow = Extract<GleitzeitEvent, { readonly type: 'workflow:completed' | 'workflow:failed' | 'workflow:cancelled' }>;

export function errorInfo({ retryAfterMs, details, stack, cause, ...said }: Failure): ErrorInfo {
  return {
    ...said,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(details !== undefined && { details }),
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && { cause: errorInfo(cause) }),
  };
}

/** Makes the result from the last word of the workflow and what its resolver knows of the tasks. */
export function resultOf(end: EndOfWorkflow, resolver: ResolverContext): WorkflowResult {
  const status = end.type === 'workflow:completed' ? 'completed' : end.type === 'workflow:failed' ? 'failed' : 'cancelled';
  const { workflowId, durationMs } = end.data;
  return {
    workflowId,
    name: resolver.definition.name,
    status,
    durationMs,
    ...('output' in end.data && end.data.output !== undefined ? { output: end.data.output } : undefined),
    ...(end.type === 'workflow:failed' ? { error: errorInfo(whole(end.data, resolver)) } : undefined),
    ...(end.type === 'workflow:cancelled'
      ? { error: { code: 'WORKFLOW_CANCELLED', rpcCode: -28005, message: end.data.reason, retryable: false } }
      : undefined),
    tasks: tasksOf(resolver),
  };
}

/** The workflow repeats what its first task failed with, not where that was thrown. */
function whole({ error, failedTaskIds: [first] }: DataOf<'workflow:failed'>, resolver: ResolverContext): Failure {
  return withAllOf(error, first === undefined ? undefined : outcomesOf(resolver).get(first)?.error);
}

/** The tasks that have ended so far. */
export function tasksOf(resolver: ResolverContext): Record<string, TaskResult> {
  const outcomes = outcomesOf(resolver);
  // Task ids may be named like members of an object: a null prototype keeps them apart.
  const tasks: Record<string, TaskResult> = Object.create(null) as Record<string, TaskResult>;
  for (const { id } of resolver.definition.tasks) {
    const outcome = outcomes.get(id);
    if (outcome === undefined) continue;
    const { status, attempts, durationMs, result, error } = outcome;
    tasks[id] = {
      status,
      attempts,
      ...(durationMs === undefined ? undefined : { durationMs }),
      ...(result === undefined ? undefined : { result }),
      ...(error === undefined ? undefined : { error: errorInfo(error) }),
    };
  }
  return tasks;
}
