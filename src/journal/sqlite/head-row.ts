/**
 * The heads of workflows as rows: each with a checksum, since a flipped bit in one is seen by nobody else. One without its checksum
 * is its workflow's own damage: it is listed as far as it can be read, and the others as if nothing were.
 */
import type Database from 'better-sqlite3';

import type { ListOptions, WorkflowHead } from '../journal.ts';
import { damaged } from './faults.ts';
import { rowSum } from './frame.ts';
import { fromColumn, toColumn } from './row-text.ts';
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

/** A row as it was found; its status is `damaged` where the rest of it is not what was written. */
export interface FoundRow extends HeadRow {
  readonly isIntact: boolean;
}

/** A part of a list, and the number below which it goes on. */
export interface HeadPage {
  readonly rows: readonly FoundRow[];
  readonly next: number | undefined;
}

/** Rows that are looked at before others have their turn: some milliseconds. */
const rowsAtOnce = 500;

/** The columns as a flipped bit may leave them; the number is the key of the row, and always one. */
type StoredRow = Readonly<Record<Exclude<keyof HeadRow, 'no'> | 'sum', unknown>> & { readonly no: number };

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

  find(id: string): FoundRow | undefined {
    const row = this.byId.get(toColumn(id)) as StoredRow | undefined;
    return row && rowOf(row);
  }

  /** Also a damaged one that is listed under another id than it was written with; where there is none, all rows are looked at. */
  findListed(id: string): FoundRow | undefined {
    return this.find(id) ?? this.rows('').find((row) => !row.isIntact && row.id === id);
  }

  /**
   * Those that run, in the order of submission, and among them the damaged ones that may have run.
   * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR where there are not as many as the tail says
   */
  unfinished(tailOf: () => Tail): readonly FoundRow[] {
    return this.db.transaction(() => {
      const found = this.rows('WHERE ended_seq IS NULL ORDER BY no');
      this.assertRunning(found.filter(({ isIntact }) => isIntact).length, tailOf());
      return found;
    })();
  }

  /**
   * A part of a list, the latest first: as many rows as can be looked at before others should have their turn.
   * @param upTo - Only those with a lower number.
   */
  some(status: ListOptions['status'], upTo: number): HeadPage {
    const low = this.db
      .prepare('SELECT no FROM workflows WHERE no < ? ORDER BY no DESC LIMIT 1 OFFSET ?')
      .pluck()
      .get(upTo, rowsAtOnce - 1);
    const from = typeof low === 'number' ? low : 0;
    const rows = this.latest(status, { from, upTo }).map(rowOf);
    return { rows: status === undefined ? rows : rows.filter((row) => row.status === status), next: from === 0 ? undefined : from };
  }

  /**
   * Holds a list that nothing came into meanwhile against what the tail says.
   * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR where there are not as many
   */
  assertWhole(status: ListOptions['status'], found: number, tail: Tail): void {
    if (status === undefined) this.assertAll(found, tail);
    if (status === 'running') this.assertRunning(found, tail);
  }

  /** Some rows in the order of their numbers. */
  after(no: number, limit: number): readonly FoundRow[] {
    return this.rows(`WHERE no > ${no} ORDER BY no LIMIT ${limit}`);
  }

  /** The latest first. What is damaged may stand under any status, and is told by its checksum alone. */
  private latest(status: ListOptions['status'], { from, upTo }: { readonly from: number; readonly upTo: number }): readonly StoredRow[] {
    const all = status === undefined || status === 'damaged';
    const which = all ? '' : status === 'running' ? 'AND ended_seq IS NULL' : 'AND status = ?';
    const given = all || status === 'running' ? [from, upTo] : [from, upTo, status];
    return this.db.prepare(`SELECT * FROM workflows WHERE no >= ? AND no < ? ${which} ORDER BY no DESC`).all(...given) as StoredRow[];
  }

  /** Of those that have ended and are not known to be damaged, the ones that ended first. */
  oldestEnded(limit: number): readonly FoundRow[] {
    return this.rows(`WHERE ended_seq IS NOT NULL AND status <> 'damaged' ORDER BY ended_seq LIMIT ${limit}`);
  }

  /** How many are known to be damaged. */
  countDamaged(): number {
    return Number(this.db.prepare("SELECT count(*) FROM workflows WHERE status = 'damaged'").pluck().get());
  }

  /** All rows, in the order of submission. */
  all(): readonly FoundRow[] {
    return this.rows('ORDER BY no');
  }

  /** Those that can be read, one by one. */
  *each(): Generator<FoundRow> {
    for (const stored of this.db.prepare('SELECT * FROM workflows ORDER BY no').iterate()) yield rowOf(stored as StoredRow);
  }

  private rows(which: string): readonly FoundRow[] {
    return (this.db.prepare(`SELECT * FROM workflows ${which}`).all() as StoredRow[]).map(rowOf);
  }

  private assertAll(found: number, { running, ended }: Tail): void {
    if (found !== running + ended) throw this.miscounted(found, running + ended);
  }

  /** A damaged row may have been one of them: only if they are not all there already are all rows looked at. */
  private assertRunning(found: number, { running }: Tail): void {
    if (found === running) return;
    const doubtful = this.rows('').filter(({ isIntact }) => !isIntact).length;
    if (found > running || found + doubtful < running) throw this.miscounted(found, running);
  }

  private miscounted(found: number, count: number): Error {
    return damaged(this.path, { afterSeq: 0, kind: 'index', message: `it lists ${found} workflows where there must be ${count}` });
  }

  insert(row: HeadRow): void {
    const { no, id, name, version_hash, status, submitted_at, ended_at, ended_seq, facts } = row;
    this.insertRow.run(no, toColumn(id), toColumn(name), toColumn(version_hash), status, submitted_at, ended_at, ended_seq, facts, sumOfHead(row));
  }

  /** Writes an id as it can be read, unless another has it. */
  rename({ no, id }: HeadRow): void {
    this.db.prepare('UPDATE OR IGNORE workflows SET id = ? WHERE no = ?').run(toColumn(id), no);
  }

  update(row: HeadRow): void {
    const { no, name, version_hash, status, submitted_at, ended_at, ended_seq, facts } = row;
    this.updateRow.run(toColumn(name), toColumn(version_hash), status, submitted_at, ended_at, ended_seq, facts, sumOfHead(row), no);
  }
}

/** A row as it can be read. */
function rowOf({ sum, ...stored }: StoredRow): FoundRow {
  const [id, name, version_hash] = [stored.id, stored.name, stored.version_hash].map(fromColumn);
  // What is not of these types does not have its checksum.
  const row = { ...stored, id, name, version_hash } as HeadRow;
  if (id !== undefined && name !== undefined && version_hash !== undefined && sumOfHead(row) === sum) return { ...row, isIntact: true };
  return {
    no: stored.no,
    id: textOf(stored.id),
    name: textOf(stored.name),
    version_hash: textOf(stored.version_hash),
    status: 'damaged',
    submitted_at: timeOf(stored.submitted_at) ?? 0,
    ended_at: timeOf(stored.ended_at),
    ended_seq: numberOf(stored.ended_seq),
    facts: numberOf(stored.facts) ?? 0,
    isIntact: false,
  };
}

function textOf(stored: unknown): string {
  return fromColumn(stored) ?? (Buffer.isBuffer(stored) ? stored.toString() : String(stored));
}

function numberOf(stored: unknown): number | null {
  return typeof stored === 'number' ? stored : null;
}

/** A time that a `Date` can show. */
function timeOf(stored: unknown): number | null {
  const time = numberOf(stored);
  return time !== null && Math.abs(time) <= 8.64e15 ? time : null;
}

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR for a row that is not what was written */
export function intactHead(row: FoundRow, path: string): HeadRow {
  if (row.isIntact) return row;
  throw damaged(path, { afterSeq: 0, kind: 'index', message: `the head of workflow ${row.id} does not have its checksum` });
}

export function headOf({ id, name, version_hash, status, submitted_at, ended_at }: HeadRow): WorkflowHead {
  const head = { workflowId: id, name, versionHash: version_hash, status, submittedAt: submitted_at };
  return ended_at === null ? head : { ...head, endedAt: ended_at };
}
