/**
 * Has the workflows that were brought back go on, one after the other.
 *
 * Each of them goes on once, and only then are its tasks tried again or made ready. That is work as it comes in every run, and
 * grows with what was unfinished; so the system is up before it is done, and serves what comes meanwhile.
 */
import type { EventOf, GleitzeitDraft } from '../../machines/events/catalogue.ts';
import type { Core } from '../system/core.ts';
import type { Arrival } from '../system/storage-hold.ts';

export class Recovering {
  private readonly core: Core;
  /** In the order in which they go on. */
  private readonly waiting = new Set<string>();
  private cause: EventOf<'engine:started'> | undefined;

  constructor(core: Core) {
    this.core = core;
    core.on('engine:started', (started) => {
      this.cause = started;
    });
  }

  /** Notes a workflow that is there again. */
  add(workflowId: string): void {
    this.waiting.add(workflowId);
  }

  /** Has them go on from here. */
  begin(): void {
    if (this.waiting.size > 0) this.core.acceptAtLeisure(this.arrivals());
  }

  /** Has a workflow go on before its turn: somebody asks something of it. @returns whether it had not gone on yet */
  hasten(workflowId: string): boolean {
    if (!this.waiting.delete(workflowId)) return false;
    const { draft, origin } = this.arrivalOf(workflowId);
    this.core.accept(draft, origin);
    return true;
  }

  /** Leaves those that have not gone on as they are: the next start brings them back. */
  stop(): void {
    this.waiting.clear();
  }

  private *arrivals(): Generator<Arrival> {
    for (const workflowId of this.waiting) {
      this.waiting.delete(workflowId);
      // It may have ended meanwhile: its time may have run out.
      if (this.core.registry.get('resolver', workflowId) !== undefined) yield this.arrivalOf(workflowId);
    }
  }

  private arrivalOf(workflowId: string): Arrival {
    // Before the start, nothing of this run has begun.
    const since = this.cause?.seq ?? Number.MAX_SAFE_INTEGER;
    const draft: GleitzeitDraft = { type: 'workflow:recover', data: { workflowId, since } };
    return { draft, origin: { source: 'runtime', cause: this.cause } };
  }
}
