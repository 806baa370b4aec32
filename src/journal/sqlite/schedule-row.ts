/**
 * The schedules that stand, as rows that say where the two facts are that each is brought back by. Each row has a checksum, and the
 * tail says how many there must be: a schedule that was forgotten would be missed by nobody. A row without its checksum is the
 * damage of its schedule alone.
 */
import type Database from 'better-sqlite3';

import type { ScheduleChange } from '../standing-schedules.ts';
import { damaged } from './faults.ts';
import { rowSum } from './frame.ts';
import { fromColumn, toColumn } from './row-text.ts';

export interface ScheduleRow {
  readonly id: string;
  /** The `seq` of the fact that made it, and of the last word about its progress. */
  readonly made_seq: number;
  readonly last_seq: number | null;
}

/** A row as it was found: beside its id, nothing of one that is not intact can be relied on. */
export interface FoundSchedule extends ScheduleRow {
  readonly isIntact: boolean;
}

/** The columns as a flipped bit may leave them. */
type StoredRow = Readonly<Record<keyof ScheduleRow | 'sum', unknown>>;

function rowOf({ id: stored, made_seq, last_seq, sum }: StoredRow): FoundSchedule {
  const id = fromColumn(stored);
  // What is not of these types does not have its checksum.
  const row = { id: id ?? String(stored), made_seq, last_seq } as ScheduleRow;
  return { ...row, isIntact: id !== undefined && rowSum(row.id, row.made_seq, row.last_seq) === sum };
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

  /** Notes what a fact did; a damaged row stays so until its schedule is made anew or goes. @returns by how much their number changes */
  apply(seq: number, { scheduleId, change }: ScheduleChange): number {
    const key = toColumn(scheduleId);
    if (change === 'gone') return -this.drop.run(key).changes;
    const stored = this.byId.get(key) as StoredRow | undefined;
    const known = stored && rowOf(stored);
    if (change === 'told' && known?.isIntact !== true) return 0;
    const [made, last] = change === 'made' || known === undefined ? [seq, null] : [known.made_seq, seq];
    this.put.run(key, made, last, rowSum(scheduleId, made, last));
    return known === undefined ? 1 : 0;
  }

  /** All of them, in the order of creation. @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR when there are not as many as must be */
  all(expected: number): readonly FoundSchedule[] {
    const rows = this.found();
    if (rows.length === expected) return rows;
    const message = `it lists ${rows.length} schedules where there must be ${expected}`;
    throw damaged(this.path, { afterSeq: 0, kind: 'index', message });
  }

  /** All that are there, however many there must be. */
  found(): readonly FoundSchedule[] {
    return (this.inOrder.all() as StoredRow[]).map(rowOf);
  }
}

/** The `seq` of every fact that a schedule is brought back by; nothing where one of them does not say. */
export function neededSeqs(rows: readonly FoundSchedule[]): ReadonlySet<number> | undefined {
  if (rows.some(({ isIntact }) => !isIntact)) return undefined;
  return new Set(rows.flatMap(({ made_seq, last_seq }) => (last_seq === null ? [made_seq] : [made_seq, last_seq])));
}
