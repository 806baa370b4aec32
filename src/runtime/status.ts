/** The state of a workflow and of each of its tasks, as far as it is known just now. */
import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import { errorOf } from '../errors.ts';
import type { WorkflowHead } from '../journal/journal.ts';
import { taskKey } from '../system/addressing.ts';
import type { Core } from '../system/core.ts';
import { replayWorkflow } from './replay.ts';
import { type TaskResult, tasksOf } from './result.ts';

export interface TaskStatus extends Omit<TaskResult, 'status'> {
  /** The state's name as in the chart of the task; `pending` for a task that nothing has made ready yet. */
  readonly status: string;
}

export interface WorkflowStatus {
  readonly workflowId: string;
  readonly name: string;
  /** The state's name as in the chart of the workflow. */
  readonly status: string;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  readonly tasks: Readonly<Record<string, TaskStatus>>;
}

/**
 * The status of a workflow, live or finished.
 * @throws GleitzeitError WORKFLOW_NOT_FOUND
 */
export async function statusOf(core: Core, workflowId: string): Promise<WorkflowStatus> {
  const head = await core.journal.find(workflowId);
  if (head === undefined) throw notFound(workflowId);
  const live = { workflow: core.snapshot('workflow', workflowId), resolver: core.snapshot('resolver', workflowId) };
  if (live.workflow !== undefined && live.resolver !== undefined) {
    return describe(head, {
      value: live.workflow.value,
      // The resolver's snapshot has the resolver's context; so too below.
      resolver: live.resolver.context as ResolverContext,
      liveOf: (taskId) => liveTask(core, workflowId, taskId),
    });
  }
  const replayed = replayWorkflow(await core.journal.read({ workflowId }));
  if (replayed === undefined) throw notFound(workflowId);
  const { workflow, resolver } = replayed;
  return describe(head, {
    value: workflow.getSnapshot().value,
    resolver: resolver.getSnapshot().context as ResolverContext,
    liveOf: () => undefined,
  });
}

export function notFound(workflowId: string): Error {
  return errorOf('WORKFLOW_NOT_FOUND', `There is no workflow '${workflowId}' here, or it is no longer kept.`);
}

type LiveTask = (taskId: string) => TaskStatus | undefined;

function describe(
  { workflowId, name, submittedAt }: WorkflowHead,
  { value, resolver, liveOf }: { readonly value: unknown; readonly resolver: ResolverContext; readonly liveOf: LiveTask },
): WorkflowStatus {
  const ended = tasksOf(resolver);
  const tasks: Record<string, TaskStatus> = Object.create(null) as Record<string, TaskStatus>;
  for (const { id } of resolver.definition.tasks) tasks[id] = ended[id] ?? liveOf(id) ?? { status: 'pending', attempts: 0 };
  return { workflowId, name, status: stateName(value), submittedAt, tasks };
}

function liveTask(core: Core, workflowId: string, taskId: string): TaskStatus | undefined {
  const task = core.snapshot('task', taskKey(workflowId, taskId));
  if (task === undefined) return undefined;
  return { status: stateName(task.value), attempts: (task.context as { readonly attempt: number }).attempt };
}

/** The innermost state's name: what a person calls the state. */
function stateName(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.values(value as Readonly<Record<string, unknown>>)
    .map(stateName)
    .join(', ');
}
