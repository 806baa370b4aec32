/** Connections to a journal's file, set up so that they keep its promises. */
import { closeSync, openSync, readSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type Database from 'better-sqlite3';

import { makePrivate, syncFolderOf } from '../../durable-file.ts';
import { errorOf } from '../../errors.ts';
import { readField } from '../../thrown.ts';
import { hasLog, logPath } from './beside.ts';
import { isOpenHere, openDatabase } from './driver.ts';
import { markPath, readMark } from './mark.ts';
import { withPrivateCopy } from './private-copy.ts';
import { applicationId, migrate, schemaVersion, versionOf } from './schema.ts';
import { emptyTail, writeTail } from './tail.ts';

/**
 * `full`: what was answered survives a power cut. `relaxed`: it survives the end of the process however that comes, but a power
 * cut takes the last seconds with it; the file stays sound.
 */
export type FileDurability = 'full' | 'relaxed';

export interface ConnectOptions {
  readonly durability: FileDurability;
  /** How long to wait while another connection holds the file locked, in milliseconds. */
  readonly busyTimeoutMs: number;
}

const synchronous = { full: 2, relaxed: 1 } as const;
/** Pages after which the write-ahead log is copied into the file: few copies, and a log that is read in milliseconds. */
const checkpointPages = 4_000;
const maxLogBytes = 64 * 2 ** 20;

/** @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED when the file cannot be made to keep what it is asked to */
export function connect(path: string, { durability, busyTimeoutMs }: ConnectOptions): Database.Database {
  const db = openDatabase(path, { timeout: busyTimeoutMs, fileMustExist: true });
  try {
    db.pragma('journal_mode = WAL');
    // After the mode: the driver runs a write-ahead log at NORMAL unless told, on every open.
    db.pragma(`synchronous = ${synchronous[durability]}`);
    db.pragma(`wal_autocheckpoint = ${checkpointPages}`);
    db.pragma(`journal_size_limit = ${maxLogBytes}`);
    const mode = db.pragma('journal_mode', { simple: true });
    const sync = db.pragma('synchronous', { simple: true });
    if (mode !== 'wal' || sync !== synchronous[durability]) {
      throw errorOf(
        'PERSISTENCE_CONNECTION_FAILED',
        `The journal ${path} cannot keep its promise: SQLite runs it in mode ${String(mode)}, synchronous ${String(sync)}.`,
        { retryable: false },
      );
    }
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/**
 * A connection that cannot write, beside whoever owns the file. Where it may not even make the index of the log that SQLite needs (a
 * file system or a folder that cannot be written to), it reads a copy of its own.
 */
export function connectToRead(path: string, busyTimeoutMs: number): Database.Database {
  const options = { readonly: true, timeout: busyTimeoutMs, fileMustExist: true };
  const db = openDatabase(path, options);
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return db;
  } catch (thrown) {
    if (!/^SQLITE_(?:CANTOPEN|READONLY)/.test(String(readField(thrown, 'code')))) return db;
    db.close();
  }
  return withPrivateCopy(path, (copy) => {
    const copied = openDatabase(copy, options);
    copied.prepare('SELECT count(*) FROM sqlite_schema').get();
    return copied;
  });
}

/** A connection that cannot write, and reads what it can of a file that SQLite would refuse as a whole. */
export function connectToSalvage(path: string, busyTimeoutMs: number): Database.Database {
  const db = connectToRead(path, busyTimeoutMs);
  db.unsafeMode(true);
  db.pragma('writable_schema = ON');
  return db;
}

/** The one path of a file that may have several: what is beside it must be the same for all. */
export function truePath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    try {
      return join(realpathSync(dirname(whole)), basename(whole));
    } catch {
      return whole;
    }
  }
}

/**
 * Looks at the file without changing anything.
 * @returns whether there is one
 * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR when it is no journal, or was one; PERSISTENCE_CONNECTION_FAILED when it has
 * other names
 */
export function isJournal(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined || (file.isFile() && file.size === 0)) {
    refuseRemains(path);
    return false;
  }
  if (!file.isFile()) throw notAJournal(path, 'it is not a file');
  if (file.nlink > 1) throw linked(path, file.nlink);
  // It was looked at when it was opened.
  if (isOpenHere(path)) return true;
  const header = headerOf(path);
  if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') throw notAJournal(path, 'it is not an SQLite file, or its first bytes are damaged');
  if (header.readUInt32BE(68) !== applicationId) throw notAJournal(path, 'it is an SQLite file of another program');
  return true;
}

function headerOf(path: string): Buffer {
  const header = Buffer.alloc(100);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, header, 0, 100, 0);
  } finally {
    closeSync(fd);
  }
  return header;
}

/** A new journal must not be made where the log or the mark say that there was one: what it had answered for would be forgotten. */
function refuseRemains(path: string): void {
  const mark = readMark(path);
  const isMarked = mark !== undefined && mark.n > 0;
  if (!isMarked && !hasLog(path)) return;
  const remains = isMarked ? markPath(path) : logPath(path);
  const upTo = isMarked ? ` had answered for everything up to seq ${mark.seq}` : ' left a log';
  const text = `The journal ${path} is gone or empty, and ${remains} says that there was one, which${upTo}. Put the file back (from a backup: \`gleitzeit store restore\`), or, to begin with an empty journal, move ${path}-mark and ${path}-wal away.`;
  throw errorOf('PERSISTENCE_INTEGRITY_ERROR', text, { details: { reason: 'gone', path, ...(isMarked && { lastSeq: mark.seq }) } });
}

/** Log, lock and mark go by the name: by another name, another engine would write beside the first, and each lose what the other wrote. */
function linked(path: string, links: number): Error {
  const text = `The journal ${path} has ${links} names (hard links), and a journal must have one: its log and its lock go by its name. Find the others by \`find -samefile\` and remove them; a copy is made by \`gleitzeit store backup\`, another name by a symbolic link.`;
  return errorOf('PERSISTENCE_CONNECTION_FAILED', text, { retryable: false, details: { reason: 'linked', path, links } });
}

/** @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED where there is none; as {@link isJournal} does */
export function requireJournal(path: string): void {
  if (isJournal(path)) return;
  throw errorOf('PERSISTENCE_CONNECTION_FAILED', `There is no journal at ${path}.`, { retryable: false, details: { reason: 'not there', path } });
}

function notAJournal(path: string, why: string): Error {
  return errorOf('PERSISTENCE_INTEGRITY_ERROR', `${path} is not a journal of Gleitzeit: ${why}.`, { details: { reason: 'not a journal', path } });
}

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR when a newer Gleitzeit wrote it */
export function checkVersion(db: Database.Database, path: string): void {
  const version = versionOf(db);
  if (version <= schemaVersion) return;
  const text = `The journal ${path} has version ${version}, and this Gleitzeit knows versions up to ${schemaVersion}: a newer one wrote it.`;
  throw errorOf('PERSISTENCE_INTEGRITY_ERROR', text, { details: { reason: 'version', path, version, known: schemaVersion } });
}

/** Tells journals that stood under the same name apart. */
function newId(): string {
  return [Date.now(), process.pid, process.hrtime.bigint()].map((part) => part.toString(36)).join('-');
}

/** Under which name a journal is made: nothing that is half done is ever found under its own. */
export function draftOf(path: string): string {
  return `${path}-new`;
}

/** Makes an empty journal: under another name first, so that half a journal is never found under its own. */
export function createJournal(path: string): void {
  const draft = draftOf(path);
  buildEmpty(draft);
  renameSync(draft, path);
  syncFolderOf(path);
}

/** Makes an empty journal under exactly this name, in one whole and synced file. */
export function buildEmpty(path: string, journal = newId()): void {
  for (const beside of ['', '-journal', '-wal', '-shm']) rmSync(`${path}${beside}`, { force: true });
  // SQLite gives what it keeps beside a file the mode of the file.
  makePrivate(path);
  const db = openDatabase(path);
  try {
    db.pragma('synchronous = FULL');
    db.pragma(`application_id = ${applicationId}`);
    migrate(db);
    db.prepare('INSERT INTO owner (one, journal, epoch) VALUES (1, ?, 0)').run(journal);
    writeTail(db, emptyTail);
    db.pragma('journal_mode = WAL');
  } finally {
    db.close();
  }
}
