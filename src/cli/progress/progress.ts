/**
 * What a person wants to know of a run while it runs, folded from the stream of its events.
 *
 * It only remembers; how it looks is the matter of `frame.ts` and `lines.ts`. Each event costs the same, however large the
 * workflow is, and what has ended is forgotten but for its count.
 */
import type { DataOf, EventType, GleitzeitEvent } from '../../../machines/events/catalogue.ts';

export interface RunningTask {
  readonly taskId: string;
  readonly protocol: string;
  readonly method: string;
  readonly attempt: number;
  readonly startedAt: number;
  /** What its handler said of how far it is, 0..1, and of what it does. */
  readonly fraction?: number;
  readonly message?: string;
}

export interface WaitingRetry {
  readonly taskId: string;
  readonly dueAt: number;
}

export interface FanOut {
  readonly total: number;
  readonly done: number;
}

export interface CircuitView {
  readonly state: 'closed' | 'open' | 'half-open' | 'isolated';
  readonly protocol: string;
  readonly retryAt?: number;
}

export interface PoolView {
  readonly workers: number;
  /** Attempts that run in it. */
  readonly running: number;
}

export type TaskStatus = DataOf<'workflow:step_completed'>['status'];

export interface ProgressView {
  readonly startedAt: number | undefined;
  readonly total: number;
  readonly done: number;
  readonly ended: Readonly<Record<TaskStatus, number>>;
  readonly isPaused: boolean;
  readonly running: ReadonlyMap<string, RunningTask>;
  readonly retrying: ReadonlyMap<string, WaitingRetry>;
  readonly fanOuts: ReadonlyMap<string, FanOut>;
  readonly pools: ReadonlyMap<string, PoolView>;
  readonly circuits: ReadonlyMap<string, CircuitView>;
  /** Protocols that a task of the run asked for. */
  readonly protocols: ReadonlySet<string>;
}

export interface Progress {
  readonly view: ProgressView;
  apply(event: GleitzeitEvent): void;
  /** The fan-out that a task is an element of. */
  fanOutOf(taskId: string): string | undefined;
}

/** The same view, as the fold writes it. */
interface Memory extends ProgressView {
  startedAt: number | undefined;
  total: number;
  done: number;
  isPaused: boolean;
  readonly ended: Record<TaskStatus, number>;
  readonly running: Map<string, RunningTask>;
  readonly retrying: Map<string, WaitingRetry>;
  readonly fanOuts: Map<string, FanOut>;
  readonly pools: Map<string, PoolView>;
  readonly circuits: Map<string, CircuitView>;
  readonly protocols: Set<string>;
}

/** Follows one run from here on. */
export function createProgress(): Progress {
  const memory: Memory = {
    startedAt: undefined,
    total: 0,
    done: 0,
    ended: { completed: 0, failed: 0, cancelled: 0, skipped: 0 },
    isPaused: false,
    running: new Map(),
    retrying: new Map(),
    fanOuts: new Map(),
    pools: new Map(),
    circuits: new Map(),
    protocols: new Set(),
  };
  return {
    view: memory,
    apply(event) {
      // Each fold is registered under the type whose payload it takes.
      const fold = folds[event.type] as ((memory: Memory, event: GleitzeitEvent) => void) | undefined;
      fold?.(memory, event);
    },
    fanOutOf: (taskId) => fanOutOf(memory, taskId),
  };
}

type Folds = { readonly [Type in EventType]?: (memory: Memory, event: Extract<GleitzeitEvent, { type: Type }>) => void };

function fanOutOf({ fanOuts }: ProgressView, taskId: string): string | undefined {
  const bracket = taskId.endsWith(']') ? taskId.lastIndexOf('[') : -1;
  const of = bracket === -1 ? undefined : taskId.slice(0, bracket);
  return of !== undefined && fanOuts.has(of) ? of : undefined;
}

function end(memory: Memory, taskId: string): void {
  leave(memory, taskId);
  memory.retrying.delete(taskId);
  const of = fanOutOf(memory, taskId);
  const fanOut = of === undefined ? undefined : memory.fanOuts.get(of);
  if (of !== undefined && fanOut !== undefined) memory.fanOuts.set(of, { ...fanOut, done: fanOut.done + 1 });
}

/** Takes a task out of those that run, and its attempt out of its pool. */
function leave({ running, pools }: Memory, taskId: string): void {
  const task = running.get(taskId);
  if (task === undefined) return;
  running.delete(taskId);
  const pool = pools.get(task.protocol);
  if (pool !== undefined) pools.set(task.protocol, { ...pool, running: Math.max(0, pool.running - 1) });
}

function size(memory: Memory, poolId: string, change: Partial<PoolView>): void {
  memory.pools.set(poolId, { workers: 0, running: 0, ...memory.pools.get(poolId), ...change });
}

const folds: Folds = {
  'workflow:started': (memory, { data, time }) => {
    memory.startedAt ??= time;
    memory.total = data.totalTasks;
  },
  'workflow:step_completed': (memory, { data }) => {
    memory.total = data.total;
    memory.done = data.done;
    memory.ended[data.status] += 1;
    memory.fanOuts.delete(data.taskId);
    end(memory, data.taskId);
  },
  'workflow:paused': (memory) => {
    memory.isPaused = true;
  },
  'workflow:resumed': (memory) => {
    memory.isPaused = false;
  },
  'task:started': (memory, { data, time }) => {
    const { taskId, protocol, method, attempt } = data;
    memory.protocols.add(protocol);
    memory.retrying.delete(taskId);
    leave(memory, taskId);
    memory.running.set(taskId, { taskId, protocol, method, attempt, startedAt: time });
    size(memory, protocol, { running: (memory.pools.get(protocol)?.running ?? 0) + 1 });
  },
  'attempt:progress': ({ running }, { data }) => {
    const { taskId, attempt, fraction, message } = data;
    const task = running.get(taskId);
    if (task?.attempt === attempt) running.set(taskId, { ...task, fraction, ...(message !== undefined && { message }) });
  },
  'task:queued': (memory, { data }) => {
    memory.protocols.add(data.protocol);
    memory.retrying.delete(data.taskId);
  },
  'task:expanded': (memory, { data }) => {
    memory.fanOuts.set(data.taskId, { total: data.elements, done: 0 });
  },
  'task:completed': (memory, { data }) => end(memory, data.taskId),
  'task:failed': (memory, { data }) => leave(memory, data.taskId),
  'task:retry_scheduled': (memory, { data }) => {
    memory.retrying.set(data.taskId, { taskId: data.taskId, dueAt: data.dueAt });
  },
  'task:retry_exhausted': (memory, { data }) => end(memory, data.taskId),
  'task:cancelled': (memory, { data }) => end(memory, data.taskId),
  'pool:scaled': (memory, { data }) => size(memory, data.poolId, { workers: data.to }),
  'pool:metrics': (memory, { data }) => size(memory, data.poolId, { workers: data.workers }),
  'provider:registered': (memory, { data }) => {
    if (data.circuit?.scope === 'provider') memory.circuits.set(data.providerId, { state: 'closed', protocol: data.protocol });
  },
  'circuit:opened': (memory, { data }) => {
    const { circuit, protocol, reason, retryAt } = data;
    const state = reason === 'isolated' ? 'isolated' : 'open';
    memory.circuits.set(circuit, { state, protocol, ...(retryAt !== undefined && { retryAt }) });
  },
  'circuit:half_open': (memory, { data }) => {
    memory.circuits.set(data.circuit, { state: 'half-open', protocol: data.protocol });
  },
  'circuit:closed': (memory, { data }) => {
    memory.circuits.set(data.circuit, { state: 'closed', protocol: data.protocol });
  },
};
