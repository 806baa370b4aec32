/**
 * One remote worker, as the hub knows it: what it registered, the connection that it is reached by, and where it stands.
 *
 * It runs attempts by sending them on. One that starts while its worker is out of reach is kept back: the worker is told when
 * it comes back, or the attempt is given to another one.
 */
import { toFailure } from '../../errors.ts';
import type { Attempt } from '../../providers/attempt.ts';
import type { RemoteRunner } from '../../runtime/attempt-host.ts';
import type { SystemPort } from '../../runtime/port.ts';
import type { Timer } from '../../system/clock.ts';
import type { TaskAbort, TaskExecute } from '../protocol/workers.ts';
import { openedParams } from './secrets.ts';
import type { Holder, WorkerLine } from './worker-line.ts';

/** What a worker said of itself, and whose token it came with. */
export interface Registration {
  readonly workerId: string;
  readonly protocol: string;
  readonly methods: readonly string[];
  readonly slots: number;
  readonly instance: string | undefined;
  readonly holder: Holder;
}

/**
 * `enrolled`: an actor of its id takes tasks for it, or did until it drained. `lost`: the actor gave it up, since nothing was
 * heard of it. `left`: it went in order.
 */
export type Standing = 'enrolled' | 'lost' | 'left';

export class EnrolledWorker implements RemoteRunner {
  readonly registration: Registration;
  standing: Standing = 'enrolled';
  /** Whether its actor leaves, but not the worker: once it has gone, the worker takes part anew. */
  isWithdrawn = false;
  /** Whether it may not serve what it registered for any more: once its actor has gone, it is not known. */
  isDismissed = false;
  /** Until when it may be out of reach before it is withdrawn. */
  patience: Timer | undefined;
  /** Ends that it is given attempts. */
  detach: () => void = () => undefined;
  private readonly port: SystemPort;
  private line: WorkerLine | undefined;
  private unsent: Attempt[] = [];

  constructor(registration: Registration, port: SystemPort) {
    this.registration = registration;
    this.port = port;
  }

  get isReachable(): boolean {
    return this.line !== undefined;
  }

  isReachedBy(line: WorkerLine): boolean {
    return this.line === line;
  }

  reach(line: WorkerLine): void {
    this.line = line;
  }

  /** Nobody is reached any more, and nobody is waited for. */
  leave(): void {
    this.line = undefined;
    this.patience?.cancel();
  }

  /** The attempts that it was never told of; from now on nobody speaks of them. */
  takeUnsent(): readonly Attempt[] {
    const { unsent } = this;
    this.unsent = [];
    return unsent;
  }

  run(attempt: Attempt): void {
    if (this.line === undefined) {
      this.unsent.push(attempt);
      return;
    }
    const execution = this.executionOf(attempt);
    if (execution !== undefined) this.line.send('task:execute', execution);
  }

  abort(leaseId: string, reason: string): void {
    const abort: TaskAbort = { leaseId, reason };
    this.line?.send('task:abort', abort);
  }

  /** What is sent; nothing where its parameters cannot be opened, which fails the attempt. */
  private executionOf(attempt: Attempt): TaskExecute | undefined {
    const { workflowId, taskId, leaseId, idempotencyKey, protocol, method, timeoutMs } = attempt;
    const { workerId } = this.registration;
    try {
      const params = openedParams(this.port, attempt);
      return { workerId, workflowId, taskId, attempt: attempt.attempt, leaseId, idempotencyKey, protocol, method, params, timeoutMs };
    } catch (thrown) {
      const data = { workflowId, taskId, attempt: attempt.attempt, leaseId, workerId, error: toFailure(thrown), durationMs: 0 };
      this.port.core.accept({ type: 'attempt:failed', data }, { source: 'hub' });
      return undefined;
    }
  }
}
