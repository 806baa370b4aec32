/**
 * The desk of the remote workers: takes what they say, checks it, and tells the machines.
 *
 * It decides nothing that the machines decide: a task judges reports, a worker's actor holds its leases. It refuses what is not
 * the sender's to say: a worker of another connection, a report under a lease that another one holds.
 */
import type { TaskContext } from '../../../machines/task.ts';
import { refuseMisfits } from '../../complaints.ts';
import { errorOf, type GleitzeitError, toError } from '../../errors.ts';
import { attemptsOf } from '../../runtime/attempt-host.ts';
import { portOf, type SystemPort } from '../../runtime/port.ts';
import { taskKey } from '../../system/addressing.ts';
import { checked } from '../protocol/checking.ts';
import { hubLimitDefaults } from '../protocol/limits.ts';
import {
  isReportName,
  type ReportAnswer,
  type ReportName,
  refusedReport,
  type WorkerAnswers,
  type WorkerMessage,
  type WorkerMessageName,
  workerMessages,
} from '../protocol/workers.ts';
import type { EnrolledWorker } from './enrolled-worker.ts';
import { Enrolment, type EnrolmentOptions } from './enrolment.ts';
import { hasTask } from './known-tasks.ts';
import { failed, type Outcome, type Reported, succeeded } from './outcomes.ts';
import { OversizeSuspects } from './oversize-suspects.ts';
import { Reports } from './reports.ts';
import { secretsOf } from './secrets.ts';
import type { WorkerConnection, WorkerLine } from './worker-line.ts';

export type { WorkerConnection, WorkerLine } from './worker-line.ts';

/** Workers that one connection may register. */
const workersPerConnection = 1_000;

/** One connection, and the ids of the workers that it registered. */
interface Visitor {
  readonly line: WorkerLine;
  readonly workerIds: Set<string>;
  isOver: boolean;
}

type Report = WorkerMessage<ReportName>;

interface RefusedReport {
  readonly name: ReportName;
  readonly data: unknown;
  readonly refusal: GleitzeitError;
}

type Handlers = { readonly [Name in WorkerMessageName]: (visitor: Visitor, data: WorkerMessage<Name>) => Promise<WorkerAnswers[Name]> };

export interface DeskOptions extends EnrolmentOptions {
  /** The largest message that a connection takes, in bytes. @defaultValue `12_582_912` */
  readonly messageBytes?: number;
}

export class WorkerDesk {
  private readonly port: SystemPort;
  private readonly messageBytes: number;
  private readonly enrolment: Enrolment;
  private readonly reports: Reports;
  private readonly suspects: OversizeSuspects;
  private readonly handlers: Handlers;

  /** @param system - A system that runs. */
  constructor(system: object, { messageBytes = hubLimitDefaults.messageBytes, ...options }: DeskOptions = {}) {
    this.port = portOf(system);
    this.messageBytes = messageBytes;
    this.enrolment = new Enrolment(this.port, options);
    this.reports = new Reports(this.port.core);
    this.suspects = new OversizeSuspects(this.port.core);
    this.handlers = {
      'worker:register': (visitor, data) => this.register(visitor, data),
      'worker:heartbeat': (visitor, data) => this.heartbeat(visitor, data),
      'worker:drain': (visitor, data) => this.drain(visitor, data),
      'attempt:succeeded': (visitor, data) => this.report(visitor, data, succeeded),
      'attempt:failed': (visitor, data) => this.report(visitor, data, failed),
      'attempt:progress': (visitor, data) => this.progress(visitor, data),
    };
  }

  /** Serves a connection from now on. */
  attach(line: WorkerLine): WorkerConnection {
    const visitor: Visitor = { line, workerIds: new Set(), isOver: false };
    return {
      handle: (name, data) => this.handle(visitor, name, data),
      refused: (name, data, refusal) => this.refused(visitor, { name, data, refusal }),
      oversized: () => this.oversized(visitor),
      closed: () => {
        visitor.isOver = true;
        this.leave(visitor);
      },
    };
  }

  /** Calls a listener with the protocol of each worker that takes part from now on. @returns takes it away */
  onRegistered(listener: (protocol: string) => void): () => void {
    return this.enrolment.onRegistered(listener);
  }

  /** Speaks for no worker any more; what they run goes on, until somebody else does. */
  close(): void {
    this.enrolment.close();
  }

  private async handle<Name extends WorkerMessageName>(visitor: Visitor, name: Name, data: unknown): Promise<object> {
    let taken: WorkerMessage<Name>;
    try {
      // What the schema of a message lets through is that message's data.
      taken = checked(workerMessages[name], name, data) as WorkerMessage<Name>;
    } catch (thrown) {
      const refusal = toError(thrown);
      if (isReportName(name)) return this.refused(visitor, { name, data, refusal });
      throw refusal;
    }
    return this.handlers[name](visitor, taken);
  }

  /** A report that cannot be taken ends its attempt all the same: nobody will report it in another way, and its lease is held. */
  private async refused(visitor: Visitor, { name, data, refusal }: RefusedReport): Promise<ReportAnswer> {
    const read = refusedReport.safeParse(data);
    if (!read.success) throw refusal;
    const { error, ...ref } = read.data;
    refuseMisfits(`The data of '${name}'`, ref);
    // What went wrong there matters more than how it was told.
    if (name === 'attempt:failed' && error !== undefined) return this.report(visitor, { ...ref, error }, failed);
    const message = `The report of task "${ref.taskId}" is refused: ${refusal.message}`;
    const answer = await this.report(visitor, { ...ref, error: { code: 'TASK_RESULT_INVALID', message, retryable: false } }, failed);
    return answer.accepted ? { accepted: false, reason: message } : answer;
  }

  /** A report that was not even read ends its attempt too, once it is known which one it is of: else it comes again and again. */
  private oversized(visitor: Visitor): void {
    const { messageBytes } = this;
    const reason = `its worker sent a message that is larger than the ${messageBytes} bytes that the hub reads, and the connection ended by that. Return less, or a reference to where it is.`;
    for (const { workflowId, taskId, attempt, leaseId } of this.suspects.narrow([...visitor.workerIds])) {
      const message = `The report of task "${taskId}" is refused: ${reason}`;
      const error = { code: 'TASK_RESULT_INVALID', message, retryable: false } as const;
      this.report(visitor, { workflowId, taskId, attempt, leaseId, error }, failed).catch((err: unknown) =>
        this.port.log.debug({ err, leaseId }, 'an attempt whose report was too large had ended already'),
      );
    }
  }

  private async register(visitor: Visitor, data: WorkerMessage<'worker:register'>): Promise<WorkerAnswers['worker:register']> {
    const { workerId, protocol, methods, slots, instance, leases = [] } = data;
    const { line, workerIds } = visitor;
    if (workerIds.size >= workersPerConnection && !workerIds.has(workerId))
      throw errorOf('RESOURCE_EXHAUSTED', `One connection may register ${workersPerConnection} workers, and did so already.`);
    const lost = await this.enrolment.enrol(
      { workerId, protocol, methods: [...new Set(methods)], slots, instance, holder: line.holder },
      line,
      leases,
    );
    workerIds.add(workerId);
    // The connection broke meanwhile.
    if (visitor.isOver) this.leave(visitor);
    const { leaseMs, heartbeatMs } = this.port.core.config.worker;
    return { leaseMs, heartbeatMs, lost, messageBytes: this.messageBytes };
  }

  private async heartbeat(visitor: Visitor, data: WorkerMessage<'worker:heartbeat'>): Promise<WorkerAnswers['worker:heartbeat']> {
    const worker = this.workerOf(visitor, data.workerId);
    const { workerId, protocol: poolId, slots } = worker.registration;
    const { memoryBytes = 0, cpu = 0, lagMs = 0 } = data;
    const { core } = this.port;
    // It was given up, and is there after all: what it ran is gone, and it begins anew.
    if (worker.standing === 'lost') await this.enrolment.revive(worker);
    const held = new Set(attemptsOf(core, workerId).map(({ leaseId }) => leaseId));
    if (worker.standing === 'enrolled') {
      const leaseUntil = core.clock.now() + core.config.worker.leaseMs;
      const beat = { workerId, poolId, running: held.size, slots, leaseUntil, memoryBytes, cpu, lagMs };
      core.accept({ type: 'worker:heartbeat', data: beat }, { source: 'hub' });
    }
    return { lost: data.leases.filter((leaseId) => !held.has(leaseId)) };
  }

  private async drain(visitor: Visitor, data: WorkerMessage<'worker:drain'>): Promise<WorkerAnswers['worker:drain']> {
    const worker = this.workerOf(visitor, data.workerId);
    const { workerId } = worker.registration;
    const { leases, reason = 'it wants to leave' } = data;
    worker.isWithdrawn = false;
    // One that has gone already, or was given up, has no more to leave.
    if (worker.standing !== 'enrolled') return {};
    this.port.core.accept({ type: 'worker:drain', data: { workerId, reason } }, { source: 'hub' });
    if (leases !== undefined) {
      const finished = new Set(leases);
      const rest = attemptsOf(this.port.core, workerId).filter(({ leaseId }) => !finished.has(leaseId));
      this.enrolment.giveBack(rest, reason);
    }
    await this.port.core.whenDurable();
    return {};
  }

  private async report<Data extends Report>(
    visitor: Visitor,
    data: Data,
    outcomeOf: (data: Data, known: Reported) => Outcome,
  ): Promise<ReportAnswer> {
    const { workflowId, taskId } = data;
    const task = this.taskOf(data);
    const workerId = this.reporterOf(visitor, data, task);
    if (task === undefined && !(await hasTask(this.port.journal, workflowId, taskId)))
      throw errorOf('TASK_NOT_FOUND', `There is no task '${taskId}' of a workflow '${workflowId}'.`);
    const { params, method = '', startedAt = Number.POSITIVE_INFINITY } = task ?? {};
    const elapsedMs = Math.max(0, this.port.core.clock.now() - startedAt);
    const outcome = outcomeOf(data, { workerId, method, elapsedMs, secrets: secretsOf(this.port, { workflowId, taskId, params }) });
    const answer = await this.reports.submit(outcome);
    // A result that cannot be recorded has failed the attempt.
    const isTurned = outcome.type === 'attempt:failed' && !('error' in data);
    return answer.accepted && isTurned ? { accepted: false, reason: outcome.data.error.message } : answer;
  }

  private async progress(visitor: Visitor, data: WorkerMessage<'attempt:progress'>): Promise<WorkerAnswers['attempt:progress']> {
    const { leaseId, fraction, message } = data;
    const { core } = this.port;
    const workers = data.workerId === undefined ? this.workersOf(visitor) : [this.workerOf(visitor, data.workerId)];
    const attempt = workers.flatMap(({ registration }) => attemptsOf(core, registration.workerId)).find((each) => each.leaseId === leaseId);
    // Of an attempt that has ended nobody asks any more how far it is.
    if (attempt === undefined) return {};
    const said = message === undefined ? {} : { message: secretsOf(this.port, attempt).text(message) };
    const { workflowId, taskId } = attempt;
    const note = { workflowId, taskId, attempt: attempt.attempt, leaseId, fraction, ...said };
    core.accept({ type: 'attempt:progress', data: note }, { source: 'hub' });
    return {};
  }

  private leave(visitor: Visitor): void {
    for (const worker of this.workersOf(visitor)) this.enrolment.leave(worker);
  }

  private workersOf({ line, workerIds }: Visitor): readonly EnrolledWorker[] {
    return [...workerIds].flatMap((workerId) => this.enrolment.find(workerId, line) ?? []);
  }

  /** The worker that a message is about: the one that it names, else the only one there is. */
  private workerOf(visitor: Visitor, workerId?: string): EnrolledWorker {
    const { line, workerIds } = visitor;
    const [only, another] = workerIds;
    if (workerId === undefined && another !== undefined)
      throw errorOf('INVALID_REQUEST', `This connection registered ${workerIds.size} workers: say by \`workerId\` which one is meant.`);
    const worker = this.enrolment.find(workerId ?? only ?? '', line);
    if (worker !== undefined) return worker;
    const which = workerId ?? only;
    throw errorOf('INVALID_REQUEST', `This connection registered ${which === undefined ? 'no worker' : `no worker '${which}'`}: register it first.`);
  }

  /** Who may report under a lease: whoever holds it; of one that nobody holds any more, any worker of the connection. */
  private reporterOf(visitor: Visitor, { workerId, leaseId }: Report, task: TaskContext | undefined): string {
    const holder = task?.lease?.leaseId === leaseId ? task.lease.workerId : undefined;
    if (holder === undefined) return this.workerOf(visitor, workerId ?? [...visitor.workerIds][0]).registration.workerId;
    if (this.enrolment.find(holder, visitor.line) !== undefined) return holder;
    throw errorOf('AUTHORIZATION_FAILED', `Lease ${leaseId} is held by another worker than those of this connection.`);
  }

  /** A task that has not ended. */
  private taskOf({ workflowId, taskId }: Report): TaskContext | undefined {
    const task = this.port.core.snapshot('task', taskKey(workflowId, taskId));
    // A task's snapshot has the task's context.
    return task?.status === 'active' ? (task.context as TaskContext) : undefined;
  }
}
