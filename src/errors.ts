/**
 * Errors at the public edge, and failures inside it.
 *
 * What a user catches is a {@link GleitzeitError}; what the machines and the journal carry is a `Failure`, plain data. This
 * module turns one into the other; what a handler may throw besides is read in `failure-reading.ts`.
 */
import { type ErrorCode, type Failure, failure, withoutStacks } from '../machines/failures.ts';
import { boundFailure } from './failure-limits.ts';
import { readFailure, toldStacks } from './failure-reading.ts';
import { readField } from './thrown.ts';

/** One fault of a definition: where it stands, which rule it breaks, and what to do about it. */
export interface Issue {
  /** Where in the definition, for example `tasks[2].retry.max_attempts`; empty for the whole of it. */
  readonly path: string;
  /** Counted from 1; only for definitions that were read from text. */
  readonly line?: number;
  readonly column?: number;
  /** A short, stable name of the rule, for example `unknown_key`. */
  readonly rule: string;
  readonly message: string;
}

/** An error of Gleitzeit, with a code as Node has them. */
export class GleitzeitError extends Error {
  override readonly name = 'GleitzeitError';
  /** For example `TASK_TIMEOUT`. */
  readonly code: string;
  /** The JSON-RPC number of the code. */
  readonly rpcCode: number;
  /** Whether another attempt may go better. */
  readonly retryable: boolean;
  /** The least time until another attempt makes sense, in milliseconds, as the failing side said. */
  readonly retryAfterMs?: number;
  readonly details?: unknown;
  /** Every fault of a definition or of an input, where that is what the error is about. */
  readonly issues?: readonly Issue[];

  constructor(from: Failure, more: { readonly cause?: unknown; readonly issues?: readonly Issue[] } = {}) {
    const cause = more.cause ?? (from.cause && fromFailure(from.cause));
    super(from.message, cause === undefined ? undefined : { cause });
    if (from.stack !== undefined) this.stack = from.stack;
    this.code = from.code;
    this.rpcCode = from.rpcCode;
    this.retryable = from.retryable;
    if (from.retryAfterMs !== undefined) this.retryAfterMs = from.retryAfterMs;
    if (from.details !== undefined) this.details = from.details;
    if (more.issues) this.issues = more.issues;
  }

  toJSON(): Failure {
    return toFailure(this);
  }
}

/** Makes the error of a code; number and retryability come from the table unless told. */
export function errorOf(code: ErrorCode, message: string, more: Partial<Omit<Failure, 'code' | 'rpcCode' | 'message'>> = {}): GleitzeitError {
  return toldBy(failure(code, message, more));
}

/** The error that a failure is at the public edge. */
export function fromFailure(from: Failure): GleitzeitError {
  return toldBy(from);
}

/** It is the failure that says where it comes from: the way through this package to here says nothing of it. */
function toldBy(from: Failure): GleitzeitError {
  const error = new GleitzeitError(from, issuesOf(from.details));
  toldStacks.set(error, from.stack);
  return error;
}

/**
 * Makes a failure of whatever was thrown, within the limits, without its stack.
 *
 * The thrown value's own `code`, `retryable`, `retryAfterMs` and `details` hold where they make sense; codes of Node's network
 * errors become those of the table; anything else has the code `fallback`. Never throws.
 */
export function toFailure(thrown: unknown, fallback: ErrorCode = 'TASK_EXECUTION_FAILED'): Failure {
  return boundFailure(withoutStacks(readFailure(thrown, fallback)));
}

/** The error that whatever was thrown is at the public edge: itself, where it is one of ours. */
export function toError(thrown: unknown, fallback: ErrorCode = 'INTERNAL_ERROR'): GleitzeitError {
  if (thrown instanceof GleitzeitError) return thrown;
  return new GleitzeitError(toFailure(thrown, fallback), { cause: thrown });
}

function issuesOf(details: unknown): { readonly issues?: readonly Issue[] } {
  const issues = readField(details, 'issues');
  // The details of a failure with issues were written by this package.
  return Array.isArray(issues) ? { issues: issues as readonly Issue[] } : {};
}
