/**
 * Calls the handlers: one attempt at a time, each under its lease, each reported.
 *
 * It decides nothing. Every outcome is reported with the lease it was run under, also one that comes after an abort: the task
 * refuses what is too late. It refuses to die of a handler: whatever one throws, returns or never does becomes a report, or none.
 */
import type { DraftOf } from '../../machines/events/catalogue.ts';
import type { Failure } from '../../machines/failures.ts';
import { errorOf } from '../errors.ts';
import { boundDetails, boundFailure } from '../failure-limits.ts';
import { readFailure } from '../failure-reading.ts';
import type { AttemptSecrets } from '../secrets/attempt-secrets.ts';
import { noSecrets, type Secrets } from '../secrets/secrets.ts';
import type { Clock } from '../system/clock.ts';
import { acceptParams, acceptResult, sealResult } from './acceptance.ts';
import type { Attempt } from './attempt.ts';
import { type AttemptLog, type AttemptProgress, callOf } from './attempt-call.ts';
import { type CheckOutcome, createLifecycle } from './lifecycle.ts';
import type { AnyMethod, AnyProvider, AttemptCall } from './provider.ts';

/** The event that reports how an attempt ended, ready for the router. */
export type AttemptOutcome = DraftOf<'attempt:succeeded' | 'attempt:failed'>;

export interface ExecutorOptions {
  readonly clock: Clock;
  /** Takes what handlers log. @defaultValue nowhere */
  readonly log?: AttemptLog | undefined;
  /** Takes what handlers tell of their progress. @defaultValue nowhere */
  readonly progress?: AttemptProgress | undefined;
  /** What the random numbers of handlers follow from, beside the task. @defaultValue `''` */
  readonly seed?: string | undefined;
  /** Opens parameters, and seals what comes of them. @defaultValue nothing is opened or sealed */
  readonly secrets?: Secrets | undefined;
  /** Cuts what an attempt failed with, its secrets blotted out. @defaultValue to the limits of what is recorded */
  readonly bound?: ((failure: Failure) => Failure) | undefined;
  /** The longest that a start, a stop or a check of a provider may take. @defaultValue `10_000` */
  readonly checkTimeoutMs?: number | undefined;
}

export interface Executor {
  register(provider: AnyProvider): void;
  /** Attempts that run go on; new ones fail with PROVIDER_NOT_FOUND. */
  unregister(providerId: string): void;
  /** Runs an attempt. `report` is called later, at most once, never from within this call. */
  run(attempt: Attempt, report: (outcome: AttemptOutcome) => void): void;
  /** Aborts the attempt under this lease, if it runs, and forgets it. */
  abort(leaseId: string, reason: string): void;
  /** The attempts that run and were not aborted. */
  running(): readonly Attempt[];
  /** Starts a provider; never rejects. */
  start(providerId: string): Promise<CheckOutcome>;
  /** Checks a provider; never rejects. */
  check(providerId: string): Promise<CheckOutcome>;
  /** Stops a provider; never rejects. */
  stop(providerId: string): Promise<CheckOutcome>;
}

export const executorDefaults = { checkTimeoutMs: 10_000 } as const;

export function createExecutor(options: ExecutorOptions): Executor {
  const { clock, secrets = noSecrets, bound = boundFailure, checkTimeoutMs = executorDefaults.checkTimeoutMs } = options;
  const providers = new Map<string, AnyProvider>();
  const live = new Map<string, { readonly attempt: Attempt; readonly controller: AbortController }>();
  const lifecycle = createLifecycle({ clock, providers, timeoutMs: checkTimeoutMs, redact: secrets.failure });

  const settle = async (attempt: Attempt, controller: AbortController, own: AttemptSecrets): Promise<unknown> => {
    const method = methodOf(providers, attempt);
    const params = await acceptParams(attempt, method, own);
    const { log, progress: tell } = redacted(options, own);
    // Once it has ended, nobody asks any more how far it is.
    const progress: AttemptProgress = (note) => void (live.get(attempt.leaseId)?.controller === controller && tell(note));
    const call = callOf(attempt, controller.signal, { ...options, log, progress, holdsSecret: (text) => own.isIn(text) });
    return sealResult(attempt, await acceptResult(attempt, method, await invoke(method, params, call)), own);
  };

  return {
    ...lifecycle,
    register: (provider) => void providers.set(provider.id, provider),
    unregister: (providerId) => void providers.delete(providerId),
    run(attempt, report) {
      const controller = new AbortController();
      const startedAt = clock.now();
      live.set(attempt.leaseId, { attempt, controller });
      const end = (outcome: AttemptOutcome): void => {
        if (live.get(attempt.leaseId)?.controller === controller) live.delete(attempt.leaseId);
        report(outcome);
      };
      const durationMs = (): number => Math.max(0, clock.now() - startedAt);
      const own = secrets.attempt(attempt);
      settle(attempt, controller, own).then(
        (result) => end(succeeded(attempt, result, durationMs())),
        (thrown: unknown) => end(failed(attempt, bound(own.failure(readFailure(thrown))), durationMs())),
      );
    },
    abort(leaseId, reason) {
      const entry = live.get(leaseId);
      if (entry === undefined) return;
      live.delete(leaseId);
      const { taskId, attempt } = entry.attempt;
      entry.controller.abort(errorOf('TASK_CANCELLED', `Attempt ${attempt} of task "${taskId}" was aborted: ${reason}`));
    },
    running: () => [...live.values()].map((entry) => entry.attempt),
  };
}

/** What a handler says to people, without the secrets of its attempt. */
function redacted({ log, progress }: ExecutorOptions, own: AttemptSecrets): { readonly log: AttemptLog; readonly progress: AttemptProgress } {
  return {
    log: ({ message, details, ...ref }) =>
      log?.({
        ...ref,
        message: own.text(message),
        ...(details !== undefined && { details: boundDetails(own.fields(details)) as Readonly<Record<string, unknown>> }),
      }),
    progress: ({ message, ...note }) => progress?.({ ...note, ...(message !== undefined && { message: own.text(message) }) }),
  };
}

function methodOf(providers: ReadonlyMap<string, AnyProvider>, { providerId, method }: Attempt): AnyMethod {
  const provider = providers.get(providerId);
  if (provider === undefined) throw errorOf('PROVIDER_NOT_FOUND', `No provider "${providerId}" is registered`);
  const found = Object.hasOwn(provider.methods, method) ? provider.methods[method] : undefined;
  if (found === undefined) throw errorOf('METHOD_NOT_SUPPORTED', `Provider "${providerId}" has no method "${method}"`);
  return found;
}

function invoke(method: AnyMethod, params: unknown, call: AttemptCall): unknown {
  // The schema, where there is one, has let these parameters through: they are what the handler takes.
  return method.run(params as never, call);
}

function succeeded(attempt: Attempt, result: unknown, durationMs: number): AttemptOutcome {
  return { type: 'attempt:succeeded', data: { ...refOf(attempt), result, durationMs } };
}

function failed(attempt: Attempt, error: Failure, durationMs: number): AttemptOutcome {
  return { type: 'attempt:failed', data: { ...refOf(attempt), error, durationMs } };
}

function refOf({
  workflowId,
  taskId,
  attempt,
  leaseId,
  workerId,
}: Attempt): Pick<Attempt, 'workflowId' | 'taskId' | 'attempt' | 'leaseId' | 'workerId'> {
  return { workflowId, taskId, attempt, leaseId, workerId };
}
