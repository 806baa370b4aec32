/** What the machines of one system are made with: every figure that is not the default of its machine. */

import type { BackpressureMonitorInput } from '../../machines/backpressure-monitor.ts';
import { resolverDefaults } from '../../machines/dependency-resolver.ts';
import type { QueuePolicy } from '../../machines/events/queue.ts';
import type { AlertRule } from '../../machines/policies/alert-rules.ts';
import { workerDefaults } from '../../machines/worker.ts';

export interface MachineConfig {
  readonly queue: {
    /** What a new workflow meets while the queue is full. @defaultValue `'reject'` */
    readonly policy?: QueuePolicy;
    /** Tasks that the queue holds before it is full. @defaultValue `100_000` */
    readonly capacity?: number;
    /** Waiting time that lifts a task by one priority, in milliseconds. @defaultValue `60_000` */
    readonly ageingMs?: number;
  };
  readonly worker: {
    /** How long a claim holds without a sign of life, in milliseconds. @defaultValue `30_000` */
    readonly leaseMs: number;
    /** How often a worker gives a sign of life, in milliseconds; after six that did not come it is failed, and its claims end with it. @defaultValue `5_000` */
    readonly heartbeatMs: number;
  };
  /** Tasks of one workflow that are released and not yet settled, at most. @defaultValue `1_000` */
  readonly window: number;
  readonly provider: {
    /** Failures in a row that make a provider degraded. @defaultValue `3` */
    readonly degradedAfter?: number;
    /** Failures in a row after which it is called no more until a check succeeds; above `degradedAfter`. @defaultValue `6` */
    readonly unhealthyAfter?: number;
  };
  /** What counts as pressure. @defaultValue `backpressureMonitorDefaults` */
  readonly backpressure: Omit<BackpressureMonitorInput, 'scope'>;
  readonly health: {
    /** From one check of all providers to the next, in milliseconds. @defaultValue `30_000` */
    readonly intervalMs?: number;
  };
  readonly cleanup: {
    /** How often finished workflows are cleaned up, in milliseconds. @defaultValue `3_600_000` */
    readonly intervalMs?: number;
    /** How long a finished workflow is kept, in milliseconds; without it, for ever. */
    readonly maxAgeMs?: number;
    /** How many finished workflows are kept; without it, all. */
    readonly keep?: number;
  };
  readonly alertRules: readonly AlertRule[];
}

export const machineConfigDefaults = {
  queue: {},
  worker: workerDefaults,
  window: resolverDefaults.window,
  provider: {},
  backpressure: {},
  health: {},
  cleanup: {},
} as const satisfies Omit<MachineConfig, 'alertRules'>;
