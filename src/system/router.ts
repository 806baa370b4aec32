/**
 * The router: carries events between actors until nothing is left to carry.
 *
 * A fact goes to its owner first, then waits its turn for those who listen; a command goes straight to its receiver. What
 * is stated is stamped here, and collected for the commit and for the effects that follow it. The cost of an event is the
 * number of actors that react to it, never the number that exist.
 */
import type { DataOf, EventType, GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { specOf } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { failure } from '../../machines/failures.ts';
import { type Actor, addressOf, createStatechartActor } from './actor.ts';
import type { Birth, Recipients, Wiring } from './addressing.ts';
import type { Clock } from './clock.ts';
import type { MachineConfig } from './config.ts';
import { correlationOf } from './correlation.ts';
import type { IdSource } from './ids.ts';
import { isRefusalOf, lastWordOf, wordFor } from './last-word.ts';
import type { Registry } from './registry.ts';
import type { RoutingTable } from './routing-table.ts';
import type { DeliveryObserver, Origin, Outcome, SubmitContext, Violation } from './traffic.ts';

export interface RouterOptions {
  readonly wiring: Readonly<Record<Component, Wiring>>;
  readonly table: RoutingTable;
  readonly registry: Registry;
  readonly config: MachineConfig;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Events are counted on from here. */
  readonly afterSeq: number;
  /** Has every event recorded, whatever the catalogue says. @defaultValue `false` */
  readonly recordsAll?: boolean;
}

/** An event on its way. */
interface Carried {
  readonly event: GleitzeitEvent;
  /** The actor that stated it, where an actor did. */
  readonly owner: Actor | undefined;
  /** The id of the nearest recorded event at or before it: what a recorded consequence names as its cause. */
  readonly anchor: string | undefined;
}

/** Components whose actors belong to one workflow, and have its id in their context. */
const ofWorkflow: ReadonlySet<Component> = new Set<Component>(['workflow', 'resolver', 'task']);

export class Router {
  outcome: Outcome = { facts: [], events: [], ended: [] };
  /** Types whose events effects wait for; with a watcher, all of them are collected. */
  readonly awaited = new Set<EventType>();
  watched = false;
  deliveries: DeliveryObserver | undefined;
  onViolation: ((violation: Violation) => void) | undefined;
  /** Components that hear nothing but commands just now. */
  private readonly resting = new Set<Component>();
  private seq: number;
  private now = 0;
  private readonly waiting: Carried[] = [];
  /** By workflow, until it ends; only of submits that came with something. */
  private readonly contexts = new Map<string, SubmitContext>();
  private readonly options: RouterOptions;

  constructor(options: RouterOptions) {
    this.options = options;
    this.seq = options.afterSeq;
    const { registry, wiring, config } = options;
    for (const [component, { machine, single, restsBetween }] of Object.entries(wiring) as [Component, Wiring][]) {
      if (restsBetween !== undefined) this.resting.add(component);
      if (single !== undefined) registry.add(createStatechartActor({ component, key: '' }, machine, single(config)), []);
    }
  }

  /** The `seq` of the latest event. */
  get lastSeq(): number {
    return this.seq;
  }

  /** Takes an event from outside and carries on until all is quiet. */
  accept(draft: GleitzeitDraft, origin: Origin): void {
    this.now = Math.max(this.now, this.options.clock.now());
    this.state(draft, origin, { owner: undefined, anchor: origin.cause?.id });
    for (let next = 0; next < this.waiting.length; next++) {
      const item = this.waiting[next];
      if (item !== undefined) this.distribute(item);
    }
    this.waiting.length = 0;
  }

  /** Has everything of a workflow carry what its submit came with. */
  remember(workflowId: string, { requestId, traceparent, tags }: SubmitContext): void {
    if (requestId !== undefined || traceparent !== undefined || tags !== undefined) this.contexts.set(workflowId, { requestId, traceparent, tags });
  }

  /** What the turns since the last call produced. */
  takeOutcome(): Outcome {
    const outcome = this.outcome;
    this.outcome = { facts: [], events: [], ended: [] };
    return outcome;
  }

  private state(draft: GleitzeitDraft, origin: Origin, { owner, anchor }: Pick<Carried, 'owner' | 'anchor'>): void {
    const route = this.options.table.get(draft.type);
    if (route === undefined) throw new Error(`The event type '${String(draft.type)}' is not in the catalogue.`);
    const isRecorded = route.isRecorded || this.options.recordsAll === true;
    const event = this.stamp(draft, origin, isRecorded ? anchor : undefined);
    if (isRecorded) this.outcome.facts.push(event);
    // What is recorded is collected in any case: somebody may begin to watch before it is durable.
    if (isRecorded || this.watched || this.awaited.has(event.type)) this.outcome.events.push(event);
    const carried = { event, owner, anchor: isRecorded ? event.id : anchor };
    if (route.isCommand) {
      this.distribute({ ...carried, owner: undefined });
      return;
    }
    if (route.wakes !== undefined) this.resting.delete(route.wakes);
    if (route.rests !== undefined) this.resting.add(route.rests);
    // In line before its owner hears it: what that makes the owner state stands behind it, here as in the journal.
    this.waiting.push(carried);
    if (owner !== undefined && route.listeners.includes(owner.component) && !owner.isDone()) this.deliver(carried, owner);
  }

  /** `anchor` is the nearest recorded cause, for a fact that will stand in the journal: there the immediate one may be missing. */
  private stamp(draft: GleitzeitDraft, origin: Origin, anchor: string | undefined): GleitzeitEvent {
    const { source, cause } = origin;
    const id = this.options.ids.event();
    const causationId = anchor ?? cause?.id;
    const { requestId, traceparent, tags } = this.contextOf(draft, origin);
    const correlation = correlationOf(draft.data, { id, requestId, traceparent });
    return {
      type: draft.type,
      id,
      seq: ++this.seq,
      time: this.now,
      source,
      severity: specOf(draft.type).severity,
      correlation,
      ...(causationId === undefined ? undefined : { causationId }),
      ...(tags === undefined ? undefined : { tags }),
      data: draft.data,
      // The draft's type and data belong together; TypeScript does not carry that through a new object.
    } as GleitzeitEvent;
  }

  private contextOf(draft: GleitzeitDraft, origin: Origin): SubmitContext {
    if (draft.type === 'workflow:submit') this.remember(draft.data.workflowId, origin);
    if (this.contexts.size === 0 || !('workflowId' in draft.data) || draft.data.workflowId === undefined) return origin;
    return this.contexts.get(draft.data.workflowId) ?? origin;
  }

  private distribute(carried: Carried): void {
    const route = this.options.table.get(carried.event.type);
    if (route === undefined) return;
    for (const component of route.bears) {
      if (this.resting.has(component)) continue;
      for (const birth of this.options.wiring[component].births?.[carried.event.type]?.(carried.event, this.options.config) ?? [])
        this.give(component, birth);
    }
    for (const component of route.listeners) {
      if (route.isCommand || !this.resting.has(component)) this.reach(component, carried);
    }
    if (isLastWord(carried.event)) this.contexts.delete(carried.event.data.workflowId);
  }

  private reach(component: Component, carried: Carried): void {
    const { registry, config, wiring } = this.options;
    const { recipients } = wiring[component];
    if (recipients === undefined) {
      const single = registry.get(component, '');
      if (single !== undefined && single !== carried.owner) this.deliver(carried, single);
      return;
    }
    const to = recipients(carried.event, config);
    if (isKeys(to)) {
      for (const key of to) this.reachKey(component, key, carried);
      return;
    }
    // A copy: a delivery may make or end actors of the same component.
    const members = [...(to === 'all' ? registry.all(component) : registry.group(component, to.group))];
    for (const actor of members) if (actor !== carried.owner && !actor.isDone()) this.deliver(carried, actor);
  }

  private give(component: Component, { key, input, groups = [] }: Birth): void {
    const { registry, wiring } = this.options;
    const present = registry.get(component, key);
    if (present === undefined) registry.add(createStatechartActor({ component, key }, wiring[component].machine, input), groups);
    else registry.join(present, groups);
  }

  private reachKey(component: Component, key: string, carried: Carried): void {
    const actor = this.options.registry.get(component, key);
    const { event, owner } = carried;
    if (actor !== undefined) {
      if (actor !== owner) this.deliver(carried, actor);
    } else if (owner?.component !== component || owner.key !== key) {
      this.miss(component, key, event);
    }
  }

  private deliver(carried: Carried, actor: Actor): void {
    const { event } = carried;
    const before = this.deliveries === undefined ? undefined : actor.getSnapshot();
    const isHeard = actor.handles(event.type);
    let drafts: readonly GleitzeitDraft[];
    try {
      drafts = actor.send(event);
    } catch (error) {
      this.crash(actor, event, error);
      return;
    }
    if (before !== undefined) this.deliveries?.(event, actor, before);
    if (actor.hasEnded()) this.outcome.ended.push(actor);
    if (drafts.length === 0) {
      if (!isHeard) this.unhandled(event, actor);
      return;
    }
    const origin = { source: actor.address, cause: event };
    const from = { owner: actor, anchor: carried.anchor };
    for (const draft of drafts) this.state(draft, origin, from);
  }

  /** States a fact on behalf of an actor that cannot do so any more. */
  private stateFor(address: string, draft: GleitzeitDraft, cause: GleitzeitEvent): void {
    this.state(draft, { source: address, cause }, { owner: undefined, anchor: cause.id });
  }

  private miss(component: Component, key: string, event: GleitzeitEvent): void {
    const word = wordFor(component, key, event);
    if (word !== undefined) {
      if (!this.waiting.some((said) => isRefusalOf(said.event, event))) this.stateFor(word.source, word.draft, event);
      return;
    }
    if (this.options.wiring[component].absentIsFine?.includes(event.type) === true) return;
    const target = addressOf(component, key);
    this.onViolation?.({ kind: 'dead_letter', message: `'${event.type}' was addressed to '${target}', which is not there.` });
    if (event.type === 'system:dead_letter') return;
    this.stateFor('system', { type: 'system:dead_letter', data: { event: event.type, eventId: event.id, target } }, event);
  }

  private unhandled(event: GleitzeitEvent, actor: Actor): void {
    const state = JSON.stringify(actor.getSnapshot().value);
    this.onViolation?.({ kind: 'unhandled', message: `'${actor.address}' in ${state} neither handles nor ignores '${event.type}'.` });
    if (event.type === 'system:unhandled') return;
    const data: DataOf<'system:unhandled'> = { event: event.type, eventId: event.id, target: actor.address, state };
    this.stateFor('system', { type: 'system:unhandled', data }, event);
  }

  /** An actor threw: its state is the one before, and the system actor decides what becomes of it. */
  private crash(actor: Actor, event: GleitzeitEvent, thrown: unknown): void {
    const error = failure(
      'INTERNAL_ERROR',
      `'${actor.address}' threw at '${event.type}': ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
    this.onViolation?.({ kind: 'actor_failed', message: error.message });
    // Should even the system actor throw, there is nobody left to ask: the violation above is all that is said.
    if (actor.component === 'system') return;
    if (event.type === 'system:actor_failed') {
      this.options.registry.drop(actor);
      const lastWord = lastWordOf(actor, error);
      if (lastWord !== undefined) this.stateFor(actor.address, lastWord, event);
      return;
    }
    const owner = ofWorkflow.has(actor.component) ? (actor.getSnapshot().context as { readonly workflowId: string }) : undefined;
    const workflowId = owner && { workflowId: owner.workflowId };
    this.stateFor('runtime', { type: 'system:crash', data: { target: actor.address, event: event.type, error, ...workflowId } }, event);
  }
}

type LastWord = Extract<GleitzeitEvent, { readonly type: 'workflow:completed' | 'workflow:failed' | 'workflow:cancelled' | 'workflow:rejected' }>;

function isLastWord(event: GleitzeitEvent): event is LastWord {
  const { type } = event;
  return type === 'workflow:completed' || type === 'workflow:failed' || type === 'workflow:cancelled' || type === 'workflow:rejected';
}

function isKeys(to: Recipients): to is readonly string[] {
  return Array.isArray(to);
}
