/** Backups: a copy of a journal as it is at one moment, and the way back from it. */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { syncFolderOf } from '../../durable-file.ts';
import { errorOf } from '../../errors.ts';
import { keyIdInFile } from '../../secrets/key.ts';
import { logIndexPath, logPath } from './beside.ts';
import { isJournal, requireJournal, truePath } from './connection.ts';
import { copyKeys, makeDraft, placeDraft, removeDraft } from './copy.ts';
import { storageError } from './faults.ts';
import { markPath } from './mark.ts';
import { ownerOfFile, refuseOwned, takeLock } from './owner.ts';

export interface JournalBackup {
  readonly path: string;
  readonly target: string;
  /** Everything up to this is in the backup. */
  readonly lastSeq: number;
  readonly facts: number;
  readonly workflows: number;
  readonly bytes: number;
  /** The files of keys that were copied, too. */
  readonly keys: readonly string[];
}

export interface BackupOptions {
  /** Replaces a backup that stands at the target. @defaultValue `false` */
  readonly overwrite?: boolean;
  /** Copies the files of keys beside the journal: whoever has the backup can then open the secrets in it. @defaultValue `false` */
  readonly withKey?: boolean;
  /** How long to wait for another connection to let go of the file, in milliseconds; an integer from 0. @defaultValue `500` */
  readonly busyTimeoutMs?: number;
}

/**
 * Copies a journal, also one that an engine runs on, as it is at one moment. The copy is verified, and durable, when this resolves.
 * @throws GleitzeitError CONFIGURATION_ERROR when something stands at the target; PERSISTENCE_INTEGRITY_ERROR when the journal is damaged;
 * PERSISTENCE_CONNECTION_FAILED when there is none, or an engine owns the target
 * @example
 * await backupJournal('jobs.db', '/backups/jobs.db');
 */
export async function backupJournal(path: string, target: string, options: BackupOptions = {}): Promise<JournalBackup> {
  const { overwrite = false, withKey = false, busyTimeoutMs = 500 } = options;
  const [from, to] = [truePath(path), truePath(target)];
  try {
    requireJournal(from);
    requireTarget(from, to, overwrite);
    const { lastSeq, facts, workflows } = await makeDraft(from, to, { busyTimeoutMs });
    placeDraft(to);
    const keys = withKey ? copyKeys(from, to, keyIdInFile) : [];
    return { path: from, target: to, lastSeq, facts, workflows, bytes: statSync(to).size, keys };
  } catch (thrown) {
    throw storageError(thrown, 'open', from);
  }
}

function requireTarget(from: string, to: string, overwrite: boolean): void {
  requireOther(from, to);
  requireFolder(to);
  const there = [to, logPath(to), markPath(to)].find((each) => existsSync(each));
  if (there === undefined) return;
  if (!overwrite) throw exists(there);
  // What is no journal is never replaced.
  if (existsSync(to)) isJournal(to);
  refuseOwned(to);
}

function exists(path: string): Error {
  return errorOf('CONFIGURATION_ERROR', `${path} is there already: give another target, or replace it by --force (overwrite: true).`, {
    details: { reason: 'exists', path },
  });
}

function requireOther(from: string, to: string): void {
  if (to !== from && !to.startsWith(`${from}-`)) return;
  throw errorOf('CONFIGURATION_ERROR', `A backup must stand under a name of its own, and ${to} belongs to the journal ${from}.`, {
    details: { reason: 'same', path: to },
  });
}

function requireFolder(path: string): void {
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw errorOf('CONFIGURATION_ERROR', `The folder ${dirname(path)} is not there: make it first.`, { details: { reason: 'no folder', path } });
}

export interface JournalRestore {
  readonly path: string;
  readonly backup: string;
  readonly lastSeq: number;
  readonly facts: number;
  readonly workflows: number;
  /** The journal as it was before; absent where there was none. */
  readonly aside?: string;
  /** The files of keys that came with the backup and were not there. */
  readonly keys: readonly string[];
}

export interface RestoreOptions {
  /** How long to wait for an engine that is just ending, in milliseconds; an integer from 0. @defaultValue `500` */
  readonly busyTimeoutMs?: number;
}

/**
 * Puts a backup in the place of a journal; what was there is put aside, whole. The epoch goes on, so that an engine that still has
 * the journal from before, whatever became of its lock, writes nothing more.
 * @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED while an engine owns the journal, or when there is no backup;
 * PERSISTENCE_INTEGRITY_ERROR when the backup is damaged; CONFIGURATION_ERROR when the two are the same
 * @example
 * await restoreJournal('/backups/jobs.db', 'jobs.db');
 */
export async function restoreJournal(backup: string, path: string, { busyTimeoutMs = 500 }: RestoreOptions = {}): Promise<JournalRestore> {
  const [from, to] = [truePath(backup), truePath(path)];
  try {
    requireJournal(from);
    requireOther(from, to);
    requireFolder(to);
    const lock = takeLock(to, { waitMs: busyTimeoutMs });
    try {
      const epoch = (ownerOfFile(to)?.epoch ?? 0) + 1;
      const { lastSeq, facts, workflows } = await makeDraft(from, to, { busyTimeoutMs, epoch });
      const aside = exchange(to);
      const keys = copyKeys(from, to, keyIdInFile);
      return { path: to, backup: from, lastSeq, facts, workflows, keys, ...(aside !== undefined && { aside }) };
    } finally {
      removeDraft(to);
      lock.release();
    }
  } catch (thrown) {
    throw storageError(thrown, 'open', from);
  }
}

/** At each moment of it there is the journal from before, none that can be opened, or the one from the backup. */
function exchange(path: string): string | undefined {
  const aside = `${path}.before-restore-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  const there = [logPath(path), path].filter((each) => existsSync(each));
  for (const each of there) renameSync(each, `${aside}${each.slice(path.length)}`);
  rmSync(logIndexPath(path), { force: true });
  syncFolderOf(path);
  placeDraft(path, markPath(aside));
  return there.length > 0 ? aside : undefined;
}
