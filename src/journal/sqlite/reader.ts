/**
 * The reading side of a journal, on a connection that cannot write.
 *
 * It reads in small steps, each a short look of its own, so that it never keeps the writer's log from being emptied, nor the
 * event loop from its work. Whatever it reads it verifies: an answer that is shorter than it should be is an error.
 */
import type Database from 'better-sqlite3';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { ListOptions, ReadOptions, WorkflowHead } from '../journal.ts';
import type { StandingSchedule } from '../standing-schedules.ts';
import { damaged, storageError } from './faults.ts';
import { type FrameRow, factOf, isIntact, linesOf } from './frame.ts';
import { type HeadRow, HeadTable, headOf } from './head-row.ts';
import { ScheduleTable } from './schedule-row.ts';
import { type Gap, gapSum, readTail } from './tail.ts';

/** Frames that are unpacked between two turns of the event loop. */
const framesAtOnce = 8;

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

  list(options: ListOptions): readonly WorkflowHead[] {
    return this.guard(() => this.heads.list(options, () => readTail(this.db, this.path)));
  }

  unfinished(): readonly WorkflowHead[] {
    return this.list({ status: 'running' });
  }

  /** In one look, however many: their facts stay only as long as no later ones come. */
  schedules(): readonly StandingSchedule[] {
    return this.guard(() =>
      this.db.transaction(() => {
        const rows = this.scheduled.all(readTail(this.db, this.path).schedules);
        const frames = new Map<number, ReadonlyMap<number, GleitzeitEvent>>();
        return rows.map(({ made_seq, last_seq }) => {
          const made = this.factAt(made_seq, frames);
          if (made.type !== 'cron:created') throw this.missing(made_seq - 1, made_seq);
          return last_seq === null ? { made } : { made, last: this.factAt(last_seq, frames) };
        });
      })(),
    );
  }

  private factAt(seq: number, frames: Map<number, ReadonlyMap<number, GleitzeitEvent>>): GleitzeitEvent {
    const sql = 'SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq >= ? ORDER BY seq LIMIT 1';
    const frame = this.db.prepare(sql).get(seq) as Body | undefined;
    if (frame === undefined) throw this.missing(seq - 1, seq);
    const facts = frames.get(frame.seq) ?? new Map(this.linesOf(frame).map((line) => [factOf(line).seq, factOf(line)]));
    frames.set(frame.seq, facts);
    const fact = facts.get(seq);
    if (fact === undefined) throw this.missing(seq - 1, seq);
    return fact;
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
    const facts: GleitzeitEvent[] = [];
    const frameOf = this.db.prepare('SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq = ?');
    for (const [at, seq] of seqs.entries()) {
      if (at > 0 && at % framesAtOnce === 0) await nextTurn();
      const frame = this.guard(() => frameOf.get(seq) as Body | undefined);
      // Swept meanwhile: then one of the workflows is no longer here.
      if (frame === undefined && heads.some(({ id }) => this.find(id) === undefined)) return this.readWorkflows(ids, page);
      if (frame === undefined) throw this.missing(seq - 1, seq);
      for (const line of this.linesOf(frame)) {
        if (!mayBeOf(line, found)) continue;
        const fact = factOf(line);
        const { workflowId = '' } = fact.correlation;
        const before = found.get(workflowId);
        if (before === undefined || fact.seq <= afterSeq) continue;
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
    const touched = this.db.prepare('SELECT seq FROM touches WHERE workflow = ? AND seq > ? ORDER BY seq LIMIT ?').pluck();
    return this.guard(() =>
      this.db.transaction(() => {
        const heads = ids.flatMap((id) => this.heads.find(id) ?? []);
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
    const frameOf = this.db.prepare('SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq = ?');
    for (const [at, seq] of seqs.entries()) {
      if (at > 0 && at % framesAtOnce === 0) await nextTurn();
      const frame = this.guard(() => frameOf.get(seq) as Body | undefined);
      if (frame === undefined) throw this.missing(seq - 1, seq);
      for (const line of this.linesOf(frame)) {
        const fact = factOf(line);
        if (fact.seq > afterSeq && fact.correlation.workflowId === undefined) facts.push(fact);
      }
    }
    return facts;
  }

  private async readAll(afterSeq: number, limit: number): Promise<readonly GleitzeitEvent[]> {
    const facts: GleitzeitEvent[] = [];
    const some = this.db.prepare('SELECT seq, n, first_seq, facts, sum, kept_sum, body FROM frames WHERE seq > ? ORDER BY seq LIMIT ?');
    const end = this.guard(() => readTail(this.db, this.path)).seq;
    let last: Pick<Body, 'n' | 'seq'> | undefined = afterSeq === 0 ? { n: 0, seq: 0 } : undefined;
    for (let frames = this.guard(() => some.all(afterSeq, framesAtOnce) as Body[]); frames.length > 0; ) {
      for (const frame of frames) {
        if (last !== undefined && frame.n !== last.n + 1 && !this.isSwept(last.n + 1, frame.n - 1)) throw this.missing(last.seq, frame.first_seq - 1);
        last = frame;
        for (const line of this.linesOf(frame)) {
          const fact = factOf(line);
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

  private linesOf(frame: Body): readonly string[] {
    const { first_seq, seq, body } = frame;
    if (isIntact(frame)) return linesOf(body);
    throw damaged(this.path, {
      afterSeq: first_seq - 1,
      toSeq: seq,
      kind: 'checksum',
      message: `facts ${first_seq} to ${seq} do not have their checksum`,
    });
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

/** A line that names none of them is of another workflow: most lines need not be parsed to know that. */
function mayBeOf(line: string, ids: ReadonlyMap<string, number>): boolean {
  for (const [, id = ''] of line.matchAll(/"workflowId":"((?:[^"\\]|\\.)*)"/g)) if (id.includes('\\') || ids.has(id)) return true;
  return false;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
