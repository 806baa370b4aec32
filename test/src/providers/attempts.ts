/** Runs attempts of a provider through a real executor. */
import type { Attempt } from '../../../src/providers/attempt.ts';
import { type AttemptOutcome, createExecutor, type ExecutorOptions } from '../../../src/providers/executor.ts';
import type { AnyProvider } from '../../../src/providers/provider.ts';
import { systemClock } from '../../../src/system/clock.ts';

export function attemptOf(provider: AnyProvider, given: Partial<Attempt> & Pick<Attempt, 'method'>): Attempt {
  return {
    workflowId: 'w',
    taskId: 't',
    attempt: 1,
    leaseId: 'l',
    workerId: 'worker',
    providerId: provider.id,
    protocol: provider.protocol,
    params: {},
    timeoutMs: 1_000,
    idempotencyKey: 'w/t',
    ...given,
  };
}

export interface Bench {
  /** Runs one attempt to its report. */
  run(given: Partial<Attempt> & Pick<Attempt, 'method'>): Promise<AttemptOutcome>;
  abort(leaseId?: string): void;
}

export function bench(provider: AnyProvider, options: Partial<ExecutorOptions> = {}): Bench {
  const executor = createExecutor({ clock: systemClock, ...options });
  executor.register(provider);
  return {
    run: (given) => new Promise((resolve) => executor.run(attemptOf(provider, given), resolve)),
    abort: (leaseId = 'l') => executor.abort(leaseId, 'asked for'),
  };
}

/** The result of an attempt that must succeed. */
export async function resultOf(outcome: Promise<AttemptOutcome>): Promise<unknown> {
  const { type, data } = await outcome;
  if (type === 'attempt:failed') throw new Error(`${data.error.code}: ${data.error.message}`);
  return data.result;
}

/** The failure of an attempt that must fail. */
export async function failureOf(outcome: Promise<AttemptOutcome>) {
  const { type, data } = await outcome;
  if (type === 'attempt:succeeded') throw new Error(`succeeded with ${JSON.stringify(data.result)}`);
  return data.error;
}
