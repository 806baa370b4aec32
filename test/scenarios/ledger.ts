/** Keeps book of what is live: who stated which event, and who reacted to it. */
import { isDeepStrictEqual } from 'node:util';

import type { AnyMachineSnapshot } from 'xstate';

import { type EventType, eventTypes, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';
import { type Component, components, type Outsider, type Party } from '../../machines/events/define.ts';
import type { Actor } from '../../src/system/actor.ts';
import { Core } from '../../src/system/core.ts';
import { Registry } from '../../src/system/registry.ts';
import { wiring } from '../../src/system/wiring.ts';
import { partyOf } from './scene.ts';

/** The file that registers an effect, and whom it acts for. */
const hosts: readonly (readonly [file: string, party: Outsider])[] = [
  ['attempt-host', 'executor'],
  ['provider-host', 'executor'],
  ['heartbeat-host', 'executor'],
  ['timer-host', 'timer'],
  ['calendar-host', 'calendar'],
  ['cleanup-host', 'sweeper'],
  ['run-registry', 'api'],
];

export class Ledger {
  private readonly stated = new Map<EventType, Set<Party>>();
  private readonly reacted = new Map<EventType, Set<Party>>();

  /** Watches every system that is made from now on. @returns stops it */
  watch(): () => void {
    const { add } = Registry.prototype;
    const { on } = Core.prototype;
    const ledger = this;
    Registry.prototype.add = function (actor, groups) {
      ledger.follow(actor);
      add.call(this, actor, groups);
    };
    Core.prototype.on = function (this: Core, type: EventType, effect: (event: never) => void) {
      const stack = new Error('who registers').stack ?? '';
      const party = hosts.find(([file]) => stack.includes(file))?.[1];
      (on as (type: EventType, effect: (event: never) => void) => void).call(this, type, (event) => {
        if (party !== undefined) note(ledger.reacted, type, party);
        effect(event);
      });
    } as typeof on;
    return () => {
      Registry.prototype.add = add;
      Core.prototype.on = on;
    };
  }

  /** Enters what those who watch saw of a system. */
  enter(events: readonly GleitzeitEvent[], core: Core): void {
    for (const event of events) {
      note(this.stated, event.type, partyOf(event));
      note(this.reacted, event.type, 'observers');
      // What distributes events to other processes stands behind the same stream.
      note(this.reacted, event.type, 'hub');
      for (const component of components) {
        const births = wiring[component].births?.[event.type];
        if (births !== undefined && births(event, core.config).length > 0) note(this.reacted, event.type, component);
      }
    }
  }

  /** The arrows of the catalogue that were never seen. */
  dead(): string[] {
    return eventTypes.flatMap((type) => {
      const { owners, listeners } = specOf(type);
      const unsaid = owners.filter((party) => this.stated.get(type)?.has(party) !== true);
      const unheard = listeners.filter((party) => this.reacted.get(type)?.has(party) !== true);
      return [...unsaid.map((party) => `${party} never states ${type}`), ...unheard.map((party) => `${party} never reacts to ${type}`)];
    });
  }

  private follow(actor: Actor): void {
    const { component, send } = actor;
    actor.send = (event) => {
      const before = actor.getSnapshot();
      const drafts = send.call(actor, event);
      if (!this.knows(event.type, component) && (drafts.length > 0 || !isSame(before, actor.getSnapshot())))
        note(this.reacted, event.type, component);
      return drafts;
    };
  }

  private knows(type: EventType, component: Component): boolean {
    return this.reacted.get(type)?.has(component) === true;
  }
}

function note(book: Map<EventType, Set<Party>>, type: EventType, party: Party): void {
  const present = book.get(type);
  if (present === undefined) book.set(type, new Set([party]));
  else present.add(party);
}

function isSame(one: AnyMachineSnapshot, other: AnyMachineSnapshot): boolean {
  if (one === other) return true;
  return isDeepStrictEqual(one.value, other.value) && JSON.stringify(one.context) === JSON.stringify(other.context);
}
