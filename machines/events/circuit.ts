/** Events of circuit breakers and of the backpressure monitor. */
import * as z from 'zod';

import { command, transient } from './define.ts';
import { epochMs, reason } from './payloads.ts';

/** A circuit's id: its provider's, or `<providerId>/<method>` where each method has its own. */
const circuit = z.string();
const providerId = z.string();
const epoch = z.int().min(0);

export const circuitEvents = {
  'circuit:opened': transient({
    from: 'circuit',
    to: ['methods', 'pool', 'alerts', 'scheduler'],
    about: 'A provider is called no more until `retryAt`.',
    severity: 'error',
    data: z.strictObject({
      circuit,
      providerId,
      protocol: z.string(),
      reason: z.enum(['failure_threshold', 'probe_failed', 'isolated']),
      failures: z.int().min(0),
      epoch,
      /** Absent where only a person closes it again. */
      retryAt: epochMs.optional(),
    }),
  }),
  'circuit:half_open': transient({
    from: 'circuit',
    to: ['methods', 'queue'],
    about: 'So many calls more are let through on trial.',
    severity: 'warning',
    data: z.strictObject({ circuit, providerId, protocol: z.string(), epoch, probes: z.int().min(1), successes: z.int().min(0) }),
  }),
  'circuit:closed': transient({
    from: 'circuit',
    to: ['methods', 'queue', 'backpressure', 'pool', 'alerts'],
    about: 'A provider is trusted again.',
    severity: 'info',
    data: z.strictObject({ circuit, providerId, protocol: z.string(), epoch, successes: z.int().min(0) }),
  }),
  'circuit:removed': transient({
    from: 'circuit',
    to: ['queue', 'alerts'],
    about: 'What a circuit guarded has gone, and the circuit with it.',
    severity: 'info',
    data: z.strictObject({ circuit, providerId, protocol: z.string() }),
  }),
  'circuit:recovery_due': transient({
    from: 'scheduler',
    to: ['circuit'],
    about: 'The time that an open circuit waits is over.',
    data: z.strictObject({ circuit, epoch }),
  }),
  'circuit:isolate': command({
    from: 'api',
    to: ['circuit'],
    about: 'Asks for a circuit to be opened by hand.',
    data: z.strictObject({ circuit, reason }),
  }),
  'circuit:restore': command({
    from: 'api',
    to: ['circuit'],
    about: 'Asks for a circuit to be closed by hand.',
    data: z.strictObject({ circuit, reason }),
  }),
} as const;

/** What the score is made of; each signal 0..1. */
export const pressureSignalsSchema = z.strictObject({
  depth: z.number().min(0).max(1),
  oldest: z.number().min(0).max(1),
  utilization: z.number().min(0).max(1),
  lag: z.number().min(0).max(1),
  memory: z.number().min(0).max(1),
  cpu: z.number().min(0).max(1),
  overload: z.number().min(0).max(1),
});
export type PressureSignals = z.infer<typeof pressureSignalsSchema>;

const level = z.strictObject({
  /** `system`, or the pool's id. */
  scope: z.string(),
  score: z.number().min(0).max(1),
  signals: pressureSignalsSchema,
});

export const backpressureEvents = {
  'backpressure:normal': transient({
    from: 'backpressure',
    to: ['pool', 'queue', 'engine', 'alerts'],
    about: 'Load is normal again.',
    severity: 'info',
    data: level,
  }),
  'backpressure:high': transient({
    from: 'backpressure',
    to: ['pool', 'queue', 'engine', 'alerts'],
    about: 'Load is high: pools are asked to grow.',
    severity: 'warning',
    data: level,
  }),
  'backpressure:critical': transient({
    from: 'backpressure',
    to: ['pool', 'queue', 'engine', 'alerts'],
    about: 'Load is critical: admission is throttled as well.',
    severity: 'error',
    data: level,
  }),
} as const;
