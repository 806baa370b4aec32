/** What runs in a worker thread: imports the module, calls its function, and answers with plain JSON or a failure, never a throw. */
import type { Failure } from '../../machines/failures.ts';
import { errorOf } from '../errors.ts';
import { readFailure } from '../failure-reading.ts';
import { type Exports, importModule } from './import-module.ts';
import { copyJson } from './plain-json.ts';

export interface ThreadJob {
  /** URL of the module. */
  readonly module: string;
  readonly exported: string;
  readonly params: unknown;
  readonly call: ThreadCall;
  /** Set to 1 once it has begun, so that others know whether it still waits for a thread. */
  readonly begun: Int32Array<SharedArrayBuffer>;
}

/** What a function in a thread is given beside its parameters: what can be handed over. */
export interface ThreadCall {
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly workflowId: string;
  readonly taskId: string;
}

export type ThreadAnswer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: Failure };

const modules = new Map<string, Promise<Exports>>();

/** Loads a module once a thread: TypeScript would be loaded anew each time. */
function load(module: string): Promise<Exports> {
  const loading = importModule(module);
  modules.set(module, loading);
  // Node keeps what an import failed with for as long as the thread lives. The next attempt gets another, and may fare better.
  loading.catch(() => setImmediate(() => process.exit()));
  return loading;
}

export async function runInThread({ module, exported, params, call, begun }: ThreadJob): Promise<ThreadAnswer> {
  Atomics.store(begun, 0, 1);
  try {
    const loaded = await (modules.get(module) ?? load(module));
    const run = loaded[exported];
    if (typeof run !== 'function')
      throw errorOf('METHOD_NOT_SUPPORTED', `"${module}" exports no function "${exported}", but ${Object.keys(loaded).join(', ') || 'nothing'}`);
    const copy = copyJson(await run(params, call));
    if (!copy.ok) throw errorOf('TASK_RESULT_INVALID', `The result of "${exported}" ${copy.problem}`);
    return { ok: true, result: copy.value };
  } catch (thrown) {
    return { ok: false, error: readFailure(thrown) };
  }
}
