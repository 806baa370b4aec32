/**
 * Reports of remote workers as the machines take them: a result that is plain JSON within the limits, a failure with a code that
 * can be counted on. What a worker sends is checked as what a handler of this process returns or throws.
 */
import type { DataOf, DraftOf } from '../../../machines/events/catalogue.ts';
import type { Failure } from '../../../machines/failures.ts';
import { failure } from '../../../machines/failures.ts';
import { toFailure } from '../../errors.ts';
import { copyJson } from '../../providers/plain-json.ts';
import type { ReportedError, WorkerMessage } from '../protocol/workers.ts';

/** Who reports, and how long the attempt took as seen from here, in milliseconds. */
export interface Reporter {
  readonly workerId: string;
  readonly elapsedMs: number;
}

export function succeeded(report: WorkerMessage<'attempt:succeeded'>, reporter: Reporter): DraftOf<'attempt:succeeded' | 'attempt:failed'> {
  const copy = copyJson(report.result);
  const ended = endOf(report, reporter);
  if (copy.ok) return { type: 'attempt:succeeded', data: { ...ended, result: copy.value } };
  const error = failure('TASK_RESULT_INVALID', `The result of task "${report.taskId}" ${copy.problem}`);
  return { type: 'attempt:failed', data: { ...ended, error } };
}

export function failed(report: WorkerMessage<'attempt:failed'>, reporter: Reporter): DraftOf<'attempt:failed'> {
  return { type: 'attempt:failed', data: { ...endOf(report, reporter), error: failureOf(report.error) } };
}

/** A message may be empty on the wire; a failure that says nothing helps nobody. */
function failureOf(error: ReportedError): Failure {
  return toFailure(error.message === '' ? { ...error, message: 'The worker gave no reason' } : error);
}

function endOf(
  { workflowId, taskId, attempt, leaseId, durationMs }: WorkerMessage<'attempt:succeeded' | 'attempt:failed'>,
  { workerId, elapsedMs }: Reporter,
): Omit<DataOf<'attempt:succeeded'>, 'result'> {
  return { workflowId, taskId, attempt, leaseId, workerId, durationMs: durationMs ?? elapsedMs };
}
