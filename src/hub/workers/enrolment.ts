/**
 * How remote workers come, go, and come back.
 *
 * Whoever registers under the id of a worker that is out of reach, with the same token, takes its place, keeps what it announces and the engine still
 * holds, and loses the rest: told once more of it, where it is the same process, which then never heard of it. A worker that is
 * out of reach keeps its leases until they end, and is given no more tasks after a while.
 */
import type { Claim } from '../../../machines/events/payloads.ts';
import type { WorkerContext } from '../../../machines/worker.ts';
import { errorOf } from '../../errors.ts';
import type { Attempt } from '../../providers/attempt.ts';
import { attemptsOf, claimOf } from '../../runtime/attempt-host.ts';
import type { SystemPort } from '../../runtime/port.ts';
import { hubLimitDefaults } from '../protocol/limits.ts';
import type { HeldLease } from '../protocol/workers.ts';
import { EnrolledWorker, type Registration } from './enrolled-worker.ts';
import { OfferedMethods, type OfferLimits } from './offered-methods.ts';
import { OpenProtocols } from './open-protocols.ts';
import type { WorkerLine } from './worker-line.ts';

/** Pools number the workers that they make themselves. */
const localName = /#\d+$/;

export interface EnrolmentOptions {
  /** Protocols that workers may serve although the engine carries them out itself. @defaultValue none */
  readonly remote?: readonly string[] | undefined;
  /** Whether workers come with several tokens. @defaultValue `false` */
  readonly isShared?: boolean;
  /** How much the workers of one token may be and have. @defaultValue those of the hub */
  readonly limits?: OfferLimits;
}

export class Enrolment {
  private readonly port: SystemPort;
  private readonly open: OpenProtocols;
  private readonly isShared: boolean;
  private readonly offered: OfferedMethods;
  private readonly listeners = new Set<(protocol: string) => void>();
  private readonly workers = new Map<string, EnrolledWorker>();
  /** One after another: two that claim the same id must not both find it free. */
  private last: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(port: SystemPort, { remote = [], isShared = false, limits = hubLimitDefaults }: EnrolmentOptions) {
    this.port = port;
    this.open = new OpenProtocols(port.providers, remote);
    this.isShared = isShared;
    const { clock, config } = port.core;
    this.offered = new OfferedMethods({
      limits,
      clock,
      graceMs: config.worker.leaseMs,
      onForgotten: (remote) => port.providers.unregisterRemote(remote),
    });
    port.core.on('worker:failed', ({ data }) => this.ended(data.workerId, 'lost'));
    port.core.on('worker:stopped', ({ data }) => this.ended(data.workerId, 'left'));
    port.core.on('provider:registered', ({ data }) => {
      if (!data.remote) this.dismissClosed();
    });
  }

  /** The worker of that id, if it is reached by this connection. */
  find(workerId: string, line: WorkerLine): EnrolledWorker | undefined {
    const worker = this.workers.get(workerId);
    return worker?.isReachedBy(line) === true ? worker : undefined;
  }

  /** Calls a listener with the protocol of each worker that takes part from now on. @returns takes it away */
  onRegistered(listener: (protocol: string) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * Lets a worker take part.
   * @returns the announced leases that it does not hold any more
   * @throws GleitzeitError AUTHORIZATION_FAILED for a protocol that is not open to it, and for an id of a worker with another token;
   * RESOURCE_EXHAUSTED for more than the workers of its token may be and have; INVALID_REQUEST for an id that is taken, SYSTEM_SHUTDOWN when the system takes in nobody any more
   */
  enrol(registration: Registration, line: WorkerLine, announced: readonly HeldLease[]): Promise<readonly string[]> {
    return this.inTurn(() => this.enter(registration, line, announced));
  }

  /** Lets one that was given up although it is there take part again, as it registered. */
  async revive(worker: EnrolledWorker): Promise<void> {
    await this.inTurn(() => (worker.standing === 'lost' && worker.isReachable ? this.begin(worker, []) : undefined));
  }

  /** The connection of a worker is over. */
  leave(worker: EnrolledWorker): void {
    const { clock, config } = this.port.core;
    worker.leave();
    if (worker.standing !== 'enrolled') this.forget(worker);
    else if (!this.isClosed)
      worker.patience = clock.setTimer(config.worker.heartbeatMs, () => void this.inTurn(() => this.withdraw(worker)).catch(() => undefined));
  }

  /** Has attempts that a worker never began, or gave up in order, run elsewhere; that does not speak against their tasks. */
  giveBack(attempts: readonly Attempt[], reason: string): void {
    for (const { workflowId, taskId, attempt, leaseId, workerId } of attempts) {
      this.port.core.accept({ type: 'attempt:abandoned', data: { workflowId, taskId, attempt, leaseId, workerId, reason } }, { source: 'hub' });
    }
  }

  close(): void {
    this.isClosed = true;
    this.listeners.clear();
    for (const worker of this.workers.values()) this.forget(worker);
    this.offered.close();
  }

  private inTurn<Value>(act: () => Value | Promise<Value>): Promise<Value> {
    const turn = this.last.then(act);
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async enter(registration: Registration, line: WorkerLine, announced: readonly HeldLease[]): Promise<readonly string[]> {
    const { workerId, protocol } = registration;
    const known = this.workers.get(workerId);
    const isSame = known !== undefined && isSameProcess(known.registration, registration);
    this.check(registration, known?.isReachable === true && known.standing !== 'left' && !isSame && !known.isReachedBy(line));
    this.checkOwner(registration, known, announced);
    // What it ran for another protocol it does not run for this one.
    const its = announced.filter((lease) => (this.claimOf(workerId, lease)?.protocol ?? protocol) === protocol);
    const worker = new EnrolledWorker(registration, this.port);
    this.offered.take(registration, known?.registration);
    if (known !== undefined) this.unseat(known);
    if (!isSame) await this.disownAllBut(its, workerId);
    worker.isWithdrawn = (known?.isWithdrawn ?? false) || (await this.sendAway(registration));
    this.workers.set(workerId, worker);
    worker.reach(line);
    worker.detach = this.port.attempts.attach(workerId, worker);
    const lost = await this.begin(worker, its).catch((thrown: unknown) => {
      this.forget(worker);
      throw thrown;
    });
    const kept = new Set(its);
    return [...lost, ...announced.filter((lease) => !kept.has(lease)).map(({ leaseId }) => leaseId)];
  }

  /** Has an actor take tasks for a worker, unless one does already, and brings both to one view of what it runs. */
  private async begin(worker: EnrolledWorker, announced: readonly HeldLease[]): Promise<readonly string[]> {
    const { core, providers } = this.port;
    const { workerId, protocol, methods, slots } = worker.registration;
    providers.registerRemote({ protocol, methods });
    // An actor that has ended has its name until that is durable.
    if (core.snapshot('worker', workerId)?.status === 'done') await core.whenDurable();
    const leases = announced.flatMap((lease) => this.claimOf(workerId, lease) ?? []);
    const held = new Set(leases.map(({ leaseId }) => leaseId));
    const unheard = attemptsOf(core, workerId).filter(({ leaseId }) => !held.has(leaseId));
    worker.standing = 'enrolled';
    // An actor that takes part already does not begin anew, but hears a sign of life.
    if (core.snapshot('worker', workerId)?.status === 'active')
      this.noteLife(worker, { running: held.size + unheard.length, leaseUntil: this.leaseUntil() });
    core.accept({ type: 'worker:register', data: { workerId, poolId: protocol, slots, methods: [...methods], leases } }, { source: 'hub' });
    for (const attempt of unheard) worker.run(attempt);
    await core.whenDurable();
    if (core.snapshot('worker', workerId)?.status !== 'active') throw errorOf('SYSTEM_SHUTDOWN', 'The system takes in no workers any more.');
    for (const listener of this.listeners) listener(protocol);
    return announced.map(({ leaseId }) => leaseId).filter((leaseId) => !held.has(leaseId));
  }

  private noteLife({ registration }: EnrolledWorker, leases: { readonly running: number; readonly leaseUntil: number }): void {
    const { workerId, protocol: poolId, slots } = registration;
    const vitals = { memoryBytes: 0, cpu: 0, lagMs: 0 };
    this.port.core.accept({ type: 'worker:heartbeat', data: { workerId, poolId, slots, ...leases, ...vitals } }, { source: 'hub' });
  }

  private leaseUntil(): number {
    const { clock, config } = this.port.core;
    return clock.now() + config.worker.leaseMs;
  }

  /** What a worker says that it runs, where the engine knows it to. */
  private claimOf(workerId: string, lease: HeldLease): Claim | undefined {
    return claimOf(this.port.core, { ...lease, workerId }, this.leaseUntil());
  }

  private check(registration: Registration, isTaken: boolean): void {
    const { workerId } = registration;
    const refusal = this.open.refusalOf(registration);
    if (refusal !== undefined) throw refusal;
    if (isTaken)
      throw errorOf('INVALID_REQUEST', `Worker '${workerId}' is registered by another connection, which is still there.`, { retryable: true });
    if (this.isClosed) throw errorOf('SYSTEM_SHUTDOWN', 'The hub is closed.');
    if (localName.test(workerId))
      throw errorOf('INVALID_REQUEST', `A worker's id may not end as those of pools do, with '#' and a number: '${workerId}'`);
  }

  /**
   * Refuses whoever would take the place of a worker with another token. Which token one had is not known any more after a restart:
   * where there are several, what it announces says it, since leases are told to nobody else.
   */
  private checkOwner({ workerId, holder }: Registration, known: EnrolledWorker | undefined, announced: readonly HeldLease[]): void {
    if (known !== undefined && known.registration.holder.id !== holder.id)
      throw errorOf('AUTHORIZATION_FAILED', `Worker '${workerId}' was registered with another token. Register under another id.`, {
        retryable: true,
      });
    if (known !== undefined || !this.isShared || attemptsOf(this.port.core, workerId).length === 0) return;
    if (announced.some((lease) => this.claimOf(workerId, lease) !== undefined)) return;
    const message = `Worker '${workerId}' has attempts from before the hub was opened, and none of them is announced: their leases have to end first. Register then, or under another id.`;
    throw errorOf('INVALID_REQUEST', message, { retryable: true });
  }

  /** Sends away whoever serves what the engine carries out itself from now on. */
  private dismissClosed(): void {
    for (const worker of this.workers.values()) {
      if (worker.isDismissed || worker.standing !== 'enrolled') continue;
      const refusal = this.open.refusalOf(worker.registration);
      if (refusal === undefined) continue;
      worker.isDismissed = true;
      const { workerId } = worker.registration;
      this.port.log.warn({ workerId, err: refusal }, 'a worker is sent away: the engine carries out its protocol itself now');
      this.port.core.accept({ type: 'worker:drain', data: { workerId, reason: refusal.message } }, { source: 'hub' });
    }
  }

  private async disownAllBut(announced: readonly HeldLease[], workerId: string): Promise<void> {
    const { core } = this.port;
    const kept = new Set(announced.map(({ leaseId }) => leaseId));
    const rest = attemptsOf(core, workerId).filter(({ leaseId }) => !kept.has(leaseId));
    if (rest.length === 0) return;
    const reason = `worker '${workerId}' registered anew, and does not run it`;
    const leaseIds = rest.map(({ leaseId }) => leaseId);
    // What started right before the system ended its worker may never have heard of.
    if (core.snapshot('worker', workerId) === undefined) this.giveBack(rest, reason);
    else core.accept({ type: 'worker:disown', data: { workerId, leaseIds, reason } }, { source: 'hub' });
    await core.whenDurable();
  }

  /** An actor that was made for another offer leaves as soon as it can; whether there was one. */
  private async sendAway({ workerId, protocol, slots, methods }: Registration): Promise<boolean> {
    const { core } = this.port;
    const actor = core.snapshot('worker', workerId);
    // A worker's snapshot has the worker's context.
    const offer = actor?.status === 'active' ? (actor.context as WorkerContext) : undefined;
    if (offer === undefined || (offer.poolId === protocol && offer.slots === slots && isSameSet(offer.methods ?? [], methods))) return false;
    core.accept({ type: 'worker:drain', data: { workerId, reason: 'it registered anew with another offer' } }, { source: 'hub' });
    await core.whenDurable();
    return core.snapshot('worker', workerId)?.status === 'active';
  }

  /** One that stays out of reach is given no more tasks; those that it was never told of run elsewhere. */
  private async withdraw(worker: EnrolledWorker): Promise<void> {
    const { workerId } = worker.registration;
    // It may have come back before its turn.
    if (this.workers.get(workerId) !== worker) return;
    const reason = `worker '${workerId}' is out of reach`;
    worker.isWithdrawn = true;
    // First: what is given back must not come back to it.
    this.port.core.accept({ type: 'worker:drain', data: { workerId, reason } }, { source: 'hub' });
    this.giveBack(worker.takeUnsent(), reason);
    // Nor is it to be told of that when it comes back right now.
    await this.port.core.whenDurable();
  }

  private ended(workerId: string, standing: 'lost' | 'left'): void {
    const worker = this.workers.get(workerId);
    if (worker === undefined) return;
    const isBack = worker.isWithdrawn && standing === 'left';
    worker.standing = standing;
    worker.isWithdrawn = false;
    if (!worker.isReachable || worker.isDismissed) this.forget(worker);
    // One that came back while it drained takes tasks again. It fails only as the system ends, and then nobody waits for it.
    else if (isBack)
      this.inTurn(() => (worker.standing === 'left' && worker.isReachable ? this.begin(worker, []) : undefined)).catch(() => undefined);
  }

  private forget(worker: EnrolledWorker): void {
    if (this.unseat(worker)) this.offered.release(worker.registration);
  }

  /** Has it speak for nobody; whether it did. */
  private unseat(worker: EnrolledWorker): boolean {
    const { workerId } = worker.registration;
    worker.leave();
    worker.detach();
    return this.workers.get(workerId) === worker && this.workers.delete(workerId);
  }
}

function isSameProcess(one: Registration, other: Registration): boolean {
  const isOfOneToken = one.holder.id === other.holder.id;
  return isOfOneToken && one.instance !== undefined && one.instance === other.instance && one.protocol === other.protocol;
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const known = new Set(some);
  return known.size === new Set(others).size && others.every((each) => known.has(each));
}
