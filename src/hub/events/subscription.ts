/**
 * One subscription: where it stands among the events, and how it goes on.
 *
 * It is live for as long as there is room for what it wants. Without room it lags: it stands in the backlog that all share, and
 * nothing is lost. What the backlog does not keep for so long, or happened before the subscription began, is read from the journal:
 * recorded events come from there, each once and in order, and then it goes on in the backlog from where the last reading began.
 */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Namespace } from '../../../machines/events/namespace.ts';
import { errorOf, type GleitzeitError, toError } from '../../errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Entry } from './backlog.ts';
import { entryOf } from './entry.ts';
import type { Feed } from './feed.ts';
import { Frame, packetOf } from './frame.ts';
import type { Pages } from './pages.ts';
import { type Selection, selects } from './selection.ts';

/** Where a subscription's events go. */
export interface Outlet {
  /** Whether more may be sent just now. */
  hasRoom(): boolean;
  send(frame: Frame): void;
  /** Called whenever there is room again. */
  readonly roomSeekers: Set<() => void>;
  /** Ends the connection: what is owed to it cannot be sent. */
  leave(error: GleitzeitError): void;
}

export interface SubscriptionOptions {
  readonly feed: Feed;
  readonly namespace: Namespace;
  readonly selection: Selection;
  readonly fromSeq: number | undefined;
  readonly outlet: Outlet;
  readonly isObserver: boolean;
  readonly pages: Pages;
  readonly log: Logger;
}

/**
 * `behind`: the journal has to be read, and there is no room, or it did not begin yet. `reading`: it is being read. `lagging`: the
 * backlog has what comes next. `live`: nothing waits.
 */
type State = 'behind' | 'reading' | 'lagging' | 'live' | 'ended';

export class Subscription {
  readonly namespace: Namespace;
  readonly selection: Selection;
  /** The last durable event when it began. */
  readonly since: number;
  private readonly options: SubscriptionOptions;
  private state: State;
  /** Everything recorded up to here that it selects was sent; what comes with a lower `seq` is not sent again. */
  private cursor: number;
  /** Where it goes on in the backlog. */
  private from = 0;
  /** The highest mark that it was sent. */
  private told: number;
  /** Whether it was away from what happens, in the journal. */
  private isAbsent = false;

  constructor(options: SubscriptionOptions) {
    const { feed, fromSeq } = options;
    this.options = options;
    this.namespace = options.namespace;
    this.selection = options.selection;
    this.since = feed.seq;
    // Of a number that no durable event has yet, a client knows from an event that was not recorded.
    this.cursor = Math.min(fromSeq ?? this.since, this.since);
    this.told = this.cursor;
    this.state = fromSeq === undefined ? 'live' : 'behind';
  }

  /** Sends what is recorded first, where that was asked for. */
  begin(): void {
    if (this.state === 'behind') this.goOn();
  }

  end(): void {
    if (this.state === 'lagging' || this.state === 'reading') this.options.feed.backlog.leave();
    this.state = 'ended';
    this.options.outlet.roomSeekers.delete(this.goOn);
    this.options.feed.drop(this);
  }

  /** Takes an event that it selects, just when it happens. */
  take(entry: Entry): void {
    // The journal was ahead of what is shown.
    if (entry.event.seq <= this.cursor) return;
    const { outlet, feed } = this.options;
    if (this.state === 'live') {
      if (outlet.hasRoom()) this.send(entry);
      else this.lag(entry);
    } else if (this.state === 'lagging' || this.state === 'reading') {
      // Once it has missed something there, what follows is of no use to it.
      if (this.from >= feed.backlog.first) feed.backlog.add(entry);
    }
  }

  /** Tells how far it is, unless an event has. */
  tell(seq: number, frame: Frame): void {
    if (this.state !== 'live' || this.told >= seq || !this.options.outlet.hasRoom()) return;
    this.told = seq;
    this.options.outlet.send(frame);
  }

  private lag(entry: Entry): void {
    const { feed, outlet } = this.options;
    this.cursor = Math.max(this.cursor, feed.seq);
    feed.backlog.join();
    this.from = feed.backlog.add(entry);
    this.state = 'lagging';
    outlet.roomSeekers.add(this.goOn);
  }

  /** There is room. */
  private readonly goOn = (): void => {
    if (this.state === 'lagging') this.catchUpInBacklog();
    if (this.state === 'behind') void this.catchUpInJournal();
  };

  private catchUpInBacklog(): void {
    const { feed, outlet } = this.options;
    const { backlog } = feed;
    while (this.state === 'lagging' && outlet.hasRoom() && this.from >= backlog.first) {
      if (this.from >= backlog.end) {
        this.goLive();
        return;
      }
      const entry = backlog.at(this.from++);
      if (entry === undefined) continue;
      if (entry.event.seq > this.cursor && selects(this.selection, entry.event)) this.send(entry);
      if (entry.isMark) this.cursor = Math.max(this.cursor, entry.event.seq);
    }
    if (this.state === 'lagging' && this.from < backlog.first) this.fallBehind();
  }

  private fallBehind(): void {
    const { feed } = this.options;
    feed.backlog.leave();
    feed.figures.behind++;
    this.state = 'behind';
    this.notify('subscription:behind');
  }

  private async catchUpInJournal(): Promise<void> {
    const { feed, outlet } = this.options;
    this.state = 'reading';
    this.isAbsent = true;
    outlet.roomSeekers.add(this.goOn);
    feed.backlog.join();
    await feed.reading.run(() => this.readPage());
    // Whatever else waits for its turn comes between two pages.
    if (this.is('behind') && outlet.hasRoom()) setImmediate(this.goOn);
  }

  private async readPage(): Promise<void> {
    if (!this.is('reading')) return;
    const { feed, pages } = this.options;
    // What is said from here on is in the backlog; what is durable by now is in the journal.
    this.from = feed.backlog.end;
    const upTo = feed.seq;
    try {
      const { facts, isLast } = await pages.read(this.cursor);
      if (this.is('reading')) this.sendFacts(facts, isLast ? upTo : undefined);
    } catch (thrown) {
      if (this.is('reading')) this.giveUp(toError(thrown));
    }
  }

  /** Asked by a call, since the state changes while the journal is read. */
  private is(state: State): boolean {
    return this.state === state;
  }

  /** @param upTo - How far the journal was read, where these are its last facts. */
  private sendFacts(facts: readonly GleitzeitEvent[], upTo: number | undefined): void {
    const { feed, outlet, pages } = this.options;
    let bytes = 0;
    let isWhole = true;
    for (const fact of facts) {
      isWhole = outlet.hasRoom();
      if (!isWhole) break;
      if (selects(this.selection, fact)) {
        const entry = entryOf(fact, { namespace: this.namespace, isMark: true });
        bytes += this.frameOf(entry).wire.length;
        this.send(entry);
      }
      this.cursor = fact.seq;
    }
    pages.learn(bytes);
    if (isWhole && upTo !== undefined) {
      this.cursor = Math.max(this.cursor, upTo);
      this.state = 'lagging';
      this.catchUpInBacklog();
    } else {
      feed.backlog.leave();
      this.state = 'behind';
    }
  }

  private goLive(): void {
    const { feed, outlet } = this.options;
    feed.backlog.leave();
    outlet.roomSeekers.delete(this.goOn);
    this.state = 'live';
    if (!this.isAbsent) return;
    this.isAbsent = false;
    this.notify('subscription:live');
  }

  private send(entry: Entry): void {
    if (entry.isMark) this.told = entry.event.seq;
    this.options.feed.figures.sent++;
    this.options.outlet.send(this.frameOf(entry));
  }

  private frameOf({ frame, observed }: Entry): Frame {
    return this.options.isObserver ? observed : frame;
  }

  private notify(name: 'subscription:behind' | 'subscription:live'): void {
    const { cursor: seq, namespace } = this;
    this.options.outlet.send(new Frame(() => packetOf(namespace, name, { seq })));
  }

  private giveUp(error: GleitzeitError): void {
    this.options.log.warn({ err: error }, 'the journal could not be read for a subscriber');
    this.options.outlet.leave(errorOf('CONNECTION_LOST', 'What was recorded cannot be read just now: connect again, and resume.'));
  }
}
