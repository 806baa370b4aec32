import { describe, expect, it } from 'vitest';

import { type ErrorCode, errorCodes } from '../../../machines/failures.ts';
import { exitCodeOfError, exitCodeOfRun } from '../../../src/cli/exit-codes.ts';

describe('the exit code of an error', () => {
  it.each<[ErrorCode, number]>([
    ['CONFIGURATION_ERROR', 2],
    ['WORKFLOW_VALIDATION_FAILED', 2],
    ['WORKFLOW_CIRCULAR_DEPENDENCY', 2],
    ['WORKFLOW_INVALID_STATE', 2],
    ['INVALID_PARAMS', 2],
    ['PARSE_ERROR', 2],
    ['PROTOCOL_NOT_FOUND', 3],
    ['PROVIDER_NOT_FOUND', 3],
    ['PROVIDER_NOT_AVAILABLE', 3],
    ['CONNECTION_REFUSED', 3],
    ['WORKFLOW_TIMEOUT', 4],
    ['TASK_TIMEOUT', 4],
    ['PERSISTENCE_INTEGRITY_ERROR', 5],
    ['PERSISTENCE_WRITE_FAILED', 5],
    ['INTERNAL_ERROR', 5],
    ['WORKFLOW_CANCELLED', 1],
  ])('is for %s %i', (code, expected) => {
    expect(exitCodeOfError(code)).toBe(expected);
  });

  it('is never that of success', () => {
    expect(Object.keys(errorCodes).filter((code) => exitCodeOfError(code) === 0)).toEqual([]);
  });

  it('is that of a failure for a code of the user', () => {
    expect(exitCodeOfError('MY_OWN')).toBe(1);
    expect(exitCodeOfError('constructor')).toBe(1);
  });
});

describe('the exit code of a run', () => {
  it.each<[string, string | undefined, number]>([
    ['completed', undefined, 0],
    ['failed', 'TASK_EXECUTION_FAILED', 1],
    ['failed', 'MY_OWN', 1],
    ['failed', undefined, 1],
    ['cancelled', 'WORKFLOW_CANCELLED', 1],
    ['failed', 'WORKFLOW_TIMEOUT', 4],
    ['failed', 'TASK_TIMEOUT', 4],
    ['failed', 'METHOD_NOT_SUPPORTED', 3],
    // A server that a task could not reach is the failure of the workflow, not of Gleitzeit's own surroundings.
    ['failed', 'CONNECTION_REFUSED', 1],
    ['failed', 'INTERNAL_ERROR', 1],
  ])('is for one that %s with %s %i', (status, code, expected) => {
    expect(exitCodeOfRun(status, code)).toBe(expected);
  });
});
