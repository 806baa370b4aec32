/** How a failure is told to people: first what is wrong, then what was about to be done, then where to look. */
import { chainOf } from '../../machines/failures.ts';
import type { ErrorInfo } from '../runtime/result.ts';
import { readField } from '../thrown.ts';
import { oneLine } from './terminal.ts';
import { cut } from './text.ts';

/** Signs of a message; all of it is in the JSON. */
const shown = 500;
/** Of errors that stand for several, and of lines of a command's output. */
const mostLines = 5;

/** The innermost message on one line, with the code that counts. */
export function headlineOf(error: ErrorInfo | undefined): string {
  if (error === undefined) return 'for an unknown reason (INTERNAL_ERROR)';
  return `${short((chainOf(error).at(-1) ?? error).message)} (${error.code})`;
}

/** What follows the headline: what wraps the innermost error, from the inside out, what it says besides, and where it was thrown. */
export function linesBelow(error: ErrorInfo): readonly string[] {
  const chain = chainOf(error);
  const innermost = chain.at(-1) ?? error;
  const around = chain
    .slice(0, -1)
    .reverse()
    .map(({ message }) => `in: ${short(message)}`);
  return [...around, ...saidBesides(innermost), ...placeOf(innermost)];
}

function saidBesides({ message, details }: ErrorInfo): readonly string[] {
  const errors = readField(details, 'errors');
  const several = Array.isArray(errors) ? errors.slice(0, mostLines).map((each) => `- ${short(messageOf(each))}`) : [];
  const body = readField(details, 'body');
  const answered = typeof body === 'string' && body.trim() !== '' ? [`answered: ${short(body.trim())}`] : [];
  const stderr = readField(details, 'stderr');
  const last = typeof stderr === 'string' ? stderr.trimEnd().split('\n').slice(-mostLines) : [];
  // Its last line is in the message.
  const talk = last.filter((line) => line.trim() !== '' && !message.endsWith(line)).map((line) => `stderr: ${short(line)}`);
  return [...several, ...answered, ...talk];
}

function messageOf(error: unknown): string {
  const message = readField(error, 'message');
  return typeof message === 'string' ? message : String(error);
}

/** The innermost frame: the first one of JavaScript's stacks, the last one of Python's tracebacks. */
function placeOf({ stack = '' }: ErrorInfo): readonly string[] {
  const [, frame] = /^ +(at .+)$/m.exec(stack) ?? [];
  if (frame !== undefined) return [short(frame)];
  const last = [...stack.matchAll(/^ +File ".+", line \d+.*$/gm)].at(-1)?.[0];
  return last === undefined ? [] : [`at ${short(last.trim())}`];
}

function short(text: string): string {
  return cut(oneLine(text), shown);
}
