/**
 * What users ask of workflows and tasks that are there already.
 *
 * What is unknown is an error, what has ended is left as it is; only what can still be heard becomes a command.
 */
import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import { type GleitzeitDraft, isEventType, specOf } from '../../machines/events/catalogue.ts';
import { type Priority, priorities, type WorkflowDefinition } from '../../machines/events/definition.ts';
import { topologyOf } from '../../machines/policies/topology.ts';
import { Complaints, refuseMisfits } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import { hasEnded } from '../system/actor.ts';
import { taskKey } from '../system/addressing.ts';
import { describeValue, readField } from '../thrown.ts';
import { suggestion } from '../workflow/nearest.ts';
import type { Booted } from './boot.ts';
import { knownHead } from './known-workflow.ts';
import { idShape } from './submit.ts';

export const cancelReason = 'cancelled by its user';

export type Asked = Pick<Booted, 'core' | 'journal' | 'recovering'>;

/**
 * Hands a command to a workflow that is under way; resolves when what came of it is durable.
 * @throws GleitzeitError WORKFLOW_NOT_FOUND
 */
export async function commandWorkflow(asked: Asked, workflowId: string, draft: GleitzeitDraft): Promise<void> {
  if (isLive(asked, workflowId)) return commandIfLive(asked, workflowId, draft);
  await ended(asked);
  await knownHead(asked, workflowId);
}

/** Hands a command to a workflow that was known once, unless it has ended; resolves when what came of it is durable. */
export async function commandIfLive(asked: Asked, workflowId: string, draft: GleitzeitDraft): Promise<void> {
  refuseMisfits(draft.type, draft.data);
  if (!isLive(asked, workflowId)) return ended(asked);
  asked.recovering.hasten(workflowId);
  asked.core.accept(draft, { source: 'api' });
  return asked.core.whenDurable();
}

/** Whoever is told that there is nothing left to do is told so once the end that says so is durable: a crash would undo it. */
async function ended({ core }: Asked): Promise<void> {
  if (core.settled() !== true) await core.whenDurable();
}

function isLive({ core }: Asked, workflowId: string): boolean {
  const workflow = core.snapshot('workflow', workflowId);
  return workflow !== undefined && !hasEnded(workflow);
}

/**
 * Hands a command to a task that is under way.
 * @throws GleitzeitError WORKFLOW_NOT_FOUND, TASK_NOT_FOUND, or WORKFLOW_INVALID_STATE for one that nothing has made ready yet
 */
export async function commandTask(asked: Asked, { workflowId, taskId }: TaskName, draft: GleitzeitDraft): Promise<void> {
  refuseMisfits(draft.type, draft.data);
  const { core, journal, recovering } = asked;
  recovering.hasten(workflowId);
  const task = core.snapshot('task', taskKey(workflowId, taskId));
  if (task?.status === 'active') {
    core.accept(draft, { source: 'api' });
    return core.whenDurable();
  }
  const resolver = core.snapshot('resolver', workflowId);
  await ended(asked);
  if (resolver === undefined) {
    await knownHead({ journal }, workflowId);
    return;
  }
  // The resolver's snapshot has the resolver's context.
  const { definition, outcomes } = resolver.context as ResolverContext;
  const at = positionOf(definition, { workflowId, taskId });
  if (task === undefined && at !== undefined && !outcomes.has(at))
    throw errorOf(
      'WORKFLOW_INVALID_STATE',
      `Task '${taskId}' of workflow '${workflowId}' still waits for others: only what is ready or runs can be asked for that.`,
    );
}

export interface TaskName {
  readonly workflowId: string;
  readonly taskId: string;
}

/**
 * Where a task stands in a definition; nowhere for an element of a fan-out.
 * @throws GleitzeitError TASK_NOT_FOUND
 */
export function positionOf(definition: WorkflowDefinition, { workflowId, taskId }: TaskName): number | undefined {
  const { byId } = topologyOf(definition);
  const at = byId.get(taskId);
  if (at !== undefined || byId.has(String(taskId).replace(/\[\d+\]$/, ''))) return at;
  throw errorOf('TASK_NOT_FOUND', `Workflow '${workflowId}' has no task ${describeValue(taskId)}.${suggestion(String(taskId), byId.keys())}`);
}

/** @throws GleitzeitError INVALID_PARAMS */
export function checkPriority(priority: unknown): asserts priority is Priority {
  if (priorities.some((known) => known === priority)) return;
  throw errorOf('INVALID_PARAMS', `A priority must be ${priorities.join(', ')}, got ${describeValue(priority)}`);
}

/** What a user states may name a workflow or a schedule as a submit may, and not otherwise. */
function checkName(type: unknown, data: unknown): void {
  const field = type === 'workflow:submit' ? 'workflowId' : type === 'cron:create' ? 'scheduleId' : undefined;
  if (field === undefined) return;
  const complaints = new Complaints();
  complaints.addAll(idShape(1_024).safeParse(readField(data, field)), { of: readField(data, field), at: field });
  const error = complaints.error(`The data of '${String(type)}'`, 'INVALID_PARAMS');
  if (error !== undefined) throw error;
}

/**
 * Makes a command of what a user states.
 * @throws GleitzeitError INVALID_REQUEST for a type that is not a user's to state, INVALID_PARAMS for a payload that its schema refuses
 */
export function userCommand(type: unknown, data: unknown): GleitzeitDraft {
  const spec = typeof type === 'string' && isEventType(type) ? specOf(type) : undefined;
  if (spec?.kind !== 'command' || !spec.owners.includes('api')) {
    throw errorOf('INVALID_REQUEST', `${describeValue(type)} is not a command that a user can state. Facts are stated by their owners only.`);
  }
  const parsed = spec.data.safeParse(data);
  if (!parsed.success) throw errorOf('INVALID_PARAMS', `The data of '${String(type)}' does not fit: ${parsed.error.message}`);
  refuseMisfits(`The data of '${String(type)}'`, data);
  checkName(type, data);
  // The schema of the type has just accepted its data.
  return { type, data: parsed.data } as GleitzeitDraft;
}
