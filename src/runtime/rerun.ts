/**
 * Has a recorded run happen again, without anything that follows from it outside: every event of the journal is delivered to whom
 * it was delivered, in that order.
 *
 * Where the router delivers what actors state, here it is what the journal says that they stated in answer: the event whose cause
 * and source say so. So each actor ends in the state in which it was, and the machines are asked for nothing but that.
 */
import type { AnyMachineSnapshot } from 'xstate';

import type { EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { type Actor, createStatechartActor } from '../system/actor.ts';
import type { Wiring } from '../system/addressing.ts';
import { type MachineConfig, machineConfigDefaults } from '../system/config.ts';
import { Registry } from '../system/registry.ts';
import { deriveRoutingTable } from '../system/routing-table.ts';
import { wiring } from '../system/wiring.ts';

interface Carried {
  readonly event: GleitzeitEvent;
  readonly owner: Actor | undefined;
}

export class Rerun {
  readonly registry = new Registry();
  readonly config: MachineConfig;
  /** Nothing is stated anew, so that nobody asks what a submit came with. */
  readonly router = { remember: (): void => undefined };
  private readonly table = deriveRoutingTable(wiring);
  private readonly resting = new Set<Component>();
  /** What an actor stated in answer to an event, by the event's id and the actor's address. */
  private readonly answers = new Map<string, GleitzeitEvent[]>();
  private readonly happened = new Set<GleitzeitEvent>();
  private waiting: Carried[] = [];
  private ended: Actor[] = [];

  constructor(config: MachineConfig = { ...machineConfigDefaults, alertRules: [] }) {
    this.config = config;
    for (const [component, { machine, single, restsBetween }] of Object.entries(wiring) as [Component, Wiring][]) {
      if (restsBetween !== undefined) this.resting.add(component);
      if (single !== undefined) this.registry.add(createStatechartActor({ component, key: '' }, machine, single(config)), []);
    }
  }

  /**
   * Has events happen, in their order; those that were stated in answer to others, right after these.
   * @param before - What was done before an event that came from outside.
   */
  run(events: readonly GleitzeitEvent[], before: (event: GleitzeitEvent) => void): void {
    for (const event of events) {
      if (event.causationId === undefined) continue;
      const key = `${event.causationId} ${event.source}`;
      const known = this.answers.get(key);
      if (known === undefined) this.answers.set(key, [event]);
      else known.push(event);
    }
    for (const event of events) {
      if (this.happened.has(event)) continue;
      before(event);
      this.accept(event);
    }
    this.answers.clear();
  }

  snapshot(component: Component, key: string): AnyMachineSnapshot | undefined {
    return this.registry.get(component, key)?.getSnapshot();
  }

  private accept(event: GleitzeitEvent): void {
    this.state(event, undefined);
    for (let next = 0; next < this.waiting.length; next++) {
      const carried = this.waiting[next];
      if (carried !== undefined) this.distribute(carried);
    }
    this.waiting = [];
    for (const actor of this.ended) if (actor.hasEnded()) this.registry.drop(actor);
    this.ended = [];
  }

  private state(event: GleitzeitEvent, owner: Actor | undefined): void {
    this.happened.add(event);
    const route = this.table.get(event.type);
    if (route === undefined) return;
    if (route.isCommand) {
      this.distribute({ event, owner: undefined });
      return;
    }
    if (route.wakes !== undefined) this.resting.delete(route.wakes);
    if (route.rests !== undefined) this.resting.add(route.rests);
    this.waiting.push({ event, owner });
    if (owner !== undefined && route.listeners.includes(owner.component) && !owner.isDone()) this.deliver(event, owner);
  }

  private distribute({ event, owner }: Carried): void {
    const route = this.table.get(event.type);
    if (route === undefined) return;
    for (const component of route.bears) if (!this.resting.has(component)) this.bear(component, event);
    for (const component of route.listeners) {
      if (!route.isCommand && this.resting.has(component)) continue;
      for (const actor of this.recipientsOf(component, event)) if (actor !== owner && !actor.isDone()) this.deliver(event, actor);
    }
  }

  private bear(component: Component, event: GleitzeitEvent): void {
    const { machine, births } = wiring[component];
    for (const { key, input, groups = [] } of births?.[event.type as EventType]?.(event, this.config) ?? []) {
      const present = this.registry.get(component, key);
      if (present === undefined) this.registry.add(createStatechartActor({ component, key }, machine, input), groups);
      else this.registry.join(present, groups);
    }
  }

  private recipientsOf(component: Component, event: GleitzeitEvent): readonly Actor[] {
    const { recipients } = wiring[component];
    const to = recipients === undefined ? [''] : recipients(event, this.config);
    if (to === 'all') return [...this.registry.all(component)];
    if ('group' in to) return [...this.registry.group(component, to.group)];
    return to.flatMap((key) => this.registry.get(component, key) ?? []);
  }

  private deliver(event: GleitzeitEvent, actor: Actor): void {
    try {
      actor.send(event);
    } catch {
      // It threw then, too: its state is the one before.
    }
    if (actor.hasEnded()) this.ended.push(actor);
    for (const answer of this.answers.get(`${event.id} ${actor.address}`) ?? []) if (!this.happened.has(answer)) this.state(answer, actor);
  }
}
