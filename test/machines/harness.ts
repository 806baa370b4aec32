import type { AnyMachineSnapshot, AnyStateMachine, ContextFrom, InputFrom } from 'xstate';
import { createActor } from 'xstate';
import { type DataOf, type EventType, type GleitzeitDraft, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';

/** An event as the router would stamp it, for a test that cares about its type, data and time. */
export function eventOf<Type extends EventType>(
  type: Type,
  data: DataOf<Type>,
  at: { time?: number; id?: string; source?: string } = {},
): GleitzeitEvent {
  const { time = 0, id = `${type}@${time}`, source = 'test' } = at;
  return { type, id, seq: 0, time, source, severity: specOf(type).severity, correlation: { correlationId: 'test' }, data } as GleitzeitEvent;
}

/**
 * A machine under test, wired as the router does it: the facts that it owns come back to it first.
 * Every draft is checked against the catalogue's schema and ownership.
 */
export function startMachine<Machine extends AnyStateMachine>(component: Component, machine: Machine, input: InputFrom<Machine>) {
  const stated: GleitzeitDraft[] = [];
  let emitted: GleitzeitDraft[] = [];
  const actor = createActor(machine, { input } as never);
  actor.on('*', (draft) => emitted.push(draft as unknown as GleitzeitDraft));
  actor.start();
  let ids = 0;

  const snapshot = () => {
    const current = actor.getSnapshot() as AnyMachineSnapshot;
    if (current.status === 'error') throw current.error;
    return current;
  };
  const settle = (event: GleitzeitEvent) => {
    actor.send(event as never);
    snapshot();
    const drafts = emitted;
    emitted = [];
    for (const draft of drafts) {
      const spec = specOf(draft.type);
      spec.data.parse(draft.data);
      if (!spec.owners.includes(component)) throw new Error(`The ${component} states '${draft.type}', which is owned by ${spec.owners.join(', ')}.`);
      stated.push(draft);
      if (spec.kind === 'fact') settle(eventOf(draft.type, draft.data as never, { time: event.time, id: `own-${ids++}` }));
    }
  };

  return {
    /** All that it stated so far. */
    stated,
    /** Sends an event, lets the machine's own facts come back to it, and returns what it stated meanwhile. */
    hear<Type extends EventType>(type: Type, data: DataOf<Type>, at: { time?: number; id?: string } = {}): GleitzeitDraft[] {
      const before = stated.length;
      settle(eventOf(type, data, at));
      return stated.slice(before);
    },
    /** Sends a recorded event as recovery does: nothing that the machine states in answer counts. */
    replay<Type extends EventType>(type: Type, data: DataOf<Type>, at: { time?: number } = {}) {
      actor.send(eventOf(type, data, at) as never);
      emitted = [];
    },
    state: () => snapshot().value as unknown,
    context: () => snapshot().context as ContextFrom<Machine>,
    snapshot,
  };
}
