/**
 * Removes what belongs to no workflow and is as old as the finished workflows that go: what the engine and schedules said of
 * themselves. What a standing schedule is brought back by stays, however old.
 */
import type Database from 'better-sqlite3';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { scheduleChangeOf } from '../standing-schedules.ts';
import { encodeBody, type FrameRow, readableLines, sumOf } from './frame.ts';
import { toColumn } from './row-text.ts';
import { neededSeqs, ScheduleTable } from './schedule-row.ts';
import type { Store } from './store.ts';
import { closeGap } from './sweep.ts';
import type { Tail } from './tail.ts';

/** Which facts are too old to stay: those before a `seq`, and those before a time in epoch milliseconds. */
export interface TooOld {
  readonly beforeSeq: number;
  readonly olderThan?: number | undefined;
}

/** How many frames are looked at in one transaction. */
const atOnce = 50;

/** Looks at some frames. @returns the last one that was looked at; nothing when no fact is left that is too old */
export function sweepOthers(store: Store, tooOld: TooOld, afterSeq: number): number | undefined {
  let next: number | undefined;
  store.transact((tail) => {
    next = new Sweep(store, tooOld, tail).some(afterSeq);
    return tail;
  });
  return next;
}

class Sweep {
  private readonly store: Store;
  private readonly tooOld: TooOld;
  private readonly tail: Tail;
  /** Nothing where it cannot be told what the schedules need: then all that is of schedules stays. */
  private readonly needed: ReadonlySet<number> | undefined;
  private readonly isKnown: Database.Statement;

  constructor(store: Store, tooOld: TooOld, tail: Tail) {
    this.store = store;
    this.tooOld = tooOld;
    this.tail = tail;
    const schedules = new ScheduleTable(store.db, store.path).found();
    this.needed = schedules.length === tail.schedules ? neededSeqs(schedules) : undefined;
    this.isKnown = store.db.prepare('SELECT 1 FROM workflows WHERE id = ?').pluck();
  }

  some(afterSeq: number): number | undefined {
    const { db } = this.store;
    const sql = 'SELECT frames.* FROM touches JOIN frames USING (seq) WHERE workflow = 0 AND seq > ? ORDER BY seq LIMIT ?';
    // The columns are those of the schema.
    const frames = db.prepare(sql).all(afterSeq, atOnce) as FrameRow[];
    for (const frame of frames) if (!this.look(frame)) return undefined;
    return frames.at(-1)?.seq;
  }

  /** @returns whether nothing in the frame is too young: what follows may be too old as well */
  private look(frame: FrameRow): boolean {
    const { beforeSeq, olderThan = Number.NEGATIVE_INFINITY } = this.tooOld;
    const kept: string[] = [];
    const left = { young: 0, needed: 0, gone: 0 };
    // What cannot be read stays, for a repair to say what was lost.
    const lines = readableLines(frame);
    if (lines === undefined) return true;
    for (const [line, fact] of lines) {
      const { seq, time, correlation } = fact;
      const isOfNone = correlation.workflowId === undefined || this.isKnown.get(toColumn(correlation.workflowId)) === undefined;
      const stays = !isOfNone ? undefined : this.isNeeded(fact) ? 'needed' : seq < beforeSeq || time < olderThan ? 'gone' : 'young';
      if (stays !== undefined) left[stays]++;
      if (stays !== 'gone') kept.push(line);
    }
    if (left.gone > 0) this.rewrite(frame, kept, left.young + left.needed === 0);
    return left.young === 0;
  }

  private isNeeded(fact: GleitzeitEvent): boolean {
    return this.needed === undefined ? scheduleChangeOf(fact) !== undefined : this.needed.has(fact.seq);
  }

  private rewrite(frame: FrameRow, kept: readonly string[], isLastOfNone: boolean): void {
    const { db } = this.store;
    const { seq } = frame;
    const live = frame.live - (isLastOfNone ? 1 : 0);
    if (isLastOfNone) db.prepare('DELETE FROM touches WHERE workflow = 0 AND seq = ?').run(seq);
    // The last frame stays, were it empty: the journal's end must be there to be seen.
    if (live === 0 && seq !== this.tail.seq) {
      closeGap(db, frame);
      return;
    }
    const body = encodeBody(kept.join('\n'));
    db.prepare('UPDATE frames SET body = ?, kept_sum = ?, live = ? WHERE seq = ?').run(body, sumOf(body), live, seq);
  }
}
