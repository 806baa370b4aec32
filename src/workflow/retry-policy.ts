/** Reads the retry block of a task: `true`, a number of attempts, or a map of options. */
import type { RetryPolicy } from '../../machines/events/definition.ts';
import { retryDefaults } from '../../machines/policies/backoff.ts';
import { isRecord } from '../../machines/policies/json.ts';
import type { Faults, Path } from './faults.ts';
import { readShape } from './read-shape.ts';
import { type RetryShape, retryKeys, retrySchema } from './shape.ts';
import { millisecondsOf } from './timing.ts';

const retryBlock = { keys: retryKeys, schema: retrySchema, noun: 'a map of retry options' } as const;

/** What is left out has its default; without a block a task is tried once. */
export function retryOf(retry: unknown, path: Path, faults: Faults): RetryPolicy | undefined {
  if (typeof retry === 'number') return { ...retryDefaults, maxAttempts: retry };
  if (retry === true) return { ...retryDefaults };
  if (!isRecord(retry)) return undefined;
  const read = readShape(retry, retryBlock, { path, faults });
  if (!read) return undefined;
  const { values, at } = read;
  const baseDelayMs = millisecondsOf(values, 'baseDelay', { at, faults });
  const maxDelayMs = millisecondsOf(values, 'maxDelay', { at, faults });
  return completeRetry(
    { ...policyOf(values), ...(baseDelayMs !== undefined && { baseDelayMs }), ...(maxDelayMs !== undefined && { maxDelayMs }) },
    path,
    faults,
  );
}

/** Adds the defaults to what a policy leaves out, and tells a cap below the base. */
export function completeRetry(policy: Partial<RetryPolicy>, path: Path, faults: Faults): RetryPolicy {
  const complete = { ...retryDefaults, ...policy };
  // A long base alone raises the cap with it: nobody asked for the default one.
  const maxDelayMs = policy.maxDelayMs ?? Math.max(complete.baseDelayMs, retryDefaults.maxDelayMs);
  if (policy.baseDelayMs !== undefined && maxDelayMs < policy.baseDelayMs) {
    faults.add(path, 'retry', `must have a longest delay that is no shorter than its base delay of ${policy.baseDelayMs} ms, got ${maxDelayMs} ms`);
  }
  return { ...complete, maxDelayMs };
}

function policyOf({ maxAttempts, strategy, jitter, retryOn, neverOn }: Partial<RetryShape>): Partial<RetryPolicy> {
  const spread = jitter === true ? retryDefaults.jitter : jitter === false ? 'none' : jitter;
  return {
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(strategy !== undefined && { strategy }),
    ...(spread !== undefined && { jitter: spread }),
    ...(retryOn !== undefined && { retryOn }),
    ...(neverOn !== undefined && { neverOn }),
  };
}
