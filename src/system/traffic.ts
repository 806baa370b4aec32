/** What comes into the router, and what comes out of it. */
import type { AnyMachineSnapshot } from 'xstate';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Actor } from './actor.ts';

/** What one or more turns produced, on its way to the journal and to the effects. */
export interface Outcome {
  /** To be recorded, in order. */
  facts: GleitzeitEvent[];
  /** What an effect or a watcher waits for, in order. */
  events: GleitzeitEvent[];
  /** Actors that reached a final state. */
  ended: Actor[];
}

/** Where an event from outside comes from. */
export interface Origin {
  readonly source: string;
  readonly cause?: GleitzeitEvent | undefined;
  readonly requestId?: string | undefined;
  readonly traceparent?: string | undefined;
  /** Carried on by everything that follows within the same workflow. */
  readonly tags?: readonly string[] | undefined;
}

/** Sees each delivery, for as long as somebody inspects the system. */
export type DeliveryObserver = (event: GleitzeitEvent, to: Actor, before: AnyMachineSnapshot) => void;

/** What a submit came with, for everything that follows within its workflow, whatever the immediate cause is. */
export type SubmitContext = Pick<Origin, 'requestId' | 'traceparent' | 'tags'>;

/** What went wrong on the way, where nothing may go unnoticed. */
export interface Violation {
  readonly kind: 'unhandled' | 'dead_letter' | 'actor_failed';
  readonly message: string;
}
