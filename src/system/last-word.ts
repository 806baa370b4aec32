/** What is left to say for an actor that cannot say it itself. */
import type { GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Failure } from '../../machines/failures.ts';
import { type Actor, addressOf } from './actor.ts';

/**
 * What is said on behalf of an actor that throws even at the news that it failed: nobody else would end its workflow.
 */
export function lastWordOf(actor: Actor, error: Failure): GleitzeitDraft | undefined {
  if (actor.component !== 'workflow') return undefined;
  // A workflow's context has its id.
  const { workflowId } = actor.getSnapshot().context as { readonly workflowId: string };
  const counts = { completed: 0, failed: 0, cancelled: 0, skipped: 0 };
  return { type: 'workflow:failed', data: { workflowId, error, failedTaskIds: [], durationMs: 0, counts } };
}

/**
 * What is said on behalf of a task that is gone: a report of it is stale, and a claim of it is refused, so that the worker gets
 * its slot back. The queue does that for a task that has left it; one that ended in the turn of the claim may still stand there.
 */
export function wordForTask(event: GleitzeitEvent, key: string): { readonly source: string; readonly draft: GleitzeitDraft } | undefined {
  switch (event.type) {
    case 'attempt:succeeded':
    case 'attempt:failed': {
      const { workflowId, taskId, attempt, leaseId, workerId } = event.data;
      const reported = event.type === 'attempt:succeeded' ? 'succeeded' : 'failed';
      return {
        source: addressOf('task', key),
        draft: { type: 'task:stale_report', data: { workflowId, taskId, attempt, leaseId, workerId, reported } },
      };
    }
    case 'task:claimed': {
      const { workflowId, taskId, workerId, leaseId } = event.data;
      return { source: 'queue', draft: { type: 'queue:claim_refused', data: { workflowId, taskId, workerId, leaseId } } };
    }
    default:
      return undefined;
  }
}

/** Whether one event says already that the claim of the other is refused. */
export function isRefusalOf(said: GleitzeitEvent, claim: GleitzeitEvent): boolean {
  return said.type === 'queue:claim_refused' && claim.type === 'task:claimed' && said.data.leaseId === claim.data.leaseId;
}
