/**
 * The feed: who told whom what, and what became of it, for everyone who is connected.
 *
 * What it shows is written when it happens, and told once it is durable; while the journal takes nothing, nothing is shown.
 *
 * It is attached to the router while there is a receiver, and not a moment longer. What a receiver gets is written when it
 * happens, so a state is the one right after its event, however late it is read.
 */
import type { AnyMachineSnapshot } from 'xstate';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { type Component, components } from '../../../machines/events/define.ts';
import type { Actor } from '../../system/actor.ts';
import type { DeliveryObserver } from '../../system/traffic.ts';
import { Messages } from './messages.ts';
import { type Outlet, Receiver } from './receiver.ts';

/** The part of a running system that is looked at. */
export interface Inspected {
  readonly registry: {
    all(component: Component): Iterable<Actor>;
    /** Also finds an actor that has just ended. */
    last(component: Component, key: string): Actor | undefined;
  };
  readonly router: { deliveries: DeliveryObserver | undefined; readonly lastSeq: number };
  readonly settledSeq: number;
  onSettled(listener: ((seq: number) => void) | undefined): void;
  readonly clock: { now(): number };
}

/** The address that the root of all actors has. */
const root = 'system';

export class Feed {
  private readonly core: Inspected;
  private readonly limit: number;
  private readonly messages: Messages;
  private readonly receivers = new Set<Receiver>();

  /** @param limit how many messages may wait for a receiver */
  constructor(core: Inspected, limit: number) {
    this.core = core;
    this.limit = limit;
    this.messages = new Messages(() => this.sessionAt(root));
  }

  get size(): number {
    return this.receivers.size;
  }

  /** Tells a new receiver of every live actor, and from then on of every delivery. */
  join(outlet: Outlet): Receiver {
    const { settledSeq } = this.core;
    const receiver = new Receiver({ outlet, limit: this.limit, settledSeq, caughtUp: (dropped, ended) => this.tidings(dropped, ended) });
    const now = this.core.clock.now();
    for (const component of components) {
      for (const actor of this.core.registry.all(component))
        if (!actor.hasEnded()) this.introduce(receiver, actor, { snapshot: actor.getSnapshot(), now });
    }
    this.receivers.add(receiver);
    this.core.router.deliveries = this.observe;
    this.core.onSettled((seq) => {
      for (const each of this.receivers) each.settle(seq);
    });
    return receiver;
  }

  leave(receiver: Receiver): void {
    receiver.forget();
    this.receivers.delete(receiver);
    if (this.receivers.size === 0) this.detach();
  }

  /** Tells nobody anything new; what waits is still sent. */
  finish(): void {
    this.detach();
    for (const receiver of this.receivers) receiver.finish();
  }

  /** Lets go of all who are still connected. */
  drop(): void {
    for (const receiver of this.receivers) receiver.drop();
  }

  private detach(): void {
    // What waits is still told once it is durable.
    if (this.receivers.size === 0) this.core.onSettled(undefined);
    if (this.core.router.deliveries === this.observe) this.core.router.deliveries = undefined;
  }

  private readonly observe: DeliveryObserver = (event, actor, before) => {
    const able: Receiver[] = [];
    for (const receiver of this.receivers) {
      if (receiver.hasRoom()) able.push(receiver);
      else receiver.miss(actor, this.core.router.lastSeq);
    }
    // Nothing is written for receivers that do not read.
    if (able.length > 0) this.tell(able, { event, actor, before });
  };

  private tell(able: readonly Receiver[], { event, actor, before }: Delivery): void {
    const source = this.actorAt(event.source);
    const sourceId = source === undefined ? event.source : this.messages.sessionOf(source);
    const told = [this.messages.event(event, sourceId, this.messages.sessionOf(actor)), this.messages.snapshot(event, actor)];
    for (const receiver of able) {
      this.introduce(receiver, actor, { snapshot: before, now: event.time });
      if (source !== undefined) this.introduce(receiver, source, { snapshot: source.getSnapshot(), now: event.time });
      else this.introduceOutsider(receiver, event.source, event.time);
      for (const message of told) receiver.tell(message, event.seq);
    }
  }

  private introduce(receiver: Receiver, actor: Actor, { snapshot, now }: { readonly snapshot: AnyMachineSnapshot; readonly now: number }): void {
    if (receiver.knows.has(actor)) return;
    receiver.knows.add(actor);
    receiver.tell(() => this.messages.actor(actor, snapshot, now), this.core.router.lastSeq);
  }

  private introduceOutsider(receiver: Receiver, name: string, now: number): void {
    if (receiver.knowsOutsider.has(name)) return;
    receiver.knowsOutsider.add(name);
    receiver.tell(this.messages.outsider(name, now), 0);
  }

  private tidings(dropped: number, ended: readonly Actor[]): readonly string[] {
    const now = this.core.clock.now();
    return [this.messages.dropped(dropped, now), ...ended.map((actor) => this.messages.ended(actor, now))];
  }

  private sessionAt(address: string): string {
    const actor = this.actorAt(address);
    return actor === undefined ? address : this.messages.sessionOf(actor);
  }

  private actorAt(address: string): Actor | undefined {
    const slash = address.indexOf('/');
    const name = slash === -1 ? address : address.slice(0, slash);
    return isComponent(name) ? this.core.registry.last(name, slash === -1 ? '' : address.slice(slash + 1)) : undefined;
  }
}

interface Delivery {
  readonly event: GleitzeitEvent;
  readonly actor: Actor;
  readonly before: AnyMachineSnapshot;
}

const names: ReadonlySet<string> = new Set(components);

function isComponent(name: string): name is Component {
  return names.has(name);
}
