import { describe, expect, it } from 'vitest';

import { type DataOf, type EventType, specOf } from '../../../machines/events/catalogue.ts';
import {
  type AlertRule,
  alertRuleSchema,
  alertRulesSchema,
  alertTypes,
  defaultAlertRules,
  matches,
  resolves,
  subjectOf,
  summaryOf,
} from '../../../machines/policies/alert-rules.ts';
import { eventOf } from '../harness.ts';

const rule = (more: Partial<AlertRule> = {}): AlertRule => ({
  name: 'r',
  severity: 'error',
  on: ['health:check_failed'],
  resolveAfterMs: 1_000,
  summary: 'down',
  ...more,
});
const checkFailed = eventOf('health:check_failed', {
  component: 'provider/llm',
  status: 'unhealthy',
  error: { code: 'PROVIDER_UNHEALTHY', rpcCode: -30_005, message: 'no answer', retryable: false },
  durationMs: 40,
});
const collected = (figures: Partial<DataOf<'metrics:collected'>>) =>
  eventOf('metrics:collected', { window: { from: 0, to: 1 }, counters: {}, gauges: {}, histograms: {}, ...figures });
const depth = (op: 'gt' | 'lt' = 'gt') => rule({ on: ['metrics:collected'], metric: { name: 'queue_depth{method="a.b"}', op, threshold: 10 } });

describe('alertTypes', () => {
  it.each(alertTypes)('names the alerts as listeners of %s in the catalogue', (type) => {
    expect(specOf(type).listeners).toContain('alerts');
  });
});

describe('alertRuleSchema', () => {
  it('accepts the default rules, one for each thing that a user should see without asking', () => {
    expect(alertRulesSchema.parse(defaultAlertRules)).toEqual(defaultAlertRules);
    expect(defaultAlertRules.map(({ name }) => name)).toEqual([
      'workflow_failed',
      'circuit_opened',
      'queue_full',
      'backpressure_critical',
      'provider_unhealthy',
      'storage_held',
    ]);
  });

  it.each([
    ['an event that the alerts do not hear', { on: ['task:started'] }],
    ['no event', { on: [] }],
    ['a name with a slash', { name: 'a/b' }],
    ['an unknown key', { colour: 'red' }],
    ['a metric of another event', { metric: { name: 'x', op: 'gt', threshold: 1 } }],
    ['no end', { resolveAfterMs: undefined }],
  ])('refuses %s', (_what, more) => {
    expect(alertRuleSchema.safeParse({ ...rule(), ...more }).success).toBe(false);
  });

  it('refuses two rules of one name', () => {
    expect(alertRulesSchema.safeParse([rule(), rule()]).success).toBe(false);
  });
});

describe('matches', () => {
  it('is true of the events that a rule names, and of no others', () => {
    expect(matches(rule(), checkFailed)).toBe(true);
    expect(matches(rule(), eventOf('queue:room', { depth: 1, capacity: 2 }))).toBe(false);
  });

  it.each([
    ['status', 'eq', 'unhealthy', true],
    ['status', 'ne', 'unhealthy', false],
    ['status', 'ne', 'degraded', true],
    ['error.code', 'eq', 'PROVIDER_UNHEALTHY', true],
    ['error.retryable', 'eq', false, true],
    ['durationMs', 'gt', 39, true],
    ['durationMs', 'gt', 40, false],
    ['durationMs', 'gte', 40, true],
    ['durationMs', 'lt', 40, false],
    ['durationMs', 'lt', 41, true],
    ['durationMs', 'lte', 40, true],
    ['durationMs', 'lte', 39, false],
    ['status', 'gt', 1, false],
    ['missing.path', 'ne', 1, false],
    ['status.length', 'eq', 9, false],
    ['constructor.name', 'eq', 'Object', false],
  ] as const)('asks whether %s %s %s: %s', (path, op, value, expected) => {
    expect(matches(rule({ where: [{ path, op, value }] }), checkFailed)).toBe(expected);
  });

  it('asks for all of several conditions', () => {
    const where = [
      { path: 'durationMs', op: 'gt', value: 1 },
      { path: 'status', op: 'eq', value: 'degraded' },
    ] as const;
    expect(matches(rule({ where: [...where] }), checkFailed)).toBe(false);
  });

  it('compares a gauge or a counter with a threshold', () => {
    expect(matches(depth(), collected({ gauges: { 'queue_depth{method="a.b"}': 11 } }))).toBe(true);
    expect(matches(depth(), collected({ counters: { 'queue_depth{method="a.b"}': 11 } }))).toBe(true);
    expect(matches(depth(), collected({ gauges: { 'queue_depth{method="a.b"}': 10 } }))).toBe(false);
    expect(matches(depth(), collected({}))).toBe(false);
  });
});

describe('resolves', () => {
  it('is true of the events that end a rule, under their conditions', () => {
    const ended = rule({ resolveOn: ['health:check_completed'], resolveWhere: [{ path: 'status', op: 'eq', value: 'healthy' }] });
    const verdict = (status: 'healthy' | 'degraded') => eventOf('health:check_completed', { component: 'x', status, details: {}, durationMs: 1 });
    expect(resolves(ended, verdict('healthy'))).toBe(true);
    expect(resolves(ended, verdict('degraded'))).toBe(false);
    expect(resolves(ended, checkFailed)).toBe(false);
    expect(resolves(rule(), verdict('healthy'))).toBe(false);
  });

  it('is true when a figure no longer compares as the rule asks, not when it is missing', () => {
    expect(resolves(depth(), collected({ gauges: { 'queue_depth{method="a.b"}': 10 } }))).toBe(true);
    expect(resolves(depth(), collected({ gauges: { 'queue_depth{method="a.b"}': 11 } }))).toBe(false);
    expect(resolves(depth(), collected({}))).toBe(false);
    expect(resolves(depth('lt'), checkFailed)).toBe(false);
  });
});

describe('subjectOf', () => {
  it.each([
    [undefined, 'system'],
    ['component', 'provider/llm'],
    ['error.rpcCode', '-30005'],
    ['missing', 'system'],
    ['error', 'system'],
  ])('at %s is %s', (subject, expected) => {
    expect(subjectOf(rule(subject === undefined ? {} : { subject }), checkFailed)).toBe(expected);
  });

  it('is the same for the events that begin and that end each default rule', () => {
    const data: Partial<Record<EventType, unknown>> = {
      'circuit:opened': { circuit: 'c' },
      'circuit:closed': { circuit: 'c' },
      'circuit:removed': { circuit: 'c' },
      'backpressure:critical': { scope: 'c' },
      'backpressure:high': { scope: 'c' },
      'backpressure:normal': { scope: 'c' },
      'provider:unhealthy': { providerId: 'c' },
      'provider:started': { providerId: 'c' },
      'provider:unregistered': { providerId: 'c' },
    };
    for (const some of defaultAlertRules) {
      const subjects = [...some.on, ...(some.resolveOn ?? [])].map((type) => subjectOf(some, eventOf(type, (data[type] ?? {}) as never)));
      expect(new Set(subjects).size).toBe(1);
    }
  });
});

describe('summaryOf', () => {
  it('puts what the payload says into the words of the rule', () => {
    const summary = 'Check of {component} ({error.code}, {durationMs} ms, {error.retryable}): {subject}, {missing}, {error}';
    expect(summaryOf(rule({ summary, subject: 'status' }), checkFailed)).toBe(
      'Check of provider/llm (PROVIDER_UNHEALTHY, 40 ms, false): unhealthy, {missing}, {error}',
    );
    expect(summaryOf({ ...depth(), summary: '{value} wait' }, collected({ gauges: { 'queue_depth{method="a.b"}': 11 } }))).toBe('11 wait');
  });
});
