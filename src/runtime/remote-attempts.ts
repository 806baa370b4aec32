/**
 * Attempts that run outside this process: hands them to whoever speaks for their worker, once their start is durable, and keeps
 * them to hand until they end, for a worker that comes back.
 *
 * It decides nothing: a worker that nobody speaks for just now is told later, or disowned, by who speaks for it then.
 */
import type { DataOf } from '../../machines/events/catalogue.ts';
import type { Claim } from '../../machines/events/payloads.ts';
import { idempotencyKeyOf, isOfCurrentAttempt, type TaskContext } from '../../machines/task.ts';
import type { Attempt } from '../providers/attempt.ts';
import { taskKey } from '../system/addressing.ts';
import type { Core } from '../system/core.ts';

/** Speaks for one remote worker. */
export interface RemoteRunner {
  /** Has an attempt run; its start is durable. */
  run(attempt: Attempt): void;
  /** Has an attempt aborted: whatever is reported of it from now on is refused. */
  abort(leaseId: string, reason: string): void;
}

/** An attempt, as the worker names it that says that it runs it. */
export type LeaseRef = Pick<Claim, 'workerId' | 'workflowId' | 'taskId' | 'attempt' | 'leaseId'>;

/** What of an attempt is known from its claim. */
type Taken = Omit<Attempt, 'params' | 'protocol' | 'timeoutMs' | 'idempotencyKey'>;

export interface RemoteAttempts {
  /** Speaks for a worker from now on, in place of who did. @returns ends that, unless another one has taken its place */
  attach(workerId: string, runner: RemoteRunner): () => void;
  /** Has an attempt run, unless it has ended again. */
  start(data: DataOf<'task:started'>): void;
  /** Ends an attempt, if it runs there. */
  abort(workerId: string | undefined, leaseId: string, reason: string): void;
}

/** By the core of a system and by worker: what runs remotely, as far as that is durable, by lease. */
const underwayIn = new WeakMap<Core, Map<string, Map<string, Attempt>>>();

/** What a remote worker is to run now, each durable: what the system tells a worker that connects again. */
export function attemptsOf(core: Core, workerId: string): readonly Attempt[] {
  return [...(underwayIn.get(core)?.get(workerId)?.values() ?? [])];
}

/**
 * What a worker says that it runs, as its task knows it; undefined where the task waits for no report of it under this lease.
 * @param leaseUntil - How long the claim is to hold, in epoch milliseconds.
 */
export function claimOf(core: Core, ref: LeaseRef, leaseUntil: number): Claim | undefined {
  const task = waitingTask(core, ref);
  if (task?.lease?.workerId !== ref.workerId || !task.isRemote) return undefined;
  const { workflowId, taskId, method, protocol, attempt, lease } = task;
  return { workflowId, taskId, method, protocol, attempt, ...lease, leaseUntil, remote: true };
}

export function hostRemoteAttempts(core: Core): RemoteAttempts {
  const runners = new Map<string, RemoteRunner>();
  const underway = new Map<string, Map<string, Attempt>>();
  underwayIn.set(core, underway);

  const keep = (attempt: Attempt): void => {
    const its = underway.get(attempt.workerId);
    if (its === undefined) underway.set(attempt.workerId, new Map([[attempt.leaseId, attempt]]));
    else its.set(attempt.leaseId, attempt);
  };
  const forget = ({ workerId = '', leaseId = '' }: { readonly workerId?: string | undefined; readonly leaseId?: string | undefined }): void => {
    const its = underway.get(workerId);
    its?.delete(leaseId);
    if (its?.size === 0) underway.delete(workerId);
  };
  const adopt = ({ workerId, leases }: DataOf<'worker:register'>): void => {
    const over: string[] = [];
    for (const lease of leases) {
      const task = waitingTask(core, lease);
      if (task === undefined) over.push(lease.leaseId);
      else keep(attemptOf(lease, task));
    }
    if (over.length === 0) return;
    // They ended between the look at them and the turn in which their worker came to hold them: nobody else would take them from it.
    const reason = 'the attempt had ended before';
    core.accept({ type: 'worker:disown', data: { workerId, leaseIds: over, reason } }, { source: 'executor' });
    for (const leaseId of over) runners.get(workerId)?.abort(leaseId, reason);
  };
  core.on('system:started', () => {
    for (const attempt of broughtBack(core)) keep(attempt);
  });
  core.on('worker:register', ({ data }) => adopt(data));
  core.on('task:completed', ({ data }) => forget(data));
  core.on('task:failed', ({ data }) => forget(data));

  return {
    attach(workerId, runner) {
      runners.set(workerId, runner);
      return () => void (runners.get(workerId) === runner && runners.delete(workerId));
    },
    start(data) {
      const task = waitingTask(core, data);
      if (task === undefined) return;
      const attempt = attemptOf(data, task);
      keep(attempt);
      runners.get(data.workerId)?.run(attempt);
    },
    abort(workerId = '', leaseId, reason) {
      if (underway.get(workerId)?.has(leaseId) !== true) return;
      forget({ workerId, leaseId });
      runners.get(workerId)?.abort(leaseId, reason);
    },
  };
}

/** What ran remotely when the journal was last left. */
function* broughtBack(core: Core): Generator<Attempt> {
  for (const actor of core.registry.all('task')) {
    // A task's snapshot has the task's context.
    const task = actor.getSnapshot().context as TaskContext;
    if (task.isRemote && task.lease !== null) yield attemptOf({ ...task, ...task.lease }, task);
  }
}

/** The task that waits for a report of this attempt under this lease. */
function waitingTask(core: Core, { workflowId, taskId, ...ref }: Omit<LeaseRef, 'workerId'>): TaskContext | undefined {
  const task = core.snapshot('task', taskKey(workflowId, taskId));
  // A task's snapshot has the task's context.
  const context = task?.status === 'active' ? (task.context as TaskContext) : undefined;
  return context !== undefined && isOfCurrentAttempt(context, ref) ? context : undefined;
}

function attemptOf({ workflowId, taskId, attempt, leaseId, workerId, providerId, method }: Taken, task: TaskContext): Attempt {
  const { params, timeoutMs, protocol } = task;
  return { workflowId, taskId, attempt, leaseId, workerId, providerId, method, protocol, params, timeoutMs, idempotencyKey: idempotencyKeyOf(task) };
}
