/**
 * The reading side of a journal, on a connection that cannot write.
 *
 * It reads in small steps, each a short look of its own, so that it never keeps the writer's log from being emptied, nor the
 * event loop from its work. Whatever it reads it verifies: an answer that is shorter than it should be is an error.
 */
import type Database from 'better-sqlite3';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { readField } from '../../thrown.ts';
import type { DamagedUnits, ListOptions, ReadOptions, WorkflowHead } from '../journal.ts';
import type { StandingSchedule } from '../standing-schedules.ts';
import { damaged, storageError } from './faults.ts';
import { type FrameRow, factOf, isIntact, linesOf, readableLines } from './frame.ts';
import { type FoundRow, type HeadRow, HeadTable, headOf, intactHead } from './head-row.ts';
import { type Mentions, mentionsOf, mentionsOne } from './mentions.ts';
import { type FoundSchedule, ScheduleTable } from './schedule-row.ts';
import { type Gap, gapSum, readTail, type Tail } from './tail.ts';

/** Frames that are unpacked between two turns of the event loop. */
const framesAtOnce = 8;
/** Heads that are looked at between two turns of the event loop. */
const rowsAtOnce = 1_000;

/** Only facts after one, and only so many. */
interface Page {
  readonly afterSeq: number;
  readonly limit: number;
}

type Body = Pick<FrameRow, 'seq' | 'n' | 'first_seq' | 'facts' | 'sum' | 'kept_sum' | 'body'>;

export class Reader {
  private readonly db: Database.Database;
  private readonly path: string;
  private readonly heads: HeadTable;
  private readonly scheduled: ScheduleTable;

  constructor(db: Database.Database, path: string) {
    this.db = db;
    this.path = path;
    this.heads = new HeadTable(db, path);
    this.scheduled = new ScheduleTable(db, path);
  }

  find(workflowId: string): WorkflowHead | undefined {
    return this.guard(() => {
      const row = this.heads.find(workflowId);
      return row && headOf(row);
    });
  }

  /** A long list is found in parts. */
  async list({ status, before, limit = Number.POSITIVE_INFINITY }: ListOptions): Promise<readonly WorkflowHead[]> {
    const began = this.guard(() => readTail(this.db, this.path));
    const found: FoundRow[] = [];
    let upTo: number | undefined = before === undefined ? Number.MAX_SAFE_INTEGER : this.guard(() => this.heads.find(before)?.no ?? 0);
    while (upTo !== undefined && found.length < limit) {
      if (found.length > 0 || upTo < Number.MAX_SAFE_INTEGER) await nextTurn();
      const below: number = upTo;
      const { rows, next } = this.guard(() => this.heads.some(status, below));
      for (const row of rows) found.push(row);
      upTo = next;
    }
    if (before === undefined && found.length < limit) this.assertWhole(status, found.length, began);
    return found.slice(0, limit).reverse().map(headOf);
  }

  /** What came or went while the list was found is not missing. */
  private assertWhole(status: ListOptions['status'], found: number, began: Tail): void {
    this.guard(() => {
      const tail = readTail(this.db, this.path);
      if (tail.seq === began.seq && tail.running === began.running && tail.ended === began.ended) this.heads.assertWhole(status, found, tail);
    });
  }

  unfinished(): readonly WorkflowHead[] {
    return this.guard(() => this.heads.unfinished(() => readTail(this.db, this.path)).map(headOf));
  }

  /** In one look, however many: their facts stay only as long as no later ones come. */
  schedules(): readonly StandingSchedule[] {
    return this.lookAtSchedules().flatMap(({ standing }) => standing ?? []);
  }

  /** All rows are looked at, some at a time. */
  async damaged(): Promise<DamagedUnits> {
    const workflows: WorkflowHead[] = [];
    for (let after: number | undefined = 0; after !== undefined; await nextTurn()) {
      const some: readonly FoundRow[] = this.guard(() => this.heads.after(after ?? 0, rowsAtOnce));
      workflows.push(...some.filter(({ status }) => status === 'damaged').map(headOf));
      after = some.length < rowsAtOnce ? undefined : some.at(-1)?.no;
    }
    const schedules = this.lookAtSchedules().flatMap(({ row, standing }) => (standing === undefined ? [row.id] : []));
    return { workflows, schedules };
  }

  private lookAtSchedules(): readonly { readonly row: FoundSchedule; readonly standing: StandingSchedule | undefined }[] {
    return this.guard(() =>
      this.db.transaction(() => {
        const rows = this.scheduled.all(readTail(this.db, this.path).schedules);
        const frames = new Map<number, ReadonlyMap<number, GleitzeitEvent>>();
        return rows.map((row) => ({ row, standing: this.standingOf(row, frames) }));
      })(),
    );
  }

  /** Nothing where its row or one of its facts is not as it was written: that is the damage of this schedule alone. */
  private standingOf({ made_seq, last_seq, isIntact }: FoundSchedule, frames: Map<number, ReadonlyMap<number, GleitzeitEvent>>) {
    if (!isIntact) return undefined;
    const made = this.factAt(made_seq, frames);
    const last = last_seq === null ? undefined : this.factAt(last_seq, frames);
    if (made?.type !== 'cron:created' || (last_seq !== null && last === undefined)) return undefined;
    return { made, ...(last && { last }) };
  }

  private factAt(seq: number, frames: Map<number, ReadonlyMap<number, GleitzeitEvent>>): GleitzeitEvent | undefined {
    const sql = 'SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq >= ? ORDER BY seq LIMIT 1';
    const frame = this.db.prepare(sql).get(seq) as Body | undefined;
    if (frame === undefined) return undefined;
    const facts = frames.get(frame.seq) ?? new Map((readableLines(frame) ?? []).map(([, fact]) => [fact.seq, fact]));
    frames.set(frame.seq, facts);
    return facts.get(seq);
  }

  async read({ workflowId, workflowIds, afterSeq = 0, limit = Number.POSITIVE_INFINITY }: ReadOptions = {}): Promise<readonly GleitzeitEvent[]> {
    const ids = workflowId == null ? workflowIds : [workflowId];
    if (workflowId !== null && ids === undefined) return this.readAll(afterSeq, limit);
    const facts = await (ids === undefined ? this.readOthers(afterSeq) : this.readWorkflows(ids, { afterSeq, limit }));
    return facts.length > limit ? facts.slice(0, limit) : facts;
  }

  close(): void {
    this.db.close();
  }

  /** The facts of some workflows: what lies together is unpacked once, however many of them it is of. Of a limit, a few more may come. */
  private async readWorkflows(ids: readonly string[], page: Page): Promise<readonly GleitzeitEvent[]> {
    const { afterSeq, limit } = page;
    const { heads, seqs } = this.planOf(ids, page);
    const found = new Map<string, number>(heads.map(({ id }) => [id, 0]));
    const mentions = mentionsOf(found.keys());
    const facts: GleitzeitEvent[] = [];
    const frameOf = this.prepare('SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq = ?');
    for (const [at, seq] of seqs.entries()) {
      if (at > 0 && at % framesAtOnce === 0) await nextTurn();
      const frame = this.guard(() => frameOf.get(seq) as Body | undefined);
      // Swept meanwhile: then one of the workflows is no longer here.
      if (frame === undefined && heads.some(({ id }) => this.find(id) === undefined)) return this.readWorkflows(ids, page);
      if (frame === undefined) throw this.missing(seq - 1, seq);
      for (const fact of this.factsOf(frame, mentions)) {
        const { workflowId } = fact.correlation;
        const before = workflowId === undefined ? undefined : found.get(workflowId);
        if (workflowId === undefined || before === undefined || fact.seq <= afterSeq) continue;
        found.set(workflowId, before + 1);
        facts.push(fact);
      }
      if (facts.length >= limit) return facts;
    }
    for (const head of afterSeq === 0 ? heads : []) {
      const count = found.get(head.id) ?? 0;
      if (count === head.facts) continue;
      if (this.find(head.id) === undefined) return this.readWorkflows(ids, page);
      throw this.short(head, count);
    }
    return facts;
  }

  /** What is known of some workflows, and the frames that they have facts in, in order. */
  private planOf(ids: readonly string[], { afterSeq, limit }: Page): { readonly heads: readonly HeadRow[]; readonly seqs: readonly number[] } {
    // Each frame has at least one fact, but for the first, whose own may stand before. Of a negative number, SQLite makes no limit.
    const most = Number.isFinite(limit) ? limit + 1 : -1;
    const touched = this.prepare('SELECT seq FROM touches WHERE workflow = ? AND seq > ? ORDER BY seq LIMIT ?').pluck();
    return this.guard(() =>
      this.db.transaction(() => {
        const heads = ids.flatMap((id) => {
          const row = this.heads.find(id);
          return row === undefined ? [] : [intactHead(row, this.path)];
        });
        const seqs = new Set(heads.flatMap(({ no }) => touched.all(no, afterSeq, most) as number[]));
        return { heads, seqs: heads.length > 1 ? [...seqs].sort((a, b) => a - b) : [...seqs] };
      })(),
    );
  }

  /** What belongs to no workflow: in the index it stands under the number that no workflow has. */
  private async readOthers(afterSeq: number): Promise<readonly GleitzeitEvent[]> {
    const seqs = this.guard(
      () => this.db.prepare('SELECT seq FROM touches WHERE workflow = 0 AND seq > ? ORDER BY seq').pluck().all(afterSeq) as number[],
    );
    const facts: GleitzeitEvent[] = [];
    const frameOf = this.prepare('SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq = ?');
    for (const [at, seq] of seqs.entries()) {
      if (at > 0 && at % framesAtOnce === 0) await nextTurn();
      const frame = this.guard(() => frameOf.get(seq) as Body | undefined);
      if (frame === undefined) throw this.missing(seq - 1, seq);
      for (const fact of this.factsOf(frame)) {
        if (fact.seq > afterSeq && fact.correlation.workflowId === undefined) facts.push(fact);
      }
    }
    return facts;
  }

  private async readAll(afterSeq: number, limit: number): Promise<readonly GleitzeitEvent[]> {
    const facts: GleitzeitEvent[] = [];
    const some = this.prepare('SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq > ? ORDER BY seq LIMIT ?');
    const end = this.guard(() => readTail(this.db, this.path)).seq;
    let last: Pick<Body, 'n' | 'seq'> | undefined = afterSeq === 0 ? { n: 0, seq: 0 } : undefined;
    for (let frames = this.guard(() => some.all(afterSeq, framesAtOnce) as Body[]); frames.length > 0; ) {
      for (const frame of frames) {
        if (last !== undefined && frame.n !== last.n + 1 && !this.isSwept(last.n + 1, frame.n - 1)) throw this.missing(last.seq, frame.first_seq - 1);
        last = frame;
        for (const fact of this.factsOf(frame)) {
          if (fact.seq > afterSeq) facts.push(fact);
        }
      }
      if (facts.length >= limit) return facts.slice(0, limit);
      await nextTurn();
      const from = frames.at(-1)?.seq ?? 0;
      frames = this.guard(() => some.all(from, framesAtOnce) as Body[]);
    }
    if ((last?.seq ?? afterSeq) < end) throw this.missing(last?.seq ?? afterSeq, end);
    return facts;
  }

  private isSwept(from: number, to: number): boolean {
    const sql = 'SELECT * FROM gaps WHERE from_n <= ? AND to_n >= ?';
    const gap = this.guard(() => this.db.prepare(sql).get(from, to) as Gap | undefined);
    return gap !== undefined && gapSum(gap) === gap.sum;
  }

  /** What a frame holds, or only what may be of some workflows. @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR */
  private factsOf(frame: Body, mentions?: Mentions): readonly GleitzeitEvent[] {
    const { first_seq, seq, body } = frame;
    const where = { afterSeq: first_seq - 1, toSeq: seq };
    if (!isIntact(frame))
      throw damaged(this.path, { ...where, kind: 'checksum', message: `facts ${first_seq} to ${seq} do not have their checksum` });
    try {
      const lines = linesOf(body);
      return (mentions === undefined ? lines : lines.filter((line) => mentionsOne(line, mentions))).map(factOf);
    } catch (thrown) {
      const message = `facts ${first_seq} to ${seq} cannot be read (${String(readField(thrown, 'message'))})`;
      throw damaged(this.path, { ...where, kind: 'content', message });
    }
  }

  /** A damaged schema has other columns: that, too, is an error of the storage. */
  private prepare(sql: string): Database.Statement {
    return this.guard(() => this.db.prepare(sql));
  }

  private missing(afterSeq: number, toSeq: number): Error {
    return damaged(this.path, { afterSeq, toSeq, kind: 'missing', message: `the facts after seq ${afterSeq}, up to ${toSeq}, are missing` });
  }

  private short({ id, facts }: HeadRow, found: number): Error {
    return damaged(this.path, { afterSeq: 0, kind: 'index', message: `${found} facts are found of workflow ${id}, which has ${facts}` });
  }

  private guard<Value>(act: () => Value): Value {
    try {
      return act();
    } catch (thrown) {
      throw storageError(thrown, 'read', this.path);
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
