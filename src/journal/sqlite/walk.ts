/** Goes through all frames of a journal in their order, and says of each whether it is as it was written. */
import type Database from 'better-sqlite3';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { readField } from '../../thrown.ts';
import type { Damage } from './faults.ts';
import { type FrameRow, factOf, isShaped, linesOf } from './frame.ts';
import { type Before, emptyTail, faultOfFrame, type Gap, gapSum } from './tail.ts';

export interface Walked {
  readonly frame: FrameRow;
  /** The gap right before it, where a sweep left one. */
  readonly gap?: Gap;
  /** What it holds; nothing where that cannot be told. */
  readonly facts: readonly GleitzeitEvent[];
}

/** What is said for each frame: the frame, or what is wrong there. After a damage it goes on as well as it can. */
export type Stop = { readonly walked: Walked } | { readonly damage: Damage; readonly walked?: Walked };

const framesAtOnce = 32;

export function* walk(db: Database.Database): Generator<Stop> {
  let before: Before = emptyTail;
  let limit = framesAtOnce;
  for (;;) {
    let frames: FrameRow[];
    try {
      // The columns are those of the schema.
      frames = db.prepare('SELECT * FROM frames WHERE seq > ? ORDER BY seq LIMIT ?').all(before.seq, limit) as FrameRow[];
    } catch (thrown) {
      // What can be read before the place that cannot, one by one.
      if (limit > 1) {
        limit = 1;
        continue;
      }
      const message = `what follows seq ${before.seq} cannot be read (${String(readField(thrown, 'message'))})`;
      yield { damage: { afterSeq: before.seq, kind: 'file', message } };
      return;
    }
    if (frames.length === 0) return;
    for (const frame of frames) {
      if (!(frame.seq > before.seq)) {
        // Pages that are not there read as zeros, which would lead round in a circle.
        yield { damage: { afterSeq: before.seq, kind: 'file', message: `what follows seq ${before.seq} cannot be read` } };
        return;
      }
      yield stopAt(db, frame, before);
      before = isShaped(frame) ? frame : { n: before.n + 1, seq: frame.seq, chain: 0 };
    }
  }
}

function stopAt(db: Database.Database, frame: FrameRow, before: Before): Stop {
  const gap = frame.n === before.n + 1 ? undefined : gapTo(db, frame.n - 1);
  const from = gap !== undefined && gap.from_n === before.n + 1 ? { n: gap.to_n, seq: gap.seq, chain: gap.chain } : before;
  const fault = faultOfFrame(frame, from);
  const facts = factsOf(frame);
  const damage = fault ?? faultOfFacts(frame, facts);
  const walked = { frame, facts: facts ?? [], ...(gap && { gap }) };
  return damage === undefined ? { walked } : { damage: { afterSeq: from.seq, toSeq: frame.seq, ...damage }, walked };
}

function gapTo(db: Database.Database, n: number): Gap | undefined {
  try {
    const gap = db.prepare('SELECT * FROM gaps WHERE to_n = ?').get(n) as Gap | undefined;
    return gap !== undefined && gapSum(gap) === gap.sum ? gap : undefined;
  } catch {
    // Unreadable as it is, it excuses nothing: the frames before count as missing.
    return undefined;
  }
}

function factsOf({ body }: FrameRow): readonly GleitzeitEvent[] | undefined {
  try {
    return linesOf(body).map(factOf);
  } catch {
    return undefined;
  }
}

function faultOfFacts(
  { first_seq, seq, facts: count, kept_sum }: FrameRow,
  facts: readonly GleitzeitEvent[] | undefined,
): Pick<Damage, 'kind' | 'message'> | undefined {
  const where = `facts ${first_seq} to ${seq}`;
  if (facts === undefined) return { kind: 'checksum', message: `${where} cannot be unpacked` };
  if (kept_sum !== null ? facts.length > count : facts.length !== count)
    return { kind: 'checksum', message: `${where} are ${facts.length}, and must be ${count}` };
  return undefined;
}
