/** What the facts of a workflow make of its head. */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { WorkflowHead } from './journal.ts';

/** The head after a fact; nothing where the fact is not about a known workflow. */
export function headAfter(head: WorkflowHead | undefined, fact: GleitzeitEvent): WorkflowHead | undefined {
  switch (fact.type) {
    case 'workflow:submitted': {
      const { workflowId, name, versionHash } = fact.data;
      return { workflowId, name, versionHash, status: 'running', submittedAt: fact.time };
    }
    case 'workflow:completed':
      return head && { ...head, status: 'completed', endedAt: fact.time };
    case 'workflow:failed':
      return head && { ...head, status: 'failed', endedAt: fact.time };
    case 'workflow:cancelled':
      return head && { ...head, status: 'cancelled', endedAt: fact.time };
    default:
      return head;
  }
}
