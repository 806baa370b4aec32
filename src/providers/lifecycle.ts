/** Starts, checks and stops providers, each within a time limit, and answers with what came of it. */
import type { Failure } from '../../machines/failures.ts';
import { errorOf, toFailure } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import type { AnyProvider } from './provider.ts';

export type CheckOutcome =
  | { readonly ok: true; readonly durationMs: number }
  | { readonly ok: false; readonly error: Failure; readonly durationMs: number };

export interface LifecycleOptions {
  readonly clock: Clock;
  readonly providers: ReadonlyMap<string, AnyProvider>;
  readonly timeoutMs: number;
  /** Takes secrets out of what is reported. */
  readonly redact: (failure: Failure) => Failure;
}

export interface Lifecycle {
  start(providerId: string): Promise<CheckOutcome>;
  check(providerId: string): Promise<CheckOutcome>;
  stop(providerId: string): Promise<CheckOutcome>;
}

type Phase = keyof Lifecycle;

/** What an error without a code of its own means in each phase. */
const codes = { start: 'PROVIDER_INITIALIZATION_FAILED', check: 'PROVIDER_NOT_AVAILABLE', stop: 'INTERNAL_ERROR' } as const;

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const go = async (phase: Phase, providerId: string): Promise<CheckOutcome> => {
    const startedAt = options.clock.now();
    const durationMs = (): number => Math.max(0, options.clock.now() - startedAt);
    try {
      await withinTime(options, providerId, phase);
      return { ok: true, durationMs: durationMs() };
    } catch (thrown) {
      return { ok: false, error: options.redact(failureOf(phase, providerId, thrown)), durationMs: durationMs() };
    }
  };
  return { start: (id) => go('start', id), check: (id) => go('check', id), stop: (id) => go('stop', id) };
}

async function withinTime({ clock, providers, timeoutMs }: LifecycleOptions, providerId: string, phase: Phase): Promise<void> {
  const provider = providers.get(providerId);
  if (provider === undefined) throw errorOf('PROVIDER_NOT_FOUND', `No provider "${providerId}" is registered`);
  const act = provider[phase];
  if (act === undefined) return;
  const controller = new AbortController();
  const late = errorOf('PROVIDER_TIMEOUT', `The ${phase} of provider "${providerId}" took longer than ${timeoutMs} ms`);
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimer(timeoutMs, () => {
      reject(late);
      controller.abort(late);
    });
    const called = async (): Promise<unknown> => act.call(provider, controller.signal);
    called()
      .then(() => resolve(), reject)
      .finally(() => timer.cancel());
  });
}

function failureOf(phase: Phase, providerId: string, thrown: unknown): Failure {
  const found = toFailure(thrown, codes[phase]);
  return found.code === codes[phase] ? { ...found, message: `The ${phase} of provider "${providerId}" failed: ${found.message}` } : found;
}
