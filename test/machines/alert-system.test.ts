import { describe, expect, it } from 'vitest';

import { alertKey, alertSystemDefaults, alertSystemMachine, isHolding } from '../../machines/alert-system.ts';
import type { DataOf } from '../../machines/events/catalogue.ts';
import { type AlertRule, alertTypes } from '../../machines/policies/alert-rules.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const rule: AlertRule = {
  name: 'circuit_opened',
  severity: 'error',
  on: ['circuit:opened'],
  resolveOn: ['circuit:closed'],
  subject: 'circuit',
  summary: 'Circuit {circuit} is open.',
};
const lasting: AlertRule = { ...rule, forMs: 1_000 };
const passing: AlertRule = {
  name: 'stale',
  severity: 'warning',
  on: ['circuit:opened'],
  subject: 'circuit',
  resolveAfterMs: 1_000,
  summary: 'Open.',
};

const identity = { circuit: 'llm', providerId: 'llm', protocol: 'llm/v1', epoch: 1 };
const opened = (circuit = 'llm'): DataOf<'circuit:opened'> => ({ ...identity, circuit, reason: 'failure_threshold', failures: 5 });
const closed = { ...identity, successes: 3 };
const alert = (evidence: readonly string[], some = rule): DataOf<'alert:triggered'> => ({
  rule: some.name,
  subject: 'llm',
  severity: some.severity,
  evidence: [...evidence],
  dedupeKey: `${some.name}/llm`,
  summary: some === passing ? 'Open.' : 'Circuit llm is open.',
});
const elapsed = (timer: string, some = rule) => ({ component: 'alerts' as const, key: `${some.name}/llm`, timer });
const request = (timer: string, dueAt: number, some = rule) => ({
  type: 'schedule:request',
  data: { scheduleId: `alerts/${some.name}/llm/${timer}`, dueAt, event: { type: 'schedule:elapsed', data: elapsed(timer, some) } },
});
const cancelled = (some = rule) =>
  ['pending', 'end', 'silence'].map((timer) => ({ type: 'schedule:cancel', data: { scheduleId: `alerts/${some.name}/llm/${timer}` } }));
const resolved = (evidence: readonly string[], occurrences: number, some = rule) => [
  { type: 'alert:resolved', data: { ...alert(evidence, some), occurrences } },
  ...cancelled(some),
];
const silence = (until: number) => ({ dedupeKey: 'circuit_opened/llm', until, by: 'ann' });

const start = (some: AlertRule = rule) => startMachine('alerts', alertSystemMachine, { rule: some, subject: 'llm' });

describe('alertSystemMachine', () => {
  it('fires at once where its rule does not ask to hold, with what made it so', () => {
    const it = start();
    expect(it.state()).toBe('quiet');
    expect(it.hear('circuit:opened', opened(), { id: 'e1' })).toEqual([{ type: 'alert:triggered', data: alert(['e1']) }]);
    expect(it.state()).toBe('firing');
  });

  it('fires once, however often the events come, and counts them', () => {
    const it = start();
    it.hear('circuit:opened', opened(), { id: 'e1' });
    expect(it.hear('circuit:opened', opened(), { id: 'e2' })).toEqual([]);
    expect(it.hear('circuit:closed', closed)).toEqual(resolved(['e1', 'e2'], 2));
    expect(it.state()).toBe('resolved');
    expect(it.snapshot().status).toBe('done');
  });

  it('keeps the last of many pieces of evidence', () => {
    const it = start();
    for (let n = 1; n <= 25; n++) it.hear('circuit:opened', opened(), { id: `e${n}` });
    expect(it.context().occurrences).toBe(25);
    expect(it.context().evidence).toHaveLength(alertSystemDefaults.evidence);
    expect(it.context().evidence.at(-1)).toBe('e25');
  });

  it('cuts a summary that a payload makes too long', () => {
    const it = start();
    it.hear('circuit:opened', { ...opened() });
    const long = startMachine('alerts', alertSystemMachine, { rule, subject: 'x'.repeat(1_000) });
    long.hear('circuit:opened', opened('x'.repeat(1_000)));
    expect(long.context().summary).toHaveLength(alertSystemDefaults.summaryLength);
  });

  it('minds its own subject only', () => {
    const it = start();
    expect(it.hear('circuit:opened', opened('other'))).toEqual([]);
    it.hear('circuit:opened', opened());
    expect(it.hear('circuit:closed', { ...closed, circuit: 'other' })).toEqual([]);
  });

  it('waits for as long as its rule asks to hold', () => {
    const it = start(lasting);
    expect(it.hear('circuit:opened', opened(), { time: 5, id: 'e1' })).toEqual([
      { type: 'alert:pending', data: { ...alert(['e1']), dueAt: 1_005 } },
      request('pending', 1_005),
    ]);
    expect(it.state()).toBe('pending');
    it.hear('circuit:opened', opened(), { time: 500, id: 'e2' });
    expect(it.hear('schedule:elapsed', elapsed('pending'), { time: 1_005 })).toEqual([{ type: 'alert:triggered', data: alert(['e1', 'e2']) }]);
  });

  it('is over without a sound when its rule ends before that', () => {
    const it = start(lasting);
    it.hear('circuit:opened', opened(), { id: 'e1' });
    expect(it.hear('circuit:closed', closed)).toEqual(resolved(['e1'], 1));
    expect(it.stated.map(({ type }) => type)).not.toContain('alert:triggered');
  });

  it('ends by itself, a time after its last event, where its rule has no end', () => {
    const it = start(passing);
    expect(it.hear('circuit:opened', opened(), { id: 'e1' })[1]).toEqual(request('end', 1_000, passing));
    it.hear('circuit:opened', opened(), { time: 400, id: 'e2' });
    expect(it.hear('schedule:elapsed', elapsed('end', passing), { time: 1_000 })).toEqual([request('end', 1_400, passing)]);
    expect(isHolding(it.context(), 1_399)).toBe(true);
    expect(it.hear('schedule:elapsed', elapsed('end', passing), { time: 1_400 })).toEqual(resolved(['e1', 'e2'], 2, passing));
  });

  it('keeps quiet until the time asked for, and fires again if its rule still holds', () => {
    const it = start();
    it.hear('circuit:opened', opened(), { id: 'e1' });
    expect(it.hear('alert:silence', silence(5_000))).toEqual([{ type: 'alert:silenced', data: silence(5_000) }, request('silence', 5_000)]);
    expect(it.state()).toBe('silenced');
    expect(it.hear('circuit:opened', opened(), { id: 'e2' })).toEqual([]);
    expect(it.hear('schedule:elapsed', elapsed('silence'), { time: 5_000 })).toEqual([{ type: 'alert:triggered', data: alert(['e1', 'e2']) }]);
    expect(it.state()).toBe('firing');
  });

  it('keeps quiet also when its rule ends and begins again meanwhile, and ends after the silence if it holds no more', () => {
    const it = start();
    it.hear('circuit:opened', opened(), { id: 'e1' });
    it.hear('alert:silence', silence(5_000));
    expect(it.hear('circuit:closed', closed)).toEqual([]);
    expect(it.hear('circuit:opened', opened(), { id: 'e2' })).toEqual([]);
    expect(it.hear('circuit:closed', closed)).toEqual([]);
    expect(it.hear('schedule:elapsed', elapsed('silence'), { time: 5_000 })).toEqual(resolved(['e1', 'e2'], 2));
  });

  it('can be silenced for longer, and from the start', () => {
    const it = start();
    it.hear('alert:silence', silence(5_000));
    it.hear('alert:silence', silence(9_000));
    expect(it.hear('schedule:elapsed', elapsed('silence'), { time: 5_000 })).toEqual([]);
    expect(it.hear('schedule:elapsed', elapsed('silence'), { time: 9_000 })).toEqual(
      resolved([], 0).map((fact) => (fact.type === 'alert:resolved' ? { ...fact, data: { ...fact.data, summary: rule.summary } } : fact)),
    );
  });

  it('waits out, after a silence, what is left of the time that its rule must hold', () => {
    const it = start(lasting);
    it.hear('circuit:opened', opened(), { id: 'e1', time: 4_500 });
    it.hear('alert:silence', silence(5_000), { time: 4_600 });
    expect(it.hear('schedule:elapsed', elapsed('silence'), { time: 5_000 })).toEqual([
      { type: 'alert:pending', data: { ...alert(['e1']), dueAt: 5_500 } },
      request('pending', 5_500),
    ]);
    expect(it.state()).toBe('pending');
  });

  it('does not hold, after a silence, for what ended by itself in it', () => {
    const it = start(passing);
    it.hear('circuit:opened', opened(), { id: 'e1' });
    it.hear('alert:silence', { ...silence(5_000), dedupeKey: 'stale/llm' });
    expect(it.hear('schedule:elapsed', elapsed('silence', passing), { time: 5_000 })).toEqual(resolved(['e1'], 1, passing));
  });

  it('has the key by which its rule and its subject are found again', () => {
    expect(alertKey(rule, 'llm')).toBe('circuit_opened/llm');
  });

  it('replays to the same state from its facts alone', () => {
    const live = start();
    live.hear('circuit:opened', opened(), { id: 'e1' });
    const replayed = start();
    for (const fact of live.stated) replayed.replay(fact.type, fact.data as never);
    expect(replayed.state()).toBe('firing');
    expect(replayed.context()).toMatchObject({ phase: 'firing', evidence: ['e1'], summary: 'Circuit llm is open.' });
  });

  it('hears every type that a rule may name', () => {
    expect(new Set(alertSystemMachine.events)).toEqual(
      new Set([...alertTypes, 'schedule:elapsed', 'alert:silence', 'alert:pending', 'alert:triggered', 'alert:silenced', 'alert:resolved']),
    );
  });

  it('reaches every state, takes every transition, and is moved by its own facts only', () => {
    const { unvisited, untaken, movedByOthers, unhandled, errors } = explore(alertSystemMachine, {
      component: 'alerts',
      input: { rule: { ...lasting, resolveAfterMs: 10_000 }, subject: 'llm' },
      events: [
        ...alertTypes.map((type) => eventOf(type, {} as never)),
        eventOf('circuit:opened', opened()),
        eventOf('circuit:closed', closed),
        eventOf('alert:silence', silence(5_000)),
        ...['pending', 'end', 'silence'].flatMap((timer) => [5_000, 20_000].map((time) => eventOf('schedule:elapsed', elapsed(timer), { time }))),
        eventOf('alert:pending', { ...alert(['e']), dueAt: 1_000 }),
        eventOf('alert:triggered', alert(['e'])),
        eventOf('alert:silenced', silence(5_000)),
        eventOf('alert:resolved', { ...alert(['e']), occurrences: 1 }),
      ],
      // The walk also tries events on an alert that is over, which no router does: those snapshots are kept apart.
      distinguish: ({ context, status }) => [status, context.phase, context.holds, Math.min(context.occurrences, 2), context.silencedUntil],
    });
    expect({ unvisited, untaken, movedByOthers, unhandled, errors }).toEqual({
      unvisited: [],
      untaken: [],
      movedByOthers: [],
      unhandled: [],
      errors: [],
    });
  });
});
