/**
 * Makes actors: the one place where charts are run.
 *
 * A machine is pure, so an actor is no more than the place in its chart and its context. What a step states is handed to whoever
 * sent the event. Should a step throw, place and context are still the last sound ones, and the actor is as alive as before.
 */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';

import type { GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { type Chart, chartOf, type Step } from './chart.ts';

export { hasEnded } from './chart.ts';

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

const nothing: readonly GleitzeitDraft[] = [];

/**
 * Makes an actor of a machine.
 * @throws what the machine's context factory throws, and Error for a machine that does what charts here do not
 */
export function createStatechartActor({ component, key }: Pick<Actor, 'component' | 'key'>, machine: AnyStateMachine, input: unknown): Actor {
  const chart = chartOf(machine);
  return new StatechartActor({ component, key }, chart, chart.start(input));
}

class StatechartActor implements Actor {
  readonly component: Component;
  readonly key: string;
  readonly address: string;
  private readonly chart: Chart;
  private now: Step;
  /** Made when somebody asks for it, and the same until something changes. */
  private snapshot: AnyMachineSnapshot | undefined;

  constructor({ component, key }: Pick<Actor, 'component' | 'key'>, chart: Chart, start: Step) {
    this.component = component;
    this.key = key;
    this.address = addressOf(component, key);
    this.chart = chart;
    this.now = start;
  }

  send(event: GleitzeitEvent): readonly GleitzeitDraft[] {
    if (this.now.place.hearing(event.type).isIgnored) return nothing;
    const stated: GleitzeitDraft[] = [];
    this.move(this.chart.step(this.now, event, { stated, silent: false }));
    return stated;
  }

  fold(event: GleitzeitEvent): void {
    this.move(this.chart.step(this.now, event, { stated: [], silent: true }));
  }

  private move(next: Step): void {
    if (next.place === this.now.place && next.context === this.now.context) return;
    this.now = next;
    this.snapshot = undefined;
  }

  getSnapshot(): AnyMachineSnapshot {
    const { place, context } = this.now;
    this.snapshot ??= { ...place.snapshot, context };
    return this.snapshot;
  }

  handles(type: string): boolean {
    return this.now.place.hearing(type).isListed;
  }

  isDone(): boolean {
    return this.now.place.snapshot.status === 'done';
  }

  hasEnded(): boolean {
    return this.now.place.hasEnded;
  }
}
