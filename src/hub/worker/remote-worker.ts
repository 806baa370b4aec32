/**
 * A worker outside the engine's process: connects to a hub, carries out what it is given by the same executor as the engine
 * itself, and reports what came of it.
 *
 * It decides nothing about tasks. It survives what a network does, and a hub that restarts: what it runs goes on meanwhile, what it
 * could not report it reports later, and what it has lost by then it aborts.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { deferred } from '../../deferred.ts';
import { errorOf, fromFailure, type GleitzeitError, toError } from '../../errors.ts';
import { boundReport } from '../../failure-limits.ts';
import { longestTimerMs } from '../../milliseconds.ts';
import { createExecutor, type Executor } from '../../providers/executor.ts';
import { defaultLogger, guardLogger, type Logger } from '../../runtime/logger.ts';
import { checkStop, type StopOptions, stopDefaults } from '../../runtime/shutdown.ts';
import { systemClock } from '../../system/clock.ts';
import { Link } from '../client/link.ts';
import { connectDefaults } from '../client/options.ts';
import { valueOfAnswer } from '../client/wire-errors.ts';
import { hubMessages, type ReportAnswer, type TaskExecute } from '../protocol/workers.ts';
import { HeldAttempts, type Report } from './held-attempts.ts';
import { type Offers, offersOf } from './offers.ts';
import { checkRemoteWorkerOptions, type RemoteWorkerOptions, remoteWorkerDefaults } from './options.ts';
import { ProgressNotes } from './progress-notes.ts';
import { Registrations } from './registrations.ts';

const namespace = '/pool';
/** How long the hub may take to hear what a worker gives back, in milliseconds. */
const farewellMs = 2_000;
/** Refusals that pass by themselves, beside those that say so. */
const passing: ReadonlySet<string> = new Set(['SYSTEM_SHUTDOWN', 'SYSTEM_NOT_INITIALIZED']);

/** What `createRemoteWorker` makes. */
export class RemoteWorker {
  /** What the hub knows it by: one id for each protocol. */
  readonly workerIds: readonly string[];
  private readonly options: RemoteWorkerOptions;
  private readonly offers: Offers;
  private readonly log: Logger;
  private readonly executor: Executor;
  private readonly held: HeldAttempts;
  private readonly progress: ProgressNotes;
  private readonly registrations: Registrations;
  private readonly registered = deferred<void>();
  private readonly end = deferred<void>();
  private link: Link | undefined;
  private starting: Promise<void> | undefined;
  private leaving: Promise<void> | undefined;
  private closing: Promise<unknown> | undefined;
  private lastError: GleitzeitError | undefined;
  private isLost = false;
  /** Looks whether a worker that drains has nothing left to do. */
  private look: () => void = () => undefined;

  constructor(options: RemoteWorkerOptions) {
    this.options = options;
    const instance = randomUUID();
    this.offers = offersOf(options, options.name ?? `${hostname()}-${process.pid}-${instance.slice(0, 4)}`);
    this.workerIds = this.offers.byProtocol.map(({ workerId }) => workerId);
    this.log = guardLogger(options.log ?? defaultLogger());
    this.progress = new ProgressNotes((note, answered) => this.send('attempt:progress', note, answered));
    this.executor = createExecutor({
      clock: systemClock,
      // The hub knows what is secret, and cuts after that.
      bound: boundReport,
      log: ({ message, details, ...attempt }) => this.log.info({ ...attempt, ...details }, message),
      progress: ({ leaseId, fraction, message }) => this.progress.tell({ leaseId, fraction, ...(message !== undefined && { message }) }),
    });
    for (const provider of this.offers.providers) this.executor.register(provider);
    // Time that passes, whatever becomes of the clock.
    const now = (): number => performance.now();
    this.held = new HeldAttempts({
      executor: this.executor,
      now,
      providerOf: (execution) => this.providerOf(execution),
      send: (workerId, report) => this.registrations.has(workerId) && this.report(report),
      onLess: () => this.look(),
    });
    this.registrations = new Registrations({
      offers: this.offers.byProtocol,
      slots: options.slots ?? remoteWorkerDefaults.slots,
      instance,
      held: this.held,
      now,
      send: (name, data, answered) => void this.send(name, data, answered),
      onRegistered: () => this.entered(),
      onRefused: (workerId, error) => this.refused(workerId, error),
      onDrained: () => this.look(),
    });
  }

  /** Attempts that run. */
  get running(): number {
    return this.held.running;
  }

  /** Resolves when it has ended in order. @throws GleitzeitError why the hub does not let it in any more */
  get closed(): Promise<void> {
    return this.end.promise;
  }

  /**
   * Starts its providers, connects and registers; resolves when tasks can come.
   * @throws GleitzeitError of a provider that does not start; AUTHENTICATION_FAILED; CONNECTION_REFUSED, NETWORK_UNREACHABLE or
   * CONNECTION_TIMEOUT when it was not registered in time; what the hub refuses the registration with
   */
  start(): Promise<void> {
    this.starting ??= this.comeUp();
    return this.starting;
  }

  /** Takes no more tasks, finishes and reports what it runs, however long that takes, and leaves. */
  drain(reason = 'it drains'): Promise<void> {
    this.leaving ??= this.leave(reason, undefined);
    return this.leaving;
  }

  /**
   * Takes no more tasks and finishes what it runs; what still runs at the deadline is aborted, given back to the hub and run elsewhere.
   * @throws GleitzeitError INVALID_PARAMS for a deadline that is none, and nothing else
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkStop(options);
    const { deadlineMs = stopDefaults.deadlineMs, reason = stopDefaults.reason } = options;
    this.leaving ??= this.leave(reason, deadlineMs);
    await this.leaving;
  }

  private async comeUp(): Promise<void> {
    const { url, path = connectDefaults.path, token, connectTimeoutMs = remoteWorkerDefaults.connectTimeoutMs, signal } = this.options;
    signal?.addEventListener('abort', () => void this.stop({ reason: 'its signal was aborted' }), { once: true });
    try {
      if (signal?.aborted === true || this.leaving !== undefined) throw errorOf('SYSTEM_SHUTDOWN', 'The worker was stopped before it was started.');
      for (const { id } of this.offers.providers) {
        const started = await this.executor.start(id);
        if (!started.ok) throw fromFailure(started.error);
      }
      const client = await import('socket.io-client');
      this.link = new Link(client, { url, path, token }, this.watcher());
      this.link.open(namespace);
      const late = setTimeout(() => this.registered.reject(this.lastError ?? tooLate(url, connectTimeoutMs)), connectTimeoutMs);
      await this.registered.promise.finally(() => clearTimeout(late));
    } catch (thrown) {
      await this.close();
      this.end.resolve();
      throw toError(thrown);
    }
  }

  private watcher(): ConstructorParameters<typeof Link>[2] {
    const { url } = this.options;
    return {
      opened: () => {
        this.lastError = undefined;
        this.registrations.opened();
      },
      closed: () => {
        this.isLost = true;
        this.log.warn({ url, running: this.running }, 'the connection to the hub is lost; what runs goes on');
        this.registrations.closed();
        this.held.disconnected();
        this.progress.clear();
        this.look();
      },
      heard: (_, name, payload) => this.hear(name, payload),
      failed: (error) => {
        // Once is enough, for as long as it lasts.
        this.log[this.lastError === undefined ? 'warn' : 'debug']({ err: error }, 'no connection to the hub');
        this.lastError = error;
      },
      refused: (error) => this.fail(error),
    };
  }

  /** All of its registrations stand. */
  private entered(): void {
    if (this.isLost) this.log.info({ url: this.options.url, running: this.running }, 'the hub is there again');
    this.isLost = false;
    this.registered.resolve();
  }

  private hear(name: string, payload: unknown): void {
    const execution = name === 'task:execute' ? hubMessages[name].safeParse(payload) : undefined;
    const abort = name === 'task:abort' ? hubMessages[name].safeParse(payload) : undefined;
    if (execution?.success === true) this.held.run(execution.data);
    else if (abort?.success === true) this.held.abort([abort.data.leaseId], abort.data.reason);
    else this.log.warn({ message: name }, 'the hub said something that this worker does not understand');
  }

  private providerOf({ workerId, method }: TaskExecute): string {
    const providerOf = this.offers.byProtocol.find((offer) => offer.workerId === workerId)?.providerOf;
    // What no provider has is for one of them to say.
    return providerOf?.get(method) ?? [...(providerOf?.values() ?? [])][0] ?? '';
  }

  private send(name: string, data: object, answered: (answer: unknown) => void): boolean {
    if (this.link?.isOpen(namespace) !== true) return false;
    this.link.send(namespace, { name, data }, answered);
    return true;
  }

  private report(report: Report): boolean {
    return this.send(report.name, report.data, (answer) => this.answered(report, answer));
  }

  private answered(report: Report, answer: unknown): void {
    const { leaseId, workflowId, taskId, attempt } = report.data;
    const about = { leaseId, workflowId, taskId, attempt };
    try {
      // The hub answers each report with what the protocol says.
      const { accepted, reason } = valueOfAnswer(answer) as ReportAnswer;
      if (!accepted) this.log.warn({ ...about, reason }, 'the hub does not take a report');
      this.held.answered(report);
    } catch (thrown) {
      const error = toError(thrown);
      if (willPass(error)) this.held.postponed(report);
      else {
        this.log.error({ ...about, err: error }, 'the hub refuses a report');
        this.held.answered(report);
      }
    }
  }

  private refused(workerId: string, error: GleitzeitError): void {
    this.lastError = error;
    if (willPass(error)) this.log.warn({ workerId, err: error }, 'the hub does not take the worker in for now');
    else this.fail(error);
  }

  /** There is no place for it at this hub. */
  private fail(error: GleitzeitError): void {
    this.registered.reject(error);
    this.end.reject(error);
    void this.close();
  }

  private async leave(reason: string, deadlineMs: number | undefined): Promise<void> {
    this.registered.reject(errorOf('SYSTEM_SHUTDOWN', `The worker was stopped (${reason}) before it was registered.`));
    this.registrations.drain(reason);
    if (!(await this.isDone(deadlineMs))) {
      this.held.abandon(reason);
      this.registrations.drain(reason, []);
      await this.isDone(farewellMs);
    }
    await this.close();
    this.end.resolve();
  }

  /** Whether nothing is held any more, and nothing more can come, before a time has passed. */
  private isDone(withinMs: number | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = withinMs === undefined ? undefined : setTimeout(() => resolve(false), Math.min(withinMs, longestTimerMs));
      this.look = () => {
        if (!this.held.isIdle || !this.registrations.isDrained) return;
        clearTimeout(timer);
        resolve(true);
      };
      this.look();
    });
  }

  private close(): Promise<unknown> {
    this.registrations.end();
    this.link?.end();
    this.held.abandon('the worker has ended');
    this.closing ??= Promise.all(this.offers.providers.map(({ id }) => this.executor.stop(id)));
    return this.closing;
  }
}

function willPass({ code, retryable }: GleitzeitError): boolean {
  return retryable || passing.has(code);
}

function tooLate(url: string, ms: number): GleitzeitError {
  return errorOf('CONNECTION_TIMEOUT', `The hub at ${url} has not taken the worker in within ${ms} ms.`, { details: { url } });
}

/**
 * Makes a worker outside the engine's process; nothing happens before its `start()`.
 *
 * @throws GleitzeitError CONFIGURATION_ERROR for options that make no sense
 * @example
 * const worker = createRemoteWorker({ url: 'http://127.0.0.1:7400', token, providers: [text], slots: 8 });
 * await worker.start();
 * process.once('SIGTERM', () => worker.stop());
 * await worker.closed;
 */
export function createRemoteWorker(options: RemoteWorkerOptions): RemoteWorker {
  checkRemoteWorkerOptions(options);
  return new RemoteWorker(options);
}
