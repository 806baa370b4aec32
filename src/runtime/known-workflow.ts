/** What may be asked of a workflow at all: whether it is known, and not damaged. */
import { errorOf, type GleitzeitError } from '../errors.ts';
import type { Journal, WorkflowHead } from '../journal/journal.ts';
import { describeValue } from '../thrown.ts';

/**
 * What the journal knows of a workflow that one may ask for.
 * @throws GleitzeitError WORKFLOW_NOT_FOUND, or PERSISTENCE_INTEGRITY_ERROR for one that is damaged
 */
export async function knownHead({ journal }: { readonly journal: Pick<Journal, 'find'> }, workflowId: string): Promise<WorkflowHead> {
  const head = await journal.find(workflowId);
  if (head === undefined) throw notFound(workflowId);
  refuseDamaged(head);
  return head;
}

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR */
export function refuseDamaged({ workflowId, status }: WorkflowHead): void {
  if (status === 'damaged') throw damagedError(workflowId);
}

export function damagedError(workflowId: string): GleitzeitError {
  const text = `Workflow ${describeValue(workflowId)} is damaged: what the journal holds of it cannot be read or brought back. `;
  const advice = '`gleitzeit check` says where, `gleitzeit check --repair` makes what can be saved usable, `gleitzeit sweep` removes it.';
  return errorOf('PERSISTENCE_INTEGRITY_ERROR', text + advice, { retryable: false, details: { reason: 'damaged', workflowId } });
}

export function notFound(workflowId: string): Error {
  return errorOf('WORKFLOW_NOT_FOUND', `There is no workflow '${workflowId}' here, or it is no longer kept.`);
}
