/** Opens a journal: looks before it touches, takes the ownership, and verifies the end. */
import type Database from 'better-sqlite3';
import { hasLog, logPath } from './beside.ts';
import { type ConnectOptions, checkVersion, connect, connectToRead, createJournal, isJournal, requireJournal } from './connection.ts';
import { damaged } from './faults.ts';
import { type Mark, markPath, readMark, writeFirstMark } from './mark.ts';
import { type Lock, type Owner, readOwner, takeEpoch, takeLock } from './owner.ts';
import { migrate, schemaVersion, versionOf } from './schema.ts';
import { type VerifiedTail, verifyTail } from './tail.ts';

export interface Owned {
  readonly lock: Lock;
  readonly owner: Owner;
  readonly lastSeq: number;
  readonly lastTime: number;
  readonly keys: readonly string[];
  readonly damaged?: VerifiedTail['damaged'];
  readonly lost?: VerifiedTail['lost'];
}

/** Opens a journal to write it, makes it where there is none, and takes the next epoch. @throws GleitzeitError PERSISTENCE_* */
export function openOwned(path: string, options: ConnectOptions): Owned {
  // Before the lock too: nothing is put beside a file that is no journal.
  isJournal(path);
  const lock = takeLock(path, { waitMs: options.busyTimeoutMs });
  try {
    if (isJournal(path)) migrateOlder(path, options);
    else createJournal(path);
    // On a connection that cannot write, and before there is one that can: a log that is not its own must not get into the file.
    const { db: looked, lastSeq, lastTime, damaged: found, lost, end, keys } = openToRead(path, options);
    looked.close();
    // Before the journal says that an engine has it, so that whoever looks meanwhile knows how far it had come.
    writeFirstMark(path, { ...end, durability: options.durability });
    const db = connect(path, options);
    try {
      const owner = takeEpoch(db);
      // From here on the file itself says who owns it, and the log, which begins anew, does not.
      db.pragma('wal_checkpoint(PASSIVE)');
      return { lock, owner, lastSeq, lastTime, keys, ...(found && { damaged: found }), ...(lost && { lost }) };
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
  /** When its last fact was stated, in epoch milliseconds. */
  readonly lastTime: number;
  /** Where it ends, as a mark says it. */
  readonly end: Omit<Mark, 'durability'>;
  /** The ids of the keys that secrets in it are sealed with. */
  readonly keys: readonly string[];
  readonly damaged?: VerifiedTail['damaged'];
  readonly lost?: VerifiedTail['lost'];
}

/** Opens a journal to read it, whoever owns it. @throws GleitzeitError PERSISTENCE_* */
export function openToRead(path: string, { busyTimeoutMs }: Pick<ConnectOptions, 'busyTimeoutMs'>): Beside {
  requireJournal(path);
  const place = lookAt(path);
  const db = connectToRead(path, busyTimeoutMs);
  try {
    checkVersion(db, path);
    const { tail, lastTime, owner, damaged: found, lost } = verifyEnd(db, place);
    const { n, seq, chain } = tail;
    const end = { journal: owner.journal, n, seq, chain };
    return { db, lastSeq: seq, lastTime, epoch: owner.epoch, end, keys: keysIn(db), ...(found && { damaged: found }), ...(lost && { lost }) };
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

function keysIn(db: Database.Database): readonly string[] {
  // The column is a text that is never null.
  return db.prepare('SELECT id FROM keys ORDER BY id').pluck().all() as string[];
}

/** What lies beside a journal, looked at before SQLite is, which makes a log of its own where there is none. */
export interface Place {
  readonly path: string;
  readonly hasLog: boolean;
  readonly mark: Mark | undefined;
}

/** The mark before the journal: it is never ahead of the journal that is read after it. */
export function lookAt(path: string): Place {
  return { path, hasLog: hasLog(path), mark: readMark(path) };
}

/**
 * Everything that decides whether a journal is opened: whoever opens, checks or repairs one asks this.
 * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR
 */
export function verifyEnd(db: Database.Database, place: Place): VerifiedTail & { readonly owner: Owner } {
  const { path } = place;
  return db.transaction(() => {
    const owner = readOwner(db);
    if (owner === undefined) throw damaged(path, { afterSeq: 0, kind: 'index', message: 'the record of its owner is missing' });
    requireOwnLog(db, owner, path);
    const verified = verifyTail(db, { path, journal: owner.journal, mark: place.mark });
    requireWhole(owner, verified, place);
    return { ...verified, owner };
  })();
}

/** The tail is in the log, the row of the owner in the file: they were written together, or are of different journals or times. */
function requireOwnLog(db: Database.Database, { journal, epoch }: Owner, path: string): void {
  // The columns are those of the schema.
  const written = db.prepare('SELECT journal, epoch FROM tail').get() as Pick<Owner, 'journal' | 'epoch'> | undefined;
  if (written === undefined || (written.journal === journal && written.epoch === epoch)) return;
  const whose = written.journal === journal ? `another copy of it, of start ${written.epoch} where the file is of start ${epoch}` : 'another journal';
  const message = `the log ${logPath(path)} belongs to ${whose}: a file was put over the one that the log was written for`;
  throw damaged(path, { afterSeq: 0, kind: 'log', message });
}

/** An engine that has not let go of the journal left a log; where the mark does not say how far it came, a missing one counts. */
function requireWhole({ open, journal }: Owner, { tail }: VerifiedTail, { path, hasLog: hadLog, mark }: Place): void {
  if (open === 0 || hadLog || mark?.journal === journal) return;
  const message = `it was copied while an engine ran, or after one was killed, without its log ${logPath(path)} and its mark ${markPath(path)}: what came after seq ${tail.seq} may be missing`;
  throw damaged(path, { afterSeq: tail.seq, kind: 'log', message });
}

/** A file of an older version is read only once it was brought to this one. */
function migrateOlder(path: string, options: ConnectOptions): void {
  const looked = connectToRead(path, options.busyTimeoutMs);
  try {
    if (versionOf(looked) >= schemaVersion) return;
  } finally {
    looked.close();
  }
  const db = connect(path, options);
  try {
    migrate(db);
  } finally {
    db.close();
  }
}
