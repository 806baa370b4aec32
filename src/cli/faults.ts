/** How an error is told: on stderr in words, with every fault of a file and where it stands; with `--json` on stdout too. */

import { failure } from '../../machines/failures.ts';
import { GleitzeitError, type Issue, toError } from '../errors.ts';
import { errorInfo } from '../runtime/result.ts';
import { type ExitCode, exitCodeOfError } from './exit-codes.ts';
import { harmless, oneLine, printJson, say, type Terminal } from './terminal.ts';

/** An error of how the command line was used. */
export function usageError(message: string): GleitzeitError {
  return new GleitzeitError(failure('CONFIGURATION_ERROR', message));
}

/** Tells an error and returns its exit code. */
export function tellError(terminal: Terminal, thrown: unknown, asJson = false): ExitCode {
  const error = toError(thrown);
  const { code, issues = [] } = error;
  if (asJson) printJson(terminal, { error: jsonOf(error) });
  const { colors } = terminal;
  const [first = '', ...rest] = harmless(error.message).split('\n');
  say(terminal, `${colors.red('error')} ${first} ${colors.dim(`(${code})`)}`);
  for (const line of rest) say(terminal, line);
  for (const issue of issues) if (!error.message.includes(issue.message)) say(terminal, `  ${describe(issue)}`);
  if (code === 'INTERNAL_ERROR' && error.cause instanceof Error && error.cause.stack !== undefined)
    say(terminal, colors.dim(harmless(error.cause.stack)));
  return exitCodeOfError(code);
}

/** The issues stand by themselves, and not in the details once more; whether to try again is no matter of a command. */
function jsonOf(error: GleitzeitError): object {
  const { details, retryable: _, ...said } = errorInfo(error.toJSON());
  const { issues = [] } = error;
  return issues.length > 0 ? { ...said, issues } : { ...said, ...(details !== undefined && { details }) };
}

/** One fault on one line: where, what, and the place in the definition. */
export function describe({ line, column, path, message }: Issue): string {
  const place = line === undefined ? '' : `${line}:${column ?? 1} `;
  return oneLine(`${place}${message}${path === '' || message.includes(path) ? '' : ` (${path})`}`);
}
