/**
 * Errors at the public edge, and failures inside it.
 *
 * What a user catches is a {@link GleitzeitError}; what the machines and the journal carry is a `Failure`, plain data. This
 * module turns one into the other, and anything that a handler may throw into a failure: a thrown value can be no error at
 * all, can refer to itself, and can throw while it is read.
 */
import { type ErrorCode, errorCodes, type Failure, failure, isErrorCode } from '../machines/failures.ts';
import { headOf } from '../machines/policies/text.ts';
import { describeValue, readField, toDetails } from './thrown.ts';

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
    const cause = more.cause ?? (from.cause && new GleitzeitError(from.cause));
    super(from.message, cause === undefined ? undefined : { cause });
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
  return new GleitzeitError(failure(code, message, more));
}

/** The error that a failure is at the public edge. */
export function fromFailure(from: Failure): GleitzeitError {
  return new GleitzeitError(from, issuesOf(from.details));
}

/**
 * Makes a failure of whatever was thrown.
 *
 * The thrown value's own `code`, `retryable`, `retryAfterMs` and `details` hold where they make sense; codes of Node's network
 * errors become those of the table; anything else has the code `fallback`. Never throws.
 */
export function toFailure(thrown: unknown, fallback: ErrorCode = 'TASK_EXECUTION_FAILED'): Failure {
  try {
    return failureOf(thrown, { fallback, seen: new Set(), depth: 0 });
  } catch {
    // A proxy can throw at any question asked of it.
    return failure(fallback, 'Thrown was a value that cannot be read');
  }
}

/** The error that whatever was thrown is at the public edge: itself, where it is one of ours. */
export function toError(thrown: unknown, fallback: ErrorCode = 'INTERNAL_ERROR'): GleitzeitError {
  if (thrown instanceof GleitzeitError) return thrown;
  return new GleitzeitError(toFailure(thrown, fallback), { cause: thrown });
}

interface Reading {
  readonly fallback: ErrorCode;
  /** What the chain of causes went through already. */
  readonly seen: Set<unknown>;
  readonly depth: number;
}

const maxCauses = 8;
const maxMessage = 10_000;

function failureOf(thrown: unknown, reading: Reading): Failure {
  reading.seen.add(thrown);
  const cause = readField(thrown, 'cause');
  const nested = isFurtherCause(cause, reading) ? failureOf(cause, { ...reading, depth: reading.depth + 1 }) : undefined;
  const code = codeOf(thrown, nested, reading.fallback);
  const known = isErrorCode(code) ? errorCodes[code] : errorCodes[reading.fallback];
  const rpcCode = readField(thrown, 'rpcCode');
  const retryable = readField(thrown, 'retryable');
  const retryAfterMs = readField(thrown, 'retryAfterMs');
  const details = detailsOf(thrown, code);
  return {
    code,
    rpcCode: isErrorCode(code) || typeof rpcCode !== 'number' || !Number.isSafeInteger(rpcCode) ? known.rpcCode : rpcCode,
    // Half a character, which a cut of somebody else's may have left, must not cost the error.
    message: headOf(messageOf(thrown).toWellFormed(), maxMessage),
    retryable: typeof retryable === 'boolean' ? retryable : known.retryable,
    ...(typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs) && retryAfterMs >= 0 && { retryAfterMs }),
    ...(details !== undefined && { details }),
    ...(nested && { cause: nested }),
  };
}

function isFurtherCause(cause: unknown, { seen, depth }: Reading): boolean {
  return cause !== undefined && cause !== null && depth < maxCauses && !seen.has(cause);
}

const nodeCodes: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'CONNECTION_REFUSED',
  ECONNRESET: 'CONNECTION_LOST',
  ECONNABORTED: 'CONNECTION_LOST',
  EPIPE: 'CONNECTION_LOST',
  ETIMEDOUT: 'CONNECTION_TIMEOUT',
  ESOCKETTIMEDOUT: 'CONNECTION_TIMEOUT',
  ENETUNREACH: 'NETWORK_UNREACHABLE',
  EHOSTUNREACH: 'NETWORK_UNREACHABLE',
  ENETDOWN: 'NETWORK_UNREACHABLE',
  EHOSTDOWN: 'NETWORK_UNREACHABLE',
  ENOTFOUND: 'NETWORK_UNREACHABLE',
  EAI_AGAIN: 'NETWORK_UNREACHABLE',
  EMFILE: 'RESOURCE_EXHAUSTED',
  ENFILE: 'RESOURCE_EXHAUSTED',
  ENOMEM: 'RESOURCE_EXHAUSTED',
  ENOSPC: 'RESOURCE_EXHAUSTED',
  EAGAIN: 'RESOURCE_EXHAUSTED',
  UND_ERR_CONNECT_TIMEOUT: 'CONNECTION_TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'PROVIDER_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'PROVIDER_TIMEOUT',
  UND_ERR_SOCKET: 'CONNECTION_LOST',
};

const ownCode = /^[A-Z][A-Z0-9_]{0,63}$/;
const nodeCode = /^(?:E[A-Z0-9]+|EAI_[A-Z]+|ERR_.*|UND_ERR_.*)$/;

/** The table's code, else a code of the user's own making, else the fallback: what only Node means is left to the details. */
function codeOf(thrown: unknown, cause: Failure | undefined, fallback: ErrorCode): string {
  const code = readField(thrown, 'code');
  if (typeof code === 'string') {
    if (isErrorCode(code)) return code;
    if (Object.hasOwn(nodeCodes, code)) return nodeCodes[code] ?? fallback;
    if (ownCode.test(code) && !nodeCode.test(code)) return code;
  }
  if (readField(thrown, 'name') === 'TimeoutError') return 'PROVIDER_TIMEOUT';
  // The `fetch` of Node throws a bare TypeError that says why only in its cause.
  if (thrown instanceof TypeError && cause && cause.rpcCode <= -25_001 && cause.rpcCode >= -25_006) return cause.code;
  return fallback;
}

function messageOf(thrown: unknown): string {
  const message = readField(thrown, 'message');
  if (typeof message === 'string' && message !== '') return message;
  const name = readField(thrown, 'name');
  if (thrown instanceof Error) return `${typeof name === 'string' ? name : 'Error'} without a message`;
  return `Thrown was ${describeValue(thrown)}, which is not an Error`;
}

/** The details that the thrown value has, else what of it the other fields leave out. */
function detailsOf(thrown: unknown, code: string): unknown {
  const details = readField(thrown, 'details');
  if (details !== undefined) return toDetails(details);
  const name = readField(thrown, 'name');
  const original = readField(thrown, 'code');
  const errors = readField(thrown, 'errors');
  const rest = {
    ...(typeof name === 'string' && !['', 'Error', 'GleitzeitError'].includes(name) && { name }),
    ...((typeof original === 'string' || typeof original === 'number') && original !== code && { code: original }),
    ...(Array.isArray(errors) && { errors: errors.slice(0, maxCauses).map((error) => messageOf(error)) }),
  };
  return Object.keys(rest).length === 0 ? undefined : toDetails(rest);
}

function issuesOf(details: unknown): { readonly issues?: readonly Issue[] } {
  const issues = readField(details, 'issues');
  // The details of a failure with issues were written by this package.
  return Array.isArray(issues) ? { issues: issues as readonly Issue[] } : {};
}
