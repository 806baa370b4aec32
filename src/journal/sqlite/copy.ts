/**
 * Whole copies of a journal: of one moment, also while an engine runs on it; verified; durable before they stand under their name.
 *
 * A copy is a file, and beside it a mark of how far it goes: it needs no log. What it was made of is never written.
 */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';

import { copySynced, makePrivate, syncFile, syncFolderOf } from '../../durable-file.ts';
import { keyFilesOf } from '../../secrets/key-file.ts';
import { logIndexPath, logPath } from './beside.ts';
import { checkJournal, type JournalCheck } from './check.ts';
import { draftOf } from './connection.ts';
import { openDatabase } from './driver.ts';
import { damaged } from './faults.ts';
import { markPath, writeFirstMark } from './mark.ts';
import { openToRead } from './opening.ts';

export interface CopyOptions {
  readonly busyTimeoutMs: number;
  /** The epoch of the copy is at least this. @defaultValue that of the journal */
  readonly epoch?: number;
}

/** Pages that are copied between two turns of the event loop: less than a millisecond. */
const pagesAtOnce = 100;

/**
 * Makes a copy under the name of a draft, with its mark, and verifies all of it.
 * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR for a journal that is damaged
 */
export async function makeDraft(from: string, path: string, options: CopyOptions): Promise<JournalCheck> {
  const draft = draftOf(path);
  removeDraft(path);
  try {
    makePrivate(draft);
    await copyPages(from, draft, options);
    release(draft, options);
    syncFile(draft);
    const found = await checkJournal(draft);
    const [damage] = found.damages;
    if (damage !== undefined) throw damaged(from, damage);
    removeLog(draft);
    return found;
  } catch (thrown) {
    removeDraft(path);
    throw thrown;
  }
}

export function removeDraft(path: string): void {
  const draft = draftOf(path);
  for (const each of [draft, markPath(draft), logPath(draft), logIndexPath(draft), `${draft}-journal`]) rmSync(each, { force: true });
}

/** Removes the log of a journal, and what is known of it: played into another file, it would destroy that. */
export function removeLog(path: string): void {
  for (const each of [logPath(path), logIndexPath(path)]) rmSync(each, { force: true });
  syncFolderOf(path);
}

/**
 * Puts a draft under its name. The mark that stood there goes last, so that an end half way through is seen at the next open.
 * @param keepMark - Where the mark that stood there is moved to; it is replaced where nothing is said.
 */
export function placeDraft(path: string, keepMark?: string): void {
  const draft = draftOf(path);
  removeLog(path);
  renameSync(draft, path);
  if (keepMark !== undefined && existsSync(markPath(path))) renameSync(markPath(path), keepMark);
  renameSync(markPath(draft), markPath(path));
  syncFolderOf(path);
}

async function copyPages(from: string, draft: string, { busyTimeoutMs }: CopyOptions): Promise<void> {
  const { db } = openToRead(from, { busyTimeoutMs });
  try {
    // One look at all of it, however long: an engine that owns the journal goes on, and the copy is of this moment.
    db.exec('BEGIN');
    db.prepare('SELECT seq FROM tail').get();
    await db.backup(draft, { progress: () => pagesAtOnce });
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

/** Nobody has the copy: what it holds is all that there is of it. */
function release(draft: string, { epoch = 0, busyTimeoutMs }: CopyOptions): void {
  const db = openDatabase(draft);
  try {
    db.pragma('synchronous = FULL');
    db.transaction(() => {
      db.prepare('UPDATE owner SET open = 0, epoch = max(epoch, ?)').run(epoch);
      db.prepare('UPDATE tail SET epoch = (SELECT epoch FROM owner)').run();
    })();
  } finally {
    // The only connection: it empties the log into the file.
    db.close();
  }
  const { db: looked, end } = openToRead(draft, { busyTimeoutMs });
  looked.close();
  writeFirstMark(draft, { ...end, durability: 'full' });
}

/** Copies keys beside another journal; one that is there stays, and another of its name is kept beside it. */
export function copyKeys(from: string, to: string, otherName: (path: string) => string): readonly string[] {
  const copied: string[] = [];
  for (const file of keyFilesOf(`${from}-key`)) {
    const wanted = `${to}${file.slice(from.length)}`;
    const isTaken = existsSync(wanted) && readFileSync(wanted, 'utf8').trim() !== readFileSync(file, 'utf8').trim();
    const target = isTaken ? `${to}-key-${otherName(file)}` : wanted;
    if (existsSync(target)) continue;
    makePrivate(target);
    copySynced(file, target);
    copied.push(target);
  }
  if (copied.length > 0) syncFolderOf(to);
  return copied;
}
