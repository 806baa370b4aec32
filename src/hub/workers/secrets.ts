/** The secrets of attempts that run elsewhere: opened right before they are sent, sealed again in whatever comes back. */
import type { Failure } from '../../../machines/failures.ts';
import type { Attempt } from '../../providers/attempt.ts';
import type { SystemPort } from '../../runtime/port.ts';

type Params = Pick<Attempt, 'workflowId' | 'taskId' | 'params'>;

/** @throws GleitzeitError CONFIGURATION_ERROR without the right key, PERSISTENCE_INTEGRITY_ERROR for a token that was changed */
export function openedParams({ secrets }: SystemPort, attempt: Params): unknown {
  return secrets.attempt(attempt).open(attempt.params);
}

export interface Sealing {
  result(result: unknown): unknown;
  failure(failure: Failure): Failure;
  text(text: string): string;
}

/** Seals what comes back from an attempt: by names, and wherever a value turns up that was opened for it. */
export function sealingOf({ secrets }: SystemPort, attempt: Params): Sealing {
  const its = secrets.attempt(attempt);
  try {
    its.open(attempt.params);
  } catch {
    // What could not be opened was not sent either.
  }
  return { result: (result) => its.seal(result), failure: (failure) => its.failure(failure), text: (text) => its.text(text) };
}
