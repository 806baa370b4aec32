/** Removes workflows by their names: what has ended, and what is damaged and would never go by its age. */
import * as z from 'zod';

import { Complaints } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import { describeValue } from '../thrown.ts';
import type { Booted } from './boot.ts';
import { notFound } from './known-workflow.ts';

const idsRule = 'a list of 1 to 1000 ids of workflows';
const shape = z
  .array(z.string({ error: 'the id of a workflow' }).min(1, { error: 'the id of a workflow' }), { error: idsRule })
  .min(1, { error: idsRule })
  .max(1_000, { error: idsRule });

/**
 * Removes workflows with everything recorded of them; resolves when that is durable. @returns how many
 * @throws GleitzeitError WORKFLOW_NOT_FOUND, WORKFLOW_INVALID_STATE for one that has not ended; then none is removed
 */
export async function sweepByName(
  { journal, gate, damage }: Pick<Booted, 'journal' | 'gate' | 'damage'>,
  workflowIds: readonly string[],
): Promise<number> {
  const complaints = new Complaints();
  complaints.addAll(shape.safeParse(workflowIds), { of: workflowIds, at: '', known: [] });
  const error = complaints.error('sweep', 'INVALID_PARAMS');
  if (error !== undefined) throw error;
  const removed = await gate.sweep(async () => {
    for (const workflowId of new Set(workflowIds)) await requireEnded(journal, workflowId);
    return journal.sweep({ workflowIds });
  });
  await damage.look();
  return removed;
}

async function requireEnded(journal: Booted['journal'], workflowId: string): Promise<void> {
  const head = await journal.find(workflowId);
  if (head?.status === 'running') {
    const text = `Workflow ${describeValue(workflowId)} has not ended: only what has ended or is damaged is removed. Cancel it first.`;
    throw errorOf('WORKFLOW_INVALID_STATE', text, { details: { workflowId, status: head.status } });
  }
  if (head !== undefined) return;
  // What is damaged may be listed under another id than it can be found by.
  const { workflows } = await journal.damaged();
  if (!workflows.some((damaged) => damaged.workflowId === workflowId)) throw notFound(workflowId);
}
