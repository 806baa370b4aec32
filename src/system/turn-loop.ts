/**
 * The turn loop: facts before effects.
 *
 * What comes from outside waits in the inbox. A turn carries one such event through the machines until all is quiet; the
 * facts of all turns so far are then committed in one append, and only when that is durable do effects run, in the order
 * in which their events were stated. Turns that run while a commit is under way share the next one.
 *
 * A journal that refuses a batch only for the time being is asked again, with growing delays. Until it takes the batch turns go on
 * in memory, and their facts join it; no effect runs, and time stands still: what falls due, falls due then.
 *
 * Actors are ahead of the journal by the turns of the batch under way and those since. So whoever is asked what they hold reads it
 * at once and tells it when everything stated up to then is durable: see `told.ts`.
 */
import type { AnyMachineSnapshot } from 'xstate';

import { type EventType, type GleitzeitDraft, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';
import { errorOf, toFailure } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from './clock.ts';
import { type Effect, Effects } from './effects.ts';
import { Inbox } from './inbox.ts';
import type { Registry } from './registry.ts';
import type { Router } from './router.ts';
import { type Arrival, joined, StorageHold } from './storage-hold.ts';
import type { Origin, Outcome } from './traffic.ts';
import { type Mark, Waiting } from './waiting.ts';

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

/** What the journal is asked to take, and what holds once it has. */
interface Batch {
  readonly outcome: Outcome;
  readonly mark: Mark;
  readonly figures: AnyMachineSnapshot | undefined;
}

export class TurnLoop {
  private readonly options: TurnLoopOptions;
  readonly effects: Effects;
  private readonly inbox = new Inbox();
  private readonly waiting = new Waiting();
  private isPumping = false;
  private isCommitting = false;
  private isClosed = false;
  private quiet: (() => void)[] = [];
  /** What waits while the journal takes nothing. */
  hold: StorageHold | undefined;
  /** The last fact that is durable; those who watch have seen all up to it once its effects have run. */
  durableSeq = 0;
  /** The last event that was stated and may be told: everything that it follows from is durable. */
  settledSeq: number;
  /** The figures as of that event: the one answer that is to be had at once also while the journal takes nothing. */
  settledFigures: AnyMachineSnapshot | undefined;
  /** Called with `settledSeq` whenever it has grown, after the effects of what is settled. */
  onSettled: ((seq: number) => void) | undefined;
  /** Whether a refusal for the time being is waited out: only once something was promised. */
  mayHold = false;

  constructor(options: TurnLoopOptions) {
    this.options = options;
    this.effects = new Effects(options.onEffectError);
    this.settledSeq = options.router.lastSeq;
    this.settledFigures = this.figures();
  }

  /** Registers what is done once events of a type are durable. */
  on(type: EventType, effect: Effect): void {
    this.effects.add(type, effect);
    this.options.router.awaited.add(type);
  }

  /** What reaches a closed loop is dropped. */
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
  async whenDurable(): Promise<void> {
    await this.reaching({ carried: this.inbox.accepted, stated: 0 }, true);
  }

  /** Like {@link whenDurable}, but does not wait for a journal that takes nothing: false, as soon as that is so. */
  whenDurableOrHeld(): Promise<boolean> {
    return this.hold === undefined ? this.reaching({ carried: this.inbox.accepted, stated: 0 }, false) : Promise.resolve(false);
  }

  /**
   * Whether everything that was stated up to now is durable, or a promise of that: false once the journal takes nothing. It waits
   * for no more than the batch under way and the next one, however much comes after.
   */
  settled(): boolean | Promise<boolean> {
    if (this.hold !== undefined) return false;
    const { lastSeq } = this.options.router;
    return this.settledSeq === lastSeq ? true : this.reaching({ carried: 0, stated: lastSeq }, false);
  }

  private reaching(mark: Mark, isPatient: boolean): Promise<boolean> {
    if (this.isClosed) return Promise.reject(closed());
    this.schedule();
    return this.waiting.until(mark, isPatient);
  }

  /** Says something although the journal takes nothing any more: it is seen, and nothing of it or before it is recorded. */
  sayLast(draft: GleitzeitDraft, origin: Origin): void {
    const { router } = this.options;
    router.takeOutcome();
    router.accept(draft, origin);
    this.perform({ events: router.takeOutcome().events, facts: [], ended: [] }, { carried: 0, stated: 0 });
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
    for (const event of events) if (!waits(event)) this.effects.show(event);
  }

  /** Takes nothing more, and drops what waits; no effect runs after it. */
  close(): void {
    this.isClosed = true;
    this.hold?.timer?.cancel();
    this.inbox.clear();
    this.releaseQuiet();
    this.waiting.end(closed());
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
    if (outcome.facts.length > 0) {
      this.append(outcome);
      return;
    }
    this.settledFigures = this.figures();
    this.perform(outcome, this.mark());
  }

  /** How far what was just taken from the router has come. */
  private mark = (): Mark => ({ carried: this.inbox.carried, stated: this.options.router.lastSeq });

  private figures(): AnyMachineSnapshot | undefined {
    return this.options.registry.last('metrics', '')?.getSnapshot();
  }

  private append(outcome: Outcome): void {
    const batch: Batch = { outcome, mark: this.mark(), figures: this.figures() };
    let pending: Promise<void> | undefined;
    try {
      pending = this.options.journal.append(outcome.facts);
    } catch (error) {
      this.refused(outcome, error);
      return;
    }
    if (pending === undefined) {
      this.succeeded(batch);
      return;
    }
    this.isCommitting = true;
    const then = (): void => {
      this.succeeded(batch);
      // Only now: turns that ran meanwhile are not committed, so that all is not quiet yet.
      this.isCommitting = false;
      this.commit();
    };
    pending.then(then, (error: unknown) => this.refused(outcome, error));
  }

  private succeeded({ outcome, mark, figures }: Batch): void {
    const { hold } = this;
    this.hold = undefined;
    this.durableSeq = outcome.facts.at(-1)?.seq ?? this.durableSeq;
    this.settledFigures = figures;
    this.perform(outcome, mark);
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
    if (held !== undefined) return;
    onHold(hold);
    this.waiting.held();
  }

  private perform({ events, ended }: Outcome, mark: Mark): void {
    if (this.isClosed) return;
    this.settledSeq = Math.max(this.settledSeq, mark.stated);
    for (const event of events) this.effects.run(event);
    // One that ended may have been woken in a later turn of the batch.
    for (const actor of ended) if (actor.hasEnded()) this.options.registry.drop(actor);
    this.onSettled?.(this.settledSeq);
    this.waiting.reached(mark);
    if (this.inbox.isEmpty && !this.isCommitting) this.releaseQuiet();
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
