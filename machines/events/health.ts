/** Events of those who watch the system for its users: health, metrics, alerts. */
import * as z from 'zod';

import { command, transient } from './define.ts';
import { severities } from './envelope.ts';
import { durationMs, epochMs, failureSchema } from './payloads.ts';

/** A component's name, or `provider/<providerId>`. */
const component = z.string();

export const healthEvents = {
  'health:check': command({
    from: ['scheduler', 'api'],
    to: ['health'],
    about: 'Asks for the health of some targets, or of all where none is named.',
    data: z.strictObject({ targets: z.array(z.string()) }),
  }),
  'health:check_started': transient({ from: 'health', to: ['observers'], about: 'A check began.', data: z.strictObject({ component }) }),
  'health:check_completed': transient({
    from: 'health',
    to: ['alerts', 'methods'],
    about: 'A check ended with a verdict.',
    data: z.strictObject({ component, status: z.enum(['healthy', 'degraded', 'unhealthy']), details: z.record(z.string(), z.unknown()), durationMs }),
  }),
  'health:check_failed': transient({
    from: 'health',
    to: ['alerts', 'methods'],
    about: 'A check found its target failing, or got no answer.',
    severity: 'error',
    data: z.strictObject({ component, status: z.enum(['degraded', 'unhealthy']), error: failureSchema, durationMs }),
  }),
} as const;

const histogramSchema = z.strictObject({
  /** Upper bounds of the buckets; one more bucket holds what is above the last. */
  bounds: z.array(z.number()),
  counts: z.array(z.int().min(0)),
  sum: z.number(),
  count: z.int().min(0),
});
export type HistogramData = z.infer<typeof histogramSchema>;

export const metricsEvents = {
  'metrics:collected': transient({
    from: 'metrics',
    to: ['alerts', 'observers'],
    about: 'The figures of a window, and the totals so far.',
    data: z.strictObject({
      window: z.strictObject({ from: epochMs, to: epochMs }),
      /** Since the collector began. Keys: `name` or `name{label="value"}`. */
      counters: z.record(z.string(), z.number()),
      gauges: z.record(z.string(), z.number()),
      histograms: z.record(z.string(), histogramSchema),
    }),
  }),
  'metrics:collect': command({
    from: ['api', 'scheduler'],
    to: ['metrics'],
    about: 'Asks the collector to begin, or to close a window now.',
    data: z.strictObject({ windowMs: z.number().positive().optional() }),
  }),
  'metrics:started': transient({
    from: 'metrics',
    to: ['observers'],
    about: 'The collector counts from here on.',
    data: z.strictObject({ windowMs: z.number().positive() }),
  }),
  'metrics:suspend': command({ from: 'api', to: ['metrics'], about: 'Asks the collector to rest.', data: z.strictObject({}) }),
  'metrics:suspended': transient({ from: 'metrics', to: ['observers'], about: 'The collector rests: nobody reads.', data: z.strictObject({}) }),
} as const;

const alert = {
  rule: z.string(),
  /** What the alert is about, for example a workflow's or a circuit's id. */
  subject: z.string(),
  severity: z.enum(severities),
  /** The ids of the events that made it so. */
  evidence: z.array(z.string()),
  /** The same for every alert of this rule about this subject. */
  dedupeKey: z.string(),
  summary: z.string(),
};

export const alertEvents = {
  'alert:triggered': transient({
    from: 'alerts',
    to: ['hub', 'observers'],
    about: 'A rule holds: somebody should look.',
    severity: 'critical',
    data: z.strictObject(alert),
  }),
  'alert:pending': transient({
    from: 'alerts',
    to: ['observers'],
    about: 'A rule holds, but not yet for as long as it asks.',
    data: z.strictObject({ ...alert, dueAt: epochMs }),
  }),
  'alert:resolved': transient({
    from: 'alerts',
    to: ['hub', 'observers'],
    about: 'A rule holds no more.',
    severity: 'info',
    data: z.strictObject({ ...alert, occurrences: z.int().min(0) }),
  }),
  'alert:silence': command({
    from: 'api',
    to: ['alerts'],
    about: 'Asks for quiet about an alert until a time.',
    data: z.strictObject({ dedupeKey: z.string(), until: epochMs, by: z.string() }),
  }),
  'alert:silenced': transient({
    from: 'alerts',
    to: ['observers'],
    about: 'An alert keeps quiet until a time.',
    severity: 'info',
    data: z.strictObject({ dedupeKey: z.string(), until: epochMs, by: z.string() }),
  }),
} as const;
