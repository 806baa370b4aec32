/**
 * The registrations of a remote worker at its hub: one for each protocol, made anew on each connection, and kept alive by
 * heartbeats.
 *
 * It refuses to give up: a registration that is refused for the time being is tried again at the next heartbeat. One that is
 * refused for good ends the worker.
 */
import { type GleitzeitError, toError } from '../../errors.ts';
import { processVitals } from '../../runtime/vitals.ts';
import { valueOfAnswer } from '../client/wire-errors.ts';
import type { WorkerAnswers, WorkerMessage, WorkerMessageName } from '../protocol/workers.ts';
import type { HeldAttempts } from './held-attempts.ts';
import type { Offer } from './offers.ts';

export interface RegistrationsOptions {
  readonly offers: readonly Offer[];
  readonly slots: number;
  readonly instance: string;
  readonly held: HeldAttempts;
  readonly now: () => number;
  readonly send: (name: WorkerMessageName, data: object, answered: (answer: unknown) => void) => void;
  /** Whether all are registered, each time that this has become so. */
  readonly onRegistered: () => void;
  /** Told of one that is refused; it is tried again, unless that makes no sense. */
  readonly onRefused: (workerId: string, error: GleitzeitError) => void;
  /** No more tasks come. */
  readonly onDrained: () => void;
}

/** Until the hub says what it wants: how often what could not be registered is tried again, in milliseconds. */
const firstBeatMs = 1_000;

export class Registrations {
  private readonly options: RegistrationsOptions;
  private readonly vitals = processVitals();
  private readonly registered = new Set<string>();
  private readonly drained = new Set<string>();
  /** Registrations that are not answered yet. */
  private readonly asked = new Set<string>();
  /** Grows with each connection: answers on an earlier one do not count. */
  private connection = 0;
  private isConnected = false;
  private terms = { leaseMs: Number.POSITIVE_INFINITY, heartbeatMs: firstBeatMs };
  private timer: NodeJS.Timeout | undefined;
  /** Why they leave, once they do. */
  private leaving: string | undefined;

  constructor(options: RegistrationsOptions) {
    this.options = options;
  }

  /** Whether reports of a worker are taken now. */
  has(workerId: string): boolean {
    return this.registered.has(workerId);
  }

  /** Whether no more tasks come: the hub knows that they leave, or does not reach them. */
  get isDrained(): boolean {
    return [...this.registered].every((workerId) => this.drained.has(workerId));
  }

  opened(): void {
    this.connection += 1;
    this.isConnected = true;
    for (const offer of this.options.offers) this.register(offer);
    this.timer ??= setTimeout(() => this.beat(), this.terms.heartbeatMs);
  }

  closed(): void {
    this.isConnected = false;
    this.registered.clear();
    this.drained.clear();
    this.asked.clear();
  }

  /** Takes no more tasks. @param leases - What is finished before; the rest is given back. Without it, everything is finished. */
  drain(reason: string, leases?: readonly string[]): void {
    this.leaving = reason;
    for (const workerId of this.registered) this.sendDrain(workerId, leases);
  }

  end(): void {
    clearTimeout(this.timer);
    this.vitals.stop();
  }

  /** Beats as often as the hub wants from now on. */
  private agree(terms: Registrations['terms']): void {
    const { heartbeatMs } = this.terms;
    this.terms = terms;
    if (terms.heartbeatMs === heartbeatMs) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.beat(), terms.heartbeatMs);
  }

  private register({ workerId, protocol, providerOf }: Offer): void {
    const { offers, slots, instance, held, now, onRegistered, onRefused } = this.options;
    if (this.asked.has(workerId)) return;
    this.asked.add(workerId);
    const data: WorkerMessage<'worker:register'> = {
      workerId,
      protocol,
      methods: [...providerOf.keys()],
      slots,
      instance,
      leases: [...held.leasesOf(workerId)],
    };
    const at = now();
    this.ask('worker:register', data, {
      done: ({ leaseMs, heartbeatMs, lost, messageBytes }) => {
        this.asked.delete(workerId);
        held.messageBytes = messageBytes;
        this.agree({ leaseMs, heartbeatMs });
        held.renew(workerId, at, lost);
        this.registered.add(workerId);
        if (this.leaving !== undefined) this.sendDrain(workerId);
        held.flush(workerId);
        if (this.registered.size === offers.length) onRegistered();
      },
      refused: (error) => {
        this.asked.delete(workerId);
        onRefused(workerId, error);
      },
    });
  }

  /** One message for all that a worker runs; and what could not be registered is tried again. */
  private beat(): void {
    const { held, offers, now } = this.options;
    const { leaseMs, heartbeatMs } = this.terms;
    this.timer = setTimeout(() => this.beat(), heartbeatMs);
    held.expire({ leaseMs, graceMs: heartbeatMs, isOutOfReach: !this.isConnected });
    if (!this.isConnected) return;
    const readings = this.vitals.read();
    for (const offer of offers) {
      const { workerId } = offer;
      if (!this.registered.has(workerId)) {
        this.register(offer);
        continue;
      }
      held.flush(workerId);
      const leases = held.leasesOf(workerId).map(({ leaseId }) => leaseId);
      const at = now();
      this.ask(
        'worker:heartbeat',
        { workerId, leases, ...readings },
        {
          done: ({ lost }) => held.renew(workerId, at, lost),
          // It does not know this worker any more.
          refused: () => this.registered.delete(workerId),
        },
      );
    }
  }

  private sendDrain(workerId: string, leases?: readonly string[]): void {
    const { leaving: reason = '' } = this;
    this.drained.delete(workerId);
    const done = (): void => {
      this.drained.add(workerId);
      this.options.onDrained();
    };
    const data = { workerId, reason, ...(leases !== undefined && { leases: [...leases] }) };
    this.ask('worker:drain', data, { done, refused: () => this.registered.delete(workerId) });
  }

  private ask<Name extends 'worker:register' | 'worker:heartbeat' | 'worker:drain'>(
    name: Name,
    data: WorkerMessage<Name>,
    { done, refused }: { readonly done: (answer: WorkerAnswers[Name]) => void; readonly refused: (error: GleitzeitError) => void },
  ): void {
    const { connection } = this;
    this.options.send(name, data, (answer) => {
      if (connection !== this.connection || !this.isConnected) return;
      try {
        // The hub answers each message with what the protocol says.
        done(valueOfAnswer(answer) as WorkerAnswers[Name]);
      } catch (thrown) {
        refused(toError(thrown));
      }
    });
  }
}
