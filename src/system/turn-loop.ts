/**
 * The turn loop: facts before effects.
 *
 * What comes from outside waits in the inbox. A turn carries one such event through the machines until all is quiet; the
 * facts of all turns so far are then committed in one append, and only when that is durable do effects run, in the order
 * in which their events were stated. Turns that run while a commit is under way share the next one.
 *
 * A journal that refuses a batch only for the time being is asked again, with growing delays. Until it takes the batch turns go on
 * in memory, and their facts join it; no effect runs, and time stands still: what falls due, falls due then.
 */
import { type EventType, type GleitzeitDraft, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';
import { errorOf, toFailure } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from './clock.ts';
import { Inbox } from './inbox.ts';
import type { Registry } from './registry.ts';
import type { Router } from './router.ts';
import { type Arrival, joined, StorageHold } from './storage-hold.ts';
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
  /** The journal did not take a batch, and never will: nothing that follows from it may be seen outside. */
  readonly onCommitError: (error: unknown) => void;
  /** The journal does not take a batch for now. */
  readonly onHold: (hold: StorageHold) => void;
  /** It took it after all, and effects have run. */
  readonly onRelease: (hold: StorageHold) => void;
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
  private readonly inbox = new Inbox();
  private waiting: Waiting[] = [];
  private isPumping = false;
  private isCommitting = false;
  private isClosed = false;
  private quiet: (() => void)[] = [];
  /** What waits while the journal takes nothing. */
  hold: StorageHold | undefined;
  /** The last fact that is durable; those who watch have seen all up to it once its effects have run. */
  durableSeq = 0;
  /** Whether a refusal for the time being is waited out: only once something was promised. */
  mayHold = false;
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
    if (this.hold !== undefined && draft.type === 'schedule:due') {
      this.hold.due.push({ draft, origin });
      return;
    }
    this.inbox.put({ draft, origin });
    this.schedule();
  }

  /**
   * Takes what can wait, each only when it is its turn: a little of it at a time, so that what comes meanwhile is served. What was
   * left of an earlier call is dropped.
   */
  acceptAtLeisure(arrivals: Iterable<Arrival>): void {
    if (this.isClosed) return;
    this.inbox.putAtLeisure(arrivals);
    this.schedule();
  }

  /** Resolves when nothing is left to be taken and everything so far is committed and done. */
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
      else this.waiting.push({ count: this.inbox.accepted, resolve, reject });
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

  /**
   * Says something while all else waits for the journal, which it overtakes: those who watch see it at once. What is recorded of
   * it, or has effects, waits with the rest.
   */
  sayAside(draft: GleitzeitDraft, origin: Origin): void {
    const { router } = this.options;
    this.hold?.add(router.takeOutcome());
    router.accept(draft, origin);
    const { facts, events, ended } = router.takeOutcome();
    const waits = ({ type }: GleitzeitEvent): boolean => specOf(type).recorded || this.effects.has(type);
    this.hold?.add({ facts, events: events.filter(waits), ended });
    for (const event of events) if (!waits(event)) this.show(event);
  }

  /** Takes nothing more, and drops what waits; no effect runs after it. */
  close(): void {
    this.isClosed = true;
    this.hold?.timer?.cancel();
    this.inbox.clear();
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
    const { clock, router } = this.options;
    const until = clock.now() + longestPumpMs;
    this.inbox.takeSome({
      take: ({ draft, origin }) => router.accept(draft, origin),
      isLate: () => clock.now() > until,
      isHeld: this.hold !== undefined,
    });
    this.commit();
    // While the journal takes nothing, only its release goes on with what can wait.
    if (this.inbox.isPending(this.hold !== undefined)) this.schedule();
  }

  private commit(): void {
    if (this.isCommitting || this.isClosed) return;
    const { router } = this.options;
    if (this.hold !== undefined) {
      this.hold.trim(router.outcome, ({ type }) => this.effects.has(type));
      return;
    }
    const outcome = router.takeOutcome();
    if (outcome.facts.length === 0) this.perform(outcome, this.inbox.carried);
    else this.append(outcome);
  }

  private append(outcome: Outcome): void {
    const { carried } = this.inbox;
    let pending: Promise<void> | undefined;
    try {
      pending = this.options.journal.append(outcome.facts);
    } catch (error) {
      this.refused(outcome, error);
      return;
    }
    if (pending === undefined) {
      this.succeeded(outcome, carried);
      return;
    }
    this.isCommitting = true;
    const then = (): void => {
      this.succeeded(outcome, carried);
      // Only now: turns that ran meanwhile are not committed, so that all is not quiet yet.
      this.isCommitting = false;
      this.commit();
    };
    pending.then(then, (error: unknown) => this.refused(outcome, error));
  }

  private succeeded(outcome: Outcome, carried: number): void {
    const { hold } = this;
    this.hold = undefined;
    this.durableSeq = outcome.facts.at(-1)?.seq ?? this.durableSeq;
    this.perform(outcome, carried);
    if (hold === undefined || this.isClosed) return;
    this.options.onRelease(hold);
    for (const { draft, origin } of hold.due) this.accept(draft, origin);
  }

  private refused(outcome: Outcome, thrown: unknown): void {
    if (this.isClosed) return;
    const { clock, router, onHold, onCommitError } = this.options;
    const error = toFailure(thrown, 'PERSISTENCE_WRITE_FAILED');
    if (!this.mayHold || !error.retryable) {
      // For ever: nothing is appended any more.
      this.isCommitting = true;
      onCommitError(thrown);
      return;
    }
    this.isCommitting = false;
    const now = clock.now();
    const held = this.hold;
    const hold = held ?? new StorageHold(outcome, error, now);
    held?.refused(outcome, error, now);
    this.hold = hold;
    hold.timer = clock.setTimer(hold.fault.retryAt - now, () => this.append(joined(hold.outcome, router.takeOutcome())));
    if (held === undefined) onHold(hold);
  }

  private perform({ events, ended }: Outcome, carried: number): void {
    if (this.isClosed) return;
    for (const event of events) {
      for (const effect of this.effects.get(event.type) ?? []) this.attempt(effect, event);
      this.show(event);
    }
    // One that ended may have been woken in a later turn of the batch.
    for (const actor of ended) if (actor.hasEnded()) this.options.registry.drop(actor);
    if (this.waiting.length > 0) this.releaseDurable(carried);
    if (this.inbox.isEmpty && !this.isCommitting) this.releaseQuiet();
  }

  private show(event: GleitzeitEvent): void {
    if (this.watcher !== undefined) this.attempt(this.watcher, event);
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
