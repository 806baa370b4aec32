/** The heads of workflows as rows: each with a checksum, since a flipped bit in one is seen by nobody else. */
import type Database from 'better-sqlite3';

import type { ListOptions, WorkflowHead } from '../journal.ts';
import { damaged } from './faults.ts';
import { rowSum } from './frame.ts';
import type { Tail } from './tail.ts';

export interface HeadRow {
  readonly no: number;
  readonly id: string;
  readonly name: string;
  readonly version_hash: string;
  readonly status: WorkflowHead['status'];
  readonly submitted_at: number;
  readonly ended_at: number | null;
  /** The `seq` of the fact that ended it. */
  readonly ended_seq: number | null;
  /** How many facts the journal holds of it. */
  readonly facts: number;
}

function sumOfHead({ no, id, name, version_hash, status, submitted_at, ended_at, ended_seq, facts }: HeadRow): number {
  return rowSum(no, id, name, version_hash, status, submitted_at, ended_at, ended_seq, facts);
}

export class HeadTable {
  private readonly byId: Database.Statement;
  private readonly insertRow: Database.Statement;
  private readonly updateRow: Database.Statement;
  private readonly db: Database.Database;
  private readonly path: string;

  constructor(db: Database.Database, path: string) {
    this.db = db;
    this.path = path;
    this.byId = db.prepare('SELECT * FROM workflows WHERE id = ?');
    const columns = 'no, id, name, version_hash, status, submitted_at, ended_at, ended_seq, facts, sum';
    this.insertRow = db.prepare(`INSERT INTO workflows (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.updateRow = db.prepare(
      'UPDATE workflows SET name = ?, version_hash = ?, status = ?, submitted_at = ?, ended_at = ?, ended_seq = ?, facts = ?, sum = ? WHERE no = ?',
    );
  }

  /** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR */
  find(id: string): HeadRow | undefined {
    // The columns are those of the schema.
    const row = this.byId.get(id) as (HeadRow & { readonly sum: number }) | undefined;
    return row && intactHead(row, this.path);
  }

  /**
   * In the order of submission. Where all are asked for, or all of those that run, as many must be there as the tail says.
   * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR
   */
  list({ status, before, limit }: ListOptions, tailOf: () => Tail): readonly WorkflowHead[] {
    return this.db.transaction(() => {
      const upTo = before === undefined ? Number.MAX_SAFE_INTEGER : (this.find(before)?.no ?? 0);
      const which = status === 'running' ? 'AND ended_seq IS NULL' : status === undefined ? '' : 'AND status = ?';
      const sql = `SELECT * FROM workflows WHERE no < ? ${which} ORDER BY no DESC LIMIT ?`;
      const given = status === undefined || status === 'running' ? [upTo, limit ?? -1] : [upTo, status, limit ?? -1];
      // The columns are those of the schema.
      const rows = this.db.prepare(sql).all(...given) as (HeadRow & { readonly sum: number })[];
      if (before === undefined && (status === undefined || status === 'running')) this.assertAll(rows.length, { status, limit }, tailOf());
      return rows.reverse().map((row) => headOf(intactHead(row, this.path)));
    })();
  }

  private assertAll(found: number, { status, limit = Number.POSITIVE_INFINITY }: ListOptions, { running, ended }: Tail): void {
    const count = status === 'running' ? running : running + ended;
    if (found === Math.min(count, limit)) return;
    throw damaged(this.path, { afterSeq: 0, kind: 'index', message: `it lists ${found} workflows where there must be ${count}` });
  }

  insert(row: HeadRow): void {
    const { no, id, name, version_hash, status, submitted_at, ended_at, ended_seq, facts } = row;
    this.insertRow.run(no, id, name, version_hash, status, submitted_at, ended_at, ended_seq, facts, sumOfHead(row));
  }

  update(row: HeadRow): void {
    const { no, name, version_hash, status, submitted_at, ended_at, ended_seq, facts } = row;
    this.updateRow.run(name, version_hash, status, submitted_at, ended_at, ended_seq, facts, sumOfHead(row), no);
  }
}

export function isHeadIntact(row: HeadRow & { readonly sum: number }): boolean {
  return sumOfHead(row) === row.sum;
}

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR */
export function intactHead(row: HeadRow & { readonly sum: number }, path: string): HeadRow {
  if (isHeadIntact(row)) return row;
  throw damaged(path, { afterSeq: 0, kind: 'index', message: `the head of workflow ${row.id} does not have its checksum` });
}

export function headOf({ id, name, version_hash, status, submitted_at, ended_at }: HeadRow): WorkflowHead {
  const head = { workflowId: id, name, versionHash: version_hash, status, submittedAt: submitted_at };
  return ended_at === null ? head : { ...head, endedAt: ended_at };
}
