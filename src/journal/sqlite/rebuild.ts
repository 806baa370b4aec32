/** Makes a journal anew from what is whole of a damaged one, in a chain and with an index of its own. */
import { rmSync } from 'node:fs';
import type Database from 'better-sqlite3';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { syncFile } from '../../durable-file.ts';
import { keyIdsIn } from '../../secrets/token.ts';
import { scheduleChangeOf } from '../standing-schedules.ts';
import { headChangeOf } from '../workflow-head.ts';
import { buildEmpty, connectToSalvage, draftOf } from './connection.ts';
import { openDatabase } from './driver.ts';
import { chainAfter, encodeBody, type FrameRow, readableLines, sumOf } from './frame.ts';
import { type HeadRow, HeadTable } from './head-row.ts';
import { readOwner } from './owner.ts';
import type { Salvage } from './salvage.ts';
import { ScheduleTable } from './schedule-row.ts';
import { StagedHeads } from './staged-heads.ts';
import { emptyTail, type Tail, writeTail } from './tail.ts';

type Line = readonly [line: string, fact: GleitzeitEvent];

/**
 * Writes what is whole into a draft beside the journal, durable when it returns. Facts keep their `seq`, and the end stays where it
 * was: no `seq` is ever given twice.
 * @returns how many facts that can be read stay behind
 */
export function rebuild(path: string, salvage: Salvage): number {
  const draft = draftOf(path);
  const from = connectToSalvage(path, 0);
  try {
    buildEmpty(draft);
    const to = openDatabase(draft);
    try {
      to.pragma('synchronous = FULL');
      const epoch = epochOf(from);
      to.exec('BEGIN');
      if (epoch !== undefined) to.prepare('UPDATE owner SET epoch = ?').run(epoch);
      const behind = copyWhole(from, new Copy(to, path), salvage);
      to.exec('COMMIT');
      return behind;
    } finally {
      // The only connection: it empties the log into the file.
      to.close();
      for (const beside of ['-wal', '-shm']) rmSync(`${draft}${beside}`, { force: true });
    }
  } finally {
    from.close();
    syncFile(draft);
  }
}

function epochOf(db: Database.Database): number | undefined {
  try {
    return readOwner(db)?.epoch;
  } catch {
    // Epochs then begin again: whoever held one of before finds another file under the name.
    return undefined;
  }
}

function copyWhole(from: Database.Database, copy: Copy, { workflows, schedules, readable, endSeq }: Salvage): number {
  const frameOf = from.prepare('SELECT seq, body, sum, kept_sum FROM frames WHERE seq = ?');
  let behind = 0;
  for (const seq of readable) {
    // The columns are those of the schema.
    const lines = readableLines(frameOf.get(seq) as FrameRow) ?? [];
    const kept = lines.filter(([, fact]) => {
      const schedule = scheduleChangeOf(fact)?.scheduleId;
      return !workflows.has(fact.correlation.workflowId ?? '') && !(schedule !== undefined && schedules.has(schedule));
    });
    behind += lines.length - kept.length;
    if (kept.length > 0) copy.add(seq, kept);
  }
  copy.end(endSeq);
  return behind;
}

class Copy {
  private tail: Tail = emptyTail;
  private readonly db: Database.Database;
  private readonly heads: HeadTable;
  private readonly schedules: ScheduleTable;
  private readonly running = new Map<string, HeadRow>();
  private readonly insertFrame: Database.Statement;
  private readonly insertTouch: Database.Statement;
  private readonly insertKey: Database.Statement;
  private readonly nextNo: Database.Statement;

  constructor(db: Database.Database, path: string) {
    this.db = db;
    this.heads = new HeadTable(db, path);
    this.schedules = new ScheduleTable(db, path);
    this.insertFrame = db.prepare('INSERT INTO frames (seq, n, first_seq, facts, sum, chain, live, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.insertTouch = db.prepare('INSERT INTO touches (workflow, seq) VALUES (?, ?)');
    this.insertKey = db.prepare('INSERT OR IGNORE INTO keys (id) VALUES (?)');
    this.nextNo = db.prepare('SELECT coalesce(max(no), 0) + 1 FROM workflows').pluck();
  }

  add(seq: number, lines: readonly Line[]): void {
    const heads = new StagedHeads(this.heads, this.running, Number(this.nextNo.get()));
    for (const [, fact] of lines) {
      const change = headChangeOf(fact);
      if (change !== undefined) heads.apply(fact.seq, change);
    }
    const numbers = new Set(lines.map(([, { correlation }]) => heads.count(correlation.workflowId, 1)));
    this.write(seq, lines, numbers.size);
    for (const no of numbers) this.insertTouch.run(no, seq);
    const { running, ended } = heads.flush();
    let { schedules } = this.tail;
    for (const [, fact] of lines) {
      const change = scheduleChangeOf(fact);
      if (change !== undefined) schedules += this.schedules.apply(fact.seq, change);
    }
    this.tail = { ...this.tail, running: this.tail.running + running, ended: this.tail.ended + ended, schedules };
  }

  /** An empty frame stands for the end, where what was there is lost or stays behind. */
  end(seq: number): void {
    if (seq > this.tail.seq) this.write(seq, [], 0);
    writeTail(this.db, this.tail);
  }

  private write(seq: number, lines: readonly Line[], live: number): void {
    const text = lines.map(([line]) => line).join('\n');
    for (const id of keyIdsIn(text)) this.insertKey.run(id);
    const body = encodeBody(text);
    const frame = { seq, n: this.tail.n + 1, first_seq: lines[0]?.[1].seq ?? seq, facts: lines.length, sum: sumOf(body) };
    const chain = chainAfter(this.tail.chain, frame);
    this.insertFrame.run(seq, frame.n, frame.first_seq, frame.facts, frame.sum, chain, live, body);
    this.tail = { ...this.tail, n: frame.n, seq, chain };
  }
}
