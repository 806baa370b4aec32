/**
 * Reads what is recorded for one subscription, a page at a time.
 *
 * A page is small where facts are large, and the other way round: its bytes are what is bounded, and they are known only afterwards.
 * Who wants some workflows only, reads their facts only.
 */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Journal, ReadOptions } from '../../journal/journal.ts';
import type { Selection } from './selection.ts';

export interface Page {
  readonly facts: readonly GleitzeitEvent[];
  /** Whether the journal had no more when it was read. */
  readonly isLast: boolean;
}

/** Facts on the first page and on any, and the bytes of a page that it is made larger or smaller for. */
export interface PageBounds {
  readonly first: number;
  readonly most: number;
  readonly bytes: number;
}

const subscriptionBounds: PageBounds = { first: 128, most: 1_024, bytes: 2 ** 18 };

export class Pages {
  private readonly journal: Pick<Journal, 'read'>;
  private readonly which: Pick<ReadOptions, 'workflowIds'>;
  private readonly bounds: PageBounds;
  private limit: number;

  constructor(journal: Pick<Journal, 'read'>, { general, particular }: Selection, bounds = subscriptionBounds) {
    this.journal = journal;
    this.bounds = bounds;
    this.limit = bounds.first;
    this.which = general.size === 0 ? { workflowIds: [...particular.keys()] } : {};
  }

  /** @throws GleitzeitError PERSISTENCE_* */
  async read(afterSeq: number): Promise<Page> {
    const { limit } = this;
    const facts = await this.journal.read({ ...this.which, afterSeq, limit });
    return { facts, isLast: facts.length < limit };
  }

  /** Learns from a page how large the next one should be. @param bytes - What was sent of it. */
  learn(bytes: number): void {
    const { bounds } = this;
    if (bytes > bounds.bytes) this.limit = Math.max(1, Math.floor(this.limit / 2));
    else if (bytes < bounds.bytes / 2) this.limit = Math.min(bounds.most, this.limit * 2);
  }
}
