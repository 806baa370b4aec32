/**
 * Makes a damaged journal usable again: every run and every schedule whose facts are all there stays, in a file made anew from
 * them. The journal as it was is put aside, whole, and with it what cannot stay: of a run that misses facts nobody can tell how far it
 * had come.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';

import { copySynced, syncFolderOf, takeAccessOf } from '../../durable-file.ts';
import { checkJournal } from './check.ts';
import { connectToSalvage, draftOf, requireJournal, truePath } from './connection.ts';
import { removeLog } from './copy.ts';
import { openDatabase } from './driver.ts';
import { type Damage, damaged, storageError } from './faults.ts';
import { markPath } from './mark.ts';
import { takeLock } from './owner.ts';
import { rebuild } from './rebuild.ts';
import { type Judge, type LostRange, type Salvage, salvage } from './salvage.ts';

export interface JournalRepair {
  readonly path: string;
  /** The damaged journal as it was; absent where nothing had to be done. */
  readonly aside?: string;
  readonly damages: readonly Damage[];
  /** What is only in the journal that was put aside, as far as it is anywhere; absent where everything is in the repaired one. */
  readonly lost?: LostFacts;
}

export interface LostFacts {
  /** Facts that cannot be read. */
  readonly ranges: readonly LostRange[];
  /** How many facts of what stays behind can still be read in the journal that was put aside. */
  readonly readable: number;
  /** The runs that stay behind, and why. */
  readonly workflows: readonly { readonly workflowId: string; readonly reason: string }[];
  readonly schedules: readonly { readonly scheduleId: string; readonly reason: string }[];
}

export interface RepairOptions {
  /** How long to wait for an engine that is just ending, in milliseconds; an integer from 0. @defaultValue `500` */
  readonly busyTimeoutMs?: number;
}

/** The steps of a repair, in their order; an end before any of them leaves the journal as it was or as it is to be. */
export type RepairStep = 'aside' | 'rebuild' | 'empty log' | 'remove log' | 'replace' | 'remove mark';

export interface RepairSettings extends RepairOptions {
  readonly judge: Judge;
  /** Called before each step: where tests put crashes in. */
  readonly onStep?: (step: RepairStep) => void;
}

/** @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED while an engine owns it, PERSISTENCE_INTEGRITY_ERROR when it is no journal */
export async function repairFile(path: string, settings: RepairSettings): Promise<JournalRepair> {
  const whole = truePath(path);
  const { busyTimeoutMs = 500 } = settings;
  try {
    requireJournal(whole);
    const lock = takeLock(whole, { waitMs: busyTimeoutMs });
    try {
      return await repairOwned(whole, { ...settings, busyTimeoutMs });
    } finally {
      lock.release();
    }
  } catch (thrown) {
    throw storageError(thrown, 'open', whole);
  }
}

async function repairOwned(path: string, settings: RepairSettings): Promise<JournalRepair> {
  const { damages } = await checkJournal(path, settings);
  if (damages.length === 0 && isWhole(salvageOf(path, settings))) return { path, damages };
  settings.onStep?.('aside');
  const aside = copyAside(path);
  // Before anything else is read: what it holds is of another file.
  if (damages.some(({ kind }) => kind === 'log')) removeLog(path);
  const found = salvageOf(path, settings);
  // The file alone, without the log of another, may be sound.
  const isSound = isWhole(found) && (await checkJournal(path, settings)).damages.length === 0;
  const lost = isSound ? undefined : replace(path, found, settings);
  await requireSound(path, settings);
  return { path, damages, aside, ...(lost && { lost }) };
}

function salvageOf(path: string, { judge, busyTimeoutMs = 500 }: RepairSettings): Salvage {
  const db = connectToSalvage(path, busyTimeoutMs);
  try {
    return salvage(db, path, judge);
  } finally {
    db.close();
  }
}

function isWhole({ ranges, workflows, schedules }: Salvage): boolean {
  return ranges.length === 0 && workflows.size === 0 && schedules.size === 0;
}

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR: what is not sound is never said to be repaired */
async function requireSound(path: string, options: RepairOptions): Promise<void> {
  const { damages } = await checkJournal(path, options);
  const [damage] = damages;
  if (damage !== undefined) throw damaged(path, damage);
}

function copyAside(path: string): string {
  const aside = `${path}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  for (const beside of ['', '-wal', '-mark']) {
    if (existsSync(`${path}${beside}`)) copySynced(`${path}${beside}`, `${aside}${beside}`);
  }
  syncFolderOf(path);
  return aside;
}

/** Puts what is whole of a journal in its place. @returns what is not in it */
function replace(path: string, found: Salvage, { onStep }: RepairSettings): LostFacts | undefined {
  onStep?.('rebuild');
  const readable = rebuild(path, found);
  onStep?.('empty log');
  emptyLog(path);
  onStep?.('remove log');
  // A log that is not its own would be played into the new file.
  removeLog(path);
  takeAccessOf(draftOf(path), path);
  onStep?.('replace');
  renameSync(draftOf(path), path);
  syncFolderOf(path);
  onStep?.('remove mark');
  // It is of the journal that was there: without it, too, this one is read.
  rmSync(markPath(path), { force: true });
  syncFolderOf(path);
  return isWhole(found) ? undefined : lostOf(found, readable);
}

/** Into the file, so that an end after the log is removed and before the file is replaced leaves the journal as it was. */
function emptyLog(path: string): void {
  try {
    const db = openDatabase(path);
    try {
      db.pragma('wal_checkpoint(TRUNCATE)');
    } finally {
      db.close();
    }
  } catch {
    // What SQLite refuses as a whole has no log that it would read; all of it is put aside.
  }
}

function lostOf({ ranges, workflows, schedules }: Salvage, readable: number): LostFacts {
  return {
    ranges,
    readable,
    workflows: [...workflows].map(([workflowId, reason]) => ({ workflowId, reason })),
    schedules: [...schedules].map(([scheduleId, reason]) => ({ scheduleId, reason })),
  };
}
