/**
 * A machine as a table of what it does: the same machine, read once.
 *
 * XState finds out at every event which states are left and entered, which is most of what a transition costs. That follows from
 * the present states and from what the guards say, and from nothing else; so XState is asked once for each such case, and the
 * answer is kept. Guards and actions are the machine's own and run each time, in XState's order. That all of it is as XState has
 * it, `explore` (in `src/testing`) holds for every case that it walks.
 *
 * It takes charts as they are written here, and refuses what they do without: see `chart-check.ts`.
 */
import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';

import type { GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { readField } from '../thrown.ts';
import { type Act, actOf, type Context, perform } from './chart-actions.ts';
import { assertPlain, type Guard, guardOf, type Transition } from './chart-check.ts';

export interface Step {
  readonly place: Place;
  readonly context: Context;
}

/** A transition that is taken where its guard lets it. */
interface Candidate {
  readonly no: number;
  readonly guard: Guard | undefined;
  readonly acts: readonly Act[];
  /** Without those that only state something. */
  readonly silentActs: readonly Act[];
  readonly moves: boolean;
}

/** Who answers to a type: the first of each region whose guard lets it, or else the first of those around all regions. */
interface Hearing {
  readonly regions: readonly (readonly Candidate[])[];
  readonly around: readonly Candidate[];
  /** Whether any state lists the type, be it to ignore it. */
  readonly isListed: boolean;
  /** Whether nothing can come of it. */
  readonly isIgnored: boolean;
  /** Where it leads, by the candidates that are taken. */
  readonly leadsTo: Map<string | number, Place>;
}

/** The states that are active at the same time. */
export class Place {
  /** A snapshot of it, as XState made it; of another only the context differs. */
  readonly snapshot: AnyMachineSnapshot;
  readonly hasEnded: boolean;
  private readonly hearings = new Map<string, Hearing>();
  private readonly chart: Chart;

  constructor(chart: Chart, snapshot: AnyMachineSnapshot) {
    this.chart = chart;
    this.snapshot = snapshot;
    this.hasEnded = hasEnded(snapshot);
  }

  hearing(type: string): Hearing {
    const known = this.hearings.get(type);
    if (known !== undefined) return known;
    const fresh = this.chart.hearingIn(this, type);
    this.hearings.set(type, fresh);
    return fresh;
  }
}

/** Whether nothing more is expected of an actor in this state. */
export function hasEnded({ status, tags }: AnyMachineSnapshot): boolean {
  return status !== 'active' || tags.has('ended');
}

/** What XState wants to know of an actor's surroundings. Our machines neither spawn, invoke, delay nor send: it may be one for all. */
const scope = {
  self: { id: 'statechart', sessionId: 'statechart', send: () => undefined },
  id: 'statechart',
  sessionId: 'statechart',
  logger: () => undefined,
  defer: () => undefined,
  emit: () => undefined,
  system: { _sendInspectionEvent: () => undefined },
  stopChild: () => undefined,
  actionExecutor: () => undefined,
  // XState's type also wants what only spawning, delays and inspection by XState itself touch.
} as unknown as AnyActorScope;

const charts = new WeakMap<AnyStateMachine, Chart>();

/** @throws Error for a machine that does what charts here do not */
export function chartOf(machine: AnyStateMachine): Chart {
  const known = charts.get(machine);
  if (known !== undefined) return known;
  const fresh = new Chart(machine);
  charts.set(machine, fresh);
  return fresh;
}

export class Chart {
  private readonly machine: AnyStateMachine;
  /** The machine with actions that do nothing. */
  private readonly idle: AnyStateMachine;
  private readonly candidates = new Map<Transition, Candidate>();
  private readonly places = new Map<string, Place>();
  private first: Place | undefined;

  constructor(machine: AnyStateMachine) {
    assertPlain(machine);
    this.machine = machine;
    const idle = Object.fromEntries(Object.keys(machine.implementations.actions).map((name) => [name, () => undefined]));
    // A machine has all else from the one that it is made of.
    this.idle = Object.create(machine, { implementations: { value: { ...machine.implementations, actions: idle } } }) as AnyStateMachine;
  }

  /** @throws what the machine's context factory throws */
  start(input: unknown): Step {
    const { context } = this.machine.config;
    if (this.first === undefined) {
      const snapshot: AnyMachineSnapshot = this.machine.getInitialSnapshot(scope, input);
      if (snapshot.status === 'error') throw snapshot.error;
      this.first = this.placeOf(snapshot);
      return { place: this.first, context: snapshot.context as Context };
    }
    return { place: this.first, context: typeof context === 'function' ? { ...(context as (args: object) => Context)({ input }) } : (context ?? {}) };
  }

  /** Where a snapshot of this machine stands. */
  placeOf(snapshot: AnyMachineSnapshot): Place {
    const { _nodes, status, output } = snapshot;
    const key = `${status} ${_nodes
      .map(({ order }) => order)
      .sort((a, b) => a - b)
      .join(' ')}`;
    const known = this.places.get(key);
    if (known !== undefined) return known;
    const fresh = new Place(this, { ...snapshot, output, machine: this.machine });
    this.places.set(key, fresh);
    return fresh;
  }

  /** What becomes of an event. What is stated in answer is added to `stated`; with `silent`, what only states something is not even done. */
  step({ place, context }: Step, event: GleitzeitEvent, { stated, silent }: { stated: GleitzeitDraft[]; silent: boolean }): Step {
    const hearing = place.hearing(event.type);
    if (hearing.isIgnored) return { place, context };
    const taken = choose(hearing, context, event);
    const [first, ...others] = taken;
    if (first === undefined) return { place, context };
    let after = perform(silent ? first.silentActs : first.acts, context, { event, stated });
    for (const other of others) after = perform(silent ? other.silentActs : other.acts, after, { event, stated });
    return { place: taken.some(({ moves }) => moves) ? this.destination({ place, context }, event, taken) : place, context: after };
  }

  private destination({ place, context }: Step, event: GleitzeitEvent, taken: readonly Candidate[]): Place {
    const { leadsTo } = place.hearing(event.type);
    const key = taken.length === 1 ? (taken[0]?.no ?? 0) : taken.map(({ no }) => no).join(' ');
    const known = leadsTo.get(key);
    if (known !== undefined) return known;
    const next: AnyMachineSnapshot = this.idle.transition({ ...place.snapshot, context, machine: this.idle }, event, scope);
    if (next.status === 'error') throw next.error;
    const found = this.placeOf(next);
    leadsTo.set(key, found);
    return found;
  }

  hearingIn({ snapshot }: Place, type: string): Hearing {
    const { root } = this.machine;
    const isDivided = root.type === 'parallel';
    const leaves = snapshot._nodes.filter(({ states }) => Object.keys(states).length === 0).sort((a, b) => a.order - b.order);
    const regions = leaves.map((leaf) => this.candidatesOf(pathOf(leaf, isDivided ? root : undefined), type));
    const around = isDivided ? this.candidatesOf([root], type) : [];
    return {
      regions,
      around,
      isListed: snapshot._nodes.some(({ transitions }) => transitions.has(type)),
      isIgnored: [...regions, around].every(([first]) => first === undefined || isNothing(first)),
      leadsTo: new Map(),
    };
  }

  private candidatesOf(nodes: readonly AnyStateNode[], type: string): readonly Candidate[] {
    return nodes.flatMap(({ transitions }) => transitions.get(type) ?? []).map((transition) => this.candidateOf(transition));
  }

  private candidateOf(transition: Transition): Candidate {
    const known = this.candidates.get(transition);
    if (known !== undefined) return known;
    const { guards, actions } = this.machine.implementations;
    const parts = transition.actions.map((named) => {
      const action = typeof named === 'string' ? actions[named] : named;
      const isSilent = isStatement(named, action);
      return { isSilent, act: actOf(action, { mayAssign: !isSilent }) };
    });
    const fresh: Candidate = {
      no: this.candidates.size,
      guard: guardOf(transition, guards),
      acts: parts.flatMap(({ act }) => act ?? []),
      silentActs: parts.flatMap(({ isSilent, act }) => (isSilent ? [] : (act ?? []))),
      moves: transition.target !== undefined,
    };
    this.candidates.set(transition, fresh);
    return fresh;
  }
}

/** The states from one outwards, up to the whole chart or up to what is divided into regions. */
function pathOf(leaf: AnyStateNode, divided: AnyStateNode | undefined): readonly AnyStateNode[] {
  const path: AnyStateNode[] = [];
  for (let node: AnyStateNode | undefined = leaf; node !== undefined && node !== divided; node = node.parent) path.push(node);
  return path;
}

/** An action that only states something: by its kind, and where that may do more, by its name, which is then held to. */
function isStatement(name: unknown, action: unknown): boolean {
  const kind = readField(action, 'type');
  return kind === 'xstate.emit' || (kind === 'xstate.enqueueActions' && typeof name === 'string' && /^state[A-Z]/.test(name));
}

function isNothing({ guard, acts, moves }: Candidate): boolean {
  return guard === undefined && acts.length === 0 && !moves;
}

function choose({ regions, around }: Hearing, context: Context, event: GleitzeitEvent): readonly Candidate[] {
  const taken: Candidate[] = [];
  for (const candidates of regions) {
    const first = firstOf(candidates, context, event);
    if (first !== undefined) taken.push(first);
  }
  const outer = taken.length === 0 ? firstOf(around, context, event) : undefined;
  return outer === undefined ? taken : [outer];
}

function firstOf(candidates: readonly Candidate[], context: Context, event: GleitzeitEvent): Candidate | undefined {
  for (const candidate of candidates) if (candidate.guard === undefined || candidate.guard({ context, event })) return candidate;
  return undefined;
}
