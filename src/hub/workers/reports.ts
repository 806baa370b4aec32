/**
 * Answers to reports: given once the decision about the report is durable.
 *
 * It refuses to decide. The task does, and states it: as its end, or as `task:stale_report`. A report that no task decides about
 * (nobody knows the task) is answered when everything that was accepted before has become durable.
 */
import type { GleitzeitDraft, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { errorOf } from '../../errors.ts';
import type { Core } from '../../system/core.ts';
import type { ReportAnswer } from '../protocol/workers.ts';

type Report = Extract<GleitzeitDraft, { readonly type: 'attempt:succeeded' | 'attempt:failed' }>;

/** A report that waits for its answer. */
interface Waiting {
  readonly leaseId: string;
  readonly type: Report['type'];
  readonly resolve: (answer: ReportAnswer) => void;
  readonly reject: (error: Error) => void;
}

const stale: ReportAnswer = { accepted: false, reason: 'the attempt has ended: the report is late, or was made before' };
const unheard: ReportAnswer = { accepted: false, reason: 'no task waits for a report under this lease' };

export class Reports {
  private readonly core: Core;
  /** By lease; several where the same report came more than once. */
  private readonly byLease = new Map<string, Waiting[]>();
  /** In the order in which they came, those that were answered left out from time to time. */
  private waiting: Waiting[] = [];
  private isSweeping = false;

  constructor(core: Core) {
    this.core = core;
    core.on('task:completed', ({ data }) => this.settle(data.leaseId, 'attempt:succeeded', { accepted: true }));
    core.on('task:failed', ({ data }) => {
      // A deadline or a loss may end the attempt while its report is under way: that one is stale then.
      if (data.ended === 'error') this.settle(data.leaseId, 'attempt:failed', { accepted: true });
    });
    core.on('task:stale_report', ({ data }) => this.settle(data.leaseId, `attempt:${data.reported}`, stale));
  }

  /**
   * States a report, and resolves with what has become of it.
   * @throws GleitzeitError SYSTEM_SHUTDOWN when the system ends before that is durable
   */
  submit(report: Report, cause?: GleitzeitEvent): Promise<ReportAnswer> {
    const { leaseId } = report.data;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { leaseId, type: report.type, resolve, reject };
      const same = this.byLease.get(leaseId);
      if (same === undefined) this.byLease.set(leaseId, [waiting]);
      else same.push(waiting);
      this.waiting.push(waiting);
      this.core.accept(report, { source: 'hub', cause });
      if (!this.isSweeping) void this.sweep();
    });
  }

  private settle(leaseId: string | undefined, type: Report['type'], answer: ReportAnswer): void {
    const first = leaseId === undefined ? undefined : this.byLease.get(leaseId)?.find((waiting) => waiting.type === type);
    if (first !== undefined) this.remove(first)?.resolve(answer);
  }

  /** Takes a report out, unless it was answered before. */
  private remove(waiting: Waiting): Waiting | undefined {
    const same = this.byLease.get(waiting.leaseId) ?? [];
    const at = same.indexOf(waiting);
    if (at === -1) return undefined;
    same.splice(at, 1);
    if (same.length === 0) this.byLease.delete(waiting.leaseId);
    return waiting;
  }

  /** One wait for all reports that came before it: what is durable by then and has no answer gets none from a task. */
  private async sweep(): Promise<void> {
    this.isSweeping = true;
    while (this.byLease.size > 0) {
      const due = this.waiting;
      this.waiting = [];
      const error = await this.core.whenDurable().then(
        () => undefined,
        () => errorOf('SYSTEM_SHUTDOWN', 'The system was stopped before the report was decided about.'),
      );
      for (const waiting of due) {
        if (error === undefined) this.remove(waiting)?.resolve(unheard);
        else this.remove(waiting)?.reject(error);
      }
    }
    this.waiting = [];
    this.isSweeping = false;
  }
}
