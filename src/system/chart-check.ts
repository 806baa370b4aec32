/**
 * What charts here do without, so that a table can be made of them: each would make more of a step than its guards and the
 * actions of its transitions, in that order.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

import { actOf } from './chart-actions.ts';

export type Transition = AnyTransitionDefinition;
export type Guard = (args: { readonly context: unknown; readonly event: unknown }) => boolean;

/** @throws Error that says what the machine does, where, and that charts here do not */
export function assertPlain(machine: AnyStateMachine): void {
  const refuse = (what: string, { id }: { readonly id: string }): never => {
    throw new Error(`The chart '${machine.id}' has ${what} at '${id}': charts here do without.`);
  };
  if (machine.config.output !== undefined) refuse('an output', machine.root);
  for (const node of nodesOf(machine.root)) {
    const what = extraOf(node, machine.root);
    if (what !== undefined) refuse(what, node);
    for (const transition of [...node.transitions.values()].flat()) {
      const odd = oddityOf(transition, machine);
      if (odd !== undefined) refuse(`${odd} on '${transition.eventType}'`, node);
    }
  }
}

function extraOf(node: AnyStateNode, root: AnyStateNode): string | undefined {
  const { config } = node;
  if (node.entry.length + node.exit.length > 0) return 'actions on entry or exit';
  if (node.type === 'compound' && node.initial.actions.length > 0) return 'actions on its initial transition';
  if (node.always !== undefined) return 'transitions without an event';
  if (config.invoke !== undefined || config.after !== undefined || config.onDone !== undefined)
    return 'an invocation, a delay or a reaction to its end';
  if (node.type === 'history') return 'a history';
  if (node.type === 'parallel' && node !== root) return 'regions below the top';
  if (node.type === 'final' && (node.parent !== root || root.type === 'parallel')) return 'a final state below the top';
  if ([...node.transitions.keys()].some((type) => type.includes('*'))) return 'a wildcard';
  return undefined;
}

function oddityOf(transition: Transition, machine: AnyStateMachine): string | undefined {
  const { guards, actions } = machine.implementations;
  const { source, target, reenter, guard } = transition;
  if (reenter) return 'a transition that enters its state again';
  if (guard !== undefined && guardOf(transition, guards) === undefined) return 'a guard that is no plain function';
  if (transition.actions.some((action) => actOf(typeof action === 'string' ? actions[action] : action, { mayAssign: true }) === undefined)) {
    return 'an action that is neither assign nor emit nor enqueueActions';
  }
  const region = regionOf(source, machine.root);
  if (machine.root.type === 'parallel' && target?.some((to) => regionOf(to, machine.root) !== region || to === region) === true) {
    return 'a transition that leaves its region';
  }
  return undefined;
}

/** The guard as a function; nothing where there is none, or one that is made of others. */
export function guardOf({ guard }: Transition, guards: Readonly<Record<string, unknown>>): Guard | undefined {
  const found: unknown = typeof guard === 'string' ? guards[guard] : guard;
  // What XState makes of other guards is a function with a way of its own to check.
  return typeof found === 'function' && !('check' in found) ? (found as Guard) : undefined;
}

function regionOf(node: AnyStateNode, root: AnyStateNode): AnyStateNode {
  let region = node;
  while (region.parent !== undefined && region.parent !== root) region = region.parent;
  return region;
}

function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodesOf(child as AnyStateNode);
}
