/** The tail: where a journal ends, as it says of itself, and the check of that at each open. */
import type Database from 'better-sqlite3';
import type { DamagedEnd } from '../journal.ts';
import { type Damage, damaged } from './faults.ts';
import { chainAfter, type FrameRow, isIntact, isShaped, readableLines, rowSum } from './frame.ts';
import type { Mark } from './mark.ts';
import { fromColumn } from './row-text.ts';

export interface Tail {
  readonly n: number;
  readonly seq: number;
  readonly chain: number;
  /** Workflows that have not ended, and those that have. */
  readonly running: number;
  readonly ended: number;
  /** Schedules that stand. */
  readonly schedules: number;
}

export const emptyTail: Tail = { n: 0, seq: 0, chain: 0, running: 0, ended: 0, schedules: 0 };

/** Frames whose bodies are read at an open. */
const verifiedFrames = 16;

/** Writes the tail, and that it was written under the owner that the journal has now. */
export function writeTail(db: Database.Database, tail: Tail): void {
  const { n, seq, chain, running, ended, schedules } = tail;
  const sql =
    'INSERT OR REPLACE INTO tail (one, n, seq, chain, running, ended, schedules, sum, journal, epoch) SELECT 1, ?, ?, ?, ?, ?, ?, ?, journal, epoch FROM owner';
  db.prepare(sql).run(n, seq, chain, running, ended, schedules, tailSum(tail));
}

function tailSum({ n, seq, chain, running, ended, schedules }: Tail): number {
  return rowSum(n, seq, chain, running, ended, schedules);
}

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR */
export function readTail(db: Database.Database, path: string): Tail {
  // The columns are those of the schema.
  const row = db.prepare('SELECT n, seq, chain, running, ended, schedules, sum FROM tail').get() as (Tail & { readonly sum: number }) | undefined;
  if (row === undefined) throw damaged(path, { afterSeq: 0, kind: 'tail', message: 'the record of its end is missing' });
  const { sum, ...tail } = row;
  if (tailSum(tail) !== sum) {
    throw damaged(path, { afterSeq: 0, kind: 'tail', message: 'the record of its end does not have its checksum' });
  }
  return tail;
}

export interface Gap {
  readonly from_n: number;
  readonly to_n: number;
  readonly seq: number;
  readonly chain: number;
  readonly sum: number;
}

export function gapSum({ from_n, to_n, seq, chain }: Omit<Gap, 'sum'>): number {
  return rowSum(from_n, to_n, seq, chain);
}

/** What comes before a frame: another frame, a gap that a sweep left, or the beginning. */
export interface Before {
  readonly n: number;
  readonly seq: number;
  readonly chain: number;
}

/** Why a frame does not follow from what comes before it, or is not as it was written; nothing where all is well. */
export function faultOfFrame(frame: FrameRow, before: Before): { readonly kind: string; readonly message: string } | undefined {
  const where = `facts ${frame.first_seq} to ${frame.seq}`;
  if (!isShaped(frame)) return { kind: 'checksum', message: `the row of the facts up to ${frame.seq} is not as it was written` };
  if (frame.n !== before.n + 1) {
    return { kind: 'missing', message: `frames ${before.n + 1} to ${frame.n - 1}, between seq ${before.seq} and ${frame.first_seq}, are missing` };
  }
  if (!isIntact(frame)) return { kind: 'checksum', message: `${where} do not have their checksum` };
  if (frame.first_seq <= before.seq || frame.seq < frame.first_seq || chainAfter(before.chain, frame) !== frame.chain) {
    return { kind: 'chain', message: `${where} do not follow from what was written before them` };
  }
  return undefined;
}

/**
 * Verifies the end of a journal: its last frames, its own record of them, and that nothing which was answered is missing.
 *
 * A frame that cannot be read is the damage of those that have facts in it, as it is further back. Only what leaves nobody certain of where the
 * journal ends is refused: the row of its last frame is not the one that the tail is of.
 * @returns the tail, what is damaged before it, and what a power cut took from a journal that had not promised to survive one
 * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR with the damage in `details`
 */
export function verifyTail(
  db: Database.Database,
  options: { readonly path: string; readonly journal: string; readonly mark: Mark | undefined },
): VerifiedTail {
  const { path } = options;
  const tail = readTail(db, path);
  // The columns are those of the schema.
  const frames = (db.prepare('SELECT * FROM frames ORDER BY seq DESC LIMIT ?').all(verifiedFrames + 1) as FrameRow[]).reverse();
  const { last, damages } = faultsOf(db, frames);
  const end = frames.at(-1);
  // Numbers that are none in the row that all that comes follows from: the schema may be damaged as well.
  if ((end !== undefined && !isShaped(end)) || last.n !== tail.n || last.seq !== tail.seq || last.chain !== tail.chain) {
    const message =
      last.seq === tail.seq
        ? `the row of its last facts, up to ${tail.seq}, is not the one that its record of its end is of`
        : `it ends after seq ${last.seq}, and its record says ${tail.seq}`;
    throw damaged(path, { afterSeq: last.seq === tail.seq ? last.before : last.seq, toSeq: tail.seq, kind: 'missing', message });
  }
  const found = damages.length > 0 && { damaged: { ranges: damages, workflowIds: workflowsIn(db, frames) } };
  return { tail, lastTime: timeOfLast(frames), ...found, ...lostTo(options, { db, tail }) };
}

/** What is wrong with the frames at the end, and the last of them. */
function faultsOf(
  db: Database.Database,
  frames: readonly FrameRow[],
): { readonly last: Before & { readonly before: number }; readonly damages: readonly Damage[] } {
  const damages: Damage[] = [];
  let last = { ...emptyTail, before: 0 };
  for (const [at, frame] of frames.entries()) {
    // The first of more than enough is only what the next one follows from.
    const fault = at === 0 && frames.length > verifiedFrames ? undefined : faultOfFrame(frame, gapBefore(db, frame, last));
    if (fault !== undefined) damages.push({ afterSeq: last.seq, toSeq: frame.seq, ...fault });
    last = { ...emptyTail, n: frame.n, seq: frame.seq, chain: frame.chain, before: last.seq };
  }
  return { last, damages };
}

/** The workflows that have facts in those of the frames that cannot be read; their facts in the others are no help without these. */
function workflowsIn(db: Database.Database, frames: readonly FrameRow[]): readonly string[] {
  const ids = db.prepare('SELECT id FROM touches JOIN workflows ON no = workflow WHERE seq = ?').pluck();
  const unreadable = frames.slice(-verifiedFrames).filter((frame) => readableLines(frame) === undefined);
  return [...new Set(unreadable.flatMap(({ seq }) => ids.all(seq).flatMap((id) => fromColumn(id) ?? [])))];
}

/** When the last fact that can be read was stated; 0 where there is none in the frames at the end. */
function timeOfLast(frames: readonly FrameRow[]): number {
  for (const frame of frames.toReversed()) {
    // A frame may be empty, and stand for the end alone.
    const last = readableLines(frame)?.at(-1);
    if (last !== undefined) return last[1].time;
  }
  return 0;
}

export interface VerifiedTail {
  readonly tail: Tail;
  /** Epoch milliseconds. */
  readonly lastTime: number;
  readonly damaged?: DamagedEnd;
  readonly lost?: { readonly afterSeq: number; readonly toSeq: number };
}

/** The gap that ends right before a frame, where there is one, else what was there. */
function gapBefore(db: Database.Database, frame: FrameRow, before: Before): Before {
  if (frame.n === before.n + 1) return before;
  const gap = db.prepare('SELECT * FROM gaps WHERE to_n = ?').get(frame.n - 1) as Gap | undefined;
  return gap !== undefined && gap.from_n === before.n + 1 && gapSum(gap) === gap.sum ? { n: gap.to_n, seq: gap.seq, chain: gap.chain } : before;
}

function lostTo(
  { path, journal, mark }: { readonly path: string; readonly journal: string; readonly mark: Mark | undefined },
  { db, tail }: { readonly db: Database.Database; readonly tail: Tail },
): Pick<VerifiedTail, 'lost'> {
  if (mark === undefined || mark.journal !== journal || mark.n === 0) return {};
  if (mark.n > tail.n) {
    const lost = { afterSeq: tail.seq, toSeq: mark.seq };
    if (mark.durability === 'relaxed') return { lost };
    const message = `it ends after seq ${tail.seq}, and it had answered for everything up to seq ${mark.seq}: what is between is missing`;
    throw damaged(path, { ...lost, kind: 'missing', message });
  }
  const marked = db.prepare('SELECT n, chain FROM frames WHERE seq = ?').get(mark.seq) as { readonly n: number; readonly chain: number } | undefined;
  if (marked !== undefined && (marked.n !== mark.n || marked.chain !== mark.chain)) {
    const message = `what it holds up to seq ${mark.seq} is not what it had answered for`;
    throw damaged(path, { afterSeq: 0, toSeq: mark.seq, kind: 'chain', message });
  }
  return {};
}
