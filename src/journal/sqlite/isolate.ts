/**
 * Isolation: a workflow whose row or facts are not what was written is marked as damaged, so that it is listed and nothing else is
 * done with it. Its facts stay where they are.
 */
import type { FoundRow, HeadTable } from './head-row.ts';
import type { Store } from './store.ts';
import type { Tail } from './tail.ts';

/** Marks workflows by their ids; those that are not there, or are marked already, are left out. */
export function isolate(store: Store, workflowIds: readonly string[]): void {
  store.transact((tail) => {
    const rows = workflowIds.flatMap((id) => store.heads.findListed(id) ?? []);
    return markDamaged(store, rows, tail);
  });
}

/** Marks rows inside of a transaction. @returns the tail with their numbers */
export function markDamaged(store: Store, rows: readonly FoundRow[], tail: Tail): Tail {
  let { running, ended } = tail;
  for (const row of rows) {
    if (row.isIntact && row.status === 'damaged') continue;
    store.forget(row.id);
    // One that is not intact gets the name that it is listed under, to be called by.
    if (!row.isIntact) store.heads.rename(row);
    store.heads.update({ ...row, status: 'damaged', ended_seq: row.ended_seq ?? tail.seq });
    if (!row.isIntact || row.ended_seq !== null) continue;
    running--;
    ended++;
  }
  const counted = { ...tail, running, ended };
  return rows.every(({ isIntact }) => isIntact) ? counted : recounted(store.heads, counted);
}

/** Of a row that was not intact, nobody knows whether it counted as running: what is sure of the others decides. */
export function recounted(heads: HeadTable, tail: Tail): Tail {
  const rows = heads.all();
  const sure = rows.filter(({ isIntact, ended_seq }) => isIntact && ended_seq === null).length;
  const doubtful = rows.filter(({ isIntact }) => !isIntact).length;
  const total = tail.running + tail.ended;
  const running = Math.min(Math.max(tail.running, sure), sure + doubtful);
  return { ...tail, running, ended: total - running };
}
