import { describe, expect, it } from 'vitest';

import { failure } from '../../../machines/failures.ts';
import { tellError } from '../../../src/cli/faults.ts';
import { GleitzeitError, type Issue } from '../../../src/errors.ts';
import { fakeTerminal } from './terminals.ts';

function told(thrown: unknown, asJson = false) {
  const terminal = fakeTerminal();
  const exitCode = tellError(terminal, thrown, asJson);
  return { exitCode, stdout: terminal.stdout.text(), stderr: terminal.stderr.text() };
}

const issue: Issue = { path: 'tasks[0].method', line: 3, column: 5, rule: 'unknown_method', message: 'no such method' };

describe('an error', () => {
  it('is told with its code, and ends with its exit code', () => {
    const error = new GleitzeitError(failure('WORKFLOW_TIMEOUT', 'it took\n  too long'));
    expect(told(error)).toEqual({ exitCode: 4, stdout: '', stderr: 'error it took (WORKFLOW_TIMEOUT)\n  too long\n' });
  });

  it('names every fault that its message leaves out', () => {
    const mentioned = { ...issue, message: 'known already' };
    const error = new GleitzeitError(failure('WORKFLOW_VALIDATION_FAILED', 'two faults: known already'), { issues: [issue, mentioned] });
    expect(told(error).stderr).toBe('error two faults: known already (WORKFLOW_VALIDATION_FAILED)\n  3:5 no such method (tasks[0].method)\n');
  });

  it('is data too where data was asked for', () => {
    const error = new GleitzeitError(failure('WORKFLOW_VALIDATION_FAILED', 'one fault'), { issues: [issue] });
    expect(JSON.parse(told(error, true).stdout)).toEqual({
      error: { code: 'WORKFLOW_VALIDATION_FAILED', rpcCode: -28001, message: 'one fault', issues: [issue] },
    });
  });

  it('of Gleitzeit itself shows where it came from', () => {
    const { exitCode, stderr } = told(new TypeError('undefined is not what it was meant to be'));
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/INTERNAL_ERROR.*faults\.test\.ts/s);
  });

  it('can be anything that was thrown', () => {
    const { exitCode, stderr } = told('a string\u001b[2J');
    expect(exitCode).toBe(5);
    expect(stderr).toContain('a string');
    expect(stderr).not.toContain('\u001b');
  });
});
