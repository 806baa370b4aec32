/** How an error is told: on stderr in words, with every fault of a file and where it stands; with `--json` on stdout too. */

import { failure } from '../../machines/failures.ts';
import { GleitzeitError, type Issue, toError } from '../errors.ts';
import { type ExitCode, exitCodeOfError } from './exit-codes.ts';
import { harmless, oneLine, printJson, say, type Terminal } from './terminal.ts';

/** An error of how the command line was used. */
export function usageError(message: string): GleitzeitError {
  return new GleitzeitError(failure('CONFIGURATION_ERROR', message));
}

/** Tells an error and returns its exit code. */
export function tellError(terminal: Terminal, thrown: unknown, asJson = false): ExitCode {
  const error = toError(thrown);
  const { code, rpcCode, issues = [] } = error;
  if (asJson) printJson(terminal, { error: { code, rpcCode, message: error.message, ...(issues.length > 0 && { issues }) } });
  const { colors } = terminal;
  const [first = '', ...rest] = harmless(error.message).split('\n');
  say(terminal, `${colors.red('error')} ${first} ${colors.dim(`(${code})`)}`);
  for (const line of rest) say(terminal, line);
  for (const issue of issues) if (!error.message.includes(issue.message)) say(terminal, `  ${describe(issue)}`);
  if (code === 'INTERNAL_ERROR' && error.cause instanceof Error && error.cause.stack !== undefined)
    say(terminal, colors.dim(harmless(error.cause.stack)));
  return exitCodeOfError(code);
}

/** One fault on one line: where, what, and the place in the definition. */
export function describe({ line, column, path, message }: Issue): string {
  const place = line === undefined ? '' : `${line}:${column ?? 1} `;
  return oneLine(`${place}${message}${path === '' || message.includes(path) ? '' : ` (${path})`}`);
}
