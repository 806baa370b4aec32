/**
 * Makes a damaged journal usable again: everything up to the first damage stays, with its index made anew from it; the damaged
 * journal as it was is put aside, whole, so that nothing is destroyed.
 *
 * What follows the first damage cannot stay: a state is what all facts before it make of it, and work that finished after a hole
 * may follow from what was in the hole.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import type Database from 'better-sqlite3';

import { copySynced, syncFolderOf, takeAccessOf } from '../../durable-file.ts';
import { keyIdsIn } from '../../secrets/token.ts';
import { scheduleChangeOf } from '../standing-schedules.ts';
import { headChangeOf } from '../workflow-head.ts';
import { checkJournal } from './check.ts';
import { buildEmpty, connectToSalvage, draftOf, requireJournal, truePath } from './connection.ts';
import { removeLog } from './copy.ts';
import { openDatabase } from './driver.ts';
import { type Damage, damaged, storageError } from './faults.ts';
import { type HeadRow, HeadTable } from './head-row.ts';
import { markPath, readMark } from './mark.ts';
import { readOwner, takeLock } from './owner.ts';
import { ScheduleTable } from './schedule-row.ts';
import { StagedHeads } from './staged-heads.ts';
import { emptyTail, type Tail, writeTail } from './tail.ts';
import { type Walked, walk } from './walk.ts';

export interface JournalRepair {
  readonly path: string;
  /** The damaged journal as it was; absent where nothing had to be done. */
  readonly aside?: string;
  readonly damages: readonly Damage[];
  readonly lost?: LostFacts;
}

export interface LostFacts {
  /** Everything up to this is there. */
  readonly afterSeq: number;
  /** Up to this there had been something. */
  readonly toSeq: number;
  /** How many of the facts that were cut can still be read in the file put aside. */
  readonly readable: number;
  /** The workflows that they belong to. */
  readonly workflows: readonly string[];
}

export interface RepairOptions {
  readonly busyTimeoutMs?: number;
}

/** @throws GleitzeitError PERSISTENCE_CONNECTION_FAILED while an engine owns it, PERSISTENCE_INTEGRITY_ERROR when it is no journal */
export async function repairJournal(path: string, { busyTimeoutMs = 500 }: RepairOptions = {}): Promise<JournalRepair> {
  const whole = truePath(path);
  try {
    requireJournal(whole);
    const lock = takeLock(whole, { waitMs: busyTimeoutMs });
    try {
      const { damages } = await checkJournal(whole, { busyTimeoutMs });
      if (damages.length === 0) return { path: whole, damages };
      const aside = copyAside(whole);
      if (damages.some(({ kind }) => kind === 'log')) removeLog(whole);
      // The file alone, without the log of another, may be sound.
      const left = await checkJournal(whole, { busyTimeoutMs });
      const lost = left.damages.length === 0 ? undefined : replaceBySound(whole);
      await requireSound(whole, { busyTimeoutMs });
      return { path: whole, damages, aside, ...(lost && { lost }) };
    } finally {
      lock.release();
    }
  } catch (thrown) {
    throw storageError(thrown, 'open', whole);
  }
}

/** Makes the sound part of a journal anew, beside it. */
function rebuild(path: string): LostFacts | undefined {
  const from = connectToSalvage(path, 0);
  try {
    buildEmpty(draftOf(path));
    const to = openDatabase(draftOf(path));
    try {
      const epoch = attemptOwner(from);
      if (epoch !== undefined) to.prepare('UPDATE owner SET epoch = ?').run(epoch);
      return copySound(from, to, path);
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
}

function attemptOwner(db: Database.Database): number | undefined {
  try {
    return readOwner(db)?.epoch;
  } catch {
    // Epochs then begin again: whoever held one of before finds another file under the name.
    return undefined;
  }
}

function copySound(from: Database.Database, to: Database.Database, path: string): LostFacts | undefined {
  const copy = new Copy(to, path);
  const cut = { facts: 0, workflows: new Set<string>(), lastSeq: 0 };
  let isSound = true;
  to.exec('BEGIN');
  for (const stop of walk(from)) {
    if ('damage' in stop) isSound = false;
    if (stop.walked === undefined) continue;
    if (isSound) {
      copy.add(stop.walked);
      continue;
    }
    cut.lastSeq = stop.walked.frame.seq;
    for (const { correlation } of stop.walked.facts) {
      cut.facts++;
      if (correlation.workflowId !== undefined) cut.workflows.add(correlation.workflowId);
    }
  }
  writeTail(to, copy.tail);
  to.exec('COMMIT');
  const toSeq = Math.max(cut.lastSeq, endOf(from), readMark(path)?.seq ?? 0);
  if (toSeq <= copy.tail.seq) return undefined;
  return { afterSeq: copy.tail.seq, toSeq, readable: cut.facts, workflows: [...cut.workflows] };
}

/** Where the damaged journal says that it ends, as far as it can still say anything. */
function endOf(db: Database.Database): number {
  try {
    return Number(db.prepare('SELECT seq FROM tail').pluck().get() ?? 0);
  } catch {
    return 0;
  }
}

class Copy {
  tail: Tail = emptyTail;
  private readonly heads: HeadTable;
  private readonly schedules: ScheduleTable;
  private readonly running = new Map<string, HeadRow>();
  private readonly insertFrame: Database.Statement;
  private readonly insertGap: Database.Statement;
  private readonly insertTouch: Database.Statement;
  private readonly insertKey: Database.Statement;
  private readonly nextNo: Database.Statement;

  constructor(db: Database.Database, path: string) {
    this.heads = new HeadTable(db, path);
    this.schedules = new ScheduleTable(db, path);
    this.insertFrame = db.prepare(
      'INSERT INTO frames (seq, n, first_seq, facts, sum, chain, live, kept_sum, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.insertGap = db.prepare('INSERT INTO gaps (from_n, to_n, seq, chain, sum) VALUES (?, ?, ?, ?, ?)');
    this.insertTouch = db.prepare('INSERT INTO touches (workflow, seq) VALUES (?, ?)');
    this.insertKey = db.prepare('INSERT OR IGNORE INTO keys (id) VALUES (?)');
    this.nextNo = db.prepare('SELECT coalesce(max(no), 0) + 1 FROM workflows').pluck();
  }

  add({ frame, gap, facts }: Walked): void {
    const { seq, n, first_seq, facts: count, sum, chain, kept_sum, body } = frame;
    if (gap !== undefined) this.insertGap.run(gap.from_n, gap.to_n, gap.seq, gap.chain, gap.sum);
    const heads = new StagedHeads(this.heads, this.running, Number(this.nextNo.get()));
    for (const fact of facts) {
      const change = headChangeOf(fact);
      if (change !== undefined) heads.apply(fact.seq, change);
    }
    const numbers = new Set(facts.map(({ correlation }) => heads.count(correlation.workflowId, 1)));
    for (const id of keyIdsIn(JSON.stringify(facts))) this.insertKey.run(id);
    this.insertFrame.run(seq, n, first_seq, count, sum, chain, numbers.size, kept_sum, body);
    for (const no of numbers) this.insertTouch.run(no, seq);
    const { running, ended } = heads.flush();
    let { schedules } = this.tail;
    for (const fact of facts) {
      const change = scheduleChangeOf(fact);
      if (change !== undefined) schedules += this.schedules.apply(fact.seq, change);
    }
    this.tail = { n, seq, chain, running: this.tail.running + running, ended: this.tail.ended + ended, schedules };
  }
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

/**
 * Puts what is sound of a journal in its place. The mark goes last, so that an end half way through is seen at the next open, and
 * never taken for a sound journal.
 */
function replaceBySound(path: string): LostFacts | undefined {
  const lost = rebuild(path);
  // A log that is not its own would be played into the new file.
  removeLog(path);
  takeAccessOf(draftOf(path), path);
  renameSync(draftOf(path), path);
  rmSync(markPath(path), { force: true });
  syncFolderOf(path);
  return lost;
}
