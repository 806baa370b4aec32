/**
 * The turn loop: facts before effects.
 *
 * What comes from outside waits in the inbox. A turn carries one such event through the machines until all is quiet; the
 * facts of all turns so far are then committed in one append, and only when that is durable do effects run, in the order
 * in which their events were stated. Turns that run while a commit is under way share the next one.
 */
import type { EventType, GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { errorOf } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from './clock.ts';
import type { Registry } from './registry.ts';
import type { Router } from './router.ts';
import type { Origin, Outcome } from './traffic.ts';

export type Effect = (event: GleitzeitEvent) => void;

export interface TurnLoopOptions {
  readonly router: Router;
  readonly registry: Registry;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Runs something as soon as the current work is done. */
  readonly defer: (act: () => void) => void;
  /** An effect threw, which none should; nothing else is lost by it. */
  readonly onEffectError: (error: unknown, event: GleitzeitEvent) => void;
  /** The journal did not take a batch: nothing that follows from it may be seen outside. */
  readonly onCommitError: (error: unknown) => void;
}

/** How long turns may run before timers and I/O get their share, in milliseconds. */
const longestPumpMs = 5;

/** Somebody who waits until a number of events, counted from the first, are durable. */
interface Waiting {
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class TurnLoop {
  private readonly options: TurnLoopOptions;
  private readonly effects = new Map<EventType, Effect[]>();
  private inbox: { readonly draft: GleitzeitDraft; readonly origin: Origin }[] = [];
  private taken = 0;
  /** How many were ever put into the inbox, and how many of them a turn has carried. */
  private accepted = 0;
  private carried = 0;
  private waiting: Waiting[] = [];
  private isPumping = false;
  private isCommitting = false;
  private isClosed = false;
  private quiet: (() => void)[] = [];
  /** Called with every event of a batch, after the effects of that event. */
  watcher: ((event: GleitzeitEvent) => void) | undefined;

  constructor(options: TurnLoopOptions) {
    this.options = options;
  }

  /** Registers what is done once events of a type are durable. */
  on(type: EventType, effect: Effect): void {
    const present = this.effects.get(type);
    if (present === undefined) this.effects.set(type, [effect]);
    else present.push(effect);
    this.options.router.awaited.add(type);
  }

  /** Puts an event into the inbox; what reaches a closed loop is dropped. */
  accept(draft: GleitzeitDraft, origin: Origin): void {
    if (this.isClosed) return;
    this.accepted++;
    this.inbox.push({ draft, origin });
    this.schedule();
  }

  /** Resolves when the inbox is empty and everything so far is committed and done. */
  whenQuiet(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.quiet.push(resolve);
      this.schedule();
    });
  }

  /**
   * Resolves when everything that was accepted up to now is durable and its effects have run, whatever comes after it.
   * @throws GleitzeitError SYSTEM_SHUTDOWN when the loop is closed first
   */
  whenDurable(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) reject(closed());
      else this.waiting.push({ count: this.accepted, resolve, reject });
      this.schedule();
    });
  }

  /** Says something although the journal takes nothing any more: it is seen, and nothing of it or before it is recorded. */
  sayLast(draft: GleitzeitDraft, origin: Origin): void {
    const { router } = this.options;
    router.takeOutcome();
    router.accept(draft, origin);
    this.perform({ events: router.takeOutcome().events, facts: [], ended: [] }, 0);
  }

  /** Takes nothing more, and drops what waits; no effect runs after it. */
  close(): void {
    this.isClosed = true;
    this.inbox = [];
    this.taken = 0;
    this.releaseQuiet();
    for (const { reject } of this.waiting) reject(closed());
    this.waiting = [];
  }

  private schedule(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    this.options.defer(() => this.pump());
  }

  private pump(): void {
    this.isPumping = false;
    if (this.isClosed) return;
    const until = this.options.clock.now() + longestPumpMs;
    while (this.taken < this.inbox.length) {
      const item = this.inbox[this.taken++];
      if (item !== undefined) {
        this.carried++;
        this.options.router.accept(item.draft, item.origin);
      }
      if (this.options.clock.now() > until) break;
    }
    if (this.taken === this.inbox.length) {
      this.inbox = [];
      this.taken = 0;
    }
    this.commit();
    if (this.inbox.length > 0) this.schedule();
  }

  private commit(): void {
    if (this.isCommitting || this.isClosed) return;
    const outcome = this.options.router.takeOutcome();
    const { carried } = this;
    if (outcome.facts.length === 0) {
      this.perform(outcome, carried);
      return;
    }
    const written = this.append(outcome, carried);
    if (written === undefined) this.perform(outcome, carried);
    else void written;
  }

  /** Appends; answers nothing when the journal did so at once. */
  private append(outcome: Outcome, carried: number): Promise<void> | undefined {
    try {
      const pending = this.options.journal.append(outcome.facts);
      if (pending === undefined) return undefined;
      this.isCommitting = true;
      return pending.then(
        () => {
          this.perform(outcome, carried);
          // Only now: turns that ran meanwhile are not committed, so that all is not quiet yet.
          this.isCommitting = false;
          if (!this.isClosed) this.commit();
        },
        (error: unknown) => this.options.onCommitError(error),
      );
    } catch (error) {
      this.isCommitting = true;
      this.options.onCommitError(error);
      return Promise.resolve();
    }
  }

  private perform({ events, ended }: Outcome, carried: number): void {
    if (this.isClosed) return;
    for (const event of events) {
      for (const effect of this.effects.get(event.type) ?? []) this.attempt(effect, event);
      if (this.watcher !== undefined) this.attempt(this.watcher, event);
    }
    for (const actor of ended) this.options.registry.drop(actor);
    if (this.waiting.length > 0) this.releaseDurable(carried);
    if (this.inbox.length === 0 && !this.isCommitting) this.releaseQuiet();
  }

  private releaseDurable(carried: number): void {
    const durable = this.waiting.filter(({ count }) => count <= carried);
    if (durable.length === 0) return;
    this.waiting = this.waiting.filter(({ count }) => count > carried);
    for (const { resolve } of durable) resolve();
  }

  private attempt(effect: Effect, event: GleitzeitEvent): void {
    try {
      effect(event);
    } catch (error) {
      this.options.onEffectError(error, event);
    }
  }

  private releaseQuiet(): void {
    const waiting = this.quiet;
    this.quiet = [];
    for (const resolve of waiting) resolve();
  }
}

function closed(): Error {
  return errorOf('SYSTEM_SHUTDOWN', 'The system ended before it was durable.');
}
