/**
 * What the Stately inspector is told, in the words of `@statelyai/inspect`.
 *
 * Only the package's types are used. Its own `createInspector` loses the definition and the root of an actor that is given
 * by name, calls every task by the id of its machine, and stamps the wall clock; a test holds the shapes together.
 */
import type { StatelyActorEvent, StatelyEventEvent, StatelySnapshotEvent } from '@statelyai/inspect';
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Actor } from '../../system/actor.ts';
import { bounded } from './bounded.ts';

/** The release of `@statelyai/inspect` whose messages these are; its page refuses messages without a version. */
export const protocolVersion = '0.7.2';

/** The session of the actor that all others are shown below. */
export type RootOf = () => string;

/** Writes the messages. An actor keeps its session for as long as it lives, and one born later at its address gets another. */
export class Messages {
  private readonly rootOf: RootOf;
  private readonly sessions = new WeakMap<Actor, string>();
  private readonly reduced = new WeakMap<object, unknown>();
  private born = 0;
  private written = 0;

  constructor(rootOf: RootOf) {
    this.rootOf = rootOf;
  }

  sessionOf(actor: Actor): string {
    const known = this.sessions.get(actor);
    if (known !== undefined) return known;
    const session = `${actor.address}~${++this.born}`;
    this.sessions.set(actor, session);
    return session;
  }

  /** An actor with its chart. */
  actor(actor: Actor, snapshot: AnyMachineSnapshot, time: number): string {
    const base = this.base(this.sessionOf(actor), time);
    const message: StatelyActorEvent = {
      type: '@xstate.actor',
      ...base,
      name: actor.address,
      parentId: base.sessionId === base.rootId ? undefined : base.rootId,
      definition: definitionOf(snapshot.machine),
      snapshot: this.glanceAt(snapshot),
    };
    return JSON.stringify(message);
  }

  /** Somebody who states events without being an actor: a caller, the executor, the timer. */
  outsider(name: string, time: number): string {
    const message: StatelyActorEvent = {
      type: '@xstate.actor',
      ...this.base(name, time),
      name,
      parentId: undefined,
      definition: undefined,
      snapshot: { status: 'active' },
    };
    return JSON.stringify(message);
  }

  event(event: GleitzeitEvent, sourceId: string, sessionId: string): string {
    const message: StatelyEventEvent = { type: '@xstate.event', ...this.base(sessionId, event.time), sourceId, event: this.reducedEvent(event) };
    return JSON.stringify(message);
  }

  /** The state that an actor has, after an event. */
  snapshot(event: GleitzeitEvent, actor: Actor): string {
    const message: StatelySnapshotEvent = {
      type: '@xstate.snapshot',
      ...this.base(this.sessionOf(actor), event.time),
      event: this.reducedEvent(event),
      snapshot: this.glanceAt(actor.getSnapshot()),
    };
    return JSON.stringify(message);
  }

  /** The last state of an actor whose end a receiver missed. */
  ended(actor: Actor, time: number): string {
    const message: StatelySnapshotEvent = {
      type: '@xstate.snapshot',
      ...this.base(this.sessionOf(actor), time),
      event: { type: 'inspector:missed' },
      snapshot: this.glanceAt(actor.getSnapshot()),
    };
    return JSON.stringify(message);
  }

  /** Tells a receiver that it read too slowly, and how many deliveries it was not told of. */
  dropped(count: number, time: number): string {
    const event = { type: 'inspector:dropped', data: { deliveries: count } };
    const message: StatelyEventEvent = { type: '@xstate.event', ...this.base(this.rootOf(), time), sourceId: undefined, event };
    return JSON.stringify(message);
  }

  private base(sessionId: string, time: number) {
    return { sessionId, rootId: this.rootOf(), createdAt: String(time), id: String(++this.written), _version: protocolVersion };
  }

  private glanceAt(snapshot: AnyMachineSnapshot): StatelySnapshotEvent['snapshot'] {
    return this.once(snapshot, () => {
      const { status, value, output, error } = snapshot;
      return {
        status,
        value,
        context: bounded(snapshot.context),
        output: bounded(output),
        error: bounded(error),
        tags: [...snapshot.tags],
        children: {},
      };
      // XState's type wants output and error by status; what is reduced has whatever the snapshot had.
    }) as StatelySnapshotEvent['snapshot'];
  }

  private reducedEvent(event: GleitzeitEvent): StatelyEventEvent['event'] {
    // Reducing keeps an envelope's fields, the type among them.
    return this.once(event, () => ({ ...event, data: bounded(event.data), tags: bounded(event.tags) })) as StatelyEventEvent['event'];
  }

  /** An event goes to several actors, and most actors' states outlast several events. */
  private once(value: object, reduce: () => unknown): unknown {
    if (!this.reduced.has(value)) this.reduced.set(value, reduce());
    return this.reduced.get(value);
  }
}

const definitions = new WeakMap<AnyStateMachine, string>();

/** A machine's own configuration as JSON: the page draws the chart from it. */
export function definitionOf(machine: AnyStateMachine): string {
  const known = definitions.get(machine);
  if (known !== undefined) return known;
  const { context: _, ...config } = machine.config;
  const definition = JSON.stringify(config, (_key, value: unknown) => (typeof value === 'function' ? { type: value.name } : value));
  definitions.set(machine, definition);
  return definition;
}
