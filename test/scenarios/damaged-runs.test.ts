/** Runs whose facts no machine could have stated, or whose row is not what was written: they are isolated, and the others go on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { createSystem, type GleitzeitSystem, type Journal, loadWorkflow, memoryJournal, sqliteJournal } from '../../src/index.ts';
import { silent } from '../silent.ts';
import { factOf, made } from '../src/journal/contract.ts';

const long = () => loadWorkflow({ name: 'long', tasks: [{ id: 'a', method: 'core/sleep', parameters: { ms: 600_000 } }] });
const short = () => loadWorkflow({ name: 'short', tasks: [{ id: 'a', method: 'core/echo', parameters: { x: 1 } }] });

async function started(journal: Journal): Promise<GleitzeitSystem> {
  const system = createSystem({ journal, log: silent });
  await system.start();
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  return system;
}

/** Facts as other code may have written them: a submission without a definition. */
function unhydratable(workflowId: string, seq: number): GleitzeitEvent {
  return factOf('workflow:submitted', { workflowId, name: 'n\ud83d', versionHash: 'h', definition: null, input: null } as never, { seq });
}

const statusesOf = async (system: GleitzeitSystem) => Object.fromEntries((await system.list()).map(({ workflowId, status }) => [workflowId, status]));
const damagedRun = { code: 'PERSISTENCE_INTEGRITY_ERROR', details: { workflowId: 'evil' } };

async function expectIsolated(system: GleitzeitSystem): Promise<void> {
  expect(await statusesOf(system)).toMatchObject({ evil: 'damaged', good: 'running' });
  await expect(system.cancel('evil')).rejects.toMatchObject(damagedRun);
  await expect(system.status('evil')).rejects.toMatchObject(damagedRun);
  await expect(system.result('evil')).rejects.toMatchObject(damagedRun);
  await expect(system.trace('evil')).rejects.toMatchObject(damagedRun);
  await expect(system.explain('evil')).rejects.toMatchObject(damagedRun);
  await expect(system.retry('evil')).rejects.toMatchObject(damagedRun);
  await expect(system.run('evil')).rejects.toMatchObject(damagedRun);
  await expect(system.submit(await long(), { id: 'evil' })).rejects.toMatchObject(damagedRun);
  await expect.poll(async () => (await system.status('good')).tasks['a']?.status).toBe('running');
  expect(await (await system.submit(await short())).result()).toMatchObject({ status: 'completed' });
  await expect.poll(() => system.damaged().workflows.map(({ workflowId }) => workflowId)).toEqual(['evil']);
}

/** Each names a journal, one to open after the first was closed, and has something done to `evil` while it is closed. */
const journals = {
  memory: () => {
    const journal = memoryJournal();
    return { first: journal, again: () => journal, path: undefined };
  },
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-damaged-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'test.db');
    return { first: sqliteJournal(path), again: () => sqliteJournal(path), path };
  },
} as const;

describe.each(Object.entries(journals))('a run that cannot be brought back, in a journal in %s', { timeout: 60_000 }, (_, make) => {
  it('is isolated: listed, refused, never brought back, and removed by its name; everything else goes on', async () => {
    const { first, again } = make();
    const one = await started(first);
    const run = await one.submit(await long(), { id: 'good' });
    await expect.poll(async () => (await run.status()).tasks['a']?.status).toBe('running');
    await one.stop({ deadlineMs: 0 });

    const between = again();
    const { lastSeq } = await between.open();
    await between.append([unhydratable('evil', lastSeq + 1_000)]);
    await between.close();

    const two = await started(again());
    await expectIsolated(two);
    await two.stop({ deadlineMs: 0 });
    const three = await started(again());
    await expectIsolated(three);
    await expect(three.sweep(['good'])).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    await expect(three.sweep(['none'])).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    await expect(three.sweep([])).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
    expect(await three.sweep(['evil'])).toBe(1);
    expect(three.damaged()).toEqual({ workflows: [], schedules: [] });
    expect(await (await three.submit(await short(), { id: 'evil' })).result()).toMatchObject({ status: 'completed' });
  });

  it('leaves nothing behind, and a schedule that cannot be brought back stops nothing', async () => {
    const { first, again } = make();
    await first.open();
    const broken = made('s', 2);
    await first.append([unhydratable('evil', 1), { ...broken, data: { ...broken.data, rule: null } } as never, made('t', 3)]);
    await first.close();
    const system = await started(again());
    expect(await system.snapshot('workflow', 'evil')).toBeUndefined();
    expect(await system.snapshot('resolver', 'evil')).toBeUndefined();
    expect(await system.actors()).not.toHaveProperty('workflow');
    expect((await system.schedules()).map(({ id }) => id)).toEqual(['t']);
  });
});

describe('a run whose row is not what was written', { timeout: 60_000 }, () => {
  it('is isolated in the same way, and brings nothing down when it is asked for', async () => {
    const { first, again, path } = journals.sqlite();
    const one = await started(first);
    for (const id of ['good', 'evil']) {
      const run = await one.submit(await long(), { id });
      await expect.poll(async () => (await run.status()).tasks['a']?.status).toBe('running');
    }
    await one.stop({ deadlineMs: 0 });
    const db = new Database(path);
    db.prepare("UPDATE workflows SET name = ? WHERE id = 'evil'").run('x\ud83d');
    db.close();
    await expectIsolated(await started(again()));
  });
});

describe('a run that has ended and whose facts are damaged', { timeout: 60_000 }, () => {
  it('is isolated when somebody finds that it cannot be read', async () => {
    const { first, again, path } = journals.sqlite();
    const one = await started(first);
    await (await one.submit(await short(), { id: 'evil' })).result();
    for (let at = 0; at < 20; at++) await (await one.submit(await short(), { id: `good${at}` })).result();
    await one.stop({ deadlineMs: 0 });
    const db = new Database(path);
    const its = "SELECT max(seq) FROM touches JOIN workflows ON no = workflow WHERE id = 'evil'";
    db.exec(`UPDATE frames SET body = zeroblob(length(body)) WHERE seq = (${its})`);
    db.close();
    const two = await started(again());
    expect(await statusesOf(two)).toMatchObject({ evil: 'completed', good19: 'completed' });
    await expect(two.status('evil')).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    expect(await statusesOf(two)).toMatchObject({ evil: 'damaged', good19: 'completed' });
    expect(two.damaged().workflows.map(({ workflowId }) => workflowId)).toEqual(['evil']);
    await expect(two.status('evil')).rejects.toMatchObject(damagedRun);
  });
});

describe('a journal whose last facts are damaged', { timeout: 60_000 }, () => {
  it('is opened: those that have facts there are isolated, whether they run or have ended, and everything else goes on', async () => {
    const { first, again, path } = journals.sqlite();
    await first.open();
    const of = (workflowId: string, seq: number) => factOf('workflow:completed', { workflowId, result: null } as never, { seq });
    const begun = (workflowId: string, seq: number) =>
      ({ ...unhydratable(workflowId, seq), data: { ...unhydratable(workflowId, seq).data, name: 'n' } }) as GleitzeitEvent;
    await first.append([begun('done', 1)]);
    await first.append([begun('evil', 2), of('done', 3)]);
    await first.close();
    const db = new Database(path);
    db.exec('UPDATE frames SET body = zeroblob(length(body)) WHERE seq = 3');
    db.close();
    const two = await started(again());
    expect(await statusesOf(two)).toEqual({ done: 'damaged', evil: 'damaged' });
    expect(await (await two.submit(await short(), { id: 'good' })).result()).toMatchObject({ status: 'completed' });
    await two.stop({ deadlineMs: 0 });
    expect(await statusesOf(await started(again()))).toEqual({ done: 'damaged', evil: 'damaged', good: 'completed' });
  });
});
