/**
 * How an entry of the wiring is written, and the keys that actors go by.
 */
import type { AnyStateMachine } from 'xstate';

import type { DataOf, EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import type { MachineConfig } from './config.ts';

/** Which actors of a component an event is for: some keys, a group, or all of them. */
export type Recipients = readonly string[] | { readonly group: string } | 'all';

/** What an event brings into being: an actor's key and input, and the groups that it joins. */
export interface Birth {
  readonly key: string;
  readonly input: unknown;
  readonly groups?: readonly string[];
}

export interface Wiring {
  readonly machine: AnyStateMachine;
  /** One per system, made at boot with this input. */
  readonly single?: (config: MachineConfig) => unknown;
  /** For components with a key: whom an event is for. */
  readonly recipients?: (event: GleitzeitEvent, config: MachineConfig) => Recipients;
  /** The actors that an event makes, where they are not there yet, before it is delivered. */
  readonly births?: Partial<Record<EventType, (event: GleitzeitEvent, config: MachineConfig) => readonly Birth[]>>;
  /** A component that rests hears nothing but commands: at first, and from its fact `rests`, until its fact `wakes`. */
  readonly restsBetween?: { readonly rests: EventType; readonly wakes: EventType };
  /** Types whose absent receiver is no fault, each for a reason given beside it. */
  readonly absentIsFine?: readonly EventType[];
}

export type Fields = Readonly<Record<string, unknown>>;

export const fieldsOf = (event: GleitzeitEvent): Fields => event.data as Fields;
export const nobody: readonly string[] = [];
/** The key of a component of one. */
export const theOne: readonly string[] = [''];

export function one(key: unknown): readonly string[] {
  return typeof key === 'string' ? [key] : nobody;
}

/** A type guard by comparison: the payload of an event whose type is known from where it is used. */
export function dataOf<Type extends EventType>(event: GleitzeitEvent, _type: Type): DataOf<Type> {
  return event.data as DataOf<Type>;
}

export const methodKey = (protocol: string, method: string): string => `${protocol} ${method}`;
export const taskKey = (workflowId: string, taskId: string): string => `${workflowId}/${taskId}`;

/** The ids of the circuits that guard a provider. */
export function circuitsOf({ providerId, methods, circuit }: DataOf<'provider:registered' | 'provider:extended'>): readonly string[] {
  if (circuit === null) return nobody;
  return circuit.scope === 'provider' ? [providerId] : methods.map((method) => `${providerId}/${method}`);
}

export function elapsedFor(component: Component, event: GleitzeitEvent): readonly string[] {
  const { component: asked, key } = dataOf(event, 'schedule:elapsed');
  return asked === component ? [key] : nobody;
}
