import { describe, expect, it } from 'vitest';

import type { RetryPolicy } from '../../../machines/events/definition.ts';
import { type ErrorCode, failure } from '../../../machines/failures.ts';
import { retryDefaults } from '../../../machines/policies/backoff.ts';
import {
  attemptsAllowed,
  type FailedAttempt,
  isWorthRetrying,
  lastingError,
  lostAttemptsLimit,
  retryDelayMs,
  verdictOn,
} from '../../../machines/policies/retry-decision.ts';

const policy = (more: Partial<RetryPolicy> = {}): RetryPolicy => ({ ...retryDefaults, jitter: 'none', ...more });
const failed = (more: Partial<FailedAttempt> = {}): FailedAttempt => ({
  attempt: 1,
  error: failure('TASK_EXECUTION_FAILED', 'no'),
  ended: 'error',
  lost: 0,
  retry: policy(),
  ...more,
});

describe('verdictOn', () => {
  it.each([
    ['an attempt that a policy allows another after', failed(), 'retry'],
    ['the last but one attempt', failed({ attempt: 2 }), 'retry'],
    ['the last attempt', failed({ attempt: 3 }), 'attempts'],
    ['an attempt beyond the last', failed({ attempt: 4 }), 'attempts'],
    ['a task that asked for no retries', failed({ retry: undefined }), 'no_policy'],
    ['a policy of one attempt', failed({ retry: policy({ maxAttempts: 1 }) }), 'attempts'],
    ['an error that is not retryable', failed({ error: failure('TASK_PARAMETER_ERROR', 'no') }), 'not_retryable'],
    ['an error that its thrower made retryable', failed({ error: failure('TASK_PARAMETER_ERROR', 'no', { retryable: true }) }), 'retry'],
    ['a deadline that passed', failed({ ended: 'timeout', error: failure('TASK_TIMEOUT', 'late') }), 'retry'],
    ['an attempt that was given up, without a policy', failed({ ended: 'abandoned', retry: undefined }), 'retry'],
    ['an attempt that was given up, beyond the policy', failed({ ended: 'abandoned', lost: 2, attempt: 9 }), 'retry'],
    ['a first lost attempt without a policy', failed({ ended: 'lost', lost: 1, retry: undefined }), 'retry'],
    ['a lost attempt beyond the policy', failed({ ended: 'lost', lost: 2, attempt: 9 }), 'retry'],
    ['the last lost attempt', failed({ ended: 'lost', lost: lostAttemptsLimit }), 'quarantined'],
    ['the first attempt after its workflow was retried', failed({ attempt: 4, earlier: 3 }), 'retry'],
    ['the last attempt after its workflow was retried', failed({ attempt: 6, earlier: 3 }), 'attempts'],
    ['an error after lost attempts', failed({ lost: lostAttemptsLimit, attempt: 2 }), 'retry'],
  ])('says of %s', (_, attempt, expected) => {
    expect(verdictOn(attempt)).toBe(expected);
  });
});

describe('isWorthRetrying', () => {
  it.each([
    ['TASK_EXECUTION_FAILED', {}, true],
    ['INVALID_PARAMS', {}, false],
    ['INVALID_PARAMS', { retryOn: ['INVALID_PARAMS'] }, true],
    ['TASK_EXECUTION_FAILED', { retryOn: ['INVALID_PARAMS'] }, true],
    ['TASK_EXECUTION_FAILED', { neverOn: ['TASK_EXECUTION_FAILED'] }, false],
    ['INVALID_PARAMS', { retryOn: ['INVALID_PARAMS'], neverOn: ['INVALID_PARAMS'] }, false],
  ] satisfies [ErrorCode, Partial<RetryPolicy>, boolean][])('says of %s under %j: %s', (code, rules, expected) => {
    expect(isWorthRetrying(failure(code, 'no'), rules)).toBe(expected);
  });
});

describe('retryDelayMs', () => {
  it.each([
    ['the backoff of the policy', failed({ attempt: 2 }), 2_000],
    ['the first backoff again, after its workflow was retried', failed({ attempt: 4, earlier: 3 }), 1_000],
    [
      'what the failing side asked for, where that is longer',
      failed({ error: failure('RATE_LIMIT_EXCEEDED', 'slow', { retryAfterMs: 7_000.2 }) }),
      7_001,
    ],
    ['the backoff, where what was asked for is shorter', failed({ error: failure('RATE_LIMIT_EXCEEDED', 'slow', { retryAfterMs: 10 }) }), 1_000],
    ['what was asked for, even beyond the cap', failed({ error: failure('RATE_LIMIT_EXCEEDED', 'slow', { retryAfterMs: 900_000 }) }), 900_000],
    ['nothing after one that was given up', failed({ ended: 'abandoned' }), 0],
    ['nothing after a lost attempt', failed({ ended: 'lost', lost: 1 }), 0],
  ])('is %s', (_, attempt, expected) => {
    expect(retryDelayMs(attempt, 0.5)).toBe(expected);
  });
});

describe('attemptsAllowed', () => {
  it.each([
    [failed(), 3],
    [failed({ retry: undefined }), 1],
    [failed({ attempt: 4, earlier: 3 }), 6],
    [failed({ ended: 'lost', lost: 1, retry: undefined }), 2],
    [failed({ ended: 'lost', lost: 1 }), 3],
    [failed({ ended: 'lost', lost: 1, attempt: 3 }), 4],
  ])('counts the attempts of case %#', (attempt, expected) => {
    expect(attemptsAllowed(attempt)).toBe(expected);
  });
});

describe('lastingError', () => {
  it('is the last error itself', () => {
    const attempt = failed({ attempt: 3 });
    expect(lastingError(attempt)).toBe(attempt.error);
  });

  it('is TASK_QUARANTINED, caused by the loss, for a task that lost too many workers', () => {
    const error = failure('CONNECTION_LOST', 'gone');
    expect(lastingError(failed({ ended: 'lost', lost: lostAttemptsLimit, error }))).toMatchObject({
      code: 'TASK_QUARANTINED',
      retryable: false,
      cause: error,
    });
  });
});
