/**
 * The writing side of a journal, on one connection: appends and sweeps, each in a transaction of its own.
 *
 * It holds the journal's end in memory, as its only writer. After a fault it trusts none of that: `settle` reads the end again,
 * and learns so whether a commit whose outcome nobody told had happened.
 */
import type Database from 'better-sqlite3';

import { errorOf } from '../../errors.ts';
import { readField } from '../../thrown.ts';
import { hasLog, logPath } from './beside.ts';
import { type ConnectOptions, connect } from './connection.ts';
import { storageError } from './faults.ts';
import { type Batch, chainAfter, encodeBody, type Packed, sumOf } from './frame.ts';
import { type HeadRow, HeadTable } from './head-row.ts';
import { LiveFiles } from './live-files.ts';
import { Marker } from './mark.ts';
import { epochTaken, letGo, readOwner } from './owner.ts';
import { ScheduleTable } from './schedule-row.ts';
import { StagedHeads } from './staged-heads.ts';
import { readTail, type Tail, writeTail } from './tail.ts';

export interface StoreOptions extends ConnectOptions {
  readonly path: string;
  /** The epoch of the engine that writes. */
  readonly epoch: number;
}

/** The steps of a transaction, in their order: what stands before `commit` is not durable yet, before `mark` it is. */
export type Step = 'begin' | 'write' | 'commit' | 'mark';

export class Store {
  readonly db: Database.Database;
  readonly path: string;
  /** Called before each step: where tests put faults and crashes in. */
  onStep: ((step: Step) => void) | undefined;
  private readonly options: StoreOptions;
  private readonly journal: string;
  private readonly marker: Marker;
  private readonly files: LiveFiles;
  readonly heads: HeadTable;
  private readonly schedules: ScheduleTable;
  private readonly insertFrame: Database.Statement;
  private readonly insertTouch: Database.Statement;
  /** Rows of workflows that run, as they stand in the journal. */
  private readonly running = new Map<string, HeadRow>();
  private tail: Tail;

  constructor(options: StoreOptions) {
    const { path } = options;
    this.options = options;
    this.path = path;
    this.db = connect(path, options);
    this.journal = readOwner(this.db)?.journal ?? '';
    // After a read, which makes the log where there is none.
    this.files = new LiveFiles(path);
    this.tail = readTail(this.db, path);
    this.heads = new HeadTable(this.db, path);
    this.schedules = new ScheduleTable(this.db, path);
    this.insertFrame = this.db.prepare('INSERT INTO frames (seq, n, first_seq, facts, sum, chain, live, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.insertTouch = this.db.prepare('INSERT INTO touches (workflow, seq) VALUES (?, ?)');
    this.marker = new Marker(path);
    this.mark();
  }

  /**
   * Appends a batch, durable when it returns.
   * @throws GleitzeitError PERSISTENCE_*; what came of it is known after `settle`
   */
  append({ frames, changes, schedules, keys }: Batch): void {
    const first = frames[0];
    if (first === undefined) return;
    this.transact((tail) => {
      if (first.firstSeq <= tail.seq) throw outOfOrder(first.firstSeq, tail.seq);
      const heads = new StagedHeads(this.heads, this.running, this.nextNo());
      for (const [seq, change] of changes) heads.apply(seq, change);
      let end = tail;
      for (const frame of frames) end = this.write(frame, { tail: end, heads });
      const { running, ended } = heads.flush();
      let standing = end.schedules;
      for (const id of keys) this.db.prepare('INSERT OR IGNORE INTO keys (id) VALUES (?)').run(id);
      for (const [seq, change] of schedules) standing += this.schedules.apply(seq, change);
      return { ...end, running: end.running + running, ended: end.ended + ended, schedules: standing };
    });
  }

  /**
   * One transaction, which has to leave the tail that `act` gives.
   * @throws GleitzeitError PERSISTENCE_*
   */
  transact(act: (tail: Tail) => Tail): void {
    try {
      this.onStep?.('begin');
      this.db.exec('BEGIN IMMEDIATE');
      this.assertOwner();
      this.onStep?.('write');
      const tail = act(this.tail);
      writeTail(this.db, tail);
      this.onStep?.('commit');
      this.db.exec('COMMIT');
      // Once more: what went into a log that nobody finds again is not durable, and must not be answered for.
      this.assertFiles();
      this.tail = tail;
    } catch (thrown) {
      this.abandon();
      if (readField(readField(thrown, 'details'), 'reason') === 'replaced') this.rescue();
      throw storageError(thrown, 'write', this.path);
    }
    this.onStep?.('mark');
    this.mark();
  }

  /**
   * Reads the end of the journal anew.
   * @returns the `seq` of the last fact in it
   */
  settle(): number {
    try {
      this.assertOwner();
      this.tail = readTail(this.db, this.path);
      this.mark();
      return this.tail.seq;
    } catch (thrown) {
      throw storageError(thrown, 'write', this.path);
    }
  }

  /** Looks a workflow's row up anew when it is next needed. */
  forget(workflowId: string): void {
    this.running.delete(workflowId);
  }

  close(): void {
    try {
      letGo(this.db, this.options.epoch);
    } catch {
      // It then counts as killed: with the mark beside it, that takes nothing from it.
    }
    this.marker.close();
    this.db.close();
  }

  private write({ firstSeq, lastSeq, facts, lines, touches }: Packed, { tail, heads }: { readonly tail: Tail; readonly heads: StagedHeads }): Tail {
    const body = encodeBody(lines);
    const frame = { seq: lastSeq, n: tail.n + 1, first_seq: firstSeq, facts, sum: sumOf(body) };
    const chain = chainAfter(tail.chain, frame);
    const numbers = new Set(touches.map(([workflowId, count]) => heads.count(workflowId, count)));
    this.insertFrame.run(lastSeq, frame.n, firstSeq, facts, frame.sum, chain, numbers.size, body);
    for (const no of numbers) this.insertTouch.run(no, lastSeq);
    return { ...tail, n: frame.n, seq: lastSeq, chain };
  }

  private mark(): void {
    const { n, seq, chain } = this.tail;
    this.marker.write({ journal: this.journal, n, seq, chain, durability: this.options.durability });
  }

  private nextNo(): number {
    return Number(this.db.prepare('SELECT coalesce(max(no), 0) + 1 FROM workflows').pluck().get());
  }

  private assertOwner(): void {
    const owner = readOwner(this.db);
    if (owner?.epoch !== this.options.epoch) throw epochTaken(this.path, owner);
    this.assertFiles();
  }

  private assertFiles(): void {
    const missing = this.files.missing();
    if (missing !== undefined) throw replaced(this.path, missing);
  }

  /** What was answered is still in the log that this connection has open, under whatever name or none: into the file with it. */
  private rescue(): void {
    // Unless another has begun a log meanwhile: what it says of the file is not known here.
    if (this.files.missing() === logPath(this.path) && hasLog(this.path)) return;
    try {
      this.db.pragma('wal_checkpoint(PASSIVE)');
    } catch {
      // The fault that is reported is the one before this; what is missing is seen at the next open.
    }
  }

  /** After a fault inside a transaction: nothing of it may stay, here as there. */
  private abandon(): void {
    this.running.clear();
    try {
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself; the fault that is reported is the one before this.
    }
  }
}

function replaced(path: string, missing: string): Error {
  const what = missing === path ? 'The file' : `The file ${missing}`;
  const text = `${what} of the journal ${path} was removed or replaced while it was in use: what is written now would be found by nobody. Nothing more is taken; put back what was moved, and start again.`;
  return errorOf('PERSISTENCE_CONNECTION_FAILED', text, { retryable: false, details: { reason: 'replaced', path, missing } });
}

function outOfOrder(firstSeq: number, lastSeq: number): Error {
  const text = `Facts are appended in the order of their seq: got ${firstSeq}, and the journal ends with ${lastSeq}.`;
  return errorOf('PERSISTENCE_INTEGRITY_ERROR', text, { details: { reason: 'out of order', firstSeq, lastSeq } });
}
