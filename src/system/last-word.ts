/** What is left to say for an actor that cannot say it itself. */
import type { GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
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

interface Word {
  readonly source: string;
  readonly draft: GleitzeitDraft;
}

/** What is said on behalf of an actor that is gone, where whoever addressed it would wait for its word for ever. */
export function wordFor(component: Component, key: string, event: GleitzeitEvent): Word | undefined {
  const draft = component === 'task' ? wordForTask(event) : component === 'worker' ? wordForWorker(event) : undefined;
  return draft === undefined ? undefined : { source: draft.type === 'queue:claim_refused' ? 'queue' : addressOf(component, key), draft };
}

/**
 * A report of a task that is gone is stale, and a claim of it is refused, so that the worker gets its slot back. The queue does
 * that for a task that has left it; one that ended in the turn of the claim may still stand there.
 */
function wordForTask(event: GleitzeitEvent): GleitzeitDraft | undefined {
  switch (event.type) {
    case 'attempt:succeeded':
    case 'attempt:failed': {
      const { workflowId, taskId, attempt, leaseId, workerId } = event.data;
      const reported = event.type === 'attempt:succeeded' ? 'succeeded' : 'failed';
      return { type: 'task:stale_report', data: { workflowId, taskId, attempt, leaseId, workerId, reported } };
    }
    case 'task:claimed': {
      const { workflowId, taskId, workerId, leaseId } = event.data;
      return { type: 'queue:claim_refused', data: { workflowId, taskId, workerId, leaseId } };
    }
    default:
      return undefined;
  }
}

/** A worker may leave with the last of its slots, and its pool still pass on one that was given back before: the offer stands again. */
function wordForWorker(event: GleitzeitEvent): GleitzeitDraft | undefined {
  if (event.type !== 'worker:assign') return undefined;
  // A pool has the name of its protocol.
  return { type: 'worker:refused', data: { ...event.data, poolId: event.data.protocol } };
}

/** Whether one event says already that the claim of the other is refused. */
export function isRefusalOf(said: GleitzeitEvent, claim: GleitzeitEvent): boolean {
  return said.type === 'queue:claim_refused' && claim.type === 'task:claimed' && said.data.leaseId === claim.data.leaseId;
}
