/** What came of a workflow, whether it is under way or has ended long ago. */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Journal } from '../journal/journal.ts';
import type { Booted } from './boot.ts';
import { knownHead, notFound, refuseDamaged } from './known-workflow.ts';
import { replayedResult, replayWorkflow } from './replay.ts';
import type { WorkflowResult } from './result.ts';

/** Waits for its result, and opens what is sealed in it. @throws GleitzeitError WORKFLOW_NOT_FOUND, SYSTEM_SHUTDOWN, PERSISTENCE_INTEGRITY_ERROR */
export async function resultOfWorkflow(booted: Pick<Booted, 'journal' | 'runs' | 'secrets'>, workflowId: string): Promise<WorkflowResult> {
  return booted.secrets.result(await sealedResultOf(booted, workflowId));
}

/** The same as it is recorded, for those who may see everything but secrets. @throws GleitzeitError as {@link resultOfWorkflow} does */
export async function sealedResultOf({ journal, runs }: Pick<Booted, 'journal' | 'runs'>, workflowId: string): Promise<WorkflowResult> {
  // Waiting begins before the journal is asked, so that an end in between is not missed.
  const ending = runs.result(workflowId);
  const known = await journal.find(workflowId);
  if (known?.status === 'running') return ending;
  runs.forget(workflowId);
  if (known === undefined) throw notFound(workflowId);
  refuseDamaged(known);
  const replayed = replayWorkflow(await journal.read({ workflowId }));
  const result = replayed && replayedResult(replayed);
  if (result === undefined) throw notFound(workflowId);
  return result;
}

/** Everything recorded of it. @throws GleitzeitError WORKFLOW_NOT_FOUND, PERSISTENCE_INTEGRITY_ERROR */
export async function factsOfWorkflow(
  { journal }: { readonly journal: Pick<Journal, 'find' | 'read'> },
  workflowId: string,
): Promise<readonly GleitzeitEvent[]> {
  await knownHead({ journal }, workflowId);
  return journal.read({ workflowId });
}
