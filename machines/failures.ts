/**
 * The one table of error codes, and failures as data.
 *
 * Inside the system a failure is a {@link Failure}; the public edge turns it into a `GleitzeitError`.
 */
import type { Failure } from './events/payloads.ts';
import { isRecord } from './policies/json.ts';

export type { Failure } from './events/payloads.ts';

/** Every error code with its JSON-RPC number, and whether an attempt that failed with it is worth another. */
export const errorCodes = {
  PARSE_ERROR: { rpcCode: -32700, retryable: false },
  INVALID_REQUEST: { rpcCode: -32600, retryable: false },
  METHOD_NOT_FOUND: { rpcCode: -32601, retryable: false },
  INVALID_PARAMS: { rpcCode: -32602, retryable: false },
  INTERNAL_ERROR: { rpcCode: -32603, retryable: false },

  SYSTEM_NOT_INITIALIZED: { rpcCode: -31001, retryable: false },
  SYSTEM_SHUTDOWN: { rpcCode: -31002, retryable: false },
  CONFIGURATION_ERROR: { rpcCode: -31003, retryable: false },
  RESOURCE_EXHAUSTED: { rpcCode: -31004, retryable: true },
  RATE_LIMIT_EXCEEDED: { rpcCode: -31005, retryable: true },

  PROTOCOL_NOT_FOUND: { rpcCode: -30001, retryable: false },
  PROVIDER_NOT_FOUND: { rpcCode: -30002, retryable: false },
  PROVIDER_NOT_AVAILABLE: { rpcCode: -30003, retryable: true },
  PROVIDER_INITIALIZATION_FAILED: { rpcCode: -30004, retryable: false },
  PROVIDER_UNHEALTHY: { rpcCode: -30005, retryable: false },
  PROVIDER_TIMEOUT: { rpcCode: -30006, retryable: true },
  PROVIDER_OVERLOADED: { rpcCode: -30007, retryable: true },
  METHOD_NOT_SUPPORTED: { rpcCode: -30008, retryable: false },
  PROTOCOL_VERSION_MISMATCH: { rpcCode: -30009, retryable: false },

  TASK_VALIDATION_FAILED: { rpcCode: -29001, retryable: false },
  TASK_EXECUTION_FAILED: { rpcCode: -29002, retryable: true },
  TASK_TIMEOUT: { rpcCode: -29003, retryable: true },
  TASK_CANCELLED: { rpcCode: -29004, retryable: false },
  TASK_DEPENDENCY_FAILED: { rpcCode: -29005, retryable: false },
  TASK_PARAMETER_ERROR: { rpcCode: -29006, retryable: false },
  TASK_RESULT_INVALID: { rpcCode: -29007, retryable: false },
  TASK_RETRY_EXHAUSTED: { rpcCode: -29008, retryable: false },
  TASK_NOT_FOUND: { rpcCode: -29009, retryable: false },
  /** Not among the original's: a task whose attempts lost their worker or process again and again. */
  TASK_QUARANTINED: { rpcCode: -29010, retryable: false },

  WORKFLOW_VALIDATION_FAILED: { rpcCode: -28001, retryable: false },
  WORKFLOW_NOT_FOUND: { rpcCode: -28002, retryable: false },
  WORKFLOW_EXECUTION_FAILED: { rpcCode: -28003, retryable: false },
  WORKFLOW_TIMEOUT: { rpcCode: -28004, retryable: false },
  WORKFLOW_CANCELLED: { rpcCode: -28005, retryable: false },
  WORKFLOW_CIRCULAR_DEPENDENCY: { rpcCode: -28006, retryable: false },
  WORKFLOW_INVALID_STATE: { rpcCode: -28007, retryable: false },

  QUEUE_NOT_FOUND: { rpcCode: -27001, retryable: false },
  QUEUE_FULL: { rpcCode: -27002, retryable: false },
  QUEUE_EMPTY: { rpcCode: -27003, retryable: false },
  SCHEDULING_FAILED: { rpcCode: -27004, retryable: false },
  SCHEDULER_NOT_RUNNING: { rpcCode: -27005, retryable: false },
  /** Not among the original's: there is no schedule of that id. */
  SCHEDULE_NOT_FOUND: { rpcCode: -27006, retryable: false },

  PERSISTENCE_CONNECTION_FAILED: { rpcCode: -26001, retryable: true },
  PERSISTENCE_WRITE_FAILED: { rpcCode: -26002, retryable: false },
  PERSISTENCE_READ_FAILED: { rpcCode: -26003, retryable: false },
  PERSISTENCE_TRANSACTION_FAILED: { rpcCode: -26004, retryable: false },
  PERSISTENCE_INTEGRITY_ERROR: { rpcCode: -26005, retryable: false },

  NETWORK_UNREACHABLE: { rpcCode: -25001, retryable: true },
  CONNECTION_REFUSED: { rpcCode: -25002, retryable: true },
  CONNECTION_TIMEOUT: { rpcCode: -25003, retryable: true },
  CONNECTION_LOST: { rpcCode: -25004, retryable: true },
  AUTHENTICATION_FAILED: { rpcCode: -25005, retryable: false },
  AUTHORIZATION_FAILED: { rpcCode: -25006, retryable: false },
} as const satisfies Record<string, { readonly rpcCode: number; readonly retryable: boolean }>;

/** A code of the table of errors. */
export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** Makes a failure; number and retryability come from the table unless told. */
export function failure(code: ErrorCode, message: string, more: Partial<Omit<Failure, 'code' | 'rpcCode' | 'message'>> = {}): Failure {
  return { code, ...errorCodes[code], message, ...more };
}

/** Whether a failure says something about the provider itself, rather than about what it was asked to do. */
export function isProviderFault({ code, rpcCode }: Failure): boolean {
  return code.startsWith('PROVIDER_') || (rpcCode <= -25_001 && rpcCode >= -25_004);
}

/** A failure as others than the attempt that it ended repeat it: what it was, and not where. */
export function withoutStacks({ stack: _, details, cause, ...rest }: Failure): Failure {
  return {
    ...rest,
    ...(details !== undefined && { details: stackless(details) }),
    ...(cause !== undefined && { cause: withoutStacks(cause) }),
  };
}

/** Details without the stacks of the errors in them, which have messages. */
function stackless(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stackless);
  if (!isRecord(value)) return value;
  const isError = typeof value['message'] === 'string';
  const fields = Object.entries(value).filter(([key]) => !(isError && key === 'stack'));
  return Object.fromEntries(fields.map(([key, field]) => [key, stackless(field)]));
}

/** A failure that repeats another one, or wraps it, with all that the other one says. */
export function withAllOf(failure: Failure, told: Failure | undefined): Failure {
  if (told === undefined) return failure;
  if (failure.code === told.code && failure.message === told.message) return told;
  return failure.cause === undefined ? failure : { ...failure, cause: withAllOf(failure.cause, told) };
}

/** A failure and what it came of, from itself to the innermost. */
export function chainOf<Told extends { readonly cause?: Told | undefined }>(failure: Told): readonly [Told, ...Told[]] {
  const chain: [Told, ...Told[]] = [failure];
  for (let { cause } = failure; cause !== undefined; { cause } = cause) chain.push(cause);
  return chain;
}

/** What a failure came of: the innermost message says what is wrong, those around it what was about to be done. */
export function innermostOf<Told extends { readonly cause?: Told | undefined }>(failure: Told): Told {
  return chainOf(failure).at(-1) ?? failure;
}
