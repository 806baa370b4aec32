/**
 * Who may write a journal: one engine at a time.
 *
 * The lock is SQLite's own exclusive lock on an empty file beside the journal. The operating system lets go of it with the process,
 * however that ends, so that nothing stale is ever left. Locks of those who only read that file (a backup program, somebody who
 * looks) keep nobody out: another lock file takes its place. The epoch is the second line: it counts owners, stands in the journal
 * itself, and is looked at in each commit, so that an owner whose lock was lost (its file removed, a file system that does not
 * keep locks) writes nothing after the next one has come.
 */
import { existsSync, renameSync } from 'node:fs';
import { hostname } from 'node:os';
import type Database from 'better-sqlite3';
import { makePrivate, takeAccessOf } from '../../durable-file.ts';
import { timeText } from '../../duration.ts';
import { errorOf, type GleitzeitError } from '../../errors.ts';
import { readField } from '../../thrown.ts';
import { openDatabase } from './driver.ts';

export interface Lock {
  release(): void;
}

export interface Owner {
  readonly journal: string;
  readonly epoch: number;
  readonly pid: number | null;
  readonly host: string | null;
  /** Epoch milliseconds. */
  readonly since: number | null;
  /** 1 from the start of an engine until it lets go of the journal in good order, else 0. */
  readonly open: number;
}

export interface LockOptions {
  /** How long to wait for another owner to let go, in milliseconds. */
  readonly waitMs: number;
}

export function lockPath(path: string): string {
  return `${path}-lock`;
}

/** @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED when another engine holds it */
export function takeLock(path: string, { waitMs }: LockOptions): Lock {
  makeLockFile(lockPath(path));
  if (existsSync(path)) takeAccessOf(lockPath(path), path);
  const lock = lockOf(lockPath(path), waitMs) ?? (isLocked(path) ? undefined : replaceLock(path));
  if (lock === undefined) throw inUse(path);
  return { release: () => void lock.close() };
}

function makeLockFile(path: string): void {
  try {
    makePrivate(path);
  } catch (thrown) {
    if (readField(thrown, 'code') !== 'EEXIST') throw thrown;
  }
}

/** Nothing where another holds it. */
function lockOf(file: string, waitMs: number): Database.Database | undefined {
  const db = openDatabase(file, { timeout: waitMs });
  try {
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (thrown) {
    db.close();
    if (isBusy(thrown)) return undefined;
    throw thrown;
  }
}

/**
 * A lock file of our own in the place of one that only readers hold: an engine would not let us read it. Should two come to this at
 * the same time, the epoch stops one of them.
 */
function replaceLock(path: string): Database.Database | undefined {
  const own = `${lockPath(path)}.${process.pid}-${process.hrtime.bigint().toString(36)}`;
  makePrivate(own);
  const lock = lockOf(own, 0);
  if (existsSync(path)) takeAccessOf(own, path);
  renameSync(own, lockPath(path));
  return lock;
}

function isBusy(thrown: unknown): boolean {
  return String(readField(thrown, 'code')).startsWith('SQLITE_BUSY');
}

/** Whether some engine holds the lock just now; nothing is taken or made by the look. */
export function isLocked(path: string): boolean {
  if (!existsSync(lockPath(path))) return false;
  const db = openDatabase(lockPath(path), { readonly: true, timeout: 0 });
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (thrown) {
    if (isBusy(thrown)) return true;
    throw thrown;
  } finally {
    db.close();
  }
}

/** @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED while an engine owns it; nothing is taken */
export function refuseOwned(path: string): void {
  if (isLocked(path)) throw inUse(path);
}

function inUse(path: string): GleitzeitError {
  const owner = ownerOfFile(path);
  if (owner?.open === 0) return heldByOther(path);
  const who = owner?.pid == null ? 'another engine' : `process ${owner.pid} on ${owner.host ?? 'this host'}`;
  const since = owner?.since == null ? '' : ` since ${timeText(owner.since)}`;
  return errorOf('PERSISTENCE_CONNECTION_FAILED', `The journal ${path} is in use by ${who}${since}: one engine at a time may own it.`, {
    details: { reason: 'owned', path, ...(owner && { pid: owner.pid, host: owner.host, since: owner.since, epoch: owner.epoch }) },
  });
}

/** The last engine has let go of the journal: an engine that is just starting, or a program that is none. */
function heldByOther(path: string): GleitzeitError {
  const text = `The journal ${path} is in use: its lock ${lockPath(path)} is held by an engine that is just starting, or by another program, which must not lock it. Try again; if it stays, end that program.`;
  return errorOf('PERSISTENCE_CONNECTION_FAILED', text, { details: { reason: 'owned', path } });
}

/** Whoever took it last, as the file says; nothing where it cannot be read. */
export function ownerOfFile(path: string): Owner | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const db = openDatabase(path, { readonly: true });
    try {
      return readOwner(db);
    } finally {
      db.close();
    }
  } catch {
    // The owner may be just about to make the file; that it is in use is certain all the same.
    return undefined;
  }
}

export function readOwner(db: Database.Database): Owner | undefined {
  // The columns are those of the schema.
  return db.prepare('SELECT journal, epoch, pid, host, since, open FROM owner').get() as Owner | undefined;
}

/** Takes the next epoch, for the owner and for the tail that is written under it. */
export function takeEpoch(db: Database.Database): Owner {
  const sql = 'UPDATE owner SET epoch = epoch + 1, pid = ?, host = ?, since = ?, open = 1 RETURNING journal, epoch, pid, host, since, open';
  return db.transaction(() => {
    const owner = db.prepare(sql).get(process.pid, hostname(), Date.now()) as Owner;
    db.prepare('UPDATE tail SET epoch = ?').run(owner.epoch);
    return owner;
  })();
}

/** The engine of this epoch has let go: nothing is missing where there is no log. */
export function letGo(db: Database.Database, epoch: number): void {
  db.prepare('UPDATE owner SET open = 0 WHERE epoch = ?').run(epoch);
}

export function epochTaken(path: string, owner: Owner | undefined): GleitzeitError {
  const who = owner?.pid == null ? 'Another engine' : `Process ${owner.pid} on ${owner.host ?? 'this host'}`;
  const { pid, host, since, epoch } = owner ?? {};
  return errorOf('PERSISTENCE_CONNECTION_FAILED', `${who} has taken the journal ${path}: this engine may no longer write it.`, {
    retryable: false,
    details: { reason: 'taken', path, ...(owner && { pid, host, since, epoch }) },
  });
}
