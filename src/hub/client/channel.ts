/**
 * What a client hears of one namespace: one subscription at the hub for all who watch here.
 *
 * It remembers how far it has heard. On a new connection, or when what is watched changes, it subscribes from there on, and of what
 * the hub then sends once more nobody is told twice. Events that are not recorded cannot be sent once more: those that were stated
 * while there was no connection are missing.
 */
import { type GleitzeitEvent, isEventType, specOf } from '../../../machines/events/catalogue.ts';
import { readField } from '../../thrown.ts';
import { type SubscribeData, subscriptionNotices, type WireFilter } from '../protocol/subscriptions.ts';
import { merged } from './filters.ts';

/** One who watches, as far as this namespace is concerned. */
export interface Listener {
  readonly filter: WireFilter;
  readonly isMeant: (event: GleitzeitEvent) => boolean;
  readonly tell: (event: GleitzeitEvent) => void;
  /** Every recorded event after this one is told; absent: those from now on. */
  readonly fromSeq: number | undefined;
}

/** A listener, and what it has heard. */
interface Heard {
  readonly listener: Listener;
  /** Whether the subscription that holds selects what it wants. */
  isCovered: boolean;
  /** The last recorded event, and the last of all, up to which it is told nothing more; absent until it is known what `now` is. */
  recorded: number | undefined;
  latest: number;
}

export interface ChannelOptions {
  readonly subscribe: (data: SubscribeData, answered: (answer: unknown) => void) => void;
  /** Told when the channel has heard further, or its subscription holds. */
  readonly onProgress: () => void;
}

export class Channel {
  private readonly options: ChannelOptions;
  private readonly all = new Map<Listener, Heard>();
  /** By the workflow that they watch, so that an event does not cost as much as there are handles; the others under nothing. */
  private readonly byCorrelation = new Map<string | undefined, Set<Heard>>();
  /** Every recorded event up to it that the subscription selects was heard. */
  private position: number | undefined;
  /** What was durable when the subscription began to hold. */
  private lastSeq = -1;
  /** The subscription that holds, and the one that is being asked for. */
  private held: string | undefined;
  private asked: Asked | undefined;
  /** Up to which change of those who watch it holds, and the last one. */
  private coveredTo = -1;
  private changedAt = -1;
  private isOpen = false;
  private isDue = false;
  private narrowing: NodeJS.Timeout | undefined;

  constructor(options: ChannelOptions) {
    this.options = options;
  }

  get isEmpty(): boolean {
    return this.all.size === 0;
  }

  /** Whether everybody is heard for who watched when that was changed for the nth time. */
  hearsFor(change: number): boolean {
    return this.isEmpty || (this.isOpen && this.held !== undefined && this.coveredTo >= Math.min(change, this.changedAt));
  }

  /** How far everything recorded was heard that somebody watches. */
  heardTo(listener: Listener): number {
    return this.all.get(listener)?.isCovered === true ? (this.position ?? -1) : -1;
  }

  /** @param change - Counts those who ever began to watch, here or elsewhere. */
  add(listener: Listener, change: number): void {
    this.changedAt = change;
    const heard: Heard = { listener, isCovered: false, recorded: listener.fromSeq, latest: listener.fromSeq ?? -1 };
    this.all.set(listener, heard);
    const { correlationId } = listener.filter;
    const same = this.byCorrelation.get(correlationId);
    if (same === undefined) this.byCorrelation.set(correlationId, new Set([heard]));
    else same.add(heard);
    this.refresh();
  }

  remove(listener: Listener): void {
    const heard = this.all.get(listener);
    if (heard === undefined) return;
    this.all.delete(listener);
    const { correlationId } = listener.filter;
    const same = this.byCorrelation.get(correlationId);
    same?.delete(heard);
    if (same?.size === 0) this.byCorrelation.delete(correlationId);
    // What is heard in vain for a moment costs less than each change.
    if (this.isEmpty) this.refresh();
    else this.narrowing ??= setTimeout(() => this.refresh(), narrowingMs).unref();
  }

  opened(): void {
    this.isOpen = true;
    this.refresh();
  }

  closed(): void {
    this.isOpen = false;
    this.held = undefined;
    this.asked = undefined;
  }

  /** Takes an event, or what the hub says of the subscription. */
  hear(name: string, payload: unknown): void {
    if (Object.hasOwn(subscriptionNotices, name)) {
      const seq = readField(payload, 'seq');
      if (typeof seq === 'number') this.moveTo(seq);
      return;
    }
    if (isEvent(payload)) this.take(payload);
  }

  /** Subscribes to what is watched now, once whoever changes that is done. */
  private refresh(): void {
    clearTimeout(this.narrowing);
    this.narrowing = undefined;
    if (this.isDue) return;
    this.isDue = true;
    queueMicrotask(() => {
      this.isDue = false;
      this.subscribe();
      this.options.onProgress();
    });
  }

  private subscribe(): void {
    // One at a time: the next one follows from what is watched when this one is answered.
    if (!this.isOpen || this.asked !== undefined) return;
    const joining = [...this.all.values()].filter(({ isCovered }) => !isCovered);
    const wanted = merged([...this.all.keys()].map(({ filter }) => filter));
    const text = JSON.stringify(wanted);
    const isBehind = joining.some(({ recorded }) => recorded !== undefined);
    if (text === this.held && !isBehind) {
      for (const heard of joining) this.cover(heard, Math.max(this.position ?? -1, this.lastSeq));
      this.coveredTo = this.changedAt;
      return;
    }
    if (this.isEmpty && this.held === undefined) return;
    // Who listened before goes on where that was heard of; who joins begins where he wants, else now.
    const starts = [...(this.isGoingOn() ? [this.position] : []), ...joining.map(({ recorded }) => recorded)];
    const from = starts.filter((seq) => seq !== undefined);
    const data: SubscribeData = from.length === 0 ? wanted : { ...wanted, fromSeq: Math.min(...from) };
    const asked: Asked = { text, joining, fromSeq: data.fromSeq, change: this.changedAt };
    this.asked = asked;
    this.options.subscribe(data, (answer) => {
      if (this.asked !== asked) return;
      this.asked = undefined;
      this.subscribed(answer, asked);
    });
  }

  private isGoingOn(): boolean {
    for (const { isCovered } of this.all.values()) if (isCovered) return true;
    return false;
  }

  private subscribed(answer: unknown, { text, joining, fromSeq, change }: Asked): void {
    const lastSeq = readField(answer, 'lastSeq');
    if (typeof lastSeq !== 'number') {
      // What it selects was checked here: what the hub has against it can only pass.
      setTimeout(() => this.refresh(), retryMs).unref();
      return;
    }
    this.held = text;
    this.coveredTo = change;
    this.lastSeq = lastSeq;
    // A hub that began anew with an empty journal counts from the start: what is remembered is of another one.
    const isAnother = fromSeq !== undefined && lastSeq < fromSeq;
    this.position = isAnother ? lastSeq : (fromSeq ?? lastSeq);
    if (isAnother) for (const heard of this.all.values()) Object.assign(heard, { recorded: undefined, latest: -1 });
    for (const heard of isAnother ? this.all.values() : joining) this.cover(heard, lastSeq);
    this.refresh();
  }

  private cover(heard: Heard, now: number): void {
    heard.isCovered = true;
    heard.recorded ??= now;
    heard.latest = Math.max(heard.latest, heard.recorded);
  }

  private moveTo(seq: number): void {
    this.position = Math.max(this.position ?? -1, seq);
    this.options.onProgress();
  }

  private take(event: GleitzeitEvent): void {
    // A hub of a later version may state what this one does not know of.
    const isRecorded = isEventType(event.type) && specOf(event.type).recorded;
    for (const correlationId of [event.correlation.correlationId, undefined]) {
      for (const heard of this.byCorrelation.get(correlationId) ?? []) tell(heard, event, isRecorded);
    }
    if (isRecorded) this.moveTo(event.seq);
  }
}

interface Asked {
  readonly text: string;
  readonly joining: readonly Heard[];
  readonly fromSeq: number | undefined;
  readonly change: number;
}

/** After how long a subscription is asked for once more that was refused, and one made that selects less, in milliseconds. */
const retryMs = 1_000;
const narrowingMs = 100;

function tell(heard: Heard, event: GleitzeitEvent, isRecorded: boolean): void {
  const { listener, isCovered, recorded = -1, latest } = heard;
  if (!isCovered || event.seq <= (isRecorded ? recorded : latest) || !listener.isMeant(event)) return;
  if (isRecorded) heard.recorded = event.seq;
  heard.latest = Math.max(latest, event.seq);
  listener.tell(event);
}

/** Enough of an event to be told by; the hub states nothing else under such a name. */
function isEvent(payload: unknown): payload is GleitzeitEvent {
  return (
    typeof readField(payload, 'type') === 'string' &&
    typeof readField(payload, 'seq') === 'number' &&
    typeof readField(readField(payload, 'correlation'), 'correlationId') === 'string'
  );
}
