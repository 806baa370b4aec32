/** One attempt, as `task:started` states it, with the parameters of its task. */
export interface Attempt {
  readonly workflowId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly leaseId: string;
  readonly workerId: string;
  readonly providerId: string;
  readonly method: string;
  readonly protocol: string;
  readonly params: unknown;
  readonly timeoutMs: number;
  readonly idempotencyKey: string;
}
