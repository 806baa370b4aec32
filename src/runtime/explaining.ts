/** Why a workflow is not done yet, as far as that may be told. */
import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import { type Explained, type Explanation, explainAdmission, explainWorkflow } from '../observe/explain.ts';
import { addressOf } from '../system/actor.ts';
import { told } from '../system/told.ts';
import { type Asked, positionOf } from './commands.ts';
import { knownHead, notFound } from './known-workflow.ts';
import { replayTasks, replayWorkflow } from './replay.ts';

/** @throws GleitzeitError WORKFLOW_NOT_FOUND, TASK_NOT_FOUND */
export async function explainAsked(asked: Asked, workflowId: string, taskId?: string): Promise<Explanation> {
  const { core, recovering } = asked;
  // Why it does not go on is known only once it was told to.
  if (core.storageFault === undefined && recovering.hasten(workflowId)) await core.whenDurableOrHeld();
  const explanation = await told<Explanation | undefined>(core, {
    live: () => explainAdmission(core, workflowId) ?? explainPresent(core, workflowId, taskId),
    // A submit that waits for room is nowhere else.
    recorded: () => explainAdmission(core, workflowId) ?? explainRecorded(asked, workflowId, taskId),
  });
  if (explanation !== undefined) return explanation;
  await knownHead(asked, workflowId);
  return explainWorkflow(core, workflowId, taskId);
}

/** Nothing for a workflow that is not there any more. @throws GleitzeitError TASK_NOT_FOUND */
function explainPresent(actors: Explained, workflowId: string, taskId: string | undefined): Explanation | undefined {
  const resolver = actors.snapshot('resolver', workflowId);
  if (resolver === undefined) return undefined;
  // The resolver's snapshot has the resolver's context.
  if (taskId !== undefined) positionOf((resolver.context as ResolverContext).definition, { workflowId, taskId });
  return explainWorkflow(actors, workflowId, taskId);
}

async function explainRecorded({ core, journal }: Asked, workflowId: string, taskId: string | undefined): Promise<Explanation> {
  await knownHead({ journal }, workflowId);
  const facts = await journal.read({ workflowId });
  const replayed = replayWorkflow(facts);
  if (replayed === undefined) throw notFound(workflowId);
  const { workflow, resolver, end } = replayed;
  const actors = end === undefined ? [workflow, resolver, ...replayTasks(replayed, facts).values()] : [];
  const byAddress = new Map(actors.map((actor) => [actor.address, actor]));
  const recorded: Explained = {
    storageFault: core.storageFault,
    clock: core.clock,
    snapshot: (component, key = '') => byAddress.get(addressOf(component, key))?.getSnapshot(),
  };
  return explainPresent(recorded, workflowId, taskId) ?? explainWorkflow(recorded, workflowId, taskId);
}
