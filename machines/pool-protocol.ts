/** What a pool is made with, what it hears and what it states. */
import type { DraftOf, EventOf } from './events/catalogue.ts';
import type { PoolOptions } from './events/provider.ts';

export interface PoolInput extends PoolOptions {
  /** The protocol that it serves. */
  readonly poolId: string;
}

/** The value of each of a pool's options that a provider leaves out. */
export const poolDefaults = {
  /** Workers at least, as long as some provider can be called. */
  min: 1,
  /** Workers at most. */
  max: 10,
  /** Attempts that one worker runs at the same time. */
  slots: 1,
  /** The utilization from which on a pool grows while work waits, 0..1. */
  scaleUpAt: 0.8,
  /** The utilization down to which a pool shrinks while none waits, 0..1. */
  scaleDownAt: 0.2,
  /** Workers that join, or leave, in one step. */
  scaleUpBy: 2,
  scaleDownBy: 1,
  /** The time from any change of size to the next step down, in milliseconds. */
  cooldownMs: 30_000,
  /** The time from one step up to the next while work waits, in milliseconds; never longer than `cooldownMs`. */
  scaleUpCooldownMs: 1_000,
  /** The time from one replacement of a worker that showed an error to the next, in milliseconds. */
  quarantineMs: 10_000,
} as const satisfies PoolOptions;

export type WorkerRelease = EventOf<'worker:idle' | 'worker:busy'>;
export type ProviderChange = EventOf<
  'provider:started' | 'provider:stopped' | 'provider:unhealthy' | 'provider:unregistered' | 'circuit:opened' | 'circuit:closed'
>;
export type ScalingCommand = EventOf<'pool:scale_requested' | 'pool:scale_up' | 'pool:scale_down'>;

export type PoolEvent =
  | WorkerRelease
  | ProviderChange
  | ScalingCommand
  | EventOf<
      | 'task:available'
      | 'queue:withdrawn'
      | 'queue:full'
      | 'queue:empty'
      | 'worker:started'
      | 'worker:stopped'
      | 'worker:failed'
      | 'worker:refused'
      | 'provider:registered'
      | 'provider:error'
      | 'backpressure:normal'
      | 'backpressure:high'
      | 'backpressure:critical'
      | 'system:shutdown'
      | 'schedule:elapsed'
      | 'pool:scaled_up'
      | 'pool:scaled_down'
      | 'pool:cooled'
      | 'pool:worker_quarantined'
      | 'pool:metrics'
      | 'pool:stopped'
    >;

export type PoolFact = DraftOf<
  | 'worker:assign'
  | 'pool:scaled'
  | 'pool:scaled_up'
  | 'pool:scaled_down'
  | 'pool:scale_rejected'
  | 'pool:cooled'
  | 'pool:worker_quarantined'
  | 'pool:metrics'
  | 'pool:stopped'
  | 'schedule:request'
>;

export type PoolState = 'starting' | 'steady' | 'cooling' | 'quarantining' | 'shrunk' | 'draining' | 'stopped' | 'disused';
