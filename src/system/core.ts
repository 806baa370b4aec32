/**
 * The core of a running system: registry, router, turn loop and journal, put together.
 *
 * Everything around it takes part in two ways only: it puts events into the inbox, and it is told of events that are durable.
 */
import type { AnyMachineSnapshot } from 'xstate';

import type { EventType, GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { toFailure } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from './clock.ts';
import type { MachineConfig } from './config.ts';
import type { Effect } from './effects.ts';
import type { IdSource } from './ids.ts';
import { seqOfNextRun } from './next-seq.ts';
import { Registry } from './registry.ts';
import { Router } from './router.ts';
import { deriveRoutingTable } from './routing-table.ts';
import type { Arrival, StorageFault, StorageHold } from './storage-hold.ts';
import { superviseActors } from './supervision.ts';
import type { Origin, Violation } from './traffic.ts';
import { TurnLoop } from './turn-loop.ts';
import { wiring } from './wiring.ts';

export interface CoreOptions {
  readonly journal: Journal;
  readonly config: MachineConfig;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly defer: (act: () => void) => void;
  /** The highest `seq` in the journal. */
  readonly lastSeq: number;
  readonly onViolation: ((violation: Violation) => void) | undefined;
  readonly onEffectError: (error: unknown, event: GleitzeitEvent) => void;
  readonly onCommitError: (error: unknown) => void;
  /** Has every event recorded, whatever the catalogue says. @defaultValue `false` */
  readonly recordsAll?: boolean;
  /** The journal takes no facts for the time being. */
  readonly onHold?: (fault: StorageFault) => void;
}

export class Core {
  readonly registry = new Registry();
  readonly router: Router;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly config: MachineConfig;
  private readonly loop: TurnLoop;

  constructor(options: CoreOptions) {
    const { journal, config, clock, ids, lastSeq, recordsAll = false } = options;
    this.journal = journal;
    this.clock = clock;
    this.config = config;
    const table = deriveRoutingTable(wiring);
    this.router = new Router({ wiring, table, registry: this.registry, config, clock, ids, afterSeq: seqOfNextRun(lastSeq), recordsAll });
    this.router.onViolation = options.onViolation;
    const { defer, onEffectError } = options;
    const onCommitError = (error: unknown): void => this.lose(error, options.onCommitError);
    const onHold = (hold: StorageHold): void => this.hold(hold, options.onHold);
    const onRelease = (hold: StorageHold): void => this.release(hold);
    const { router, registry } = this;
    this.loop = new TurnLoop({ router, registry, journal, clock, defer, onEffectError, onCommitError, onHold, onRelease });
    this.loop.durableSeq = lastSeq;
    superviseActors(this);
  }

  private lose(error: unknown, tell: (error: unknown) => void): void {
    const data = { target: 'journal', event: 'append', error: toFailure(error, 'PERSISTENCE_WRITE_FAILED') };
    this.loop.sayLast({ type: 'system:crash', data }, { source: 'runtime' });
    tell(error);
  }

  private hold({ fault }: StorageHold, tell: CoreOptions['onHold']): void {
    const { error, since } = fault;
    tell?.(fault);
    this.loop.sayAside({ type: 'system:hold', data: { error, since } }, { source: 'runtime' });
  }

  private release({ fault: { since } }: StorageHold): void {
    const heldMs = Math.max(0, this.clock.now() - since);
    this.loop.accept({ type: 'system:release', data: { since, heldMs } }, { source: 'runtime' });
  }

  /** From now on waits for a journal that takes no facts for a time; until now that fails whoever writes to it. */
  waitForStorage(): void {
    this.loop.mayHold = true;
  }

  /** What the journal said, while it takes no facts: nothing is admitted then, and what is stated waits in memory. */
  get storageFault(): StorageFault | undefined {
    return this.loop.hold?.fault;
  }

  /** The last fact that is durable. What stands after it can still be undone by a crash, and its `seq` be given again. */
  get durableSeq(): number {
    return this.loop.durableSeq;
  }

  /** Puts an event into the inbox. */
  accept(draft: GleitzeitDraft, origin: Origin): void {
    this.loop.accept(draft, origin);
  }

  /** Takes what can wait, a little at a time; each is asked for only when it is its turn. */
  acceptAtLeisure(arrivals: Iterable<Arrival>): void {
    this.loop.acceptAtLeisure(arrivals);
  }

  /** Registers what is done once events of a type are durable. */
  on<Type extends EventType>(type: Type, effect: (event: Extract<GleitzeitEvent, { readonly type: Type }>) => void): void {
    // The loop calls an effect with events of the type it was registered for, and with no others.
    this.loop.on(type, effect as Effect);
  }

  /** Sees every event once it is durable, or none any more. */
  watch(watcher: ((event: GleitzeitEvent) => void) | undefined): void {
    this.loop.effects.watcher = watcher;
    this.router.watched = watcher !== undefined;
  }

  /** The state of an actor, also of one that ended in the batch whose effects run just now. */
  snapshot(component: Component, key = ''): AnyMachineSnapshot | undefined {
    return this.registry.last(component, key)?.getSnapshot();
  }

  whenQuiet(): Promise<void> {
    return this.loop.whenQuiet();
  }

  /** Resolves when everything that was accepted up to now is durable. @throws GleitzeitError SYSTEM_SHUTDOWN */
  whenDurable(): Promise<void> {
    return this.loop.whenDurable();
  }

  /** Like {@link whenDurable}, but does not wait for a journal that takes nothing: false, as soon as that is so. @throws GleitzeitError SYSTEM_SHUTDOWN */
  whenDurableOrHeld(): Promise<boolean> {
    return this.loop.whenDurableOrHeld();
  }

  /** Whether everything that was stated up to now is durable, or a promise of that; false once the journal takes nothing. */
  settled(): boolean | Promise<boolean> {
    return this.loop.settled();
  }

  /** The last event that may be told, and what else is known as of it. */
  get settledSeq(): number {
    return this.loop.settledSeq;
  }

  /** The state of the collector of figures as of the last event that may be told. */
  get settledFigures(): AnyMachineSnapshot | undefined {
    return this.loop.settledFigures;
  }

  /** Calls a listener, in place of the one before, whenever more may be told. */
  onSettled(listener: ((seq: number) => void) | undefined): void {
    this.loop.onSettled = listener;
  }

  close(): void {
    this.loop.close();
  }
}
