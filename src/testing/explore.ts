/**
 * Walks everything that a machine can do within a bound, and reports what a chart should not have.
 *
 * The walk is `getShortestPaths` of `xstate/graph` on the real machine; on top of it every event is tried in every
 * state that was reached.
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject, InputFrom } from 'xstate';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';

import type { Component } from '../../machines/events/define.ts';
import { isEventType, specOf } from '../../machines/events/catalogue.ts';

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
  /** What threw, as `state: event: message`. */
  readonly errors: readonly string[];
  /** States (values with the distinguished context) that were reached. */
  readonly states: number;
}

/** Walks a machine and reports what it found; a sound machine has every list empty. */
export function explore<Machine extends AnyStateMachine>(machine: Machine, options: ExploreOptions<Machine>): Exploration {
  const { component, input, events, distinguish, limit = 20_000, movedBy = [] } = options;
  const untaken = new Map<unknown, string>();
  const unvisited = new Set<string>();
  for (const node of nodesOf(machine.root)) {
    unvisited.add(node.id);
    for (const [type, candidates] of node.transitions) {
      for (const [index, candidate] of candidates.entries()) untaken.set(candidate, `${node.id}: ${type} #${index}`);
    }
  }

  const paths = getShortestPaths(machine as AnyStateMachine, {
    input: input as never,
    events: [...events],
    serializeState: (snapshot: AnyMachineSnapshot) => JSON.stringify([snapshot.value, distinguish(snapshot)]),
    limit,
  } as never) as readonly { readonly state: AnyMachineSnapshot }[];

  const visited = new Set<string>();
  const movedByOthers = new Set<string>();
  const unhandled = new Set<string>();
  const errors = new Set<string>();
  for (const { state } of paths) {
    for (const node of state._nodes) {
      visited.add(node.id);
      unvisited.delete(node.id);
    }
    if (state.status !== 'active') continue;
    const name = JSON.stringify(state.value);
    for (const event of events) {
      try {
        if (!state._nodes.some((node) => node.transitions.has(event.type))) unhandled.add(`${name}: ${event.type}`);
        for (const taken of machine.getTransitionData(state as never, event as never)) untaken.delete(taken);
        const [next] = transition(machine as AnyStateMachine, state as never, event as never);
        const after = next as AnyMachineSnapshot;
        if (after.status === 'error') errors.add(`${name}: ${event.type}: ${String(after.error)}`);
        const owned = isEventType(event.type) && specOf(event.type).owners.includes(component);
        if (!owned && !movedBy.includes(event.type) && JSON.stringify(after.value) !== name) movedByOthers.add(`${name}: ${event.type}`);
      } catch (error) {
        errors.add(`${name}: ${event.type}: ${String(error)}`);
      }
    }
  }
  return {
    visited,
    unvisited: [...unvisited],
    untaken: [...untaken.values()],
    movedByOthers: [...movedByOthers],
    unhandled: [...unhandled],
    errors: [...errors],
    states: paths.length,
  };
}

function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodesOf(child as AnyStateNode);
}
