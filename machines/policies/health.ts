/**
 * The health monitor's arithmetic: what a target's checks make of it, and what its targets make of the whole.
 */
import type { Map as ImmutableMap } from 'immutable';

import type { DataOf, DraftOf, EventOf } from '../events/catalogue.ts';
import { failure } from '../failures.ts';

export const healthStatuses = ['healthy', 'degraded', 'unhealthy'] as const;
export type HealthStatus = (typeof healthStatuses)[number];

/** What is known of a provider. */
export interface ProviderHealth {
  readonly protocol: string;
  /** The smallest size of its pool. */
  readonly poolMin: number;
  /** Checks that failed, since the last one that did not. */
  readonly failures: number;
}

/** What was heard of the workers since they were last judged. */
export interface WorkersHeard {
  readonly beats: number;
  readonly lost: number;
  /** The longest delay of an event loop, in milliseconds. */
  readonly lagMs: number;
}

export interface HealthRecord {
  /** The status of every target: `engine`, `workers`, and `provider/<providerId>` of each. */
  readonly targets: ImmutableMap<string, HealthStatus>;
  /** By target. */
  readonly providers: ImmutableMap<string, ProviderHealth>;
  /** Checks that wait for an answer, and since when, by target. */
  readonly pending: ImmutableMap<string, number>;
  readonly workers: WorkersHeard;
}

export type Verdict = EventOf<'health:check_completed' | 'health:check_failed'>;
type VerdictDraft = DraftOf<'health:check_completed' | 'health:check_failed'>;

export const nothingHeard: WorkersHeard = { beats: 0, lost: 0, lagMs: 0 };

export const providerTarget = (providerId: string): string => `provider/${providerId}`;

/** The worse of two. */
export function worse(a: HealthStatus, b: HealthStatus): HealthStatus {
  return healthStatuses.indexOf(a) >= healthStatuses.indexOf(b) ? a : b;
}

/** The status of the whole: that of its worst target. */
export function worstOf(targets: Iterable<HealthStatus>): HealthStatus {
  let worst: HealthStatus = 'healthy';
  for (const status of targets) worst = worse(worst, status);
  return worst;
}

/** A target after another failed check: a failure never makes it better. */
export function statusAfterFailure(status: HealthStatus, failures: number, unhealthyAfter: number): 'degraded' | 'unhealthy' {
  return status === 'unhealthy' || failures >= unhealthyAfter ? 'unhealthy' : 'degraded';
}

/** The verdict on the workers. */
export function verdictOnWorkers(heard: WorkersHeard, laggingMs: number): VerdictDraft {
  const { beats, lost, lagMs } = heard;
  const component = 'workers';
  if (lost > 0) {
    const error = failure('CONNECTION_LOST', `${lost} workers were lost since the last check; ${beats} heartbeats were heard meanwhile.`);
    return { type: 'health:check_failed', data: { component, status: beats === 0 ? 'unhealthy' : 'degraded', error, durationMs: 0 } };
  }
  return {
    type: 'health:check_completed',
    data: { component, status: lagMs >= laggingMs ? 'degraded' : 'healthy', details: { ...heard }, durationMs: 0 },
  };
}

/** The record after a verdict; one on a target that is not known changes no status. */
export function noted<Noted extends HealthRecord>(record: Noted, { type, data: { component, status } }: Verdict): HealthRecord {
  const { targets, providers, pending, workers } = record;
  return {
    targets: targets.has(component) ? targets.set(component, status) : targets,
    providers: providers.update(component, (known) => known && { ...known, failures: failuresAfter(known.failures, type, status) }),
    pending: pending.delete(component),
    workers: component === 'workers' ? nothingHeard : workers,
  };
}

function failuresAfter(failures: number, type: Verdict['type'], status: HealthStatus): number {
  if (type === 'health:check_failed') return failures + 1;
  return status === 'healthy' ? 0 : failures;
}

/**
 * What a verdict on a provider asks of its pool: its smallest size when no provider of the protocol can be called any more,
 * a worker at least when one can again; otherwise nothing.
 */
export function poolOrder(before: HealthRecord, after: HealthRecord, target: string): DraftOf<'pool:scale_down' | 'pool:scale_up'> | null {
  const provider = after.providers.get(target);
  if (provider === undefined) return null;
  const { protocol: poolId, poolMin } = provider;
  const wasUp = isServed(before, poolId);
  const isUp = isServed(after, poolId);
  if (wasUp === isUp) return null;
  const data: DataOf<'pool:scale_up'> = isUp
    ? { poolId, target: Math.max(1, poolMin), reason: `${target} is healthy again` }
    : { poolId, target: poolMin, reason: `${target} is unhealthy` };
  return { type: isUp ? 'pool:scale_up' : 'pool:scale_down', data };
}

function isServed({ providers, targets }: HealthRecord, protocol: string): boolean {
  return providers.some((provider, target) => provider.protocol === protocol && targets.get(target) !== 'unhealthy');
}
