/**
 * Reads whatever a handler may throw as a failure: a thrown value can be no error at all, can refer to itself, can be of any size,
 * and can throw while it is read.
 */

import { type ErrorCode, errorCodes, type Failure, failure, isErrorCode } from '../machines/failures.ts';
import { longestMs } from '../machines/policies/instants.ts';
import { failureLimits } from './failure-limits.ts';
import { describeValue, readableText, readField, toDetails } from './thrown.ts';

/** What the failures said that errors of this package were made from, of where they were thrown: their own stacks tell nothing of it. */
export const toldStacks = new WeakMap<object, string | undefined>();

/**
 * The failure with its stacks, and not yet within the limits: whoever records it blots out its secrets first, and then cuts.
 * Never throws.
 */
export function readFailure(thrown: unknown, fallback: ErrorCode = 'TASK_EXECUTION_FAILED'): Failure {
  try {
    const { chain, left } = causesOf(thrown);
    const innermost = chain.pop();
    const begun = failureOf(innermost, { fallback, isCause: chain.length > 0 });
    const first = left === 0 ? begun : { ...begun, message: `${begun.message} (${left} causes between this one and the error above it left out)` };
    return chain.reduceRight((cause: Failure, each, at) => failureOf(each, { fallback, cause, isCause: at > 0 }), first);
  } catch {
    // A proxy can throw at any question asked of it.
    return failure(fallback, 'Thrown was a value that cannot be read');
  }
}

/** Causes that are looked at. */
const longestChain = 100;

/** What was thrown and its causes; of too many of them the outer ones, and the innermost. */
function causesOf(thrown: unknown): { readonly chain: unknown[]; readonly left: number } {
  const chain: unknown[] = [thrown];
  for (let cause = readField(thrown, 'cause'); cause !== undefined && cause !== null; cause = readField(cause, 'cause')) {
    if (chain.length > longestChain || chain.includes(cause)) break;
    chain.push(cause);
  }
  const left = Math.max(0, chain.length - 1 - failureLimits.causes);
  if (left > 0) chain.splice(failureLimits.causes, left);
  return { chain, left };
}

interface Reading {
  readonly fallback: ErrorCode;
  readonly cause?: Failure;
  /** Whether it was not thrown itself. */
  readonly isCause: boolean;
}

function failureOf(thrown: unknown, { fallback, cause, isCause }: Reading): Failure {
  const code = codeOf(thrown, cause, fallback);
  const known = isErrorCode(code) ? errorCodes[code] : errorCodes[fallback];
  const rpcCode = readField(thrown, 'rpcCode');
  const retryable = readField(thrown, 'retryable');
  const retryAfterMs = readField(thrown, 'retryAfterMs');
  const details = detailsOf(thrown, code);
  const stack = stackOf(thrown);
  return {
    code,
    rpcCode: isErrorCode(code) || typeof rpcCode !== 'number' || !Number.isSafeInteger(rpcCode) ? known.rpcCode : rpcCode,
    message: readableText(isCause && typeof thrown === 'string' && thrown !== '' ? thrown : messageOf(thrown)),
    retryable: typeof retryable === 'boolean' ? retryable : known.retryable,
    ...(typeof retryAfterMs === 'number' &&
      Number.isFinite(retryAfterMs) &&
      retryAfterMs >= 0 && { retryAfterMs: Math.min(retryAfterMs, longestMs) }),
    ...(details !== undefined && { details }),
    ...(stack !== undefined && { stack }),
    ...(cause && { cause }),
  };
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
  // Not described: what is cut before its secrets are blotted out may show a part of one.
  return `Thrown was ${typeof thrown === 'string' ? JSON.stringify(thrown) : describeValue(thrown)}, which is not an Error`;
}

function stackOf(thrown: unknown): string | undefined {
  const stack = isObject(thrown) && toldStacks.has(thrown) ? toldStacks.get(thrown) : readField(thrown, 'stack');
  return typeof stack === 'string' && stack !== '' ? readableText(stack.replaceAll(sourceAsUrl, namedFile)) : undefined;
}

/** Where a loader hands a module over as a URL that holds all of it, as tsx does; its frames would be whole sources. */
const sourceAsUrl = /data:text\/javascript,(__filename%3D%22[^:\s]*?%22)?[^:\s]*/g;

function namedFile(_: string, name: string | undefined): string {
  try {
    if (name !== undefined) return decodeURIComponent(name.slice('__filename%3D%22'.length, -'%22'.length));
  } catch {
    // It was no such URL after all.
  }
  return 'data:text/javascript,…';
}

/** Fields that a failure has a place of its own for. */
const placed: ReadonlySet<string> = new Set([
  ...['name', 'message', 'stack', 'cause', 'code', 'rpcCode', 'retryable', 'retryAfterMs', 'details', 'errors', 'issues', 'response'],
]);
const mostFields = 30;

/** The details that the thrown value has, else what of it the other fields leave out; with the errors that it stands for. */
function detailsOf(thrown: unknown, code: string): unknown {
  const details = readField(thrown, 'details');
  const errors = readField(thrown, 'errors');
  const several = Array.isArray(errors) && errors.length > 0 ? { errors: severalOf(errors) } : undefined;
  if (details !== undefined) {
    const copy = toDetails(details);
    return several === undefined || typeof copy !== 'object' || copy === null || Array.isArray(copy) ? copy : { ...several, ...copy };
  }
  const name = readField(thrown, 'name');
  const original = readField(thrown, 'code');
  const rest = {
    ...(typeof name === 'string' && !['', 'Error', 'GleitzeitError'].includes(name) && { name }),
    ...((typeof original === 'string' || typeof original === 'number') && original !== code && { code: original }),
    ...ownFields(thrown),
    ...responseOf(thrown),
    ...several,
  };
  return Object.keys(rest).length === 0 ? undefined : toDetails(rest);
}

function severalOf(errors: readonly unknown[]): readonly unknown[] {
  const { length } = errors;
  const most = failureLimits.errors;
  return length > most ? [...errors.slice(0, most), `… (${length - most} more left out)`] : errors;
}

/** What libraries say by fields of their own, as `detail`, `path` or `status`; what is no plain text or number, as a socket, says nothing. */
function ownFields(thrown: unknown): object {
  if (!isObject(thrown) || Array.isArray(thrown)) return {};
  const names = Object.keys(thrown)
    .filter((name) => !placed.has(name))
    .slice(0, mostFields);
  const fields = names.map((name) => [name, readField(thrown, name)] as const);
  return Object.fromEntries(fields.filter(([, field]) => ['string', 'number', 'boolean'].includes(typeof field)));
}

/** What a server answered that refused a request, where the error of a client for HTTP has it as a field `response`. */
function responseOf(thrown: unknown): object {
  const response = readField(thrown, 'response');
  const status = readField(response, 'status');
  if (typeof status !== 'number') return {};
  const [body] = ['data', 'body', '_data'].map((name) => readField(response, name)).filter((each) => typeof each === 'string' || isPlain(each));
  return { response: { status, ...(body !== undefined && { body }) } };
}

function isPlain(value: unknown): boolean {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
