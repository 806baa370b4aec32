import { describe, expect, it, vi } from 'vitest';

import type { AlertRule } from '../../machines/policies/alert-rules.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { silent } from '../silent.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const fine = defineWorkflow({
  name: 'fine',
  tasks: (task) => {
    const a = task('a', {
      run: async (_, { sleep }) => {
        await sleep(300);
        return 1;
      },
    });
    return task('b', {
      params: { a },
      run: async ({ a }: { a: number }, { sleep }) => {
        await sleep(500);
        return a;
      },
    });
  },
});
const broken = defineWorkflow({
  name: 'broken',
  tasks: (task) =>
    task('a', {
      run: () => {
        throw new Error('no');
      },
    }),
});

describe('metrics', () => {
  it('cost nothing until somebody reads them', async () => {
    const { play, advance, of } = await scene();
    await play(fine);
    await advance(60_000);
    expect(of('metrics:started')).toEqual([]);
    expect(of('task:duration')).toEqual([]);
  });

  it('say how long tasks and workflows took, and the longest chain of tasks', async () => {
    const { play, of, only } = await scene({ metrics: true });
    const { workflowId } = await play(fine);
    expect(of('task:duration').map(({ data: { taskId, runMs } }) => [taskId, runMs])).toEqual([
      ['a', 300],
      ['b', 500],
    ]);
    expect(only('workflow:duration').data).toEqual({ workflowId, totalMs: 800, criticalPathMs: 800 });
  });

  it('are collected window by window', async () => {
    const { play, advance, of, system } = await scene({ metrics: true });
    await play(fine);
    await play(broken);
    await advance(20_000);
    const [first, second] = of('metrics:collected').map(({ data }) => data);
    expect(first?.window).toEqual({ from: 0, to: 10_000 });
    expect(second?.window.from).toBe(10_000);
    expect(first?.counters['gleitzeit_workflows_ended_total{status="completed"}']).toBe(1);
    expect(first?.counters['gleitzeit_workflows_ended_total{status="failed"}']).toBe(1);
    const reading = await system.metrics();
    expect(reading.prometheus).toContain('gleitzeit_workflows_started_total 2');
    system.emit('metrics:suspend', {});
    await advance(60_000);
    expect(of('metrics:suspended')).toHaveLength(1);
  });

  it('count the start of the engine, where they were asked for at the start', async () => {
    const { system } = await scene({ metrics: true });
    expect((await system.metrics()).gauges['gleitzeit_engine_up']).toBe(1);
  });
});

describe('alerts', () => {
  it('of the default rules tell of a workflow that failed, and end after a while', async () => {
    const { play, advance, only } = await scene();
    const { workflowId } = await play(broken);
    expect(only('alert:triggered').data).toMatchObject({ rule: 'workflow_failed', subject: workflowId, dedupeKey: `workflow_failed/${workflowId}` });
    expect(only('alert:triggered').data.evidence).toHaveLength(1);
    await advance(300_000);
    expect(only('alert:resolved').data).toMatchObject({ rule: 'workflow_failed', occurrences: 1 });
  });

  it('of own rules are said once, counted after that, and resolved by the event that ends them', async () => {
    const paused: AlertRule = {
      name: 'paused',
      severity: 'warning',
      on: ['engine:paused'],
      resolveOn: ['engine:resumed'],
      summary: 'Paused: {reason}',
    };
    const { system, only } = await scene({ alerts: [paused] });
    await system.pause('lunch');
    expect(only('alert:triggered').data).toMatchObject({ rule: 'paused', subject: 'system', summary: 'Paused: lunch' });
    await system.resume();
    expect(only('alert:resolved').data.rule).toBe('paused');
  });

  it('that have to hold for a while are pending until then, and forgotten if they do not', async () => {
    const paused: AlertRule = {
      name: 'paused',
      severity: 'warning',
      on: ['engine:paused'],
      resolveOn: ['engine:resumed'],
      forMs: 10_000,
      summary: 'Paused',
    };
    const { system, of, advance } = await scene({ alerts: [paused] });
    await system.pause();
    await advance(9_999);
    await system.resume();
    await advance(10_000);
    expect(of('alert:triggered')).toEqual([]);
    await system.pause();
    await advance(10_000);
    expect(of('alert:pending')).toHaveLength(2);
    expect(of('alert:triggered')).toHaveLength(1);
  });

  it('keep quiet while they are silenced, and say then what still holds', async () => {
    const paused: AlertRule = { name: 'paused', severity: 'warning', on: ['engine:paused'], resolveOn: ['engine:resumed'], summary: 'Paused' };
    const { system, of, advance, clock, settle } = await scene({ alerts: [paused] });
    await system.pause();
    system.emit('alert:silence', { dedupeKey: 'paused/system', until: clock.now() + 60_000, by: 'me' });
    await settle();
    await system.resume();
    await system.pause();
    expect(of('alert:silenced')).toHaveLength(1);
    expect(of('alert:triggered')).toHaveLength(1);
    await advance(60_000);
    expect(of('alert:triggered')).toHaveLength(2);
  });

  it('watch figures as well as events', async () => {
    const figure: AlertRule = {
      name: 'many failures',
      severity: 'error',
      on: ['metrics:collected'],
      metric: { name: 'gleitzeit_workflows_ended_total{status="failed"}', op: 'gte', threshold: 2 },
      summary: '{value} workflows failed',
    };
    const { play, advance, of } = await scene({ metrics: true, alerts: [figure] });
    await play(broken);
    await advance(10_000);
    expect(of('alert:triggered').map(({ data }) => data.rule)).not.toContain('many failures');
    await play(broken);
    await advance(10_000);
    expect(of('alert:triggered').at(-1)?.data).toMatchObject({ rule: 'many failures', summary: '2 workflows failed' });
  });
});

describe('cleanup', () => {
  it('removes finished workflows beyond their age, and keeps what runs', async () => {
    const hands = handOperated();
    const { play, submit, advance, only, core, of } = await scene({ providers: [hands.provider], cleanup: { intervalMs: 60_000, maxAgeMs: 90_000 } });
    const { workflowId } = await play(fine);
    const run = await submit(defineWorkflow({ name: 'long', tasks: (task) => task('a', { method: 'demo/work' }) }));
    await advance(60_000);
    expect(only('cleanup:completed').data).toMatchObject({ removed: 0 });
    await advance(60_000);
    expect(of('cleanup:completed').at(-1)?.data).toMatchObject({ scope: 'workflows', removed: 1 });
    expect(await core.journal.find(workflowId)).toBeUndefined();
    expect(await core.journal.find(run.id)).toBeDefined();
  });

  it('keeps so many of the finished workflows as it is told', async () => {
    const { play, advance, core } = await scene({ cleanup: { intervalMs: 1_000, keep: 2 } });
    const ids = [];
    for (let at = 0; at < 4; at++) ids.push((await play(fine)).workflowId);
    await advance(2_000);
    expect((await core.journal.list()).map(({ workflowId }) => workflowId)).toEqual(ids.slice(2));
  });

  it('says what kept it from removing them, and tries again', async () => {
    const said: unknown[] = [];
    const journal = memoryJournal();
    vi.spyOn(journal, 'sweep').mockRejectedValueOnce(new Error('locked'));
    const log = { ...silent, warn: ({ err }: { readonly err?: Error }) => void said.push(err?.message) };
    const { play, advance, of } = await scene({ journal, log, cleanup: { intervalMs: 1_000, keep: 0 } });
    await play(fine);
    await advance(2_000);
    expect(said).toEqual([expect.stringContaining('locked')]);
    expect(of('cleanup:completed').map(({ data }) => data.removed)).toEqual([0, 1]);
  });

  it('removes nothing where no retention is given', async () => {
    const { advance, of } = await scene();
    await advance(3_600_000 / 10);
    expect(of('cleanup')).toEqual([]);
  });
});
