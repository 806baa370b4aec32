/**
 * The attempts that a remote worker holds: those that run, and those that have ended and whose report is not answered yet.
 *
 * It refuses to forget a report before the hub has answered it, and to decide whether one counts: the hub does. What it gives up
 * by itself is what the hub cannot tell it to: attempts whose lease is over because the hub was out of reach for too long.
 */
import { type Failure, failure } from '../../../machines/failures.ts';
import type { AttemptOutcome, Executor } from '../../providers/executor.ts';
import { hubLimitDefaults } from '../protocol/limits.ts';
import type { HeldLease, ReportedError, TaskExecute, WorkerMessage } from '../protocol/workers.ts';

export type Report =
  | { readonly name: 'attempt:succeeded'; readonly data: WorkerMessage<'attempt:succeeded'> }
  | { readonly name: 'attempt:failed'; readonly data: WorkerMessage<'attempt:failed'> };

interface Held {
  readonly execution: TaskExecute;
  readonly startedAt: number;
  /** When the hub was last known to hold the lease for this worker, in epoch milliseconds. */
  renewedAt: number;
  /** `aborted`: the hub asked for that; `overdue`: it ran longer than it may; `lapsed`: its lease is over, as far as can be told. */
  state: 'running' | 'aborted' | 'overdue' | 'lapsed' | 'ended';
  /** The hub asked for a lapsed one once more: it runs again when its handler has heeded the abort. */
  again: TaskExecute | undefined;
  report: Report | undefined;
  isSent: boolean;
}

export interface HeldAttemptsOptions {
  readonly executor: Executor;
  readonly now: () => number;
  /** Which provider carries out what came. */
  readonly providerOf: (execution: TaskExecute) => string;
  /** Sends a report, unless it has to wait. @returns whether it was sent */
  readonly send: (workerId: string, report: Report) => boolean;
  /** Less is held than before. */
  readonly onLess: () => void;
}

/** Room for the envelope of a report, in bytes: it has ids of a kilobyte at most. */
const envelopeBytes = 16 * 1024;

export class HeldAttempts {
  private readonly options: HeldAttemptsOptions;
  private readonly held = new Map<string, Held>();
  /** The largest message that the hub takes, as it says at the registration. */
  messageBytes: number = hubLimitDefaults.messageBytes;

  constructor(options: HeldAttemptsOptions) {
    this.options = options;
  }

  /** Attempts whose handlers run, and were not aborted. */
  get running(): number {
    let running = 0;
    for (const { state } of this.held.values()) if (state === 'running') running += 1;
    return running;
  }

  /** Whether nothing runs and nothing is to be reported; handlers that do not heed an abort do not count. */
  get isIdle(): boolean {
    for (const { state } of this.held.values()) if (state !== 'aborted') return false;
    return true;
  }

  /** Runs an attempt; one that it holds already is not run twice. */
  run(execution: TaskExecute): void {
    const { leaseId, workflowId, taskId, attempt, workerId, protocol, method, params, timeoutMs, idempotencyKey } = execution;
    const known = this.held.get(leaseId);
    if (known?.state === 'lapsed') known.again = execution;
    if (known !== undefined) return;
    const { executor, now, providerOf } = this.options;
    const startedAt = now();
    const held: Held = {
      execution,
      startedAt,
      renewedAt: startedAt,
      state: 'running',
      again: undefined,
      report: undefined,
      isSent: false,
    };
    this.held.set(leaseId, held);
    const providerId = providerOf(execution);
    executor.run({ workflowId, taskId, attempt, leaseId, workerId, providerId, protocol, method, params, timeoutMs, idempotencyKey }, (outcome) =>
      this.ended(held, outcome),
    );
  }

  /** Aborts attempts that the hub does not want any more. */
  abort(leaseIds: readonly string[], reason: string): void {
    for (const leaseId of leaseIds) {
      const held = this.held.get(leaseId);
      if (held?.state !== 'running') continue;
      held.state = 'aborted';
      this.options.executor.abort(leaseId, reason);
      this.options.onLess();
    }
  }

  /** What a worker runs, or has run and could not report: as it announces it. */
  leasesOf(workerId: string): readonly HeldLease[] {
    const leases: HeldLease[] = [];
    for (const { execution, state } of this.held.values()) {
      const { leaseId, workflowId, taskId, attempt } = execution;
      if (execution.workerId === workerId && state !== 'aborted' && state !== 'lapsed') leases.push({ leaseId, workflowId, taskId, attempt });
    }
    return leases;
  }

  /** The hub holds the leases of a worker as of a time, but for some. */
  renew(workerId: string, at: number, lost: readonly string[]): void {
    for (const held of this.held.values()) if (held.execution.workerId === workerId) held.renewedAt = Math.max(held.renewedAt, at);
    this.abort(lost, 'the hub has given its lease away');
  }

  /** Gives up what runs longer than it may, and, while the hub is out of reach, what has lost its lease by that. */
  expire({ leaseMs, graceMs, isOutOfReach }: { readonly leaseMs: number; readonly graceMs: number; readonly isOutOfReach: boolean }): void {
    const now = this.options.now();
    for (const held of this.held.values()) {
      const { timeoutMs } = held.execution;
      if (held.state !== 'running') continue;
      if (now - held.startedAt > timeoutMs + graceMs) this.giveUp(held, 'overdue', `it ran longer than ${timeoutMs} ms`);
      else if (isOutOfReach && now - held.renewedAt > leaseMs)
        this.giveUp(held, 'lapsed', `the hub was out of reach for longer than its lease of ${leaseMs} ms`);
    }
  }

  /** Aborts everything; nothing of it is reported any more. */
  abandon(reason: string): void {
    const { executor } = this.options;
    for (const { leaseId } of executor.running()) executor.abort(leaseId, reason);
    this.held.clear();
  }

  /** Sends what waits for being reported by a worker. */
  flush(workerId: string): void {
    for (const held of this.held.values()) if (held.execution.workerId === workerId) this.deliver(held);
  }

  /** The connection is gone, and with it every answer that was under way. */
  disconnected(): void {
    for (const held of this.held.values()) held.isSent = false;
  }

  /** The hub has answered a report, or refused it for good: it ends the attempts of those that it refuses, where it knows of them. */
  answered({ data: { leaseId } }: Report): void {
    this.forget(leaseId);
  }

  /** The hub refused a report for the time being. */
  postponed({ data: { leaseId } }: Report): void {
    const held = this.held.get(leaseId);
    if (held !== undefined) held.isSent = false;
  }

  private giveUp(held: Held, state: 'overdue' | 'lapsed', reason: string): void {
    held.state = state;
    this.options.executor.abort(held.execution.leaseId, reason);
  }

  private ended(held: Held, outcome: AttemptOutcome): void {
    const { state, again, execution } = held;
    if (this.held.get(execution.leaseId) !== held) return;
    if ((state === 'lapsed' || state === 'aborted') && outcome.type === 'attempt:failed') {
      // That it was cut off is no failure of its own. One that went on to its end all the same is reported: so that it is seen.
      this.forget(execution.leaseId);
      if (again !== undefined) this.run(again);
      return;
    }
    held.report = reportOf(
      execution,
      state === 'overdue' ? overdue(execution, outcome) : outcome,
      Math.max(this.messageBytes - envelopeBytes, this.messageBytes / 2),
    );
    if (state !== 'aborted') held.state = 'ended';
    this.deliver(held);
  }

  private forget(leaseId: string): void {
    this.held.delete(leaseId);
    this.options.onLess();
  }

  private deliver(held: Held): void {
    if (held.report !== undefined && !held.isSent) held.isSent = this.options.send(held.execution.workerId, held.report);
  }
}

/** Its handler may call it as it likes that it was aborted. */
function overdue({ timeoutMs }: TaskExecute, outcome: AttemptOutcome): AttemptOutcome {
  if (outcome.type === 'attempt:succeeded') return outcome;
  return { ...outcome, data: { ...outcome.data, error: failure('TASK_TIMEOUT', `It ran longer than its ${timeoutMs} ms.`) } };
}

function refOf({ workerId, leaseId, workflowId, taskId, attempt }: TaskExecute) {
  return { workerId, leaseId, workflowId, taskId, attempt };
}

function reportOf(execution: TaskExecute, outcome: AttemptOutcome, mostBytes: number): Report {
  const { durationMs } = outcome.data;
  const ended = { ...refOf(execution), durationMs };
  if (outcome.type === 'attempt:failed') return { name: 'attempt:failed', data: { ...ended, error: wireError(outcome.data.error) } };
  const { result } = outcome.data;
  const tooLarge = sizeFault(result, mostBytes);
  if (tooLarge === undefined) return { name: 'attempt:succeeded', data: { ...ended, result } };
  return {
    name: 'attempt:failed',
    data: { ...ended, error: wireError(failure('TASK_RESULT_INVALID', `The result of task "${execution.taskId}" ${tooLarge}`)) },
  };
}

/** A message that is too large would cost the connection; as text a result can be larger than what its limit counts. */
function sizeFault(result: unknown, mostBytes: number): string | undefined {
  const text = JSON.stringify(result);
  // Each UTF-16 unit is 3 bytes at most.
  if (text.length * 3 < mostBytes) return undefined;
  const bytes = Buffer.byteLength(text);
  return bytes < mostBytes ? undefined : `is ${bytes} bytes of JSON text, more than the ${mostBytes} that a report to the hub has room for`;
}

function wireError({ code, message, retryable, retryAfterMs, details, stack, cause }: Failure): ReportedError {
  return {
    code,
    message,
    retryable,
    ...(retryAfterMs !== undefined && { retryAfterMs: Math.min(retryAfterMs, 86_400_000) }),
    ...(details !== undefined && { details }),
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && { cause }),
  };
}
