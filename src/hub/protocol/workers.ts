/**
 * What a remote worker and the hub say to each other, on `/pool`.
 *
 * A worker's slots are its credits: the hub has at most so many of its tasks out. A connection may register several workers, one
 * for each protocol that it serves. Only whoever holds a lease may report under it.
 */
import * as z from 'zod';

import { longestMs } from '../../../machines/policies/instants.ts';

const id = z.string().min(1).max(1_024);
const name = z.string().min(1).max(200);
const attempt = z.int().min(1);
const leaseId = z.string().min(1).max(200);

/** A task that a worker still runs, or has run and not been able to report. */
export const heldLease = z.strictObject({ leaseId, workflowId: id, taskId: id, attempt });
export type HeldLease = z.infer<typeof heldLease>;

const outcome = {
  workerId: id.exactOptional(),
  leaseId,
  workflowId: id,
  taskId: id,
  attempt,
  durationMs: z.number().min(0).max(longestMs).exactOptional(),
};

/** A failure as a worker reports it. */
export const reportedError = z.object({
  /** One of the error codes, or one of the worker's own in the same form; anything else counts as TASK_EXECUTION_FAILED. */
  code: z.string().max(200).exactOptional(),
  message: z.string().max(1_000_000),
  retryable: z.boolean().exactOptional(),
  retryAfterMs: z.number().min(0).max(86_400_000).exactOptional(),
  details: z.unknown().exactOptional(),
  /** Where it was thrown, a stack or a traceback. */
  stack: z.string().max(1_000_000).exactOptional(),
  /** The failure behind it, in the same form. */
  cause: z.unknown().exactOptional(),
});
export type ReportedError = z.infer<typeof reportedError>;

/** What a worker sends; each is acknowledged. */
export const workerMessages = {
  'worker:register': z.strictObject({
    workerId: id,
    protocol: name,
    methods: z.array(name).min(1).max(10_000),
    slots: z.int().min(1).max(100_000),
    /** Another one each time the process starts: tells a worker that reconnects from one that began anew under the same id. */
    instance: z.string().max(200).exactOptional(),
    /** What it still runs. */
    leases: z.array(heldLease).max(100_000).exactOptional(),
  }),
  'worker:heartbeat': z.strictObject({
    /** May be left out by a connection that registered one worker. */
    workerId: id.exactOptional(),
    /** Everything that it runs. */
    leases: z.array(leaseId).max(100_000),
    memoryBytes: z.number().min(0).exactOptional(),
    /** Share of one core, 0..1 and above. */
    cpu: z.number().min(0).exactOptional(),
    lagMs: z.number().min(0).exactOptional(),
  }),
  'worker:drain': z.strictObject({
    workerId: id.exactOptional(),
    reason: z.string().max(10_000).exactOptional(),
    /** What it finishes before it leaves: the rest is given back, and runs elsewhere. Without it, everything that it runs. */
    leases: z.array(leaseId).max(100_000).exactOptional(),
  }),
  'attempt:succeeded': z.strictObject({ ...outcome, result: z.unknown().exactOptional() }),
  'attempt:failed': z.strictObject({ ...outcome, error: reportedError }),
  'attempt:progress': z.strictObject({
    workerId: id.exactOptional(),
    leaseId,
    /** How far the attempt is. */
    fraction: z.number().min(0).max(1),
    message: z.string().max(10_000).exactOptional(),
  }),
} as const;
export type WorkerMessageName = keyof typeof workerMessages;

/** The messages that say how an attempt ended. */
export type ReportName = 'attempt:succeeded' | 'attempt:failed';

export function isReportName(name: string): name is ReportName {
  return name === 'attempt:succeeded' || name === 'attempt:failed';
}

/** What of a report that is refused has to be right for the attempt to be known; and of a failure, what went wrong. */
export const refusedReport = z.object({
  workerId: id.exactOptional(),
  leaseId,
  workflowId: id,
  taskId: id,
  attempt,
  error: z
    .object({ code: z.string().max(200).exactOptional(), message: z.string(), retryable: z.boolean().exactOptional() })
    .optional()
    .catch(undefined),
});
export type WorkerMessage<Name extends WorkerMessageName> = z.infer<(typeof workerMessages)[Name]>;

/** What each is answered with, beside `ok`. */
export interface WorkerAnswers {
  readonly 'worker:register': {
    /** How long a lease holds without a heartbeat, in milliseconds. */
    readonly leaseMs: number;
    readonly heartbeatMs: number;
    /** Announced leases that it no longer holds: what it runs under them is to be aborted. */
    readonly lost: readonly string[];
    /** The largest message that the hub takes, in bytes of JSON: beyond it, and a little more, it ends the connection. */
    readonly messageBytes: number;
  };
  readonly 'worker:heartbeat': { readonly lost: readonly string[] };
  readonly 'worker:drain': Record<never, never>;
  readonly 'attempt:succeeded': ReportAnswer;
  readonly 'attempt:failed': ReportAnswer;
  readonly 'attempt:progress': Record<never, never>;
}
export interface ReportAnswer {
  /** Whether the report counts; answered once that is durable. */
  readonly accepted: boolean;
  /** Why it does not. */
  readonly reason?: string;
}

/** What the hub sends to a worker. */
export const hubMessages = {
  'task:execute': z.object({
    workerId: id,
    workflowId: id,
    taskId: id,
    attempt,
    leaseId,
    idempotencyKey: z.string(),
    protocol: name,
    method: name,
    params: z.unknown(),
    timeoutMs: z.number().min(0),
  }),
  'task:abort': z.object({ leaseId, reason: z.string() }),
} as const;
export type HubMessageName = keyof typeof hubMessages;
export type TaskExecute = z.infer<(typeof hubMessages)['task:execute']>;
export type TaskAbort = z.infer<(typeof hubMessages)['task:abort']>;
