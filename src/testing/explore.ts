/**
 * Walks everything that a machine can do within a bound, and reports what a chart should not have.
 *
 * The walk is `getShortestPaths` of `xstate/graph` on the real machine; on top of it every event is tried in every
 * state that was reached.
 */
import { isDeepStrictEqual } from 'node:util';
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject, InputFrom } from 'xstate';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type GleitzeitDraft, type GleitzeitEvent, isEventType, specOf } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { chartOf } from '../system/chart.ts';

export interface ExploreOptions<Machine extends AnyStateMachine> {
  /** The component whose own facts may move the machine. */
  readonly component: Component;
  readonly input: InputFrom<Machine>;
  /** The events to try in every state; several of one type where their data decides. */
  readonly events: readonly EventObject[];
  /** What of the context tells states apart; bound every counter here, or the walk does not end. */
  readonly distinguish: (snapshot: AnyMachineSnapshot) => unknown;
  /**
   * States to visit at most.
   * @defaultValue `20_000`
   */
  readonly limit?: number;
  /** Facts of others that may move this machine, each a decision that its docstring gives. */
  readonly movedBy?: readonly string[];
}

export interface Exploration {
  /** Every state node that was active somewhere, by id. */
  readonly visited: ReadonlySet<string>;
  /** State nodes that were never active. */
  readonly unvisited: readonly string[];
  /** Transitions that nothing took, as `stateId: event #index`. */
  readonly untaken: readonly string[];
  /** Events of others that moved the machine, as `state: event`. */
  readonly movedByOthers: readonly string[];
  /** Events of its alphabet that a state neither handles nor lists as ignored, as `state: event`. */
  readonly unhandled: readonly string[];
  /** What threw, or is done otherwise by the actors of a system than by XState, as `state: event: message`. */
  readonly errors: readonly string[];
  /** States (values with the distinguished context) that were reached. */
  readonly states: number;
}

/** Walks a machine and reports what it found; a sound machine has every list empty. */
export function explore<Machine extends AnyStateMachine>(machine: Machine, options: ExploreOptions<Machine>): Exploration {
  const findings = new Findings(machine, options);
  const states = statesOf(machine, options);
  for (const state of states) {
    findings.visit(state);
    if (state.status === 'active') for (const event of options.events) findings.attempt(state, event);
  }
  return findings.sum(states.length);
}

/** Every state of a machine within the bound. */
function statesOf<Machine extends AnyStateMachine>(machine: Machine, options: ExploreOptions<Machine>): readonly AnyMachineSnapshot[] {
  const { input, events, distinguish, limit = 20_000 } = options;
  const paths = getShortestPaths(
    machine as AnyStateMachine,
    {
      input,
      events: [...events],
      serializeState: (snapshot: AnyMachineSnapshot) => JSON.stringify([snapshot.value, distinguish(snapshot)]),
      limit,
      // XState asks for the events of the machine's own type, which is lost for a machine of any type.
    } as never,
  ) as readonly { readonly state: AnyMachineSnapshot }[];
  return paths.map(({ state }) => state);
}

/** An action that XState has run. */
interface Executed {
  readonly type: string;
  readonly params: { readonly event: unknown };
}

interface Outcome {
  readonly after: AnyMachineSnapshot;
  readonly actions: readonly Executed[];
}

/** What a walk has found so far; at first nothing was visited and nothing taken. */
class Findings {
  private readonly machine: AnyStateMachine;
  private readonly component: Component;
  private readonly movedBy: readonly string[];
  private readonly untaken = new Map<unknown, string>();
  private readonly unvisited = new Set<string>();
  private readonly visited = new Set<string>();
  private readonly movedByOthers = new Set<string>();
  private readonly unhandled = new Set<string>();
  private readonly errors = new Set<string>();
  private readonly compared = new Map<string, number>();

  constructor(machine: AnyStateMachine, { component, movedBy = [] }: Pick<ExploreOptions<AnyStateMachine>, 'component' | 'movedBy'>) {
    this.machine = machine;
    this.component = component;
    this.movedBy = movedBy;
    for (const node of nodesOf(machine.root)) {
      this.unvisited.add(node.id);
      for (const [type, candidates] of node.transitions) {
        for (const [index, candidate] of candidates.entries()) this.untaken.set(candidate, `${node.id}: ${type} #${index}`);
      }
    }
  }

  visit({ _nodes }: AnyMachineSnapshot): void {
    for (const { id } of _nodes) {
      this.visited.add(id);
      this.unvisited.delete(id);
    }
  }

  attempt(state: AnyMachineSnapshot, event: EventObject): void {
    const name = JSON.stringify(state.value);
    try {
      if (!state._nodes.some((node) => node.transitions.has(event.type))) this.unhandled.add(`${name}: ${event.type}`);
      // XState's types want the machine's own snapshot and event, which any machine does not name.
      for (const taken of this.machine.getTransitionData(state as never, event as never)) this.untaken.delete(taken);
      const [after, actions] = transition(this.machine, state as never, event as never) as readonly [AnyMachineSnapshot, readonly Executed[]];
      if (!this.agrees(state, event, { after, actions })) this.errors.add(`${name}: ${event.type}: actors of a system do something else`);
      if (after.status === 'error') this.errors.add(`${name}: ${event.type}: ${String(after.error)}`);
      if (JSON.stringify(after.value) !== name && !this.mayMove(event.type)) this.movedByOthers.add(`${name}: ${event.type}`);
    } catch (error) {
      this.errors.add(`${name}: ${event.type}: ${String(error)}`);
    }
  }

  sum(states: number): Exploration {
    const { visited } = this;
    return {
      visited,
      unvisited: [...this.unvisited],
      untaken: [...this.untaken.values()],
      movedByOthers: [...this.movedByOthers],
      unhandled: [...this.unhandled],
      errors: [...this.errors],
      states,
    };
  }

  /** Whether an actor of a system comes from here to where XState does, and states the same; looked at a few times for each way to go. */
  private agrees(state: AnyMachineSnapshot, event: EventObject, { after, actions }: Outcome): boolean {
    const way = JSON.stringify([state.value, event, after.value, actions.map(({ type }) => type)]);
    const times = this.compared.get(way) ?? 0;
    this.compared.set(way, times + 1);
    if (times >= 3) return true;
    const chart = chartOf(this.machine);
    const stated: GleitzeitDraft[] = [];
    const here = { place: chart.placeOf(state), context: state.context };
    // A walk is given events of the catalogue.
    const { place, context } = chart.step(here, event as GleitzeitEvent, { stated, silent: false });
    const { status, value, tags } = place.snapshot;
    return isDeepStrictEqual(
      [status, value, tags, context, stated],
      [after.status, after.value, after.tags, after.context, actions.flatMap(({ type, params }) => (type === 'xstate.emit' ? params.event : []))],
    );
  }

  private mayMove(type: string): boolean {
    return this.movedBy.includes(type) || (isEventType(type) && specOf(type).owners.includes(this.component));
  }
}

function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodesOf(child as AnyStateNode);
}
