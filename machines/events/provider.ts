/** Events of providers, and of the methods that they make available. */
import * as z from 'zod';

import { command, transient } from './define.ts';
import { durationMs, epochMs, failureSchema, reason } from './payloads.ts';

const providerId = z.string();
const protocol = z.string();
const methods = z.array(z.string());

export const circuitOptionsSchema = z.strictObject({
  /** What one circuit guards: the whole provider, or each of its methods. */
  scope: z.enum(['provider', 'method']),
  failureThreshold: z.int().min(1),
  successThreshold: z.int().min(1),
  recoveryTimeoutMs: z.number().positive(),
  halfOpenProbes: z.int().min(1),
});
/** When a circuit opens, and how it closes again. */
export type CircuitOptions = z.infer<typeof circuitOptionsSchema>;

export const poolOptionsSchema = z.strictObject({
  min: z.int().min(0),
  max: z.int().min(0),
  /** Attempts that one worker runs at the same time. */
  slots: z.int().min(1),
  scaleUpAt: z.number().min(0).max(1),
  scaleDownAt: z.number().min(0).max(1),
  scaleUpBy: z.int().min(1),
  scaleDownBy: z.int().min(1),
  cooldownMs: durationMs,
  scaleUpCooldownMs: durationMs,
  quarantineMs: durationMs,
});
/** How large a pool is, and when it changes its size. */
export type PoolOptions = z.infer<typeof poolOptionsSchema>;

export const providerEvents = {
  'provider:registered': transient({
    from: 'registry',
    to: ['provider', 'methods', 'circuit', 'pool', 'health', 'executor', 'hub'],
    about: 'A provider takes part; its methods are known.',
    severity: 'info',
    data: z.strictObject({
      providerId,
      protocol,
      methods,
      /** The circuits that guard it, by method; null: it goes unguarded. */
      circuit: circuitOptionsSchema.nullable(),
      pool: poolOptionsSchema,
      /** Whether only workers outside this process carry it out. */
      remote: z.boolean(),
    }),
  }),
  'provider:unregistered': transient({
    from: 'registry',
    to: ['provider', 'methods', 'circuit', 'pool', 'health', 'alerts', 'hub'],
    about: 'A provider takes no part any more.',
    severity: 'info',
    data: z.strictObject({ providerId, protocol, methods, reason }),
  }),
  'provider:extended': transient({
    from: 'registry',
    to: ['methods', 'circuit', 'hub'],
    about: 'A provider that takes part has these methods as well.',
    severity: 'info',
    data: z.strictObject({ providerId, protocol, methods, circuit: circuitOptionsSchema.nullable(), remote: z.boolean() }),
  }),
  'provider:reduced': transient({
    from: 'registry',
    to: ['methods', 'circuit', 'hub'],
    about: 'A provider does not have these methods any more; others of it stay.',
    severity: 'info',
    data: z.strictObject({ providerId, protocol, methods, reason }),
  }),
  'provider:started': transient({
    from: 'provider',
    to: ['pool', 'methods', 'circuit', 'health', 'alerts'],
    about: 'A provider can be called: for the first time, or again after it was unhealthy.',
    severity: 'info',
    data: z.strictObject({ providerId, protocol, recovered: z.boolean() }),
  }),
  'provider:stopped': transient({
    from: 'provider',
    to: ['pool', 'methods'],
    about: 'A provider cannot be called any more.',
    severity: 'info',
    data: z.strictObject({ providerId, protocol, reason }),
  }),
  'provider:degraded': transient({
    from: 'provider',
    to: ['methods', 'health', 'alerts'],
    about: 'A provider fails again and again, but is still called.',
    severity: 'warning',
    data: z.strictObject({ providerId, protocol, consecutiveFailures: z.int().min(1) }),
  }),
  'provider:unhealthy': transient({
    from: 'provider',
    to: ['methods', 'pool', 'health', 'alerts'],
    about: 'A provider is not called until a check of it succeeds.',
    severity: 'error',
    data: z.strictObject({ providerId, protocol, consecutiveFailures: z.int().min(1), retryAt: epochMs }),
  }),
  'provider:error': transient({
    from: ['provider', 'worker'],
    to: ['circuit', 'pool'],
    about: 'Something is wrong with a provider itself, rather than with what it was asked.',
    severity: 'error',
    data: z.strictObject({
      providerId,
      protocol,
      method: z.string().optional(),
      /** The worker it showed in. */
      workerId: z.string().optional(),
      error: failureSchema,
      /** What showed it: a check of the provider, its start, one of its attempts (the circuit counts that by itself), a worker. */
      origin: z.enum(['check', 'start', 'attempt', 'worker']),
    }),
  }),
  'provider:overloaded': transient({
    from: 'provider',
    to: ['backpressure', 'methods'],
    about: 'A provider asked to be called less.',
    severity: 'warning',
    data: z.strictObject({ providerId, protocol, until: epochMs }),
  }),
  'provider:health_check': command({
    from: ['health', 'provider'],
    to: ['provider', 'executor'],
    about: 'Asks whether a provider can be called.',
    data: z.strictObject({ providerId }),
  }),
  'provider:checked': transient({
    from: 'executor',
    to: ['provider', 'health'],
    about: 'The answer of a provider to its start or to a check.',
    data: z.strictObject({
      providerId,
      phase: z.enum(['start', 'check']),
      ok: z.boolean(),
      error: failureSchema.optional(),
      durationMs,
    }),
  }),
} as const;

export const methodEvents = {
  'method:available': transient({
    from: 'methods',
    to: ['queue', 'hub'],
    about: 'Tasks of a method can be dispatched, to this provider.',
    severity: 'info',
    data: z.strictObject({ protocol, method: z.string(), providerId, circuit: z.string().nullable(), epoch: z.int().min(0) }),
  }),
  'method:unavailable': transient({
    from: 'methods',
    to: ['queue', 'hub'],
    about: 'Tasks of a method wait in the queue.',
    severity: 'warning',
    data: z.strictObject({
      protocol,
      method: z.string(),
      reason: z.enum(['no_provider', 'circuit_open', 'unhealthy', 'overloaded', 'draining']),
      until: epochMs.optional(),
    }),
  }),
} as const;
