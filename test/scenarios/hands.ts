/** A provider that is operated by hand: each call waits until the scenario answers it. */
import type { CircuitOptions, PoolOptions } from '../../machines/events/provider.ts';
import type { ErrorCode, Failure } from '../../machines/failures.ts';
import { errorOf } from '../../src/errors.ts';
import { type AnyProvider, type AttemptCall, makeProvider } from '../../src/providers/provider.ts';

export interface Call extends Pick<AttemptCall, 'attempt' | 'taskId' | 'workflowId' | 'signal'> {
  readonly params: unknown;
  readonly call: AttemptCall;
  succeed(result?: unknown): void;
  fail(code?: ErrorCode, more?: Partial<Pick<Failure, 'retryable' | 'retryAfterMs'>>): void;
}

export interface Hands {
  readonly provider: AnyProvider;
  /** Every call so far. */
  readonly calls: readonly Call[];
  /** The calls that nobody has answered. */
  open(): readonly Call[];
  /** The open call of a task. */
  callOf(taskId: string): Call;
}

export interface HandsOptions {
  readonly id?: string;
  readonly protocol?: string;
  readonly methods?: readonly string[];
  readonly circuit?: Partial<CircuitOptions> | false;
  readonly pool?: Partial<PoolOptions>;
  readonly start?: () => unknown;
  readonly check?: () => unknown;
}

export function handOperated({ protocol = 'demo/v1', methods = ['demo/work'], ...rest }: HandsOptions = {}): Hands {
  const calls: Call[] = [];
  const answered = new Set<Call>();
  const run = (params: never, call: AttemptCall) =>
    new Promise<unknown>((resolve, reject) => {
      const { attempt, taskId, workflowId, signal } = call;
      const made: Call = {
        params,
        call,
        attempt,
        taskId,
        workflowId,
        signal,
        succeed(result = null) {
          answered.add(made);
          resolve(result);
        },
        fail(code = 'TASK_EXECUTION_FAILED', more = {}) {
          answered.add(made);
          reject(errorOf(code, `${taskId} was told to fail`, more));
        },
      };
      calls.push(made);
    });
  const provider = makeProvider({ protocol, ...rest, methods: Object.fromEntries(methods.map((name) => [name, { run }])) });
  const open = () => calls.filter((call) => !answered.has(call) && !call.signal.aborted);
  return {
    provider,
    calls,
    open,
    callOf(taskId) {
      const found = open().find((call) => call.taskId === taskId);
      if (found === undefined)
        throw new Error(
          `No call of '${taskId}' is open; open are: ${
            open()
              .map((call) => call.taskId)
              .join(', ') || 'none'
          }.`,
        );
      return found;
    },
  };
}
