/**
 * The journal in memory: the whole port, and no durability at all. What it holds ends with the process.
 *
 * So that memory does not grow with finished work, it keeps the facts of finished workflows only up to a number; the oldest
 * finished workflow goes first. What is in flight is always kept.
 */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { DamagedUnits, Journal, ListOptions, Opened, ReadOptions, Retention, WorkflowHead } from './journal.ts';
import { noteSchedule, type StandingSchedule } from './standing-schedules.ts';
import { headAfter, headChangeOf } from './workflow-head.ts';

/** What a journal in memory is held to. */
export interface MemoryJournalOptions {
  /**
   * Facts of finished workflows, and of the system itself, that are kept at most; an integer from 0.
   * @defaultValue `10_000`
   */
  readonly keepFacts?: number;
}

export const memoryJournalDefaults = { keepFacts: 10_000 } as const;

interface Kept {
  head: WorkflowHead;
  readonly facts: GleitzeitEvent[];
}

export function memoryJournal(options: MemoryJournalOptions = {}): Journal {
  return new MemoryJournal({ ...memoryJournalDefaults, ...options }.keepFacts);
}

class MemoryJournal implements Journal {
  private readonly keepFacts: number;
  private readonly workflows = new Map<string, Kept>();
  /** Finished workflows, the one that ended first in front: a Map keeps the order in which they came. */
  private readonly finished = new Map<string, Kept>();
  private readonly running = new Map<string, Kept>();
  private finishedFacts = 0;
  /** Facts that belong to no workflow. */
  private others: GleitzeitEvent[] = [];
  private readonly standing = new Map<string, StandingSchedule>();
  private lastSeq = 0;
  private lastTime = 0;

  constructor(keepFacts: number) {
    this.keepFacts = keepFacts;
  }

  open(): Promise<Opened> {
    return Promise.resolve({ lastSeq: this.lastSeq, lastTime: this.lastTime });
  }

  append(facts: readonly GleitzeitEvent[]): undefined {
    for (const fact of facts) this.keep(fact);
    const last = facts.at(-1);
    this.lastSeq = last?.seq ?? this.lastSeq;
    this.lastTime = last?.time ?? this.lastTime;
    this.shed();
  }

  read({ afterSeq = 0, limit, ...which }: ReadOptions = {}): Promise<readonly GleitzeitEvent[]> {
    return Promise.resolve(
      this.factsOf(which)
        .filter(({ seq }) => seq > afterSeq)
        .slice(0, limit),
    );
  }

  private factsOf({ workflowId, workflowIds }: ReadOptions): readonly GleitzeitEvent[] {
    if (typeof workflowId === 'string') return this.workflows.get(workflowId)?.facts ?? [];
    if (workflowId === null) return this.others;
    const some = (workflowIds ?? [...this.workflows.keys()]).flatMap((id) => this.workflows.get(id)?.facts ?? []);
    return [...(workflowIds === undefined ? this.others : []), ...some].sort((a, b) => a.seq - b.seq);
  }

  find(workflowId: string): Promise<WorkflowHead | undefined> {
    return Promise.resolve(this.workflows.get(workflowId)?.head);
  }

  list({ status, before, limit }: ListOptions = {}): Promise<readonly WorkflowHead[]> {
    const all = [...this.workflows.values()].map(({ head }) => head);
    const end = before === undefined ? all.length : all.findIndex(({ workflowId }) => workflowId === before);
    const found = all.slice(0, Math.max(0, end)).filter((head) => status === undefined || head.status === status);
    return Promise.resolve(limit === undefined ? found : found.slice(-limit));
  }

  unfinished(): Promise<readonly WorkflowHead[]> {
    // One that was retried runs again at its old place.
    const running = [...this.running.values()].sort((a, b) => seqOf(a) - seqOf(b));
    return Promise.resolve(running.map(({ head }) => head));
  }

  schedules(): Promise<readonly StandingSchedule[]> {
    return Promise.resolve([...this.standing.values()]);
  }

  damaged(): Promise<DamagedUnits> {
    const workflows = [...this.workflows.values()].map(({ head }) => head).filter(({ status }) => status === 'damaged');
    return Promise.resolve({ workflows, schedules: [] });
  }

  isolate(workflowIds: readonly string[]): Promise<void> {
    for (const workflowId of workflowIds) {
      const kept = this.workflows.get(workflowId);
      if (kept === undefined) continue;
      kept.head = { ...kept.head, status: 'damaged' };
      this.running.delete(workflowId);
      if (this.finished.delete(workflowId)) this.finishedFacts -= kept.facts.length;
    }
    return Promise.resolve();
  }

  sweep({ olderThan, keep, workflowIds = [] }: Retention): Promise<number> {
    const named = workflowIds.filter((workflowId) => this.workflows.has(workflowId) && !this.running.has(workflowId));
    for (const workflowId of named) this.remove(workflowId);
    let removed = named.length;
    let beforeSeq = 0;
    for (const [workflowId, { head, facts }] of this.finished) {
      const isOld = olderThan !== undefined && (head.endedAt ?? Number.POSITIVE_INFINITY) < olderThan;
      const isTooMany = keep !== undefined && this.finished.size > keep;
      if (!isOld && !isTooMany) break;
      beforeSeq = Math.max(beforeSeq, facts.findLast((fact) => headChangeOf(fact) !== undefined)?.seq ?? 0);
      this.remove(workflowId);
      removed++;
    }
    this.shedOthers(({ seq, time }) => seq < beforeSeq || (olderThan !== undefined && time < olderThan));
    return Promise.resolve(removed);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private keep(fact: GleitzeitEvent): void {
    const { workflowId } = fact.correlation;
    const known = workflowId === undefined ? undefined : this.workflows.get(workflowId);
    const head = headAfter(known?.head, fact);
    if (workflowId === undefined || head === undefined) {
      this.others.push(fact);
      noteSchedule(this.standing, fact);
      return;
    }
    const kept = known ?? { head, facts: [] };
    if (known === undefined) {
      this.workflows.set(workflowId, kept);
      this.running.set(workflowId, kept);
    }
    kept.facts.push(fact);
    if (head.status === 'damaged') return;
    const isFinished = this.finished.has(workflowId);
    if (isFinished && head.endedAt === undefined) {
      this.finished.delete(workflowId);
      this.finishedFacts -= kept.facts.length - 1;
      this.running.set(workflowId, kept);
    } else if (isFinished) this.finishedFacts++;
    else if (head.endedAt !== undefined) {
      this.running.delete(workflowId);
      this.finished.set(workflowId, kept);
      this.finishedFacts += kept.facts.length;
    }
    kept.head = head;
  }

  /** Lets go of what is beyond the bound; slack in `others` makes that cost the same for each fact. */
  private shed(): void {
    for (const workflowId of this.finished.keys()) {
      if (this.finishedFacts <= this.keepFacts) break;
      this.remove(workflowId);
    }
    if (this.others.length <= 2 * (this.keepFacts + this.standing.size) + 64) return;
    const from = this.others.at(-this.keepFacts)?.seq ?? 0;
    this.shedOthers(({ seq }) => this.keepFacts === 0 || seq < from);
  }

  /** Schedules are in flight as long as they stand: what they are brought back by stays. */
  private shedOthers(mayGo: (fact: GleitzeitEvent) => boolean): void {
    const needed = new Set([...this.standing.values()].flatMap(({ made, last }) => [made, last]));
    this.others = this.others.filter((fact) => needed.has(fact) || !mayGo(fact));
  }

  private remove(workflowId: string): void {
    this.finishedFacts -= this.finished.get(workflowId)?.facts.length ?? 0;
    this.finished.delete(workflowId);
    this.workflows.delete(workflowId);
  }
}

function seqOf({ facts }: Kept): number {
  return facts[0]?.seq ?? 0;
}
