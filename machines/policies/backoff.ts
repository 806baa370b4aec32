/**
 * How long to wait before another attempt.
 *
 * Attempt n failed, n counted from 1. The full delay is base × 2^(n−1) (exponential), base × n (linear) or base (fixed),
 * cut at the cap. Jitter then spreads it downwards only, so the cap holds with jitter too: `full` over 0 to all of it,
 * `equal` over its upper half, `none` not at all. Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture
 * Blog, 2015 ("Full Jitter": random(0, min(cap, base × 2^n)); "Equal Jitter": half of that, and random up to the other half).
 */
import type { RetryPolicy } from '../events/definition.ts';

/** What a task gets that asks for retries and leaves an option out; a task that does not ask is tried once. */
export const retryDefaults = {
  maxAttempts: 3,
  strategy: 'exponential',
  baseDelayMs: 1_000,
  maxDelayMs: 300_000,
  jitter: 'equal',
} as const satisfies RetryPolicy;

export type Backoff = Pick<RetryPolicy, 'strategy' | 'baseDelayMs' | 'maxDelayMs' | 'jitter'>;

/**
 * The delay after the attempt that failed, in whole milliseconds, never beyond the cap.
 *
 * @param attempt - The attempt that failed, from 1.
 * @param chance - A fraction in [0, 1) that places the delay within its spread.
 */
export function backoffMs(policy: Backoff, attempt: number, chance: number): number {
  const delay = Math.min(fullDelayMs(policy, attempt), policy.maxDelayMs);
  switch (policy.jitter) {
    case 'full':
      return Math.floor(delay * chance);
    case 'equal':
      return Math.floor(delay / 2 + (delay / 2) * chance);
    case 'none':
      return Math.floor(delay);
  }
}

function fullDelayMs({ strategy, baseDelayMs }: Backoff, attempt: number): number {
  switch (strategy) {
    case 'exponential':
      // A factor that is infinite would make a base of 0 a NaN.
      return baseDelayMs * Math.min(2 ** (attempt - 1), Number.MAX_VALUE);
    case 'linear':
      return baseDelayMs * attempt;
    case 'fixed':
      return baseDelayMs;
  }
}
