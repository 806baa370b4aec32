/** What a client has of its hub: the link, what it asks over it, and what it hears. */
import type { Manager } from 'socket.io-client';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Namespace } from '../../../machines/events/namespace.ts';
import type { GleitzeitError } from '../../errors.ts';
import { EventHub } from '../../observe/stream.ts';
import { guardLogger, type Logger } from '../../runtime/logger.ts';
import type { RequestData, RequestName, Responses } from '../protocol/requests.ts';
import { Feed, type Selection, type Watch } from './feed.ts';
import { InOrder } from './in-order.ts';
import { Link, type LinkOptions } from './link.ts';
import { Requests } from './requests.ts';

export interface ConnectionOptions extends LinkOptions {
  readonly patienceMs: number;
  readonly log: Logger;
}

/** The namespace of the requests. */
const engine: Namespace = '/engine';

export class Connection {
  readonly url: string;
  private readonly log: Logger;
  private readonly link: Link;
  private readonly requests: Requests;
  private readonly feed: Feed;
  /** Those that somebody watches. */
  private readonly watched = new Set<EventHub>();
  /** Those who wait for something other than an answer. */
  private readonly waiting = new Set<(error: unknown) => void>();
  /** Why the hub ends the connection, as it said. */
  private parting: unknown;
  private isLost = false;
  private isEnded = false;
  /** Why the last try failed, until there is a connection. */
  failure: GleitzeitError | undefined;

  constructor(client: { readonly Manager: typeof Manager }, { patienceMs, log, ...options }: ConnectionOptions) {
    this.url = options.url;
    this.log = guardLogger(log);
    this.link = new Link(client, options, {
      opened: (namespace) => this.opened(namespace),
      closed: (namespace) => this.closed(namespace),
      heard: (namespace, name, payload) => this.heard(namespace, name, payload),
      failed: (error) => {
        this.failure = error;
      },
      refused: (error) => this.refused(error),
    });
    this.requests = new Requests({
      patienceMs,
      changes: () => this.feed.changes,
      canSend: (change) => this.link.isOpen(engine) && this.feed.hearsFor(change),
      send: (name, data, answered) => this.link.send(engine, { name, data }, answered),
    });
    this.feed = new Feed(this.link, () => this.requests.pump());
    this.link.open(engine);
  }

  /** Asks the hub, again after each connection that broke; see {@link Requests.ask}. */
  ask<Name extends RequestName>(
    name: Name,
    data: RequestData<Name>,
    ifRepeated?: (error: GleitzeitError) => Responses[Name] | undefined,
  ): Promise<Responses[Name]> {
    return this.requests.ask(name, data, ifRepeated);
  }

  /** The events of a selection, heard while somebody watches. */
  events(selection: Selection): EventHub {
    const hub = new EventHub((error, event) => this.log.error({ err: error, event: event?.type }, 'a subscriber threw'));
    let watch: Watch | undefined;
    hub.connect((watcher) => {
      watch?.leave();
      watch = watcher === undefined ? undefined : this.feed.watch(selection, watcher);
      if (watcher === undefined) this.watched.delete(hub);
      else this.watched.add(hub);
    });
    return hub;
  }

  /**
   * Tells what is recorded of a selection, by `seq`, whatever namespaces it comes from.
   * @returns up to where it was told
   * @throws whatever `tell` does; GleitzeitError what the connection ends with
   */
  async recorded(selection: Selection, tell: (event: GleitzeitEvent) => void): Promise<number> {
    const { lastSeq } = await this.ask('hub:info', {});
    const early = new InOrder(tell);
    const watch = this.feed.watch(selection, (event) => early.take(event));
    let stop = (): void => undefined;
    return new Promise<number>((resolve, reject) => {
      const quit = this.feed.look(() => {
        try {
          const heardTo = watch.heardTo();
          early.releaseTo(heardTo);
          if (heardTo >= lastSeq) resolve(heardTo);
        } catch (error) {
          reject(error);
        }
      });
      this.waiting.add(reject);
      stop = () => {
        this.waiting.delete(reject);
        quit();
      };
    }).finally(() => {
      watch.leave();
      stop();
    });
  }

  /** Ends it: whatever is asked, now or later, is refused with this error. */
  end(error: GleitzeitError): void {
    this.isEnded = true;
    this.requests.end(error);
    this.feed.end();
    this.link.end();
    for (const reject of this.waiting) reject(error);
    for (const hub of [...this.watched]) hub.complete();
  }

  private opened(namespace: Namespace): void {
    if (this.isLost) this.log.info({ url: this.url }, 'the hub is there again');
    this.isLost = false;
    this.failure = undefined;
    // Before the requests that wait, so that nothing of what they bring about is missed.
    this.feed.opened(namespace);
    if (namespace === engine) this.requests.opened();
  }

  private heard(namespace: Namespace, name: string, payload: unknown): void {
    if (name === 'connection:closing') this.parting = payload;
    else this.feed.heard(namespace, name, payload);
  }

  private closed(namespace: Namespace): void {
    this.feed.closed(namespace);
    if (namespace !== engine || this.isEnded) return;
    this.log.warn({ url: this.url, said: this.parting }, 'the connection to the hub is lost; it is sought again');
    this.parting = undefined;
    this.isLost = true;
    this.requests.closed();
  }

  private refused(error: GleitzeitError): void {
    this.log.error({ err: error, url: this.url }, 'the hub does not let this client in');
    this.end(error);
  }
}
