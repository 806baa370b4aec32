/** What it means for those who ask for something that the journal takes no facts for a time. */
import { failure, isErrorCode } from '../../machines/failures.ts';
import { errorOf, GleitzeitError } from '../errors.ts';
import { describeFault } from '../observe/storage-fault.ts';
import type { Core } from '../system/core.ts';
import type { StorageFault } from '../system/storage-hold.ts';

/**
 * Refuses what would have to be recorded before anybody may know of it: nothing is admitted that could not be kept.
 * @throws GleitzeitError of the journal, retryable
 */
export function refuseWhileHeld(core: Core): void {
  if (core.storageFault !== undefined) throw refusalWhileHeld(core);
}

/** What a question is refused with whose answer is not durable, and is recorded nowhere. */
export function refusalWhileHeld({ storageFault }: Pick<Core, 'storageFault'>): Error {
  if (storageFault !== undefined) return storageError(storageFault);
  return errorOf('PERSISTENCE_WRITE_FAILED', 'The journal took no facts just now; ask again.', { retryable: true });
}

/** The error of the journal, with its code; another attempt may go better. */
function storageError(fault: StorageFault): GleitzeitError {
  const { error, retryAt, since } = fault;
  const code = isErrorCode(error.code) ? error.code : 'PERSISTENCE_WRITE_FAILED';
  const message = `Nothing is admitted: ${describeFault(fault)}`;
  return new GleitzeitError(failure(code, message, { retryable: true, cause: error, details: { since, retryAt } }));
}
