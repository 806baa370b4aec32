/** The system as it was: at each event, what a fold of the journal says is what was live then. */
import { describe, expect, it } from 'vitest';

import type { Component } from '../../machines/events/define.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { checkLog } from '../../src/testing/check-log.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { openScene, type Scene, scene } from './scene.ts';
import { tours } from './tours.ts';

const pair = defineWorkflow({
  name: 'pair',
  tasks: (task) => {
    const a = task('a', { method: 'demo/work' });
    return task('b', { method: 'demo/work', params: { of: a } });
  },
});

/** All actors of a component, with the whole of their states, as far as plain data goes. */
type Picture = Readonly<Record<string, unknown>>;
const pictureOf = (actors: Iterable<readonly [string, { readonly value: unknown; readonly context: unknown }]>): Picture =>
  Object.fromEntries([...actors].map(([key, { value, context }]) => [key, JSON.parse(JSON.stringify({ value, context }))]));
const liveOf = ({ core }: Scene, component: Component): Picture =>
  pictureOf([...core.registry.all(component)].map((actor) => [actor.key, actor.getSnapshot()] as const));

const watched: readonly Component[] = [
  'queue',
  'pool',
  'circuit',
  'worker',
  'provider',
  'methods',
  'retry',
  'scheduler',
  'backpressure',
  'engine',
  'task',
  'workflow',
  'resolver',
  'alerts',
  'health',
  'metrics',
  'system',
];

describe('a workflow at an event', () => {
  it('is as it was then, whatever came of it', async () => {
    const hands = handOperated();
    const stage = await scene({ providers: [hands.provider] });
    const { system, settle, core } = stage;
    await stage.submit(pair, { id: 'w' });
    const seqs = [core.router.lastSeq];
    hands.callOf('a').succeed(1);
    await settle();
    seqs.push(core.router.lastSeq);
    hands.callOf('b').fail();
    await settle();
    seqs.push(core.router.lastSeq);
    const again = await system.retry('w');
    await settle();
    seqs.push(core.router.lastSeq);
    hands.callOf('b').succeed(2);
    await again.result();
    seqs.push(core.router.lastSeq);
    const statuses = await Promise.all(seqs.map(async (seq) => system.at(seq).workflow('w')));
    expect(statuses.map(({ status, tasks }) => [status, tasks['a']?.status, tasks['b']?.status, tasks['b']?.attempts])).toEqual([
      ['running', 'running', 'pending', 0],
      ['running', 'completed', 'running', 1],
      ['failed', 'completed', 'failed', 1],
      ['running', 'completed', 'running', 2],
      ['completed', 'completed', 'completed', 2],
    ]);
    expect(statuses[1]?.tasks['a']?.result).toBe(1);
    expect(statuses.at(-1)).toEqual(await system.status('w'));
    expect((await Promise.all(seqs.map((seq) => system.at(seq).workflows()))).map((heads) => heads.map(({ status }) => status))).toEqual([
      ['running'],
      ['running'],
      ['failed'],
      ['running'],
      ['completed'],
    ]);
  });

  it('is not there before it was submitted', async () => {
    const stage = await scene({ providers: [handOperated().provider] });
    const before = stage.core.router.lastSeq;
    await stage.submit(pair, { id: 'w' });
    await expect(stage.system.at(before).workflow('w')).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    expect(await stage.system.at(before).workflows()).toEqual([]);
    expect(() => stage.system.at(-1)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMS' }));
    expect(() => stage.system.at(Number.NaN)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMS' }));
  });
});

describe('queues, pools and circuits at an event', () => {
  it('are not told of a run that did not record everything', async () => {
    const stage = await scene({ providers: [handOperated().provider] });
    await expect(stage.system.at(stage.core.router.lastSeq).snapshots('pool')).rejects.toMatchObject({
      code: 'CONFIGURATION_ERROR',
      message: expect.stringContaining("record: 'everything'"),
    });
  });

  it('are as they were then', async () => {
    const hands = handOperated({
      circuit: { failureThreshold: 1, recoveryTimeoutMs: 1_000, successThreshold: 1 },
      pool: { min: 1, max: 3, cooldownMs: 1_000 },
    });
    const stage = await scene({ providers: [hands.provider], record: 'everything', journal: memoryJournal({ keepFacts: 1_000_000 }), metrics: true });
    const { system, settle, core, advance } = stage;
    const seen: (readonly [number, Readonly<Record<string, Picture>>])[] = [];
    const look = (): void =>
      void seen.push([core.router.lastSeq, Object.fromEntries(watched.map((component) => [component, liveOf(stage, component)]))]);
    look();
    const wide = defineWorkflow({
      name: 'wide',
      failurePolicy: 'continue_on_error',
      tasks: (task) => {
        for (let at = 0; at < 6; at++) task(`t${at}`, { method: 'demo/work', retry: { maxAttempts: 2, baseDelayMs: 500, jitter: 'none' } });
        return null;
      },
    });
    await stage.submit(wide);
    look();
    hands.open()[0]?.succeed();
    await settle();
    look();
    await advance(2_000);
    look();
    hands.open()[0]?.fail();
    await settle();
    look();
    await advance(700);
    look();
    await advance(1_000);
    look();
    while (hands.open().length > 0) {
      hands.open()[0]?.succeed();
      await settle();
      look();
    }
    await advance(60_000);
    look();
    expect((await system.at(seen[4]![0]).snapshot('circuit', 'demo/v1'))?.value).toBe('open');
    expect((await system.at(seen[0]![0]).snapshot('circuit', 'demo/v1'))?.value).toBe('closed');
    for (const [seq, then] of seen) {
      const view = system.at(seq);
      for (const component of watched) expect([component, pictureOf(await view.snapshots(component))]).toEqual([component, then[component]]);
    }
    expect(checkLog(await core.journal.read())).toEqual([]);
  });

  it.each(['workflows', 'providers', 'pools', 'losses', 'refusals', 'load', 'rejection', 'recovery', 'retrial', 'heldJournal'])(
    'are what was live at the end of the tour of %s',
    async (name) => {
      const opened: Scene[] = [];
      await tours[name]?.(async (options) => {
        // What was cleaned up cannot happen again.
        const stage = await openScene({ journal: memoryJournal({ keepFacts: 1_000_000 }), ...options, cleanup: {}, record: 'everything' });
        opened.push(stage);
        return stage;
      });
      const stage = opened.at(-1)!;
      const view = stage.system.at(stage.core.router.lastSeq);
      for (const component of watched) expect([component, pictureOf(await view.snapshots(component))]).toEqual([component, liveOf(stage, component)]);
      for (const { close } of opened) await close();
    },
  );
});

describe('a journal of everything', () => {
  it('is recovered from as one of facts alone', async () => {
    const results = await Promise.all(
      (['facts', 'everything'] as const).map(async (record) => {
        const journal = memoryJournal({ keepFacts: 1_000_000 });
        const hands = handOperated();
        const one = await openScene({ journal, record, providers: [hands.provider], seed: 'one' });
        await one.submit(pair, { id: 'w' });
        hands.callOf('a').succeed(1);
        await one.settle();
        await one.close();
        const two = await scene({ journal, record, providers: [hands.provider], seed: 'two', startAt: 60_000 });
        await two.advance(10);
        hands.callOf('b').succeed(2);
        const result = await two.until(two.system.result('w'));
        const view = two.system.at(two.core.router.lastSeq);
        if (record === 'everything') expect(pictureOf(await view.snapshots('pool'))).toEqual(liveOf(two, 'pool'));
        expect((await two.system.trace('w')).events.length).toBeGreaterThan(5);
        return [result, hands.calls.map(({ taskId, attempt }) => `${taskId}#${attempt}`)];
      }),
    );
    expect(results[1]).toEqual(results[0]);
    expect(results[0]?.[1]).toEqual(['a#1', 'b#1', 'b#2']);
  });
});
