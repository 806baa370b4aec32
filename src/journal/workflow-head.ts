/** What the facts of a workflow make of its head. */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { WorkflowHead } from './journal.ts';

/** What one fact does to the head of its workflow: makes it, or says how it ended, or that it goes on after all. */
export type HeadChange =
  | { readonly made: WorkflowHead }
  | { readonly workflowId: string; readonly status: Exclude<WorkflowHead['status'], 'running' | 'damaged'>; readonly endedAt: number }
  | { readonly workflowId: string; readonly status: 'running' };

export function headChangeOf(fact: GleitzeitEvent): HeadChange | undefined {
  switch (fact.type) {
    case 'workflow:submitted': {
      const { workflowId, name, versionHash } = fact.data;
      return { made: { workflowId, name, versionHash, status: 'running', submittedAt: fact.time } };
    }
    case 'workflow:completed':
      return { workflowId: fact.data.workflowId, status: 'completed', endedAt: fact.time };
    case 'workflow:failed':
      return { workflowId: fact.data.workflowId, status: 'failed', endedAt: fact.time };
    case 'workflow:cancelled':
      return { workflowId: fact.data.workflowId, status: 'cancelled', endedAt: fact.time };
    case 'workflow:retried':
      return { workflowId: fact.data.workflowId, status: 'running' };
    default:
      return undefined;
  }
}

/** The head after a fact; nothing where the fact is not about a known workflow. */
export function headAfter(head: WorkflowHead | undefined, fact: GleitzeitEvent): WorkflowHead | undefined {
  const change = headChangeOf(fact);
  // What is damaged stays so, whatever is stated of it.
  if (change === undefined || head?.status === 'damaged') return head;
  if ('made' in change) return change.made;
  if (head === undefined) return undefined;
  if ('endedAt' in change) return { ...head, status: change.status, endedAt: change.endedAt };
  const { endedAt: _, ...running } = head;
  return { ...running, status: 'running' };
}
