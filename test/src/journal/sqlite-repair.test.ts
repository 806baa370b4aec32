/** What a repair keeps beside what is damaged, what it names, and that an end in the middle of one loses nothing. */
import { copyFileSync as copy, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import type { RepairStep } from '../../../src/journal/sqlite/repair.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { repairJournal } from '../../../src/runtime/journal-repair.ts';
import { factOf, made, skipped } from './contract.ts';
import { completed, lives, placeForJournal, started, submitted } from './places.ts';

async function opened(path: string): Promise<Journal> {
  const journal = sqliteJournal(path, { writer: 'inline', durability: 'relaxed' });
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

async function holding(batches: readonly (readonly GleitzeitEvent[])[]): Promise<string> {
  const path = placeForJournal();
  const journal = await opened(path);
  for (const batch of batches) await journal.append(batch);
  await journal.close();
  return path;
}

function change(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

const ruin = (seq: number) => `UPDATE frames SET body = zeroblob(length(body)) WHERE seq = ${seq}`;
const idsOf = async (path: string): Promise<readonly string[]> => {
  const journal = await opened(path);
  const heads = await journal.list();
  await journal.close();
  return heads.map(({ workflowId }) => workflowId);
};
const reasonsIn = ({ lost }: Awaited<ReturnType<typeof repairJournal>>) =>
  Object.fromEntries(lost?.workflows.map(({ workflowId, reason }) => [workflowId, reason]) ?? []);

describe('a repair long after a frame was damaged', () => {
  /** `evil` and `long` begin; the third batch is of both `evil` and a run that ends there; forty runs come after. */
  const batches = [
    [submitted('evil', 1), started('evil', 2)],
    [submitted('long', 3), started('long', 4)],
    [submitted('w5', 5), completed('w5', 6), factOf('workflow:paused', { workflowId: 'evil', reason: 'r' }, { seq: 7 })],
    ...lives(40, 20),
  ];

  it('puts aside the runs that have facts in it, and no other', async () => {
    const path = await holding(batches);
    change(path, ruin(7));
    const repaired = await repairJournal(path);
    expect(reasonsIn(repaired)).toEqual({ evil: '2 of its 3 facts can be read', w5: 'its first fact cannot be read' });
    expect(repaired.lost).toMatchObject({ ranges: [{ afterSeq: 4, toSeq: 7 }], readable: 2, schedules: [] });
    expect((await checkJournal(path)).damages).toEqual([]);
    expect(await idsOf(path)).toEqual(['long', ...lives(40, 20).map(([first]) => first!.correlation.workflowId)]);
    const journal = await opened(path);
    expect(await journal.read()).toEqual([batches[1], ...lives(40, 20)].flat());
    expect(await repairJournalAfter(journal, path)).toEqual({ path, damages: [] });
  });

  const repairJournalAfter = async (journal: Journal, path: string) => {
    await journal.append([submitted('later', 500)]);
    await journal.close();
    return repairJournal(path);
  };

  it('relies on no summary that is damaged itself: a run in whose time facts are lost is put aside', async () => {
    const path = await holding(batches);
    change(path, `${ruin(7)}; UPDATE workflows SET name = 'x' WHERE id IN ('long', 'w20')`);
    const repaired = await repairJournal(path);
    expect(Object.keys(reasonsIn(repaired)).sort()).toEqual(['evil', 'long', 'w5']);
    expect(await idsOf(path)).toHaveLength(40);
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('takes frames that are missing as it takes those that cannot be read', async () => {
    const path = await holding(batches);
    change(path, 'DELETE FROM frames WHERE seq = 7');
    const repaired = await repairJournal(path);
    expect(Object.keys(reasonsIn(repaired)).sort()).toEqual(['evil', 'w5']);
    expect(repaired.lost?.ranges).toEqual([{ afterSeq: 4, toSeq: 19 }]);
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it.each([
    ['its number', 'UPDATE frames SET n = 900 WHERE seq = 22'],
    ['its chain', 'UPDATE frames SET chain = 1 WHERE seq = 22'],
    ['the row of a gap', 'UPDATE gaps SET sum = 1'],
  ])('keeps what can be read where only the chain is damaged: %s', async (_, sql) => {
    const path = await holding(batches);
    const journal = await opened(path);
    await journal.sweep({ workflowIds: ['w23', 'w26'] });
    const before = await journal.list();
    await journal.close();
    change(path, sql);
    expect((await checkJournal(path)).damages).not.toEqual([]);
    const { lost } = await repairJournal(path);
    expect(lost?.workflows ?? []).toEqual([]);
    expect(await (await opened(path)).list()).toEqual(before);
  });

  it('keeps an isolated run whose facts are all there: it goes on', async () => {
    const path = await holding(batches);
    const journal = await opened(path);
    await journal.isolate?.(['evil']);
    await journal.close();
    expect((await checkJournal(path)).damages).not.toEqual([]);
    expect(await repairJournal(path)).not.toHaveProperty('lost');
    expect(await (await opened(path)).find('evil')).toMatchObject({ status: 'running' });
  });

  it.each([
    ['cannot be folded', { ...submitted('odd', 600), data: { workflowId: 'odd', name: 'n', versionHash: 'h' } }],
    [
      'break their schema',
      { ...submitted('odd', 600), data: { ...submitted('odd', 600).data, definition: { name: 'n', failurePolicy: 'fail_fast', tasks: null } } },
    ],
  ])('puts aside a run whose facts %s, as a start would isolate it', async (_, odd) => {
    // What older or other code may have written.
    const path = await holding([...batches, [odd as never]]);
    expect((await checkJournal(path)).damages).toEqual([]);
    const repaired = await repairJournal(path);
    expect(reasonsIn(repaired)).toEqual({ odd: expect.stringContaining('cannot be brought back') });
    expect(await idsOf(path)).not.toContain('odd');
    expect(await repairJournal(path)).toEqual({ path, damages: [] });
  });
});

describe('the schedules in a journal that is repaired', () => {
  const batches = [
    [made('s', 1), made('t', 2)],
    [skipped('t', 3)],
    [made('gone', 4)],
    [factOf('cron:removed', { scheduleId: 'gone', reason: 'r', by: 'b' }, { seq: 5 })],
    [skipped('s', 6)],
    ...lives(3, 20),
  ];
  const standing = async (path: string) => (await (await opened(path)).schedules()).map(({ made: { data } }) => data.scheduleId);

  it('stand where the facts that they are brought back by are there', async () => {
    const path = await holding(batches);
    change(path, ruin(6));
    const { lost } = await repairJournal(path);
    expect(lost?.schedules).toEqual([{ scheduleId: 's', reason: 'a fact that it is brought back by cannot be read' }]);
    expect(await standing(path)).toEqual(['t']);
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('do not rise again where the fact that took one away is lost', async () => {
    const path = await holding(batches);
    change(path, ruin(5));
    await repairJournal(path);
    expect(await standing(path)).toEqual(['s', 't']);
  });
});

describe('a repair that ends in the middle', () => {
  const steps: readonly RepairStep[] = ['aside', 'rebuild', 'empty log', 'remove log', 'replace', 'remove mark'];

  it.each(steps)('leaves the journal as it was or repaired: before %s', async (last) => {
    const path = placeForJournal();
    const journal = await opened(path);
    for (const batch of lives(30)) await journal.append(batch);
    // An engine that was killed: its last facts are in the log alone.
    const left = placeForJournal();
    for (const beside of ['', '-wal', '-mark']) copy(`${path}${beside}`, `${left}${beside}`);
    await journal.close();
    change(left, ruin(30));
    const crash = new Error('crash');
    const onStep = (step: RepairStep): void => {
      if (step === last) throw crash;
    };
    await expect(repairJournal(left, { onStep })).rejects.toThrow('crash');
    const isDone = last === 'remove mark';
    const { lost } = await repairJournal(left);
    expect(lost?.workflows.map(({ workflowId }) => workflowId)).toEqual(isDone ? undefined : ['w28']);
    expect(await idsOf(left)).toEqual(lives(30).flatMap(([first]) => (first?.seq === 28 ? [] : [first?.correlation.workflowId])));
    expect((await checkJournal(left)).damages).toEqual([]);
    expect(readdirSync(dirname(left)).filter((name) => name.startsWith(`${basename(left)}-new`))).toEqual([]);
  });
});
