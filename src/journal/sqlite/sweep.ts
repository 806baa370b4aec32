/**
 * Retention: finished workflows leave the journal, a few at a time, each few in a transaction of its own.
 *
 * A frame in which nobody has facts any more goes, and a gap stands for it, so that what was removed on purpose is never taken
 * for what was lost. A frame in which others have facts is written again without those that leave.
 */
import type Database from 'better-sqlite3';

import type { Retention } from '../journal.ts';
import { damaged } from './faults.ts';
import { encodeBody, type FrameRow, factOf, isIntact, linesOf, sumOf } from './frame.ts';
import type { Store } from './store.ts';
import { type Gap, gapSum, type Tail } from './tail.ts';

/** How many workflows leave in one transaction: a commit that waits, waits no longer than that. */
const atOnce = 50;

interface Leaving {
  readonly no: number;
  readonly id: string;
  readonly ended_seq: number;
}

/** What a step removed, and the `seq` at which the last of that ended. */
export interface Swept {
  readonly removed: number;
  readonly endedSeq: number;
}

/** Removes some of the workflows that a retention lets go: fewer than there are to remove, and none only when none is left. */
export function sweepSome(store: Store, retention: Retention): Swept {
  let swept: Swept = { removed: 0, endedSeq: 0 };
  store.transact((tail) => {
    const leaving = leavingOf(store.db, { retention, tail });
    const removed = leaving.length;
    if (removed === 0) return tail;
    swept = { removed, endedSeq: leaving.at(-1)?.ended_seq ?? 0 };
    removeFacts(store, { leaving, tail });
    const drop = store.db.prepare('DELETE FROM workflows WHERE no = ?');
    for (const { no } of leaving) drop.run(no);
    return { ...tail, ended: tail.ended - removed };
  });
  return swept;
}

function leavingOf(
  db: Database.Database,
  { retention: { olderThan, keep }, tail }: { readonly retention: Retention; readonly tail: Tail },
): readonly Leaving[] {
  const sql = 'SELECT no, id, ended_at, ended_seq FROM workflows WHERE ended_seq IS NOT NULL ORDER BY ended_seq LIMIT ?';
  // The columns are those of the schema.
  const oldest = db.prepare(sql).all(atOnce) as (Leaving & { readonly ended_at: number })[];
  const surplus = keep === undefined ? 0 : tail.ended - keep;
  const stays = oldest.findIndex(({ ended_at }, at) => at >= surplus && !(olderThan !== undefined && ended_at < olderThan));
  return stays === -1 ? oldest : oldest.slice(0, stays);
}

function removeFacts({ db, path }: Store, { leaving, tail }: { readonly leaving: readonly Leaving[]; readonly tail: Tail }): void {
  const touched = db.prepare('DELETE FROM touches WHERE workflow = ? RETURNING seq').pluck();
  const perFrame = new Map<number, number>();
  for (const { no } of leaving) {
    for (const seq of touched.all(no) as number[]) perFrame.set(seq, (perFrame.get(seq) ?? 0) + 1);
  }
  const ids = new Set(leaving.map(({ id }) => id));
  const frameOf = db.prepare('SELECT * FROM frames WHERE seq = ?');
  const rewrite = db.prepare('UPDATE frames SET body = ?, kept_sum = ?, live = ? WHERE seq = ?');
  for (const [seq, touches] of [...perFrame].sort(([a], [b]) => a - b)) {
    const frame = frameOf.get(seq) as FrameRow | undefined;
    if (frame === undefined)
      throw damaged(path, { afterSeq: seq - 1, toSeq: seq, kind: 'missing', message: `the facts up to seq ${seq} are missing` });
    const live = frame.live - touches;
    // The last frame stays, were it empty: the journal's end must be there to be seen.
    if (live === 0 && seq !== tail.seq) {
      closeGap(db, frame);
      continue;
    }
    const body = encodeBody(withoutFactsOf(ids, intactFrame(frame, path)));
    rewrite.run(body, sumOf(body), live, seq);
  }
}

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR */
export function intactFrame(frame: FrameRow, path: string): FrameRow {
  if (isIntact(frame)) return frame;
  const { first_seq, seq } = frame;
  const message = `facts ${first_seq} to ${seq} do not have their checksum`;
  throw damaged(path, { afterSeq: first_seq - 1, toSeq: seq, kind: 'checksum', message });
}

function withoutFactsOf(ids: ReadonlySet<string>, { body }: FrameRow): string {
  return linesOf(body)
    .filter((line) => !ids.has(factOf(line).correlation.workflowId ?? ''))
    .join('\n');
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
