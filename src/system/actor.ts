/**
 * Makes actors: the one place where charts are run.
 *
 * A machine is pure, so an actor is no more than its snapshot. All actors share one scope: what a transition emits lands
 * in the scope's outbox and is handed to whoever sent the event. Should a transition throw, the snapshot is still the
 * last sound one, and the actor is as alive as before.
 */
import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';

import type { GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';

export interface Actor {
  readonly component: Component;
  /** What it is addressed by within its component; empty for a component of one. */
  readonly key: string;
  /** `component/key`, the source of all it states. */
  readonly address: string;
  /** Sends an event and returns what the actor states in answer. Throws what the machine throws, its state unchanged. */
  send(event: GleitzeitEvent): readonly GleitzeitDraft[];
  /** Like {@link send} for what is long past: what the actor states in answer was recorded then, and is not even made. */
  fold(event: GleitzeitEvent): void;
  getSnapshot(): AnyMachineSnapshot;
  /** Whether the current state handles a type, or lists it as ignored. */
  handles(type: string): boolean;
  /** Whether it has reached a final state: it hears nothing any more. */
  isDone(): boolean;
  /** Whether nothing more is expected of it, so that it goes: it is done, or at rest (tag `ended`) until somebody brings it back. */
  hasEnded(): boolean;
}

export function addressOf(component: Component, key: string): string {
  return key === '' ? component : `${component}/${key}`;
}

/** Whether nothing more is expected of an actor in this state. */
export function hasEnded({ status, tags }: AnyMachineSnapshot): boolean {
  return status !== 'active' || tags.has('ended');
}

const nothing: readonly GleitzeitDraft[] = [];
let outbox: GleitzeitDraft[] = [];

/** What XState wants to know of an actor's surroundings. Our machines neither spawn, invoke, delay nor send: it may be one for all. */
const scope = {
  self: { id: 'statechart', sessionId: 'statechart', send: () => undefined },
  id: 'statechart',
  sessionId: 'statechart',
  logger: () => undefined,
  defer: (act: () => void) => act(),
  emit: (draft: GleitzeitDraft) => {
    outbox.push(draft);
  },
  system: { _sendInspectionEvent: () => undefined },
  stopChild: () => undefined,
  actionExecutor: (action: { readonly exec?: (info: unknown, params: unknown) => void; readonly info: unknown; readonly params: unknown }) =>
    action.exec?.(action.info, action.params),
  // XState's type also wants what only spawning, delays and inspection by XState itself touch.
} as unknown as AnyActorScope;

/**
 * Makes an actor of a machine.
 * @throws what the machine's context factory throws
 */
export function createStatechartActor({ component, key }: Pick<Actor, 'component' | 'key'>, machine: AnyStateMachine, input: unknown): Actor {
  outbox = [];
  return new StatechartActor({ component, key }, machine, startingSnapshot(machine, input));
}

function startingSnapshot(machine: AnyStateMachine, input: unknown): AnyMachineSnapshot {
  const snapshot: AnyMachineSnapshot = machine.getInitialSnapshot(scope, input);
  if (snapshot.status === 'error') throw snapshot.error;
  return snapshot;
}

/**
 * What is known of a state: for each type that was sent to it, whether nothing at all comes of it. Half of what is delivered
 * is listed only to be ignored, and XState takes as long to find that out as it takes for a transition.
 */
type Indifference = Map<string, boolean>;

const indifferences = new WeakMap<AnyStateNode, Indifference>();

function indifferenceOf(leaves: readonly AnyStateNode[]): Indifference {
  const [leaf] = leaves;
  // States of a machine with regions are known to its actor alone: there is one such actor of a kind, and it seldom moves.
  if (leaf === undefined || leaves.length > 1) return new Map();
  const known = indifferences.get(leaf);
  if (known !== undefined) return known;
  const fresh: Indifference = new Map();
  indifferences.set(leaf, fresh);
  return fresh;
}

/** Whether a state lists a type only to ignore it, or does not know it. What depends on a guard counts as something. */
function isIndifferent(leaf: AnyStateNode, type: string): boolean {
  for (let node: AnyStateNode | undefined = leaf; node !== undefined; node = node.parent) {
    if (node.always !== undefined) return false;
    const [first] = node.transitions.get(type) ?? node.transitions.get('*') ?? [];
    if (first !== undefined) return first.guard === undefined && first.target === undefined && first.actions.length === 0;
  }
  return true;
}

const leavesOf = ({ _nodes }: AnyMachineSnapshot): readonly AnyStateNode[] => _nodes.filter(({ type }) => type === 'atomic' || type === 'final');

/**
 * The machine that moves as another does and states nothing: actions that state (`state…`) do nothing in it. It has the very
 * states of the other, so that a snapshot can go from one to the other.
 */
const silentTwins = new WeakMap<AnyStateMachine, AnyStateMachine>();

function silentTwinOf(machine: AnyStateMachine): AnyStateMachine {
  const known = silentTwins.get(machine);
  if (known !== undefined) return known;
  const { actions } = machine.implementations;
  const silenced = Object.keys(actions).map((name) => [name, /^state[A-Z]/.test(name) ? () => undefined : actions[name]]);
  // A machine has all else from the one that it is made of.
  const twin = Object.create(machine, {
    implementations: { value: { ...machine.implementations, actions: Object.fromEntries(silenced) } },
  }) as AnyStateMachine;
  silentTwins.set(machine, twin);
  return twin;
}

class StatechartActor implements Actor {
  readonly component: Component;
  readonly key: string;
  readonly address: string;
  private readonly machine: AnyStateMachine;
  private snapshot: AnyMachineSnapshot;
  private indifference: Indifference;

  constructor({ component, key }: Pick<Actor, 'component' | 'key'>, machine: AnyStateMachine, snapshot: AnyMachineSnapshot) {
    this.component = component;
    this.key = key;
    this.address = addressOf(component, key);
    this.machine = machine;
    this.snapshot = snapshot;
    this.indifference = indifferenceOf(leavesOf(snapshot));
  }

  send(event: GleitzeitEvent): readonly GleitzeitDraft[] {
    if (this.ignores(event.type)) return nothing;
    outbox = [];
    this.move(event, this.machine);
    return outbox.length === 0 ? nothing : outbox;
  }

  fold(event: GleitzeitEvent): void {
    if (!this.ignores(event.type)) this.move(event, silentTwinOf(this.machine));
  }

  private move(event: GleitzeitEvent, as: AnyStateMachine): void {
    // A transition runs the actions of the machine that its snapshot names.
    const before: AnyMachineSnapshot = this.snapshot.machine === as ? this.snapshot : { ...this.snapshot, machine: as };
    const next: AnyMachineSnapshot = this.machine.transition(before, event, scope);
    if (next.status === 'error') throw next.error;
    if (next._nodes !== this.snapshot._nodes) this.indifference = indifferenceOf(leavesOf(next));
    this.snapshot = next;
  }

  private ignores(type: string): boolean {
    const known = this.indifference.get(type);
    if (known !== undefined) return known;
    const found = leavesOf(this.snapshot).every((leaf) => isIndifferent(leaf, type));
    this.indifference.set(type, found);
    return found;
  }

  getSnapshot(): AnyMachineSnapshot {
    return this.snapshot;
  }

  handles(type: string): boolean {
    for (const node of this.snapshot._nodes) if (node.transitions.has(type)) return true;
    return false;
  }

  isDone(): boolean {
    return this.snapshot.status === 'done';
  }

  hasEnded(): boolean {
    return hasEnded(this.snapshot);
  }
}
