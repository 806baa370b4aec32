/** Opens a journal: looks before it touches, takes the ownership, and verifies the end. */
import type Database from 'better-sqlite3';

import { type ConnectOptions, checkVersion, connect, connectToRead, createJournal, isJournal, requireJournal } from './connection.ts';
import { damaged } from './faults.ts';
import { readMark } from './mark.ts';
import { type Lock, type Owner, readOwner, takeEpoch, takeLock } from './owner.ts';
import { migrate } from './schema.ts';
import { type VerifiedTail, verifyTail } from './tail.ts';

export interface Owned {
  readonly lock: Lock;
  readonly owner: Owner;
  readonly lastSeq: number;
  readonly lost?: VerifiedTail['lost'];
}

/** Opens a journal to write it, makes it where there is none, and takes the next epoch. @throws GleitzeitError PERSISTENCE_* */
export function openOwned(path: string, options: ConnectOptions): Owned {
  // Before the lock too: nothing is put beside a file that is no journal.
  isJournal(path);
  const lock = takeLock(path, { waitMs: options.busyTimeoutMs });
  try {
    if (!isJournal(path)) createJournal(path);
    const db = connect(path, options);
    try {
      checkVersion(db, path);
      migrate(db);
      const { tail, lost } = verify(db, path);
      return { lock, owner: takeEpoch(db), lastSeq: tail.seq, ...(lost && { lost }) };
    } finally {
      db.close();
    }
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

export interface Beside {
  readonly db: Database.Database;
  readonly epoch: number;
  readonly lastSeq: number;
  readonly lost?: VerifiedTail['lost'];
}

/** Opens a journal to read it, whoever owns it. @throws GleitzeitError PERSISTENCE_* */
export function openToRead(path: string, { busyTimeoutMs }: Pick<ConnectOptions, 'busyTimeoutMs'>): Beside {
  requireJournal(path);
  const db = connectToRead(path, busyTimeoutMs);
  try {
    checkVersion(db, path);
    const { tail, lost } = verify(db, path);
    return { db, lastSeq: tail.seq, epoch: readOwner(db)?.epoch ?? 0, ...(lost && { lost }) };
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

function verify(db: Database.Database, path: string): VerifiedTail {
  // The mark first: it is never ahead of the journal that is read after it.
  const mark = readMark(path);
  return db.transaction(() => {
    const owner = readOwner(db);
    if (owner === undefined) throw damaged(path, { afterSeq: 0, kind: 'index', message: 'the record of its owner is missing' });
    return verifyTail(db, { path, journal: owner.journal, mark });
  })();
}
