/**
 * Reports of remote workers as the machines take them: a result that is plain JSON within the limits, a failure with a code that
 * can be counted on. What a worker sends is checked as what a handler of this process returns or throws.
 */
import type { DataOf, DraftOf } from '../../../machines/events/catalogue.ts';
import type { Failure } from '../../../machines/failures.ts';
import { errorOf } from '../../errors.ts';
import { boundFailure } from '../../failure-limits.ts';
import { readFailure } from '../../failure-reading.ts';
import { sealResult } from '../../providers/acceptance.ts';
import { copyJson } from '../../providers/plain-json.ts';
import type { AttemptSecrets } from '../../secrets/attempt-secrets.ts';
import type { ReportedError, WorkerMessage } from '../protocol/workers.ts';

/** What is known of a report beside what it says. */
export interface Reported {
  readonly workerId: string;
  readonly method: string;
  /** How long the attempt took as seen from here, in milliseconds. */
  readonly elapsedMs: number;
  readonly secrets: AttemptSecrets;
}

export type Outcome = DraftOf<'attempt:succeeded' | 'attempt:failed'>;

export function succeeded(report: WorkerMessage<'attempt:succeeded'>, known: Reported): Outcome {
  const ended = endOf(report, known);
  const { taskId } = report;
  const { method, secrets } = known;
  try {
    const copy = copyJson(report.result);
    if (!copy.ok) throw errorOf('TASK_RESULT_INVALID', `The result of task "${taskId}" (${method}) ${copy.problem}`);
    const result = sealResult({ taskId, method }, copy.value, secrets);
    return { type: 'attempt:succeeded', data: { ...ended, result } };
  } catch (thrown) {
    return { type: 'attempt:failed', data: { ...ended, error: recorded(thrown, secrets) } };
  }
}

export function failed(report: WorkerMessage<'attempt:failed'>, known: Reported): Outcome {
  return { type: 'attempt:failed', data: { ...endOf(report, known), error: recorded(asReported(report.error), known.secrets) } };
}

/** A message may be empty on the wire; a failure that says nothing helps nobody. */
function asReported(error: ReportedError): ReportedError {
  return error.message === '' ? { ...error, message: 'The worker gave no reason' } : error;
}

/** Its secrets are blotted out before it is cut. */
function recorded(thrown: unknown, secrets: AttemptSecrets): Failure {
  return boundFailure(secrets.failure(readFailure(thrown)));
}

function endOf(
  { workflowId, taskId, attempt, leaseId, durationMs }: WorkerMessage<'attempt:succeeded' | 'attempt:failed'>,
  { workerId, elapsedMs }: Reported,
): Omit<DataOf<'attempt:succeeded'>, 'result'> {
  return { workflowId, taskId, attempt, leaseId, workerId, durationMs: durationMs ?? elapsedMs };
}
