/**
 * Alert rules: data only, so that they can be written in a file. A rule names the events that make it hold and those
 * that end it; for each subject (a workflow, a circuit) that it holds for, there is one alert.
 */
import * as z from 'zod';

import type { DataOf, EventOf, GleitzeitEvent } from '../events/catalogue.ts';
import { severities } from '../events/envelope.ts';
import { longestMs } from './instants.ts';

/** The types of event that rules may name: what the alerts hear. */
export const alertTypes = [
  'workflow:rejected',
  'workflow:failed',
  'workflow:cancelled',
  'workflow:timeout',
  'workflow:completed',
  'task:retry_exhausted',
  'task:stale_report',
  'queue:full',
  'queue:room',
  'pool:worker_quarantined',
  'worker:failed',
  'provider:started',
  'provider:degraded',
  'provider:unhealthy',
  'provider:unregistered',
  'circuit:opened',
  'circuit:closed',
  'circuit:removed',
  'backpressure:normal',
  'backpressure:high',
  'backpressure:critical',
  'engine:paused',
  'engine:resumed',
  'health:check_completed',
  'health:check_failed',
  'metrics:collected',
  'system:failed',
  'system:storage_held',
  'system:storage_resumed',
  'system:actor_failed',
  'system:unhandled',
  'system:dead_letter',
] as const;
export type AlertType = (typeof alertTypes)[number];
export type AlertSign = EventOf<AlertType>;

const types = z.array(z.enum(alertTypes)).min(1);
const comparison = z.enum(['eq', 'ne', 'gt', 'gte', 'lt', 'lte']);
type Comparison = z.infer<typeof comparison>;

/** A demand on an event's payload; `path` is dotted. */
const conditions = z.array(z.strictObject({ path: z.string().min(1), op: comparison, value: z.union([z.string(), z.number(), z.boolean()]) }));

export const alertRuleSchema = z
  .strictObject({
    /** Unique among the rules, and part of every alert's key: no slash. */
    name: z.string().regex(/^[^/]+$/),
    severity: z.enum(severities),
    on: types,
    /** All of these must be true of the event. */
    where: conditions.optional(),
    /** A counter or gauge of `metrics:collected`; the rule ends when the figure no longer compares so. */
    metric: z.strictObject({ name: z.string(), op: comparison, threshold: z.number() }).optional(),
    resolveOn: types.optional(),
    resolveWhere: conditions.optional(),
    /** Ends an alert this long after its last event, in milliseconds: for what has no end of its own. */
    resolveAfterMs: z.number().positive().max(longestMs).optional(),
    /** The path of the subject in the payload; without it the rule is about the whole system. */
    subject: z.string().min(1).optional(),
    /** How long the rule must hold before it alerts, in milliseconds; without it, not at all. */
    forMs: z.number().min(0).max(longestMs).optional(),
    /** For people; `{path}` is replaced by what the payload has there, `{subject}` and `{value}` by the subject and the figure. */
    summary: z.string(),
  })
  .refine(({ metric, on }) => metric === undefined || on.every((type) => type === 'metrics:collected'), {
    message: "A rule with a 'metric' is on 'metrics:collected' only.",
    path: ['on'],
  })
  .refine(({ metric, resolveOn, resolveAfterMs }) => metric !== undefined || resolveOn !== undefined || resolveAfterMs !== undefined, {
    message: "A rule needs an end: 'resolveOn', 'resolveAfterMs' or a 'metric'.",
    path: ['resolveOn'],
  });
export type AlertRule = z.infer<typeof alertRuleSchema>;

export const alertRulesSchema = z.array(alertRuleSchema).refine((rules) => new Set(rules.map(({ name }) => name)).size === rules.length, {
  message: 'Two rules have the same name.',
});

/** The rules that hold unless others are given. */
export const defaultAlertRules: readonly AlertRule[] = [
  {
    name: 'workflow_failed',
    severity: 'error',
    on: ['workflow:failed'],
    subject: 'workflowId',
    resolveAfterMs: 300_000,
    summary: 'Workflow {workflowId} failed: {error.message}',
  },
  {
    name: 'circuit_opened',
    severity: 'error',
    on: ['circuit:opened'],
    resolveOn: ['circuit:closed', 'circuit:removed'],
    subject: 'circuit',
    summary: 'Circuit {circuit} is open ({reason}).',
  },
  {
    name: 'queue_full',
    severity: 'warning',
    on: ['queue:full'],
    resolveOn: ['queue:room'],
    summary: 'The queue is full: {depth} of {capacity} tasks wait.',
  },
  {
    name: 'backpressure_critical',
    severity: 'critical',
    on: ['backpressure:critical'],
    resolveOn: ['backpressure:high', 'backpressure:normal'],
    subject: 'scope',
    summary: 'The load of {scope} is critical (score {score}).',
  },
  {
    name: 'provider_unhealthy',
    severity: 'error',
    on: ['provider:unhealthy'],
    resolveOn: ['provider:started', 'provider:unregistered'],
    subject: 'providerId',
    summary: 'Provider {providerId} is unhealthy after {consecutiveFailures} failures in a row.',
  },
  {
    name: 'storage_held',
    severity: 'critical',
    on: ['system:storage_held'],
    resolveOn: ['system:storage_resumed'],
    summary: 'The journal takes no facts: {error.message}',
  },
];

/** The subject of a rule that is about the whole system, and of an event that does not say what it is about. */
const wholeSystem = 'system';

/** Whether an event makes a rule hold, whatever its subject. */
export function matches(rule: AlertRule, event: GleitzeitEvent): boolean {
  if (!names(rule.on, event) || !areTrue(rule.where, event)) return false;
  return rule.metric === undefined || holdsFor(rule.metric, event) === true;
}

/** Whether an event ends what made a rule hold, whatever its subject. */
export function resolves(rule: AlertRule, event: GleitzeitEvent): boolean {
  if (rule.metric !== undefined && holdsFor(rule.metric, event) === false) return true;
  return names(rule.resolveOn, event) && areTrue(rule.resolveWhere, event);
}

/** What an event is about, by a rule: with the rule's name, the key of the alert. */
export function subjectOf(rule: AlertRule, event: GleitzeitEvent): string {
  const subject = rule.subject === undefined ? undefined : valueAt(event.data, rule.subject);
  return typeof subject === 'string' || typeof subject === 'number' ? String(subject) : wholeSystem;
}

/** What a rule says about an event to people. */
export function summaryOf(rule: AlertRule, event: GleitzeitEvent): string {
  return rule.summary.replace(/\{([^{}]+)\}/g, (placeholder, path: string) => {
    const value = path === 'subject' ? subjectOf(rule, event) : path === 'value' ? figureOf(rule.metric, event) : valueAt(event.data, path);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : placeholder;
  });
}

function names(types: readonly string[] | undefined, { type }: GleitzeitEvent): boolean {
  return types?.includes(type) === true;
}

function areTrue(demands: AlertRule['where'], event: GleitzeitEvent): boolean {
  return demands === undefined || demands.every(({ path, op, value }) => compares(valueAt(event.data, path), op, value));
}

/** Whether a metric compares as a rule asks; null where an event does not tell. */
function holdsFor(metric: NonNullable<AlertRule['metric']>, event: GleitzeitEvent): boolean | null {
  const figure = figureOf(metric, event);
  return figure === undefined ? null : compares(figure, metric.op, metric.threshold);
}

function figureOf(metric: AlertRule['metric'], event: GleitzeitEvent): number | undefined {
  if (metric === undefined || event.type !== 'metrics:collected') return undefined;
  const { counters, gauges }: DataOf<'metrics:collected'> = event.data;
  for (const figures of [gauges, counters]) if (Object.hasOwn(figures, metric.name)) return figures[metric.name];
  return undefined;
}

function compares(actual: unknown, op: Comparison, expected: string | number | boolean): boolean {
  if (op === 'eq') return actual === expected;
  if (op === 'ne') return actual !== undefined && actual !== expected;
  if (typeof actual !== 'number' || typeof expected !== 'number') return false;
  if (op === 'gt') return actual > expected;
  if (op === 'gte') return actual >= expected;
  return op === 'lt' ? actual < expected : actual <= expected;
}

/** What stands at a dotted path; own properties only, so that no name reaches into a prototype. */
function valueAt(data: unknown, path: string): unknown {
  let value = data;
  for (const segment of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, segment)?.value;
  }
  return value;
}
