/**
 * Events on their way out: one watcher of the system for all who listen.
 *
 * It sees each event once it is durable, and hands it to those who want it, encoded once. It keeps nothing for those who have no
 * room, beyond what all of them share: who misses something there gets what is recorded of it from the journal.
 */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { type Namespace, namespaceOf, namespaces } from '../../../machines/events/namespace.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Timer } from '../../system/clock.ts';
import type { Core } from '../../system/core.ts';
import { Turnstile } from '../turnstile.ts';
import { Backlog } from './backlog.ts';
import { entryOf } from './entry.ts';
import { Frame, packetOf } from './frame.ts';
import { Interests } from './interests.ts';
import { Pages } from './pages.ts';
import type { Selection } from './selection.ts';
import { type Outlet, Subscription } from './subscription.ts';

/** What the feed takes of a system. */
export interface Source {
  readonly core: Pick<Core, 'durableSeq' | 'clock'>;
  readonly journal: Pick<Journal, 'read'>;
  readonly log: Logger;
  /** Calls a handler with every event, once it is durable. @returns takes the handler away */
  watch(handler: (event: GleitzeitEvent) => void): () => void;
}

export interface Wanted {
  readonly namespace: Namespace;
  readonly selection: Selection;
  /** After which event what is recorded begins; from now on, where it is not given. */
  readonly fromSeq: number | undefined;
  readonly outlet: Outlet;
  /** Whoever only looks is not told where on the engine's machine something failed. @defaultValue `false` */
  readonly isObserver?: boolean;
}

/** What all who have no room share, in bytes; and how often one that hears nothing is told how far it is. */
export const feedDefaults = { backlogBytes: 16 * 2 ** 20, cursorMs: 5_000 } as const;

const readersAtOnce = 8;

export class Feed {
  readonly backlog: Backlog;
  /** Those who read the journal; each holds a page. */
  readonly reading = new Turnstile(readersAtOnce);
  /** What was sent, and how often somebody had to go back to the journal. */
  readonly figures = { sent: 0, behind: 0 };
  private readonly source: Source;
  private readonly cursorMs: number;
  private readonly interests = new Interests<Subscription>();
  private readonly subscriptions = new Set<Subscription>();
  private unwatch: (() => void) | undefined;
  private timer: Timer | undefined;
  private passed = 0;

  constructor(source: Source, { backlogBytes, cursorMs }: { readonly backlogBytes: number; readonly cursorMs: number } = feedDefaults) {
    this.source = source;
    this.cursorMs = cursorMs;
    this.backlog = new Backlog(backlogBytes);
  }

  /** Everything recorded up to here was handed out, to whoever listened. */
  get seq(): number {
    // Facts are shown in the same breath as they become durable.
    return this.unwatch === undefined ? this.source.core.durableSeq : this.passed;
  }

  get size(): number {
    return this.subscriptions.size;
  }

  /** Makes a subscription; it is told of nothing before it is begun. */
  subscribe({ namespace, selection, fromSeq, outlet, isObserver = false }: Wanted): Subscription {
    const { journal, log } = this.source;
    const pages = new Pages(journal, selection);
    const subscription = new Subscription({ feed: this, namespace, selection, fromSeq, outlet, isObserver, pages, log });
    this.passed = this.seq;
    this.subscriptions.add(subscription);
    this.interests.add(subscription);
    this.unwatch ??= this.source.watch((event) => this.show(event));
    this.timer ??= this.tellCursors();
    return subscription;
  }

  drop(subscription: Subscription): void {
    this.interests.remove(subscription);
    this.subscriptions.delete(subscription);
    if (this.subscriptions.size === 0) this.close();
  }

  /** Watches no more. */
  close(): void {
    this.unwatch?.();
    this.unwatch = undefined;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private show(event: GleitzeitEvent): void {
    const parties = this.interests.of(event);
    // What is said while the journal takes nothing, or as a last word, is no mark: its number may be given again.
    const isMark = event.seq <= this.source.core.durableSeq;
    if (parties !== undefined) {
      const entry = entryOf(event, { namespace: namespaceOf(event.type), isMark });
      for (const party of parties) party.take(entry);
    }
    if (isMark) this.passed = event.seq;
  }

  private tellCursors(): Timer {
    return this.source.core.clock.setTimer(this.cursorMs, () => {
      const { seq } = this;
      const frames = new Map(namespaces.map((namespace) => [namespace, new Frame(() => packetOf(namespace, 'subscription:cursor', { seq }))]));
      for (const subscription of this.subscriptions) {
        const frame = frames.get(subscription.namespace);
        if (frame !== undefined) subscription.tell(seq, frame);
      }
      this.timer = this.tellCursors();
    });
  }
}
