/** Parts that the payloads of several events share. */
import * as z from 'zod';

/** A failure as data; at the public edge it becomes a `GleitzeitError`. */
export type Failure = {
  code: string;
  rpcCode: number;
  message: string;
  retryable: boolean;
  /** The least time until another attempt makes sense, in milliseconds, as the failing side said. */
  retryAfterMs?: number | undefined;
  details?: unknown;
  /** Where it was thrown: recorded once, with the attempt that it ended. */
  stack?: string | undefined;
  cause?: Failure | undefined;
};
export const failureSchema: z.ZodType<Failure> = z.strictObject({
  code: z.string(),
  rpcCode: z.int(),
  message: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.number().min(0).optional(),
  details: z.unknown().optional(),
  stack: z.string().optional(),
  get cause() {
    return failureSchema.optional();
  },
}) as z.ZodType<Failure>;

/** How many tasks of a workflow ended in which way. The elements of a fan-out are not counted, their task is. */
export const countsSchema = z.strictObject({
  completed: z.int().min(0),
  failed: z.int().min(0),
  cancelled: z.int().min(0),
  skipped: z.int().min(0),
});
export type Counts = z.infer<typeof countsSchema>;

/** Names one task of one workflow; an element of a fan-out is a task `<taskId>[<index>]`. */
export const taskRef = { workflowId: z.string(), taskId: z.string() };

/** The place of a fan-out's element: the task it belongs to, and its position in the list. */
export const elementSchema = z.strictObject({ of: z.string(), index: z.int().min(0) });
export type Element = z.infer<typeof elementSchema>;

/** Who runs an attempt, under which lease, and by which provider at which epoch of its circuit. */
export const leaseRef = {
  workerId: z.string(),
  leaseId: z.string(),
  providerId: z.string(),
  /** The circuit that counts this attempt (null: its provider goes unguarded), and its epoch at the dispatch. */
  circuit: z.string().nullable(),
  epoch: z.int().min(0),
};

/** An attempt that a worker has taken. */
export const claimSchema = z.strictObject({
  ...taskRef,
  method: z.string(),
  protocol: z.string(),
  ...leaseRef,
  attempt: z.int().min(1),
  leaseUntil: z.number(),
  /** Whether the worker runs outside this process. */
  remote: z.boolean(),
});
/** An attempt that a worker has taken. */
export type Claim = z.infer<typeof claimSchema>;

export const reason = z.string();
export const by = z.string();
export const epochMs = z.number();
export const durationMs = z.number().min(0);
