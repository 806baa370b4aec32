/** The events that a client hears: who watches what, and in which namespaces that is. */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Namespace } from '../../../machines/events/namespace.ts';
import { type EventFilter, matcherOf } from '../../observe/event-filter.ts';
import type { SubscribeData } from '../protocol/subscriptions.ts';
import { Channel, type Listener } from './channel.ts';
import { filterIn, namespacesOf } from './filters.ts';

/** The part of the connection that the feed uses. */
export interface FeedLine {
  open(namespace: Namespace): void;
  close(namespace: Namespace): void;
  isOpen(namespace: Namespace): boolean;
  send(namespace: Namespace, message: { readonly name: 'subscribe'; readonly data: SubscribeData }, answered: (answer: unknown) => void): void;
}

/** What is watched. */
export interface Selection {
  readonly filter: EventFilter;
  /** Every recorded event after this one comes first; absent: those from now on. */
  readonly fromSeq?: number | undefined;
}

/** One who watches. */
export interface Watch {
  /** How far everything recorded of it was told; -1 before that is known. */
  heardTo(): number;
  leave(): void;
}

/** The namespace of the requests: it is connected for as long as the client is. */
const always: Namespace = '/engine';
/** How long what is asked may wait for subscriptions to hold, in milliseconds. */
const settlingMs = 5_000;

export class Feed {
  private readonly line: FeedLine;
  private readonly onProgress: () => void;
  private readonly channels = new Map<Namespace, Channel>();
  private readonly looks = new Set<() => void>();
  private settling: NodeJS.Timeout | undefined;
  private changed = 0;
  private isLate = false;
  private isEnded = false;

  constructor(line: FeedLine, onProgress: () => void) {
    this.line = line;
    this.onProgress = onProgress;
  }

  /** How often somebody began to watch. */
  get changes(): number {
    return this.changed;
  }

  /** Whether all is heard that was watched after so many changes: nobody then misses what follows from a request that is sent now. */
  hearsFor(change: number): boolean {
    return this.isLate || [...this.channels.values()].every((channel) => channel.hearsFor(change));
  }

  /**
   * Watches from here on.
   * @throws GleitzeitError INVALID_PARAMS for a filter that nothing could ever match
   */
  watch({ filter, fromSeq }: Selection, tell: (event: GleitzeitEvent) => void): Watch {
    const isMeant = matcherOf(filter);
    if (this.isEnded) return { heardTo: () => -1, leave: () => undefined };
    this.changed += 1;
    const added = namespacesOf(filter).map((namespace) => {
      const listener: Listener = { filter: filterIn(namespace, filter) ?? {}, isMeant, tell, fromSeq };
      const channel = this.channelOf(namespace);
      channel.add(listener, this.changed);
      return { namespace, channel, listener };
    });
    return {
      heardTo: () => Math.min(...added.map(({ channel, listener }) => channel.heardTo(listener))),
      leave: () => {
        for (const { namespace, listener } of added) this.leave(namespace, listener);
      },
    };
  }

  /** Calls whenever something was heard, until it is told not to. */
  look(act: () => void): () => void {
    this.looks.add(act);
    return () => this.looks.delete(act);
  }

  opened(namespace: Namespace): void {
    this.settle();
    this.channels.get(namespace)?.opened();
  }

  closed(namespace: Namespace): void {
    this.channels.get(namespace)?.closed();
  }

  heard(namespace: Namespace, name: string, payload: unknown): void {
    this.channels.get(namespace)?.hear(name, payload);
  }

  end(): void {
    this.isEnded = true;
    this.settle();
    this.channels.clear();
  }

  private channelOf(namespace: Namespace): Channel {
    const known = this.channels.get(namespace);
    if (known !== undefined) return known;
    const subscribe = (data: SubscribeData, answered: (answer: unknown) => void): void =>
      this.line.send(namespace, { name: 'subscribe', data }, answered);
    const channel = new Channel({ subscribe, onProgress: () => this.progress() });
    this.channels.set(namespace, channel);
    if (this.line.isOpen(namespace)) channel.opened();
    else this.line.open(namespace);
    return channel;
  }

  private leave(namespace: Namespace, listener: Listener): void {
    const channel = this.channels.get(namespace);
    channel?.remove(listener);
    if (channel?.isEmpty !== true || namespace === always) return;
    this.channels.delete(namespace);
    this.line.close(namespace);
    this.progress();
  }

  private progress(): void {
    if (this.hearsFor(this.changed)) this.settle();
    // A namespace that the hub does not open must not keep the others from their work.
    else {
      this.settling ??= setTimeout(() => {
        this.isLate = true;
        this.onProgress();
      }, settlingMs);
    }
    this.onProgress();
    for (const look of [...this.looks]) look();
  }

  private settle(): void {
    this.isLate = false;
    clearTimeout(this.settling);
    this.settling = undefined;
  }
}
