/** Has a workflow that failed go on: its actors are brought back as its facts leave them, and asked whether it may. */
import { refuseMisfits } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import type { Core } from '../system/core.ts';
import { recordedOf } from './begun-tasks.ts';
import type { Booted } from './boot.ts';
import { bringBackWorkflow } from './hydration.ts';
import { damagedError, knownHead } from './known-workflow.ts';
import { refuseWhileHeld } from './storage.ts';

/**
 * Retries a workflow; resolves when that is durable.
 * @throws GleitzeitError WORKFLOW_NOT_FOUND, or WORKFLOW_INVALID_STATE for one that has not failed
 */
export async function retryWorkflow(booted: Booted, workflowId: string, reason: string): Promise<void> {
  refuseMisfits('retry', { reason });
  // In turn: of two who ask, the second sees that it runs.
  return booted.runs.inTurn(workflowId, () => booted.gate.whileKept(() => retryInTurn(booted, workflowId, reason)));
}

async function retryInTurn({ core, journal, runs, damage }: Booted, workflowId: string, reason: string): Promise<void> {
  const head = await knownHead({ journal }, workflowId);
  if (head.status !== 'failed') {
    const state = head.status === 'running' ? 'has not ended' : `is ${head.status}`;
    throw errorOf('WORKFLOW_INVALID_STATE', `Workflow '${workflowId}' ${state}: only one that has failed can be retried.`, {
      details: { workflowId, status: head.status },
    });
  }
  const facts = recordedOf(await journal.read({ workflowId }));
  await gone(core, workflowId);
  refuseWhileHeld(core);
  try {
    if (bringBackWorkflow(core, facts) === undefined) throw damagedError(workflowId);
  } catch (thrown) {
    await damage.isolate(new Map([[workflowId, thrown]]));
    throw damagedError(workflowId);
  }
  const retried = runs.retrial(workflowId);
  core.accept({ type: 'workflow:retry', data: { workflowId, reason, by: 'api' } }, { source: 'api' });
  await retried;
}

/** Resolves when the actors that ended with the workflow are gone: its end may be in the journal a moment before. */
async function gone(core: Core, workflowId: string): Promise<void> {
  while (core.registry.last('workflow', workflowId) !== undefined || core.registry.last('resolver', workflowId) !== undefined)
    await core.whenDurable();
}
