/**
 * Retention: finished workflows leave the journal, a few at a time, each few in a transaction of its own.
 *
 * A frame in which nobody has facts any more goes, and a gap stands for it, so that what was removed on purpose is never taken
 * for what was lost. A frame in which others have facts is written again without those that leave. What is damaged does not leave
 * by its age: it is isolated where it is met, and goes when it is named.
 */
import type Database from 'better-sqlite3';

import type { Retention } from '../journal.ts';
import { encodeBody, type FrameRow, factOf, isIntact, linesOf, sumOf } from './frame.ts';
import type { FoundRow } from './head-row.ts';
import { markDamaged, recounted } from './isolate.ts';
import { asSqliteReads } from './row-text.ts';
import type { Store } from './store.ts';
import { type Gap, gapSum, type Tail } from './tail.ts';

/** How many workflows leave in one transaction: a commit that waits, waits no longer than that. */
const atOnce = 50;

/** What a step did, and the `seq` at which the last of what it removed ended. */
export interface Swept {
  readonly removed: number;
  readonly isolated: number;
  readonly endedSeq: number;
}

/** Removes some of the workflows that a retention lets go by age or number; does nothing only when none is left. */
export function sweepSome(store: Store, retention: Retention): Swept {
  let swept: Swept = { removed: 0, isolated: 0, endedSeq: 0 };
  store.transact((tail) => {
    const { leaving, unsound } = leavingOf(store, retention, tail);
    swept = { removed: leaving.length, isolated: unsound.length, endedSeq: leaving.at(-1)?.ended_seq ?? 0 };
    return remove(store, leaving, markDamaged(store, unsound, tail));
  });
  return swept;
}

/** Removes those of some workflows that have ended or are damaged. @returns how many */
export function sweepNamed(store: Store, workflowIds: readonly string[]): number {
  let removed = 0;
  for (let from = 0; from < workflowIds.length; from += atOnce) {
    store.transact((tail) => {
      const rows = workflowIds.slice(from, from + atOnce).flatMap((id) => store.heads.findListed(id) ?? []);
      const leaving = rows.filter(({ isIntact, ended_seq }) => !isIntact || ended_seq !== null);
      removed += leaving.length;
      return remove(store, leaving, tail);
    });
  }
  return removed;
}

interface Leaving {
  readonly leaving: readonly FoundRow[];
  /** Those that would leave, or may have to, and cannot be read. */
  readonly unsound: readonly FoundRow[];
}

function leavingOf(store: Store, { olderThan, keep }: Retention, tail: Tail): Leaving {
  const surplus = keep === undefined ? 0 : tail.ended - store.heads.countDamaged() - keep;
  const leaving: FoundRow[] = [];
  const unsound: FoundRow[] = [];
  for (const row of store.heads.oldestEnded(atOnce)) {
    if (!row.isIntact) {
      unsound.push(row);
      continue;
    }
    const isOld = olderThan !== undefined && (row.ended_at ?? 0) < olderThan;
    if (!isOld && leaving.length >= surplus) break;
    leaving.push(row);
  }
  const unreadable = withUnreadableFacts(store, leaving);
  return { leaving: leaving.filter((row) => !unreadable.has(row)), unsound: [...unsound, ...unreadable] };
}

/** Those of some workflows that have facts in a frame which is not as it was written, or is not there. */
function withUnreadableFacts({ db }: Store, rows: readonly FoundRow[]): ReadonlySet<FoundRow> {
  const touched = db.prepare('SELECT seq FROM touches WHERE workflow = ?').pluck();
  const frameOf = db.prepare('SELECT body, sum, kept_sum FROM frames WHERE seq = ?');
  const known = new Map<number, boolean>();
  const isReadable = (seq: number): boolean => {
    const frame = frameOf.get(seq) as FrameRow | undefined;
    const readable = known.get(seq) ?? (frame !== undefined && isIntact(frame));
    known.set(seq, readable);
    return readable;
  };
  return new Set(rows.filter(({ no }) => !(touched.all(no) as number[]).every(isReadable)));
}

function remove(store: Store, leaving: readonly FoundRow[], tail: Tail): Tail {
  if (leaving.length === 0) return tail;
  removeFacts(store, leaving, tail);
  const drop = store.db.prepare('DELETE FROM workflows WHERE no = ?');
  for (const { no, id } of leaving) {
    store.forget(id);
    drop.run(no);
  }
  const left = { ...tail, ended: tail.ended - leaving.length };
  return leaving.every(({ isIntact }) => isIntact) ? left : recounted(store.heads, left);
}

function removeFacts({ db }: Store, leaving: readonly FoundRow[], tail: Tail): void {
  const touched = db.prepare('DELETE FROM touches WHERE workflow = ? RETURNING seq').pluck();
  const perFrame = new Map<number, number>();
  for (const { no } of leaving) {
    for (const seq of touched.all(no) as number[]) perFrame.set(seq, (perFrame.get(seq) ?? 0) + 1);
  }
  const isOfThem = membership(leaving);
  const frameOf = db.prepare('SELECT * FROM frames WHERE seq = ?');
  const rewrite = db.prepare('UPDATE frames SET body = ?, kept_sum = ?, live = ? WHERE seq = ?');
  for (const [seq, touches] of [...perFrame].sort(([a], [b]) => a - b)) {
    const frame = frameOf.get(seq) as FrameRow | undefined;
    if (frame === undefined) continue;
    const live = frame.live - touches;
    // The last frame stays, were it empty: the journal's end must be there to be seen.
    if (live <= 0 && seq !== tail.seq) {
      closeGap(db, frame);
      continue;
    }
    // What cannot be read stays as it is: others have facts in it.
    if (live > 0 && !isIntact(frame)) {
      db.prepare('UPDATE frames SET live = ? WHERE seq = ?').run(live, seq);
      continue;
    }
    const body = encodeBody(live <= 0 ? '' : without(isOfThem, frame));
    rewrite.run(body, sumOf(body), live, seq);
  }
}

/** Whether a fact is of one of these; the id of a damaged one may stand as SQLite reads it. */
function membership(rows: readonly FoundRow[]): (workflowId: string | undefined) => boolean {
  const ids = new Set(rows.map(({ id }) => id));
  const ofDamaged = new Set(rows.filter(({ status }) => status === 'damaged').map(({ id }) => id));
  return (workflowId) => workflowId !== undefined && (ids.has(workflowId) || ofDamaged.has(asSqliteReads(workflowId)));
}

function without(isOfThem: (workflowId: string | undefined) => boolean, { body }: FrameRow): string {
  return linesOf(body)
    .filter((line) => !isOfThem(workflowOf(line)))
    .join('\n');
}

function workflowOf(line: string): string | undefined {
  try {
    return factOf(line).correlation.workflowId;
  } catch {
    // A line that is no fact is nobody's.
    return undefined;
  }
}

/** Removes a frame, and makes one gap of it and of those that it touches. */
export function closeGap(db: Database.Database, { seq, n, chain }: FrameRow): void {
  db.prepare('DELETE FROM frames WHERE seq = ?').run(seq);
  // The columns are those of the schema.
  const left = db.prepare('SELECT * FROM gaps WHERE from_n < ? ORDER BY from_n DESC LIMIT 1').get(n) as Gap | undefined;
  const right = db.prepare('DELETE FROM gaps WHERE from_n = ? RETURNING *').get(n + 1) as Gap | undefined;
  const from_n = left?.to_n === n - 1 ? left.from_n : n;
  const end = right ?? { to_n: n, seq, chain };
  const gap = { from_n, to_n: end.to_n, seq: end.seq, chain: end.chain };
  db.prepare('INSERT OR REPLACE INTO gaps (from_n, to_n, seq, chain, sum) VALUES (?, ?, ?, ?, ?)').run(
    from_n,
    gap.to_n,
    gap.seq,
    gap.chain,
    gapSum(gap),
  );
}
