/**
 * Providers whose functions run in worker threads: for work that keeps a processor busy.
 *
 * A function stands in a module of its own, which each thread loads for itself. An attempt has a thread to itself, so that one
 * that overruns or is aborted can be killed with its thread; the next one gets a fresh thread.
 */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Piscina } from 'piscina';

import type { CircuitOptions, PoolOptions } from '../../machines/events/provider.ts';
import { errorOf, fromFailure, GleitzeitError, toFailure } from '../errors.ts';
import { isTypeScript } from './import-module.ts';
import { type AnyMethod, type AttemptCall, makeProvider, type ProviderDefinition } from './provider.ts';
import type { ThreadAnswer, ThreadJob } from './thread-runner.ts';

export interface ThreadMethod<S, R> {
  readonly params?: S;
  /** Checks what the function returns, and gives the task's value its type. */
  readonly result?: R;
  readonly description?: string;
  /** The name of the function among the module's exports. @defaultValue the method's name after its last `/` */
  readonly exported?: string;
}

/** A provider whose methods run in worker threads. */
export interface ThreadProviderOptions<S, R> {
  readonly id?: string;
  readonly protocol: string;
  /** The module with the functions, for example `new URL('./work.js', import.meta.url)`. */
  readonly module: URL | string;
  readonly methods: { readonly [M in keyof S]: ThreadMethod<S[M], unknown> } & { readonly [M in keyof R]: ThreadMethod<unknown, R[M]> };
  /** Threads at most. @defaultValue as many as there are processors */
  readonly threads?: number;
  /** The most memory that one thread may take for its JavaScript objects, in megabytes. @defaultValue as Node has it */
  readonly memoryMb?: number;
  readonly circuit?: Partial<CircuitOptions> | false;
  readonly pool?: Partial<PoolOptions>;
}

type ByMethod = Readonly<Record<string, unknown>>;
type Results<R extends ByMethod> = { readonly [M in keyof R]: R[M] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<R[M]> : unknown };

/**
 * Defines a provider whose methods are functions `(params, { attempt, idempotencyKey, workflowId, taskId }) => result` of a module.
 *
 * @example
 * const cpu = defineThreadProvider({ protocol: 'cpu/v1', module: new URL('./cpu.js', import.meta.url), methods: { 'cpu/hash': {} } });
 */
export function defineThreadProvider<const S extends ByMethod, R extends ByMethod>(
  options: ThreadProviderOptions<S, R>,
): ProviderDefinition<S, Results<R>> {
  const { protocol, module, threads = availableParallelism() } = options;
  const pool = lazyThreads(options, threads);
  // The intersection that inference needs is, read as a whole, a record of methods.
  const given = options.methods as unknown as Readonly<Record<string, ThreadMethod<StandardSchemaV1, StandardSchemaV1>>>;
  const methods = Object.entries(given).map(([name, { exported = name.slice(name.lastIndexOf('/') + 1), ...method }]): [string, AnyMethod] => {
    const run = (params: unknown, call: AttemptCall): Promise<unknown> =>
      pool.run({ module: String(module), exported, params, call: handedOver(call) }, call.signal);
    return [name, { ...method, run }];
  });
  return makeProvider({
    protocol,
    id: options.id,
    circuit: options.circuit,
    pool: { max: threads, ...options.pool },
    methods: Object.fromEntries(methods),
    // By now there are descriptors for it: an import that fails later for want of one would fail for ever.
    start: () => import('piscina'),
    stop: () => pool.close(),
  });
}

function handedOver({ attempt, idempotencyKey, workflowId, taskId }: AttemptCall): ThreadJob['call'] {
  return { attempt, idempotencyKey, workflowId, taskId };
}

interface Threads {
  run(job: Omit<ThreadJob, 'begun'>, signal: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

/** An attempt that is in the pool. */
interface Waiting {
  /** Not 0 once a thread has it. */
  readonly begun: Int32Array<SharedArrayBuffer>;
  readonly controller: AbortController;
}

/** Threads that are only made once there is work for them. */
function lazyThreads({ module, memoryMb }: Pick<ThreadProviderOptions<unknown, unknown>, 'module' | 'memoryMb'>, threads: number): Threads {
  const waiting = new Set<Waiting>();
  let opened: Promise<Piscina> | undefined;
  // What waits in the pool for a thread that could not be started would wait for ever.
  const onError = (error: Error): void => {
    for (const { begun, controller } of waiting) if (Atomics.load(begun, 0) === 0) controller.abort(error);
  };
  return {
    async run(job, signal) {
      signal.throwIfAborted();
      opened ??= open({ threads, memoryMb, needsTypeScript: isTypeScript(String(module)), onError });
      const own: Waiting = { begun: new Int32Array(new SharedArrayBuffer(4)), controller: new AbortController() };
      waiting.add(own);
      try {
        const pool = await opened;
        return resultOf(await pool.run({ ...job, begun: own.begun }, { signal: AbortSignal.any([signal, own.controller.signal]) }));
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        throw own.controller.signal.aborted ? notStarted(own.controller.signal.reason, job) : failureOfThread(thrown, job);
      } finally {
        waiting.delete(own);
      }
    },
    async close() {
      const closing = opened;
      opened = undefined;
      await (await closing)?.destroy();
    },
  };
}

interface OpenOptions {
  readonly threads: number;
  readonly memoryMb: number | undefined;
  readonly needsTypeScript: boolean;
  /** Is told of a thread that ended with no attempt in it. */
  readonly onError: (error: Error) => void;
}

async function open({ threads, memoryMb, needsTypeScript, onError }: OpenOptions): Promise<Piscina> {
  const { Piscina } = await import('piscina');
  const runner = new URL(isTypeScript(import.meta.url) ? './thread-runner.ts' : './thread-runner.js', import.meta.url);
  const loader =
    needsTypeScript || isTypeScript(runner.pathname) ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];
  const pool = new Piscina({
    filename: fileURLToPath(runner),
    name: 'runInThread',
    minThreads: 0,
    maxThreads: threads,
    // A thread that waits in `Atomics.wait` notices nothing else; the wake-up that it saves is nothing beside the work.
    atomics: 'disabled',
    execArgv: loader,
    ...(memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
  });
  // A thread may die between two attempts, and the next attempt gets another; or before its first one.
  pool.on('error', onError);
  return pool;
}

function resultOf(answer: ThreadAnswer): unknown {
  if (answer.ok) return answer.result;
  throw fromFailure(answer.error);
}

function notStarted(reason: unknown, { exported }: Pick<ThreadJob, 'exported'>): GleitzeitError {
  const cause = toFailure(reason);
  return errorOf('RESOURCE_EXHAUSTED', `No thread could be started for "${exported}": ${cause.message}`, { cause });
}

/** What became of an attempt whose thread gave no answer. */
function failureOfThread(thrown: unknown, { exported }: Pick<ThreadJob, 'exported'>): GleitzeitError {
  if (thrown instanceof GleitzeitError) return thrown;
  const cause = toFailure(thrown);
  const outOfMemory = thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return errorOf(
    outOfMemory ? 'RESOURCE_EXHAUSTED' : 'CONNECTION_LOST',
    `The thread that ran "${exported}" ended before it had answered: ${cause.message}`,
    { cause },
  );
}
