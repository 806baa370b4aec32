/** The heads that one transaction changes, each written once at its end. */
import type { HeadChange } from '../workflow-head.ts';
import type { HeadRow, HeadTable } from './head-row.ts';

export class StagedHeads {
  private readonly table: HeadTable;
  private readonly running: Map<string, HeadRow>;
  private readonly staged = new Map<string, { readonly before: HeadRow | undefined; now: HeadRow }>();
  private nextNo: number;

  /** @param running rows that need not be looked up; brought up to date by `flush` */
  constructor(table: HeadTable, running: Map<string, HeadRow>, nextNo: number) {
    this.table = table;
    this.running = running;
    this.nextNo = nextNo;
  }

  apply(seq: number, change: HeadChange): void {
    if ('made' in change) {
      const { workflowId, name, versionHash, submittedAt } = change.made;
      const known = this.of(workflowId)?.now;
      const fresh = { name, version_hash: versionHash, status: 'running', submitted_at: submittedAt, ended_at: null, ended_seq: null } as const;
      this.put({ no: known?.no ?? this.nextNo++, id: workflowId, facts: known?.facts ?? 0, ...fresh });
      return;
    }
    const known = this.of(change.workflowId)?.now;
    if (known === undefined) return;
    const end = 'endedAt' in change ? { ended_at: change.endedAt, ended_seq: seq } : { ended_at: null, ended_seq: null };
    this.put({ ...known, status: change.status, ...end });
  }

  /** Counts facts of a workflow. @returns its number; 0 for none that is known */
  count(workflowId: string, facts: number): number {
    const known = workflowId === '' ? undefined : this.of(workflowId)?.now;
    if (known === undefined) return 0;
    this.put({ ...known, facts: known.facts + facts });
    return known.no;
  }

  /** Writes them. @returns by how much the numbers of running and of ended workflows change */
  flush(): { readonly running: number; readonly ended: number } {
    const total = { running: 0, ended: 0 };
    for (const [id, { before, now }] of this.staged) {
      if (now === before) continue;
      if (before === undefined) this.table.insert(now);
      else {
        this.table.update(now);
        total[kindOf(before)]--;
      }
      total[kindOf(now)]++;
      if (kindOf(now) === 'running') this.running.set(id, now);
      else this.running.delete(id);
    }
    return total;
  }

  private of(id: string): { readonly before: HeadRow | undefined; now: HeadRow } | undefined {
    const staged = this.staged.get(id);
    if (staged !== undefined) return staged;
    const row = this.running.get(id) ?? this.table.find(id);
    if (row === undefined) return undefined;
    const entry = { before: row, now: row };
    this.staged.set(id, entry);
    return entry;
  }

  private put(row: HeadRow): void {
    const staged = this.staged.get(row.id);
    if (staged === undefined) this.staged.set(row.id, { before: undefined, now: row });
    else staged.now = row;
  }
}

function kindOf({ ended_seq }: HeadRow): 'running' | 'ended' {
  return ended_seq === null ? 'running' : 'ended';
}
