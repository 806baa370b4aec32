/** A worker outside the process, operated by hand: what the hub would tell the system of it, without any hub. */
import type { GleitzeitDraft } from '../../machines/events/catalogue.ts';
import { errorOf, toFailure } from '../../src/errors.ts';
import type { Attempt } from '../../src/providers/attempt.ts';
import { attemptsOf, claimOf } from '../../src/runtime/attempt-host.ts';
import { portOf } from '../../src/runtime/port.ts';
import type { GleitzeitSystem } from '../../src/runtime/system.ts';

export interface FarWorkerOptions {
  readonly workerId?: string;
  readonly protocol?: string;
  readonly methods?: readonly string[];
  readonly slots?: number;
}

export interface FarWorker {
  readonly workerId: string;
  /** What it was told to run and has not reported, nor been told to abort. */
  readonly open: ReadonlyMap<string, Attempt>;
  /** Whatever it was told to run, in order. */
  readonly runs: readonly Attempt[];
  /** What it was told to abort, and why. */
  readonly aborts: readonly (readonly [taskId: string, reason: string])[];
  /** Connects to a system, with what it runs. */
  connect(system: GleitzeitSystem): void;
  /** Gives a sign of life. */
  beat(): void;
  /** Is reached no more, and runs on. */
  disconnect(): void;
  /** Forgets what it runs, as a process does that starts anew. */
  restart(): void;
  drain(): void;
  /** Reports of a task's latest attempt, whatever has become of that. */
  succeed(taskId: string, result?: unknown): void;
  fail(taskId: string, retryable?: boolean): void;
  /** States what only the hub may. */
  say(draft: GleitzeitDraft): void;
  /** What the system takes it to run. */
  held(): readonly string[];
}

export function farWorker(options: FarWorkerOptions = {}): FarWorker {
  const { workerId = 'far', protocol = 'demo/v1', methods = ['demo/work'], slots = 1 } = options;
  const open = new Map<string, Attempt>();
  const runs: Attempt[] = [];
  const aborts: (readonly [string, string])[] = [];
  let port: ReturnType<typeof portOf> | undefined;
  let detach = (): void => undefined;
  const connected = (): ReturnType<typeof portOf> => port ?? fail('is not connected');
  const fail = (what: string): never => {
    throw new Error(`The far worker '${workerId}' ${what}.`);
  };
  const latest = (taskId: string): Attempt => runs.findLast((run) => run.taskId === taskId) ?? fail(`never ran '${taskId}'`);
  const refOf = ({ workflowId, taskId, attempt, leaseId }: Attempt) => ({ workflowId, taskId, attempt, leaseId, workerId });
  return {
    workerId,
    open,
    runs,
    aborts,
    connect(system) {
      port = portOf(system);
      const { core, providers, attempts } = port;
      providers.registerRemote({ protocol, methods });
      const leaseUntil = core.clock.now() + core.config.worker.leaseMs;
      const leases = [...open.values()].flatMap((attempt) => claimOf(core, refOf(attempt), leaseUntil) ?? []);
      detach = attempts.attach(workerId, {
        run: (attempt) => {
          runs.push(attempt);
          open.set(attempt.leaseId, attempt);
        },
        abort: (leaseId, reason) => {
          aborts.push([open.get(leaseId)?.taskId ?? '?', reason]);
          open.delete(leaseId);
        },
      });
      core.accept({ type: 'worker:register', data: { workerId, poolId: protocol, slots, methods: [...methods], leases } }, { source: 'hub' });
    },
    beat() {
      const { core } = connected();
      const leaseUntil = core.clock.now() + core.config.worker.leaseMs;
      const vitals = { memoryBytes: 0, cpu: 0, lagMs: 0 };
      const data = { workerId, poolId: protocol, running: open.size, slots, leaseUntil, ...vitals };
      core.accept({ type: 'worker:heartbeat', data }, { source: 'hub' });
    },
    disconnect: () => detach(),
    restart: () => open.clear(),
    drain: () => connected().core.accept({ type: 'worker:drain', data: { workerId, reason: 'SIGTERM' } }, { source: 'hub' }),
    succeed(taskId, result = null) {
      const attempt = latest(taskId);
      open.delete(attempt.leaseId);
      connected().core.accept({ type: 'attempt:succeeded', data: { ...refOf(attempt), result, durationMs: 1 } }, { source: 'hub' });
    },
    fail(taskId, retryable = false) {
      const attempt = latest(taskId);
      open.delete(attempt.leaseId);
      const error = toFailure(errorOf('TASK_EXECUTION_FAILED', `${taskId} was told to fail`, { retryable }));
      connected().core.accept({ type: 'attempt:failed', data: { ...refOf(attempt), error, durationMs: 1 } }, { source: 'hub' });
    },
    say: (draft) => connected().core.accept(draft, { source: 'hub' }),
    held: () => attemptsOf(connected().core, workerId).map(({ taskId }) => taskId),
  };
}
