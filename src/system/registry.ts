/**
 * The flat registry of all live actors.
 *
 * An actor is found by its component and key in constant time; those that belong together in some respect (the tasks of
 * a workflow, the methods of a provider) by a group, at the cost of the group's size.
 */
import type { Component } from '../../machines/events/define.ts';
import { components } from '../../machines/events/define.ts';
import type { Actor } from './actor.ts';

const none: ReadonlySet<Actor> = new Set();

export class Registry {
  private readonly byKey: Readonly<Record<Component, Map<string, Actor>>>;
  private readonly byGroup: Readonly<Record<Component, Map<string, Set<Actor>>>>;
  private readonly groupsOf = new WeakMap<Actor, readonly string[]>();

  constructor() {
    this.byKey = Object.fromEntries(components.map((component) => [component, new Map()])) as Record<Component, Map<string, Actor>>;
    this.byGroup = Object.fromEntries(components.map((component) => [component, new Map()])) as Record<Component, Map<string, Set<Actor>>>;
  }

  /** The actor of that address, unless it has ended. */
  get(component: Component, key: string): Actor | undefined {
    const actor = this.byKey[component].get(key);
    return actor?.isDone() === true ? undefined : actor;
  }

  /** Like {@link get}, but also finds an actor that has ended in a batch whose effects are not over. */
  last(component: Component, key: string): Actor | undefined {
    return this.byKey[component].get(key);
  }

  add(actor: Actor, groups: readonly string[]): void {
    this.byKey[actor.component].set(actor.key, actor);
    if (groups.length > 0) this.join(actor, groups);
  }

  join(actor: Actor, groups: readonly string[]): void {
    const joined = new Set(this.groupsOf.get(actor));
    for (const group of groups) {
      joined.add(group);
      const members = this.byGroup[actor.component].get(group);
      if (members === undefined) this.byGroup[actor.component].set(group, new Set([actor]));
      else members.add(actor);
    }
    this.groupsOf.set(actor, [...joined]);
  }

  /** Forgets an actor; one that took its address in the meantime stays. */
  drop(actor: Actor): void {
    if (this.byKey[actor.component].get(actor.key) === actor) this.byKey[actor.component].delete(actor.key);
    for (const group of this.groupsOf.get(actor) ?? []) {
      const members = this.byGroup[actor.component].get(group);
      members?.delete(actor);
      if (members?.size === 0) this.byGroup[actor.component].delete(group);
    }
  }

  group(component: Component, group: string): ReadonlySet<Actor> {
    return this.byGroup[component].get(group) ?? none;
  }

  all(component: Component): Iterable<Actor> {
    return this.byKey[component].values();
  }

  /** How many actors of a component there are. */
  count(component: Component): number {
    return this.byKey[component].size;
  }

  /** How many actors there are, by component; components without one are left out. */
  counts(): Partial<Record<Component, number>> {
    return Object.fromEntries(components.map((component) => [component, this.byKey[component].size] as const).filter(([, size]) => size > 0));
  }
}
