/** What an attempt says of its provider, and when a provider that failed is looked at again. */
import type { Failure } from '../events/payloads.ts';
import { isProviderFault } from '../failures.ts';
import { type FailedAttempt, wasCutOff } from './retry-decision.ts';

/** Whether a failure says that its provider is sound but has too much to do. */
export function isOverload({ code }: Failure): boolean {
  return code === 'PROVIDER_OVERLOADED' || code === 'RATE_LIMIT_EXCEEDED';
}

/** Whether a failed attempt shows something wrong with the provider itself; a lost worker is the pool's matter. */
export function isOwnFault({ ended, error }: Pick<FailedAttempt, 'ended' | 'error'>): boolean {
  return !wasCutOff({ ended }) && isProviderFault(error) && !isOverload(error);
}

/** Far beyond any cap, and short of infinity, which times zero is no number. */
const mostDoublings = 64;

/**
 * Time to the next check of a provider that failed, in milliseconds: doubled from check to check, up to a cap.
 * `probes` counts the checks so far.
 */
export function probeDelay(timing: { readonly probeBaseMs: number; readonly probeMaxMs: number; readonly probes: number }): number {
  return Math.min(timing.probeMaxMs, timing.probeBaseMs * 2 ** Math.min(timing.probes, mostDoublings));
}
