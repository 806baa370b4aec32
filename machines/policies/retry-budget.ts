/**
 * The retry budget of a protocol: a token bucket that keeps retries a small share of the load.
 *
 * A retry takes a token; completed attempts and time bring tokens back. A bucket that is spent runs into debt: each further
 * retry is put off until its token has come, so retries are spaced and never forfeited. Source of the shape: gRPC's retry
 * throttling (proposal A6: 10 tokens, a tenth per success); of the share that time brings: Finagle's `RetryBudget` (at least
 * 10 retries a second), so that a large fan-out on a flaky provider is slowed down, not stopped.
 */

export const retryBudgetDefaults = {
  /** Retries that a full bucket allows at once. */
  burst: 10,
  /** Tokens that a completed attempt brings back. */
  perCompletion: 0.1,
  /** Tokens that time brings back, per millisecond. */
  perMs: 0.01,
} as const;

export interface RetryBudget {
  /** Tokens at `at`; below zero: retries that were put off. */
  readonly tokens: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

export const fullRetryBudget: RetryBudget = { tokens: retryBudgetDefaults.burst, at: 0 };

/** The budget as it is at a later time; time that runs backwards brings nothing. */
export function refill({ tokens, at }: RetryBudget, time: number): RetryBudget {
  return { tokens: Math.min(retryBudgetDefaults.burst, tokens + Math.max(0, time - at) * retryBudgetDefaults.perMs), at: time };
}

/** The budget after an attempt was completed. */
export function credit(budget: RetryBudget, time: number): RetryBudget {
  const { tokens } = refill(budget, time);
  return { tokens: Math.min(retryBudgetDefaults.burst, tokens + retryBudgetDefaults.perCompletion), at: time };
}

/** The budget after one more retry, and how long that retry has to wait for its token, in milliseconds. */
export function spend(budget: RetryBudget, time: number): { readonly tokens: number; readonly waitMs: number } {
  const tokens = refill(budget, time).tokens - 1;
  return { tokens, waitMs: tokens >= 0 ? 0 : -tokens / retryBudgetDefaults.perMs };
}
