/** The exit code of every outcome: one table, which scripts rely on. */
import { type ErrorCode, isErrorCode } from '../../machines/failures.ts';

export const exitCodes = {
  /** Done. */
  done: 0,
  /** The workflow failed or was cancelled. */
  failed: 1,
  /** Usage, or a definition that is not valid. */
  usage: 2,
  /** A provider, protocol or hub was not found or is out of reach. */
  unreachable: 3,
  timedOut: 4,
  /** A fault of the storage, or of Gleitzeit itself. */
  internal: 5,
  /** Interrupted, after a clean stop. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const { failed, usage, unreachable, timedOut, internal } = exitCodes;

const byErrorCode = {
  PARSE_ERROR: usage,
  INVALID_REQUEST: usage,
  METHOD_NOT_FOUND: unreachable,
  INVALID_PARAMS: usage,
  INTERNAL_ERROR: internal,

  SYSTEM_NOT_INITIALIZED: internal,
  SYSTEM_SHUTDOWN: internal,
  CONFIGURATION_ERROR: usage,
  RESOURCE_EXHAUSTED: internal,
  RATE_LIMIT_EXCEEDED: failed,

  PROTOCOL_NOT_FOUND: unreachable,
  PROVIDER_NOT_FOUND: unreachable,
  PROVIDER_NOT_AVAILABLE: unreachable,
  PROVIDER_INITIALIZATION_FAILED: unreachable,
  PROVIDER_UNHEALTHY: unreachable,
  PROVIDER_TIMEOUT: timedOut,
  PROVIDER_OVERLOADED: unreachable,
  METHOD_NOT_SUPPORTED: unreachable,
  PROTOCOL_VERSION_MISMATCH: unreachable,

  TASK_VALIDATION_FAILED: usage,
  TASK_EXECUTION_FAILED: failed,
  TASK_TIMEOUT: timedOut,
  TASK_CANCELLED: failed,
  TASK_DEPENDENCY_FAILED: failed,
  TASK_PARAMETER_ERROR: failed,
  TASK_RESULT_INVALID: failed,
  TASK_RETRY_EXHAUSTED: failed,
  TASK_NOT_FOUND: usage,
  TASK_QUARANTINED: failed,

  WORKFLOW_VALIDATION_FAILED: usage,
  WORKFLOW_NOT_FOUND: usage,
  WORKFLOW_EXECUTION_FAILED: failed,
  WORKFLOW_TIMEOUT: timedOut,
  WORKFLOW_CANCELLED: failed,
  WORKFLOW_CIRCULAR_DEPENDENCY: usage,
  WORKFLOW_INVALID_STATE: usage,

  QUEUE_NOT_FOUND: internal,
  QUEUE_FULL: failed,
  QUEUE_EMPTY: internal,
  SCHEDULING_FAILED: usage,
  SCHEDULER_NOT_RUNNING: internal,
  SCHEDULE_NOT_FOUND: usage,

  PERSISTENCE_CONNECTION_FAILED: internal,
  PERSISTENCE_WRITE_FAILED: internal,
  PERSISTENCE_READ_FAILED: internal,
  PERSISTENCE_TRANSACTION_FAILED: internal,
  PERSISTENCE_INTEGRITY_ERROR: internal,

  NETWORK_UNREACHABLE: unreachable,
  CONNECTION_REFUSED: unreachable,
  CONNECTION_TIMEOUT: unreachable,
  CONNECTION_LOST: unreachable,
  AUTHENTICATION_FAILED: unreachable,
  AUTHORIZATION_FAILED: unreachable,
} as const satisfies Record<ErrorCode, ExitCode>;

/** The exit code of an error that kept a command from its work; codes of the user's own making are failures. */
export function exitCodeOfError(code: string): ExitCode {
  return isErrorCode(code) ? byErrorCode[code] : failed;
}

/** What of the table still tells something when a workflow ran and failed: that a server refused a task is the workflow's failure. */
const tellingOfRuns: ReadonlySet<string> = new Set<ErrorCode>([
  'WORKFLOW_TIMEOUT',
  'TASK_TIMEOUT',
  'PROTOCOL_NOT_FOUND',
  'PROVIDER_NOT_FOUND',
  'METHOD_NOT_FOUND',
  'METHOD_NOT_SUPPORTED',
]);

/** The exit code of a workflow that ran to its end. */
export function exitCodeOfRun(status: string, errorCode?: string): ExitCode {
  if (status === 'completed') return exitCodes.done;
  if (status === 'failed' && errorCode !== undefined && tellingOfRuns.has(errorCode)) return exitCodeOfError(errorCode);
  return failed;
}
