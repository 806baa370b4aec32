/**
 * The heads that one transaction changes, each written once at its end.
 *
 * What is damaged stays as it is, whatever is stated of it: its facts count on, where its row can be trusted to have counted, so
 * that they are found again when the index is made anew from them.
 */
import type { HeadChange } from '../workflow-head.ts';
import type { FoundRow, HeadRow, HeadTable } from './head-row.ts';

interface Staged {
  readonly before: HeadRow | undefined;
  now: HeadRow;
}

export class StagedHeads {
  private readonly table: HeadTable;
  private readonly running: Map<string, HeadRow>;
  private readonly staged = new Map<string, Staged>();
  /** Damaged ones that cannot even count: the number under which their facts are found. */
  private readonly unreadable = new Map<string, number>();
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
      if (known?.status === 'damaged' || this.unreadable.has(workflowId)) return;
      const fresh = { name, version_hash: versionHash, status: 'running', submitted_at: submittedAt, ended_at: null, ended_seq: null } as const;
      this.put({ no: known?.no ?? this.nextNo++, id: workflowId, facts: known?.facts ?? 0, ...fresh });
      return;
    }
    const known = this.of(change.workflowId)?.now;
    if (known === undefined || known.status === 'damaged') return;
    const end = 'endedAt' in change ? { ended_at: change.endedAt, ended_seq: seq } : { ended_at: null, ended_seq: null };
    this.put({ ...known, status: change.status, ...end });
  }

  /** Counts facts of a workflow. @returns its number; 0 for none that is known */
  count(workflowId: string | undefined, facts: number): number {
    if (workflowId === undefined) return 0;
    const known = this.of(workflowId)?.now;
    if (known === undefined) return this.unreadable.get(workflowId) ?? 0;
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

  private of(id: string): Staged | undefined {
    const staged = this.staged.get(id);
    if (staged !== undefined || this.unreadable.has(id)) return staged;
    const row = this.running.get(id) ?? this.found(id);
    if (row === undefined) return undefined;
    const entry = { before: row, now: row };
    this.staged.set(id, entry);
    return entry;
  }

  private found(id: string): HeadRow | undefined {
    const row: FoundRow | undefined = this.table.find(id);
    if (row === undefined) return undefined;
    const { isIntact, ...head } = row;
    if (isIntact) return head;
    this.unreadable.set(id, head.no);
    return undefined;
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
