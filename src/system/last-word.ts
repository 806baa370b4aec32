/** What is left to say for an actor that cannot say it itself. */
import type { GleitzeitDraft } from '../../machines/events/catalogue.ts';
import type { Failure } from '../../machines/failures.ts';
import type { Actor } from './actor.ts';

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
