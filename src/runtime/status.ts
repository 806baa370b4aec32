/** The state of a workflow and of each of its tasks, as far as it is known just now. */
import type { AnyMachineSnapshot } from 'xstate';

import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { WorkflowContext } from '../../machines/workflow.ts';
import type { WorkflowHead } from '../journal/journal.ts';
import type { Reason } from '../observe/reason.ts';
import { reasonOfStorage } from '../observe/storage-fault.ts';
import { taskKey } from '../system/addressing.ts';
import type { Core } from '../system/core.ts';
import { told } from '../system/told.ts';
import { knownHead, notFound } from './known-workflow.ts';
import { replayTasks, replayWorkflow } from './replay.ts';
import { type TaskResult, tasksOf } from './result.ts';

/** How far a task is. */
export interface TaskStatus extends Omit<TaskResult, 'status'> {
  /** The state's name as in the chart of the task; `pending` for a task that nothing has made ready yet. */
  readonly status: string;
}

/** How far a workflow is. */
export interface WorkflowStatus {
  readonly workflowId: string;
  readonly name: string;
  /** The state's name as in the chart of the workflow. */
  readonly status: string;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  readonly tasks: Readonly<Record<string, TaskStatus>>;
  /** That this is what is recorded and no more, and why, while the journal takes no facts. */
  readonly storage?: Reason;
}

/**
 * The status of a workflow, live or finished.
 * @throws GleitzeitError WORKFLOW_NOT_FOUND
 */
export async function statusOf(core: Core, workflowId: string): Promise<WorkflowStatus> {
  const live = await told(core, { live: () => liveStatus(core, workflowId), recorded: () => undefined });
  if (live !== undefined) return live;
  await knownHead(core, workflowId);
  const storage = reasonOfStorage(core);
  return { ...recordedStatus(await core.journal.read({ workflowId }), workflowId), ...(storage && { storage }) };
}

/** Nothing for one that has ended and gone. */
function liveStatus(core: Core, workflowId: string): WorkflowStatus | undefined {
  const [workflow, resolver] = [core.snapshot('workflow', workflowId), core.snapshot('resolver', workflowId)];
  if (workflow === undefined || resolver === undefined) return undefined;
  // The snapshots of these components have the contexts of their machines; so too below.
  const { submittedAt } = workflow.context as WorkflowContext;
  const context = resolver.context as ResolverContext;
  return describe(
    { workflowId, name: context.definition.name, submittedAt },
    { value: workflow.value, resolver: context, liveOf: (taskId) => taskStatus(core.snapshot('task', taskKey(workflowId, taskId))) },
  );
}

/**
 * The status of a workflow as its facts leave it; those up to some `seq` give it as of then.
 * @throws GleitzeitError WORKFLOW_NOT_FOUND when its submission is not among them
 */
export function recordedStatus(facts: readonly GleitzeitEvent[], workflowId: string): WorkflowStatus {
  const replayed = replayWorkflow(facts);
  const submitted = facts.find(({ type }) => type === 'workflow:submitted');
  if (replayed === undefined || submitted?.type !== 'workflow:submitted') throw notFound(workflowId);
  const { workflow, resolver } = replayed;
  const tasks = replayTasks(replayed, facts);
  return describe(
    { workflowId, name: submitted.data.name, submittedAt: submitted.time },
    {
      value: workflow.getSnapshot().value,
      resolver: resolver.getSnapshot().context as ResolverContext,
      liveOf: (taskId) => taskStatus(tasks.get(taskId)?.getSnapshot()),
    },
  );
}

type LiveTask = (taskId: string) => TaskStatus | undefined;

function describe(
  { workflowId, name, submittedAt }: Pick<WorkflowHead, 'workflowId' | 'name' | 'submittedAt'>,
  { value, resolver, liveOf }: { readonly value: unknown; readonly resolver: ResolverContext; readonly liveOf: LiveTask },
): WorkflowStatus {
  const ended = tasksOf(resolver);
  const tasks: Record<string, TaskStatus> = Object.create(null) as Record<string, TaskStatus>;
  for (const { id } of resolver.definition.tasks) tasks[id] = ended[id] ?? liveOf(id) ?? { status: 'pending', attempts: 0 };
  return { workflowId, name, status: stateName(value), submittedAt, tasks };
}

function taskStatus(task: AnyMachineSnapshot | undefined): TaskStatus | undefined {
  if (task === undefined) return undefined;
  // The snapshot of a task has the task's context.
  return { status: stateName(task.value), attempts: (task.context as { readonly attempt: number }).attempt };
}

/** The innermost state's name: what a person calls the state. */
function stateName(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.values(value as Readonly<Record<string, unknown>>)
    .map(stateName)
    .join(', ');
}
