/** The secrets of attempts that run elsewhere: opened right before they are sent, sealed again in whatever comes back. */
import type { Attempt } from '../../providers/attempt.ts';
import type { SystemPort } from '../../runtime/port.ts';
import type { AttemptSecrets } from '../../secrets/attempt-secrets.ts';

type Params = Pick<Attempt, 'workflowId' | 'taskId' | 'params'>;

/** @throws GleitzeitError CONFIGURATION_ERROR without the right key, PERSISTENCE_INTEGRITY_ERROR for a token that was changed */
export function openedParams({ secrets }: SystemPort, attempt: Params): unknown {
  return secrets.attempt(attempt).open(attempt.params);
}

/** What seals that which comes back from an attempt: by names, and wherever a value turns up that was opened for it. */
export function secretsOf({ secrets }: SystemPort, attempt: Params): AttemptSecrets {
  const its = secrets.attempt(attempt);
  try {
    its.open(attempt.params);
  } catch {
    // What could not be opened was not sent either.
  }
  return its;
}
