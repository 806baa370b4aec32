/**
 * The schedules that stand, as rows that say where the two facts are that each is brought back by. Each row has a checksum, and the
 * tail says how many there must be: a schedule that was forgotten would be missed by nobody.
 */
import type Database from 'better-sqlite3';

import type { ScheduleChange } from '../standing-schedules.ts';
import { damaged } from './faults.ts';
import { rowSum } from './frame.ts';

export interface ScheduleRow {
  readonly id: string;
  /** The `seq` of the fact that made it, and of the last word about its progress. */
  readonly made_seq: number;
  readonly last_seq: number | null;
}

export function isScheduleIntact({ id, made_seq, last_seq, sum }: ScheduleRow & { readonly sum: number }): boolean {
  return rowSum(id, made_seq, last_seq) === sum;
}

export class ScheduleTable {
  private readonly path: string;
  private readonly byId: Database.Statement;
  private readonly inOrder: Database.Statement;
  private readonly put: Database.Statement;
  private readonly drop: Database.Statement;

  constructor(db: Database.Database, path: string) {
    this.path = path;
    this.byId = db.prepare('SELECT * FROM schedules WHERE id = ?');
    this.inOrder = db.prepare('SELECT * FROM schedules ORDER BY made_seq');
    this.put = db.prepare('INSERT OR REPLACE INTO schedules (id, made_seq, last_seq, sum) VALUES (?, ?, ?, ?)');
    this.drop = db.prepare('DELETE FROM schedules WHERE id = ?');
  }

  /** Notes what a fact did. @returns by how much their number changes @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR */
  apply(seq: number, { scheduleId, change }: ScheduleChange): number {
    if (change === 'gone') return -this.drop.run(scheduleId).changes;
    const row = this.byId.get(scheduleId) as (ScheduleRow & { readonly sum: number }) | undefined;
    const known = row && this.intact(row);
    if (change === 'told' && known === undefined) return 0;
    const [made, last] = change === 'made' || known === undefined ? [seq, null] : [known.made_seq, seq];
    this.put.run(scheduleId, made, last, rowSum(scheduleId, made, last));
    return known === undefined ? 1 : 0;
  }

  /** All of them, in the order of creation. @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR when there are not as many as must be */
  all(expected: number): readonly ScheduleRow[] {
    // The columns are those of the schema.
    const rows = this.inOrder.all() as (ScheduleRow & { readonly sum: number })[];
    if (rows.length === expected) return rows.map((row) => this.intact(row));
    const message = `it lists ${rows.length} schedules where there must be ${expected}`;
    throw damaged(this.path, { afterSeq: 0, kind: 'index', message });
  }

  private intact(row: ScheduleRow & { readonly sum: number }): ScheduleRow {
    if (isScheduleIntact(row)) return row;
    throw damaged(this.path, { afterSeq: 0, kind: 'index', message: `the row of schedule ${row.id} does not have its checksum` });
  }
}

/** The `seq` of every fact that a schedule is brought back by. */
export function neededSeqs(rows: readonly ScheduleRow[]): ReadonlySet<number> {
  return new Set(rows.flatMap(({ made_seq, last_seq }) => (last_seq === null ? [made_seq] : [made_seq, last_seq])));
}
