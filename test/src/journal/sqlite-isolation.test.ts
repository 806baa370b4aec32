/** One workflow or schedule whose row or facts are damaged: it is said, and the others go on as if nothing were. */
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../../src/journal/journal.ts';
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { factOf, made, skipped } from './contract.ts';
import { completed, lives, placeForJournal, started, submitted } from './places.ts';

async function opened(path: string): Promise<Journal> {
  const journal = sqliteJournal(path, { writer: 'inline', durability: 'relaxed' });
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

/** A closed journal: `evil` runs, `good` runs, and forty of `lives` have ended, so that the damage is far from the end. */
async function holding(more: readonly ReturnType<typeof made>[] = []): Promise<string> {
  const path = placeForJournal();
  const journal = await opened(path);
  await journal.append([submitted('evil', 1), started('evil', 2)]);
  await journal.append([submitted('good', 3), started('good', 4)]);
  for (const fact of more) await journal.append([fact]);
  for (const batch of lives(40, 20)) await journal.append(batch);
  await journal.close();
  return path;
}

function change(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

const statusesOf = async (journal: Journal) => Object.fromEntries((await journal.list()).map(({ workflowId, status }) => [workflowId, status]));

const rowDamages: readonly (readonly [string, string])[] = [
  ['its name', "UPDATE workflows SET name = 'other' WHERE id = 'evil'"],
  ['its name, which is no text', "UPDATE workflows SET name = x'00ff' WHERE id = 'evil'"],
  ['its time, which is none', "UPDATE workflows SET submitted_at = 'x' WHERE id = 'evil'"],
  ['its status', "UPDATE workflows SET status = 'what' WHERE id = 'evil'"],
  ['its end, so that it looks ended', "UPDATE workflows SET ended_seq = 7, ended_at = 7, status = 'completed' WHERE id = 'evil'"],
  ['its checksum', "UPDATE workflows SET sum = sum + 1 WHERE id = 'evil'"],
];

describe('a workflow whose row is damaged', () => {
  it.each(rowDamages)('is listed as damaged, and the others are read, begun, ended and swept: %s', async (_, sql) => {
    const path = await holding();
    change(path, sql);
    const journal = await opened(path);
    expect(await statusesOf(journal)).toMatchObject({ evil: 'damaged', good: 'running', w20: 'completed' });
    expect(await journal.find('evil')).toMatchObject({ workflowId: 'evil', status: 'damaged' });
    expect((await journal.unfinished()).filter(({ status }) => status === 'running').map(({ workflowId }) => workflowId)).toEqual(['good']);
    expect((await journal.damaged?.())?.workflows.map(({ workflowId }) => workflowId)).toEqual(['evil']);
    await expect(journal.read({ workflowId: 'evil' })).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    expect(await journal.read({ workflowId: 'good' })).toHaveLength(2);
    // Whatever is stated of it, the others of the same batch are taken.
    await journal.append([submitted('new', 300), completed('evil', 301), completed('good', 302), submitted('evil', 303)]);
    expect(await journal.sweep({ keep: 1 })).toBe(40);
    expect(await statusesOf(journal)).toEqual({ evil: 'damaged', good: 'completed', new: 'running' });
    await journal.close();
    expect((await checkJournal(path)).damages).toEqual(
      expect.arrayContaining([expect.objectContaining({ kind: 'index', message: expect.stringContaining('evil') })]),
    );
    const again = await opened(path);
    expect(await statusesOf(again)).toMatchObject({ evil: 'damaged', good: 'completed', new: 'running' });
  });

  it.each(rowDamages)('is isolated, and removed by its name: %s', async (_, sql) => {
    const path = await holding();
    change(path, sql);
    const journal = await opened(path);
    await journal.isolate?.(['evil']);
    expect(await statusesOf(journal)).toMatchObject({ evil: 'damaged', good: 'running' });
    expect((await journal.unfinished()).map(({ workflowId }) => workflowId)).toEqual(['good']);
    expect(await journal.sweep({ workflowIds: ['evil'] })).toBe(1);
    expect(await journal.find('evil')).toBeUndefined();
    await journal.close();
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('is removed by its name alone', async () => {
    const path = await holding();
    change(path, rowDamages[0]![1]);
    const journal = await opened(path);
    expect(await journal.sweep({ workflowIds: ['evil'] })).toBe(1);
    expect((await journal.read()).map(({ seq }) => seq).slice(0, 2)).toEqual([3, 4]);
    await journal.close();
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('as text that is not well formed leaves it, where it was written as it came: it is called by what SQLite makes of it', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    await journal.append([submitted('x\ud83d', 1), submitted('good', 2)]);
    await journal.close();
    const db = new Database(path);
    db.prepare("UPDATE workflows SET id = ? WHERE id <> 'good'").run('x\ud83d');
    db.close();
    const again = await opened(path);
    const shown = 'x\ufffd\ufffd\ufffd';
    expect(await statusesOf(again)).toEqual({ [shown]: 'damaged', good: 'running' });
    await again.isolate?.([...(await again.damaged!()).workflows.map(({ workflowId }) => workflowId)]);
    expect(await statusesOf(again)).toEqual({ [shown]: 'damaged', good: 'running' });
    expect(await again.sweep({ workflowIds: [shown] })).toBe(1);
    expect((await again.read()).map(({ seq }) => seq)).toEqual([2]);
    await again.close();
    expect((await checkJournal(path)).damages).toEqual([]);
  });
});

describe('a workflow whose facts are damaged', () => {
  const bad = 'UPDATE frames SET body = substr(body, 1, length(body) - 2) WHERE seq = 2';

  it('is an error to those who read it, and to nobody else', async () => {
    const path = await holding();
    change(path, bad);
    const journal = await opened(path);
    await expect(journal.read({ workflowId: 'evil' })).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    expect(await journal.read({ workflowIds: ['good', 'w20'] })).toHaveLength(5);
  });

  it('is isolated by a sweep that would remove it, and the others are removed', async () => {
    const path = await holding();
    change(path, 'UPDATE frames SET body = substr(body, 1, length(body) - 2) WHERE seq = 25');
    const journal = await opened(path);
    expect(await journal.sweep({ keep: 5 })).toBe(34);
    expect((await journal.list({ status: 'damaged' })).map(({ workflowId }) => workflowId)).toEqual(['w23']);
    expect(await journal.sweep({ workflowIds: ['w23'] })).toBe(1);
    await journal.close();
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('that are no events are a damage, and never a crash', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    await journal.append([submitted('good', 1)]);
    // What older or other code may have written.
    await journal.append([{ seq: 2, type: 'x', time: 2, correlation: { workflowId: 'good' } } as never]);
    await expect(journal.read({ workflowId: 'good' })).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    await journal.close();
    expect((await checkJournal(path)).damages).toMatchObject([{ afterSeq: 1, toSeq: 2 }]);
  });
});

describe('a schedule that is damaged', () => {
  it.each([
    ['in its row', 'UPDATE schedules SET last_seq = NULL'],
    ['in the fact that it is brought back by', 'UPDATE frames SET body = substr(body, 1, length(body) - 2) WHERE seq = 10'],
  ])('%s stops nothing: the others stand, and made again it is sound', async (_, sql) => {
    const path = await holding([made('s', 10), skipped('s', 11), made('t', 12)]);
    change(path, `${sql}${sql.startsWith('UPDATE s') ? " WHERE id = 's'" : ''}`);
    const journal = await opened(path);
    expect((await journal.schedules()).map(({ made: { seq } }) => seq)).toEqual([12]);
    expect(await journal.damaged?.()).toEqual({ workflows: [], schedules: ['s'] });
    await journal.append([skipped('s', 300)]);
    expect(await journal.sweep({ olderThan: 10_000 })).toBe(40);
    await journal.append([made('s', 301), factOf('cron:removed', { scheduleId: 't', reason: 'r', by: 'b' }, { seq: 302 })]);
    expect((await journal.schedules()).map(({ made: { seq } }) => seq)).toEqual([301]);
    expect(await journal.damaged?.()).toEqual({ workflows: [], schedules: [] });
  });
});
