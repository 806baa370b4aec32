import { describe, expect, it } from 'vitest';

import { placeOf } from './place.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

/** Reads Prometheus' text format, and refuses what it does not allow. */
function familiesIn(text: string): ReadonlyMap<string, Family> {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  let current = '';
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, help, about] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    const [, name, labels = '', value] = /^([a-z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (help !== undefined) helps.set(help, about ?? '');
    else if (typed !== undefined && type !== undefined) {
      // Each family once, and all of it together.
      expect(families.has(typed)).toBe(false);
      families.set(typed, { type, help: helps.get(typed) ?? '', samples: [] });
      current = typed;
    } else {
      expect(line).toBe(`${name ?? 'no sample:'}${labels === '' ? '' : `{${labels}}`} ${value ?? line}`);
      expect(name === current || [`${current}_bucket`, `${current}_sum`, `${current}_count`].includes(name ?? '')).toBe(true);
      const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => [label, text]);
      families.get(current)?.samples.push({ name: name ?? '', labels: Object.fromEntries(pairs) as Sample['labels'], value: Number(value) });
    }
  }
  return families;
}

describe('the figures for Prometheus', () => {
  it('are of the system, of the hub and of the process, each said to be what it is', async () => {
    const { app, system } = await placeOf({
      with: { metrics: true },
      figures: () => ({ connections: 3, subscriptions: 2, sent: 70, behind: 1, refused: 4 }),
    });
    for (const id of ['a', 'b']) {
      const definition = { name: 'Echo', tasks: [{ id: 'say', method: 'core/echo' }] };
      await app.request('/api/workflows', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ definition, id }),
      });
      await system.result(id);
    }
    await app.request('/nowhere');
    const answer = await app.request('/metrics');
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const families = familiesIn(await answer.text());
    const sampled = (name: string, labels: object = {}) =>
      families.get(name)?.samples.find((sample) => JSON.stringify(sample.labels) === JSON.stringify(labels))?.value;

    expect(sampled('gleitzeit_workflows_ended_total', { status: 'completed' })).toBe(2);
    expect(sampled('gleitzeit_tasks_completed_total', { method: 'core/echo' })).toBe(2);
    expect(sampled('gleitzeit_hub_connections')).toBe(3);
    expect(sampled('gleitzeit_hub_subscriptions')).toBe(2);
    expect(sampled('gleitzeit_hub_events_sent_total')).toBe(70);
    expect(sampled('gleitzeit_hub_subscriptions_behind_total')).toBe(1);
    expect(sampled('gleitzeit_hub_refused_total')).toBe(4);
    expect(sampled('gleitzeit_http_requests_total', { status: '202' })).toBe(2);
    expect(sampled('gleitzeit_http_requests_total', { status: '404' })).toBe(1);
    expect(sampled('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(sampled('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
    for (const [name, { help }] of families) expect([name, help]).not.toEqual([name, '']);
  });

  it('have histograms whose buckets add up', async () => {
    const { app, system } = await placeOf({ with: { metrics: true } });
    const definition = { name: 'Echo', tasks: [{ id: 'say', method: 'core/echo' }] };
    await app.request('/api/workflows', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ definition, id: 'h' }),
    });
    await system.result('h');
    const { type, samples } = familiesIn(await (await app.request('/metrics')).text()).get('gleitzeit_workflow_duration_seconds') ?? { samples: [] };
    expect(type).toBe('histogram');
    const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
    expect(buckets.at(-1)?.labels).toEqual({ status: 'completed', le: '+Inf' });
    expect(buckets.map(({ value }) => value)).toEqual([...buckets.map(({ value }) => value)].sort((a, b) => a - b));
    expect(buckets.at(-1)?.value).toBe(samples.find(({ name }) => name.endsWith('_count'))?.value);
  });
});
