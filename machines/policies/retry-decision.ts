/**
 * Whether a failed attempt is followed by another, and when at the earliest.
 *
 * An attempt that was lost (its worker or process went away) says nothing of the task: it is tried again at once whatever the
 * policy, until the task has lost so many that it is itself the suspect. One that was given up in order, by a system that
 * stops, is tried again like that, and does not even count as lost. Every other failure follows the task's policy.
 */
import type { DataOf } from '../events/catalogue.ts';
import type { RetryPolicy } from '../events/definition.ts';
import { type Failure, failure } from '../failures.ts';
import { backoffMs } from './backoff.ts';

/** Attempts that a task may lose before it is quarantined; the last of them is not tried again. */
export const lostAttemptsLimit = 3;

export interface FailedAttempt {
  /** Counted from 1; attempts that were lost count too. */
  readonly attempt: number;
  readonly error: Failure;
  readonly ended: DataOf<'task:failed'>['ended'];
  /** Attempts so far that were lost, this one included. */
  readonly lost: number;
  /** Absent: the task is tried once. */
  readonly retry?: RetryPolicy | undefined;
  /** Attempts before the workflow was retried, which the policy does not count. */
  readonly earlier?: number | undefined;
}

/** `retry`, or why not. */
export type RetryVerdict = 'retry' | 'quarantined' | 'no_policy' | 'not_retryable' | 'attempts';

/** Whether an attempt ended by what is neither its own doing nor that of its handler or provider. */
export function wasCutOff({ ended }: Pick<FailedAttempt, 'ended'>): boolean {
  return ended === 'lost' || ended === 'abandoned';
}

/** Decides about a failed attempt. */
export function verdictOn({ attempt, error, ended, lost, retry, earlier = 0 }: FailedAttempt): RetryVerdict {
  if (ended === 'lost') return lost < lostAttemptsLimit ? 'retry' : 'quarantined';
  if (ended === 'abandoned') return 'retry';
  if (retry === undefined) return 'no_policy';
  if (!isWorthRetrying(error, retry)) return 'not_retryable';
  return attempt - earlier < retry.maxAttempts ? 'retry' : 'attempts';
}

/**
 * The delay before the attempt that follows a failed one, in whole milliseconds: what the policy says, but no less than the
 * failing side asked for, even beyond the policy's cap.
 *
 * @param chance - A fraction in [0, 1) that places the delay within its jitter.
 */
export function retryDelayMs({ attempt, error, ended, retry, earlier = 0 }: FailedAttempt, chance: number): number {
  if (wasCutOff({ ended }) || retry === undefined) return 0;
  return Math.max(backoffMs(retry, attempt - earlier, chance), Math.ceil(error.retryAfterMs ?? 0));
}

/** Attempts that a task may have in all, as far as is known after one that failed: one that was cut off allows another beyond the policy. */
export function attemptsAllowed({ attempt, ended, retry, earlier = 0 }: FailedAttempt): number {
  const maxAttempts = earlier + (retry?.maxAttempts ?? 1);
  return wasCutOff({ ended }) ? Math.max(maxAttempts, attempt + 1) : maxAttempts;
}

/** Whether a policy retries an error: `neverOn` wins over `retryOn`, and both over what the error says of itself. */
export function isWorthRetrying(error: Failure, { retryOn, neverOn }: Pick<RetryPolicy, 'retryOn' | 'neverOn'>): boolean {
  if (neverOn?.includes(error.code)) return false;
  return error.retryable || (retryOn?.includes(error.code) ?? false);
}

/** The error that a task fails with for good: its last one, unless it is put into quarantine. */
export function lastingError(failed: FailedAttempt): Failure {
  if (verdictOn(failed) !== 'quarantined') return failed.error;
  const message = `The task lost its worker in ${failed.lost} attempts; it is not tried again after ${lostAttemptsLimit}.`;
  return failure('TASK_QUARANTINED', message, { cause: failed.error });
}
