/** A journal that takes no facts for a time: nothing is lost by it, nothing is done twice, and all say so. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { errorOf } from '../../src/errors.ts';
import type { Store } from '../../src/journal/sqlite/store.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import { renderExplanation } from '../../src/observe/explain.ts';
import { storageRetryDefaults } from '../../src/system/storage-hold.ts';
import { checkLog } from '../../src/testing/check-log.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { fillable } from './fillable-journal.ts';
import { handOperated } from './hands.ts';
import { type Scene, type SceneOptions, scene } from './scene.ts';

const chain = (...ids: readonly string[]) =>
  defineWorkflow({
    name: 'chain',
    tasks: (task) => {
      for (const [at, id] of ids.entries()) task(id, { method: 'demo/work', timeoutMs: 60_000, dependsOn: ids.slice(at - 1, at) });
      return null;
    },
  });
const wide = (...ids: readonly string[]) =>
  defineWorkflow({
    name: 'wide',
    tasks: (task) => {
      for (const id of ids) task(id, { method: 'demo/work', timeoutMs: 60_000 });
      return null;
    },
  });

async function stageOf(options: SceneOptions = {}) {
  const full = fillable();
  const hands = handOperated({ pool: { min: 2, max: 2 } });
  const stage = await scene({ journal: full.journal, providers: [hands.provider], log: silent(), ...options });
  return { ...full, hands, stage };
}

function silent() {
  return { debug() {}, info() {}, warn() {}, error() {} };
}

/** Which attempts were called, in order. */
const callsOf = ({ calls }: ReturnType<typeof handOperated>) => calls.map(({ taskId, attempt }) => `${taskId}#${attempt}`);
const typesOf = (events: readonly GleitzeitEvent[]) => events.map(({ type }) => type);
const finish = async ({ settle }: Scene, hands: ReturnType<typeof handOperated>) => {
  while (hands.open().length > 0) {
    hands.open()[0]?.succeed();
    await settle();
  }
};

describe.each(['throws', 'rejects', 'late'] as const)('a journal that has no room and %s', (how) => {
  it('holds what is stated, does nothing that follows from it, and goes on when it has room again', async () => {
    const { stage, hands, fill, empty } = await stageOf();
    const run = await stage.submit(chain('a', 'b'));
    fill(how);
    hands.callOf('a').succeed('of a');
    await stage.settle();
    // Time passes; the result of a is known, and b has its turn, but nobody may know.
    await stage.advance(30_000);
    expect(callsOf(hands)).toEqual(['a#1']);
    expect(stage.of('task:completed')).toEqual([]);
    empty();
    await stage.advance(storageRetryDefaults.longestMs);
    expect(callsOf(hands)).toEqual(['a#1', 'b#1']);
    await finish(stage, hands);
    expect(await run.result()).toMatchObject({ status: 'completed', tasks: { a: { attempts: 1, result: 'of a' }, b: { attempts: 1 } } });
    expect(checkLog(stage.events)).toEqual([]);
    expect(checkLog(await stage.core.journal.read())).toEqual([]);
  });

  it('tells those who watch at once, and again when it is over, with an alert in between', async () => {
    const { stage, hands, fill, empty } = await stageOf();
    await stage.submit(wide('a'));
    fill(how);
    hands.callOf('a').succeed();
    await stage.settle();
    const error = { code: 'PERSISTENCE_WRITE_FAILED', message: 'there is no room left', retryable: true };
    expect(stage.only('system:storage_held').data).toMatchObject({ error, since: stage.clock.now() });
    expect(stage.only('alert:triggered').data).toMatchObject({ rule: 'storage_held', severity: 'critical' });
    expect(stage.of('alert:resolved')).toEqual([]);
    await stage.advance(1_000);
    empty();
    await stage.advance(storageRetryDefaults.longestMs);
    expect(stage.only('system:storage_resumed').data.heldMs).toBeGreaterThanOrEqual(1_000);
    expect(typesOf(stage.events)).toContain('workflow:completed');
    expect(stage.only('alert:resolved').data.rule).toBe('storage_held');
  });

  it('is asked again with growing delays', async () => {
    const { stage, hands, fill, empty, refusals } = await stageOf();
    await stage.submit(wide('a'));
    fill(how);
    hands.callOf('a').succeed();
    await stage.settle();
    const after: number[] = [];
    for (const ms of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
      await stage.advance(ms - 1);
      after.push(refusals());
      await stage.advance(1);
    }
    expect(after).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(stage.of('system:storage_held')).toHaveLength(1);
    empty();
    await stage.advance(storageRetryDefaults.longestMs);
    expect(stage.of('system:storage_resumed')).toHaveLength(1);
  });
});

describe('while the journal takes nothing', () => {
  it('nothing is admitted, with the error of the journal; what was submitted before is answered later', async () => {
    const { stage, fill, empty } = await stageOf();
    fill();
    const early = stage.system.submit(wide('a'), { id: 'early' });
    await stage.settle();
    await expect(stage.system.submit(wide('b'), { id: 'late' })).rejects.toMatchObject({
      code: 'PERSISTENCE_WRITE_FAILED',
      retryable: true,
      message: expect.stringContaining('there is no room left'),
    });
    await stage.advance(1_000);
    empty();
    expect((await stage.until(early)).id).toBe('early');
    expect((await stage.until(stage.system.submit(wide('b'), { id: 'late' }))).id).toBe('late');
    expect((await stage.system.list()).map(({ workflowId }) => workflowId)).toEqual(['early', 'late']);
  });

  it('a workflow is explained by that', async () => {
    const { stage, hands, fill, empty } = await stageOf();
    const run = await stage.submit(wide('a'));
    expect((await run.explain()).storage).toBeUndefined();
    fill();
    hands.callOf('a').succeed();
    await stage.settle();
    const explanation = await run.explain();
    // What is not durable is not told.
    expect((await run.status()).tasks['a']?.status).toBe('running');
    expect(explanation.storage).toMatchObject({
      kind: 'storage',
      message: expect.stringContaining('the journal does not take facts: there is no room left (since 1970-'),
    });
    expect(renderExplanation(explanation)).toContain('the journal does not take facts');
    empty();
    await stage.advance(storageRetryDefaults.longestMs);
    expect((await run.explain()).storage).toBeUndefined();
  });

  it('no time of an attempt passes: one that could not be called yet has all of it', async () => {
    const { stage, hands, fill, empty } = await stageOf();
    const run = await stage.submit(chain('a', 'b'));
    fill();
    hands.callOf('a').succeed();
    await stage.settle();
    await stage.advance(600_000);
    empty();
    await stage.advance(storageRetryDefaults.longestMs);
    expect(callsOf(hands)).toEqual(['a#1', 'b#1']);
    await stage.advance(50_000);
    expect([stage.of('task:timeout'), stage.of('worker:failed'), stage.of('task:lease_expired')]).toEqual([[], [], []]);
    await finish(stage, hands);
    expect(await run.result()).toMatchObject({ status: 'completed', tasks: { b: { attempts: 1 } } });
  });

  it('what is due waits, and comes once', async () => {
    const { stage, hands, fill, empty } = await stageOf();
    const workflow = defineWorkflow({
      name: 'again',
      tasks: (task) => task('a', { method: 'demo/work', retry: { maxAttempts: 2, baseDelayMs: 10_000, jitter: 'none' } }),
    });
    const run = await stage.submit(workflow);
    hands.callOf('a').fail();
    await stage.settle();
    const other = await stage.submit(wide('x'));
    fill();
    hands.callOf('x').succeed();
    await stage.advance(60_000);
    expect(callsOf(hands)).toEqual(['a#1', 'x#1']);
    empty();
    await stage.advance(storageRetryDefaults.longestMs);
    expect(callsOf(hands)).toEqual(['a#1', 'x#1', 'a#2']);
    hands.callOf('a').succeed();
    expect(await stage.until(run.result())).toMatchObject({ status: 'completed', tasks: { a: { attempts: 2 } } });
    expect((await other.result()).status).toBe('completed');
    expect(stage.of('task:retry')).toHaveLength(1);
  });

  it('memory stays within bounds: what is only watched is cut, what is recorded never', async () => {
    const { stage, hands, fill, empty } = await stageOf();
    const run = await stage.submit(wide('a', 'b'));
    fill();
    hands.callOf('a').succeed();
    await stage.settle();
    for (let at = 0; at < 30; at++) {
      for (let one = 0; one < 1_000; one++) hands.callOf('b').call.progress(0.5);
      await stage.settle();
    }
    const waiting = stage.core.router.outcome.events.length;
    expect(waiting).toBeLessThan(20_000);
    hands.callOf('b').succeed();
    await stage.settle();
    empty();
    await stage.advance(storageRetryDefaults.longestMs);
    expect(await run.result()).toMatchObject({ status: 'completed' });
    expect(stage.of('task:completed')).toHaveLength(2);
  });

  it('a stop waits for it until its deadline and no longer, and what ran is run again by the next one', async () => {
    const { stage, hands, fill, empty, journal } = await stageOf();
    await stage.submit(chain('a', 'b'), { id: 'w' });
    fill();
    hands.callOf('a').succeed();
    await stage.settle();
    await stage.until(stage.system.stop({ deadlineMs: 1_000 }));
    expect(stage.system.phase).toBe('stopped');
    empty();
    const next = await scene({ journal, providers: [hands.provider], seed: 'next', startAt: 600_000 });
    await next.advance(10);
    expect(callsOf(hands)).toEqual(['a#1', 'a#2']);
    await finish(next, hands);
    expect(await next.until(next.system.result('w'))).toMatchObject({ status: 'completed', tasks: { a: { attempts: 2 } } });
  });

  it('a stop that finds room in time loses nothing', async () => {
    const { stage, hands, fill, empty, journal } = await stageOf();
    await stage.submit(wide('a'), { id: 'w' });
    fill();
    hands.callOf('a').succeed();
    await stage.settle();
    const stopping = stage.system.stop({ deadlineMs: 10_000 });
    await stage.advance(1_000);
    empty();
    await stage.until(stopping);
    expect(await journal.find('w')).toMatchObject({ status: 'completed' });
  });
});

describe('a file on a disk that is full', () => {
  it('is waited for, and holds each fact once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-full-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const journal = sqliteJournal(join(folder, 'j.db'), { writer: 'inline' });
    const hands = handOperated();
    const stage = await scene({ journal, providers: [hands.provider], log: silent() });
    const run = await stage.submit(chain('a', 'b'));
    const { db } = (journal as unknown as { readonly writer: { readonly store: Store } }).writer.store;
    db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
    // More than fits into what is left of the last pages.
    hands.callOf('a').succeed(Array.from({ length: 20_000 }, (_, at) => Math.sin(at)));
    await stage.settle();
    expect(stage.only('system:storage_held').data.error).toMatchObject({ code: 'PERSISTENCE_WRITE_FAILED', details: { reason: 'full' } });
    await stage.advance(20_000);
    expect(callsOf(hands)).toEqual(['a#1']);
    db.pragma('max_page_count = 1000000');
    await stage.advance(storageRetryDefaults.longestMs);
    await finish(stage, hands);
    expect(await run.result()).toMatchObject({ status: 'completed', tasks: { a: { attempts: 1 }, b: { attempts: 1 } } });
    expect(checkLog(await journal.read())).toEqual([]);
  });
});

describe('a journal that never takes facts again', () => {
  it('fails a system that held for it, and those who wait are told', async () => {
    const { stage, hands, fill, journal } = await stageOf({ fails: true });
    const run = await stage.submit(wide('a'));
    fill();
    hands.callOf('a').succeed();
    await stage.settle();
    journal.append = () => {
      throw errorOf('PERSISTENCE_INTEGRITY_ERROR', 'it is damaged');
    };
    const result = run.result().catch((error: unknown) => error);
    await stage.advance(1_000);
    expect(await result).toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    expect(stage.system.phase).toBe('failed');
    expect(typesOf(stage.events)).not.toContain('task:completed');
  });

  it('fails a start at once, also where another attempt may go better: nothing was promised yet', async () => {
    const { journal, fill } = fillable();
    fill();
    await expect(scene({ journal, fails: true })).rejects.toMatchObject({ code: 'PERSISTENCE_WRITE_FAILED' });
  });
});
