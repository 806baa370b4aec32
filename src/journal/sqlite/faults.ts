/**
 * What SQLite and the file system say went wrong, as errors of the storage.
 *
 * `retryable` says whether the same call may go well later: when there is room again, when the file can be written again, when
 * another has let go of it. A damaged journal and a lost ownership do not come right by themselves.
 */
import type { ErrorCode } from '../../../machines/failures.ts';
import { errorOf, GleitzeitError } from '../../errors.ts';
import { readField } from '../../thrown.ts';

/** What was being done: it decides the code where the cause alone does not. */
export type Doing = 'open' | 'write' | 'read';

interface Fault {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly reason: 'full' | 'readonly' | 'io' | 'locked' | 'damaged' | 'unreachable' | 'other';
}

const codeOf: Readonly<Record<Doing, ErrorCode>> = {
  open: 'PERSISTENCE_CONNECTION_FAILED',
  write: 'PERSISTENCE_WRITE_FAILED',
  read: 'PERSISTENCE_READ_FAILED',
};

function faultOf(code: string, doing: Doing): Fault {
  const own = codeOf[doing];
  if (/^SQLITE_(?:FULL|TOOBIG)|^ENOSPC$|^EDQUOT$/.test(code)) return { code: own, retryable: true, reason: 'full' };
  if (/^SQLITE_READONLY|^EROFS$|^EACCES$|^EPERM$|^SQLITE_(?:PERM|AUTH)/.test(code)) return { code: own, retryable: true, reason: 'readonly' };
  if (/^SQLITE_(?:BUSY|LOCKED)/.test(code))
    return { code: doing === 'write' ? 'PERSISTENCE_TRANSACTION_FAILED' : own, retryable: true, reason: 'locked' };
  if (/^SQLITE_(?:CORRUPT|NOTADB|FORMAT)/.test(code)) return { code: 'PERSISTENCE_INTEGRITY_ERROR', retryable: false, reason: 'damaged' };
  if (/^SQLITE_(?:IOERR|NOMEM|PROTOCOL)|^EIO$/.test(code)) return { code: own, retryable: true, reason: 'io' };
  if (/^SQLITE_CANTOPEN|^E[A-Z]+$/.test(code)) return { code: 'PERSISTENCE_CONNECTION_FAILED', retryable: true, reason: 'unreachable' };
  return { code: own, retryable: false, reason: 'other' };
}

const sayings: Readonly<Record<Fault['reason'], string>> = {
  full: 'there is no room left',
  readonly: 'this user may not read or write it, or it lies where nothing can be written',
  io: 'reading or writing the file failed',
  locked: 'another program holds it locked',
  damaged: 'it is damaged; `gleitzeit check` says where',
  unreachable: 'it cannot be reached',
  other: 'something unforeseen happened',
};

/** The error of the storage that a thrown value is; our own pass as they are. */
export function storageError(thrown: unknown, doing: Doing, path: string): GleitzeitError {
  if (thrown instanceof GleitzeitError) return thrown;
  const said = readField(thrown, 'code');
  const message = readField(thrown, 'message');
  const { code, retryable, reason } = faultOf(typeof said === 'string' ? said : '', doing);
  const subject = doing === 'open' ? 'could not be opened' : doing === 'read' ? 'could not be read' : 'did not take what was to be written';
  const text = `The journal ${path} ${subject}: ${sayings[reason]} (${String(message)})`;
  return new GleitzeitError(
    { ...errorOf(code, text).toJSON(), retryable, details: { reason, path, ...(typeof said === 'string' && { cause: said }) } },
    { cause: thrown },
  );
}

/** A place in a journal that is not as it was written. */
export interface Damage {
  /** The facts that are concerned: those after `afterSeq`, up to `toSeq` where that is known. */
  readonly afterSeq: number;
  readonly toSeq?: number;
  /** Which rule does not hold, for example `checksum`, `missing`, `chain`, `tail`, `index`, `file`. */
  readonly kind: string;
  readonly message: string;
}

export function damaged(path: string, damage: Damage): GleitzeitError {
  return errorOf('PERSISTENCE_INTEGRITY_ERROR', `The journal ${path} is damaged: ${damage.message}`, {
    details: { reason: 'damaged', path, damages: [damage] },
  });
}
