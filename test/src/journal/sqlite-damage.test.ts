import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../../src/journal/journal.ts';
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import { type SqliteJournalOptions, sqliteJournal } from '../../../src/journal/sqlite.ts';
import { repairJournal } from '../../../src/runtime/journal-repair.ts';
import { made, skipped } from './contract.ts';
import { lives, placeForJournal, started, submitted } from './places.ts';

async function opened(path: string, options: SqliteJournalOptions = { writer: 'inline' }): Promise<Journal> {
  const journal = sqliteJournal(path, options);
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

/** A closed journal of one batch of three facts for each workflow: `w1`, `w4`, ... */
async function holding(workflows: number, options: SqliteJournalOptions = { writer: 'inline' }): Promise<string> {
  const path = placeForJournal();
  const journal = await opened(path, options);
  for (const batch of lives(workflows)) await journal.append(batch);
  await journal.close();
  return path;
}

/** What a crash leaves behind: everything in the log, nothing yet in the file. */
async function crashed(workflows: number, options: SqliteJournalOptions = { writer: 'inline' }): Promise<string> {
  const [path, left] = [placeForJournal(), placeForJournal()];
  const journal = await opened(path, options);
  for (const batch of lives(workflows)) await journal.append(batch);
  for (const beside of ['', '-wal', '-mark']) copyFileSync(`${path}${beside}`, `${left}${beside}`);
  await journal.close();
  return left;
}

function change(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

function flip(path: string, at: number, bit = 0): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
  writeFileSync(path, bytes);
}

/** Flips a bit in the very bytes of a row, and in those that SQLite left of it elsewhere. */
function flipIn(path: string, sql: string): void {
  const db = new Database(path, { readonly: true });
  const row = db.prepare(sql).pluck().get() as Buffer;
  db.close();
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf(row); at !== -1; at = bytes.indexOf(row, at + 1)) flip(path, at + (row.length >> 1), 3);
}

const damagedAt = (afterSeq: number, toSeq?: number) => ({
  code: 'PERSISTENCE_INTEGRITY_ERROR',
  retryable: false,
  details: { reason: 'damaged', damages: [{ afterSeq, ...(toSeq !== undefined && { toSeq }) }] },
});

describe('a bit that flipped in a row', () => {
  it.each([
    ['the last', 120],
    ['one before it', 90],
  ])('near the end is named when the journal is opened, with whom it concerns, and keeps nobody else from it: %s', async (_, seq) => {
    const path = await holding(40);
    flipIn(path, `SELECT body FROM frames WHERE seq = ${seq}`);
    const damaged = { ranges: [{ afterSeq: seq - 3, toSeq: seq, kind: 'checksum' }], workflowIds: [`w${seq - 2}`] };
    const beside = sqliteJournal(path, { readOnly: true });
    expect(await beside.open()).toMatchObject({ lastSeq: 120, damaged });
    await beside.close();
    const journal = sqliteJournal(path, { writer: 'inline' });
    expect(await journal.open()).toMatchObject({ lastSeq: 120, damaged });
    await expect(journal.read({ workflowId: `w${seq - 2}` })).rejects.toMatchObject(damagedAt(seq - 3, seq));
    expect(await journal.read({ workflowId: 'w115' })).toHaveLength(3);
    await journal.append([submitted('x', 121)]);
    await journal.close();
    // What follows goes on from the record of the end, so that nothing else is damaged.
    expect((await checkJournal(path)).damages).toMatchObject([{ afterSeq: seq - 3, toSeq: seq, kind: 'checksum' }]);
    expect((await repairJournal(path)).lost).toMatchObject({
      ranges: [{ afterSeq: seq - 3, toSeq: seq }],
      workflows: [{ workflowId: `w${seq - 2}` }],
    });
    expect(await (await opened(path)).read({ workflowId: 'x' })).toHaveLength(1);
  });

  it.each(['n = n + 1', 'chain = chain + 1', 'seq = seq + 1'])('in the row that says where the journal ends is refused: %s', async (set) => {
    const path = await holding(40);
    change(path, `UPDATE frames SET ${set} WHERE seq = 120`);
    await expect(sqliteJournal(path).open()).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    await repairJournal(path);
    await opened(path);
  });

  it('further back is seen when it is read, and by a check', async () => {
    const path = await holding(40);
    flipIn(path, 'SELECT body FROM frames WHERE seq = 30');
    const journal = await opened(path);
    await expect(journal.read({ workflowId: 'w28' })).rejects.toMatchObject(damagedAt(27, 30));
    await expect(journal.read()).rejects.toMatchObject(damagedAt(27, 30));
    expect(await journal.read({ workflowId: 'w31' })).toHaveLength(3);
    expect((await checkJournal(path)).damages).toMatchObject([{ afterSeq: 27, toSeq: 30, kind: 'checksum' }]);
  });

  it('wherever it is: what is read is what was written, or said to be damaged, or an error', async () => {
    const path = await holding(60);
    const journal = await opened(path, { readOnly: true });
    const all = async (from: Journal) => {
      const damaged = new Set((await from.damaged?.())?.workflows.map(({ submittedAt }) => submittedAt));
      const heads = (await from.list()).map((head) => (damaged.has(head.submittedAt) || head.status === 'damaged' ? 'damaged' : head));
      return { heads, facts: JSON.stringify([await from.read(), await from.unfinished(), await from.read({ workflowId: 'w28' })]) };
    };
    const truth = await all(journal);
    await journal.close();
    const { length } = readFileSync(path);
    let [harmless, refused] = [0, 0];
    // A prime stride goes through pages at ever other places.
    for (let at = 0; at < length; at += 97) {
      const copy = `${path}.copy`;
      copyFileSync(path, copy);
      flip(copy, at, at % 8);
      const flipped = sqliteJournal(copy, { readOnly: true });
      try {
        await flipped.open();
        const { heads, facts } = await all(flipped);
        expect(facts).toBe(truth.facts);
        expect(heads).toEqual(truth.heads.map((head, n) => (heads[n] === 'damaged' ? 'damaged' : head)));
        harmless++;
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^PERSISTENCE_/) });
        refused++;
      }
      await flipped.close();
    }
    expect(refused).toBeGreaterThan(harmless / 4);
    expect(harmless).toBeGreaterThan(0);
  }, 60_000);
});

describe('batches that are gone', () => {
  it('at the end are seen when the journal is opened', async () => {
    const path = await holding(40);
    change(path, 'DELETE FROM frames WHERE seq > 111');
    await expect(sqliteJournal(path).open()).rejects.toMatchObject(damagedAt(111, 120));
  });

  it('at the end are seen also where the journal itself forgot them: the mark knows', async () => {
    const path = await holding(40);
    const [before, after] = [`${path}.before`, path];
    copyFileSync(path, before);
    const journal = await opened(path);
    await journal.append([submitted('x', 121)]);
    await journal.close();
    copyFileSync(before, after);
    await expect(sqliteJournal(path).open()).rejects.toMatchObject(damagedAt(120, 121));
  });

  it('in the middle are seen when they are read, and by a check', async () => {
    const path = await holding(40);
    change(path, 'DELETE FROM frames WHERE seq = 60');
    const journal = await opened(path);
    await expect(journal.read()).rejects.toMatchObject(damagedAt(57));
    await expect(journal.read({ workflowId: 'w58' })).rejects.toMatchObject(damagedAt(59, 60));
    expect((await checkJournal(path)).damages).toEqual(
      expect.arrayContaining([expect.objectContaining({ afterSeq: 57, toSeq: 63, kind: 'missing' })]),
    );
  });

  it.each([
    ['a workflow', "DELETE FROM workflows WHERE id = 'w58'"],
    ['the way to a fact', 'DELETE FROM touches WHERE seq = 60'],
    ['the end of a workflow', "UPDATE workflows SET ended_seq = NULL, status = 'running' WHERE id = 'w58'"],
    ['the number of workflows', 'UPDATE tail SET running = 1'],
  ])('from the index are seen: %s', async (_, sql) => {
    const path = await holding(40);
    change(path, sql);
    const { damages } = await checkJournal(path);
    expect(damages).toEqual(expect.arrayContaining([expect.objectContaining({ kind: expect.stringMatching(/index|tail/) })]));
    const reads = async () => {
      const journal = sqliteJournal(path, { readOnly: true });
      await journal.open();
      try {
        return [await journal.list(), await journal.unfinished(), await journal.read({ workflowId: 'w58' })];
      } finally {
        await journal.close();
      }
    };
    await expect(reads()).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
  });

  it.each([
    ['a schedule', 'DELETE FROM schedules'],
    ['the number of schedules', 'UPDATE tail SET schedules = 0'],
  ])('from the index of schedules are seen: %s', async (_, sql) => {
    const path = placeForJournal();
    const journal = await opened(path);
    for (const fact of [made('s', 1), skipped('s', 2)]) await journal.append([fact]);
    await journal.close();
    change(path, sql);
    expect((await checkJournal(path)).damages).toEqual(
      expect.arrayContaining([expect.objectContaining({ kind: expect.stringMatching(/index|tail/) })]),
    );
    const looked = sqliteJournal(path, { readOnly: true });
    onTestFinished(() => looked.close());
    await expect(looked.open().then(() => looked.schedules())).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
  });

  it('because a sweep removed them are no damage', async () => {
    const path = await holding(40);
    const journal = await opened(path);
    await journal.sweep({ keep: 3 });
    await journal.close();
    expect((await checkJournal(path)).damages).toEqual([]);
    change(path, 'DELETE FROM gaps');
    expect((await checkJournal(path)).damages).toMatchObject([{ afterSeq: 0, kind: 'missing' }]);
  });
});

describe('the write-ahead log after a crash', () => {
  it('is read: everything that was answered is there', async () => {
    const path = await crashed(40);
    expect(await (await opened(path)).list()).toHaveLength(40);
  });

  it('with a flipped bit, where SQLite drops everything after it, is seen and named', async () => {
    const path = await crashed(40);
    flip(`${path}-wal`, readFileSync(`${path}-wal`).length >> 1);
    const refused = await sqliteJournal(path)
      .open()
      .then(
        () => undefined,
        (error) => error,
      );
    expect(refused).toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR', details: { damages: [{ toSeq: 120, kind: 'missing' }] } });
    expect((await checkJournal(path)).damages).toMatchObject([{ toSeq: 120, kind: 'missing' }]);
  });

  it.each([
    ['is gone', 0],
    ['is cut', 0.6],
  ])('that %s is seen', async (_, share) => {
    const path = await crashed(40);
    if (share === 0) rmSync(`${path}-wal`);
    else truncateSync(`${path}-wal`, Math.floor(readFileSync(`${path}-wal`).length * share));
    await expect(sqliteJournal(path).open()).rejects.toMatchObject({
      code: 'PERSISTENCE_INTEGRITY_ERROR',
      details: { damages: [{ toSeq: 120, kind: 'missing' }] },
    });
  });

  it('that is shorter is told, and no error, where the journal had not promised more', async () => {
    const path = await crashed(40, { writer: 'inline', durability: 'relaxed' });
    truncateSync(`${path}-wal`, Math.floor(readFileSync(`${path}-wal`).length * 0.6));
    const journal = sqliteJournal(path, { writer: 'inline', durability: 'relaxed' });
    const { lastSeq, lost } = await journal.open();
    expect(lost).toEqual({ afterSeq: lastSeq, toSeq: 120 });
    await journal.append([submitted('x', 200)]);
    await journal.close();
    expect(await journal.open()).toEqual({ lastSeq: 200, lastTime: 2_000, epoch: expect.any(Number) });
    await journal.close();
  });
});

describe('the file of a journal', () => {
  it.each([0.3, 0.9])('that is cut to %s of its length is seen', async (share) => {
    const path = await holding(400, { writer: 'inline', durability: 'relaxed' });
    truncateSync(path, Math.floor(readFileSync(path).length * share));
    const look = async () => {
      const journal = sqliteJournal(path, { readOnly: true });
      await journal.open();
      await journal.read().finally(() => journal.close());
    };
    await expect(look()).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    await expect(
      checkJournal(path).then(
        ({ damages }) => damages.length,
        () => 1,
      ),
    ).resolves.toBeGreaterThan(0);
  });

  it('may lack its mark: then what it has counts', async () => {
    const path = await holding(10);
    rmSync(`${path}-mark`);
    expect(await (await opened(path)).list()).toHaveLength(10);
  });

  it('may have half a mark: the other half counts', async () => {
    const path = await holding(10);
    flip(`${path}-mark`, 20);
    rmSync(`${path}-wal`, { force: true });
    expect(await (await opened(path)).list()).toHaveLength(10);
  });
});

describe('repair', () => {
  it('does nothing to a sound journal', async () => {
    const path = await holding(10);
    expect(await repairJournal(path)).toEqual({ path, damages: [] });
  });

  it('keeps every run whose facts are all there, puts the journal aside as it was, and says what is lost', async () => {
    const path = await holding(40);
    flipIn(path, 'SELECT body FROM frames WHERE seq = 90');
    const { aside, lost, damages } = await repairJournal(path);
    expect(damages).toMatchObject([{ afterSeq: 87, toSeq: 90, kind: 'checksum' }]);
    expect(lost).toEqual({
      ranges: [{ afterSeq: 87, toSeq: 90 }],
      readable: 0,
      workflows: [{ workflowId: 'w88', reason: 'its first fact cannot be read' }],
      schedules: [],
    });
    expect((await checkJournal(aside!)).damages).toMatchObject([{ afterSeq: 87 }]);
    const journal = sqliteJournal(path, { writer: 'inline' });
    expect(await journal.open()).toEqual({ lastSeq: 120, lastTime: 1_200, epoch: 2 });
    expect(await journal.read()).toEqual([...lives(29), ...lives(10, 91)].flat());
    await journal.append([submitted('x', 200)]);
    await journal.close();
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('loses nothing where only the index is damaged, sweeps and all', async () => {
    const path = await holding(40);
    const journal = await opened(path);
    await journal.append([submitted('long', 500), made('s', 501), skipped('s', 502), skipped('s', 503)]);
    await journal.sweep({ keep: 20, olderThan: 10_000 });
    const before = [await journal.read(), await journal.list(), await journal.schedules()];
    await journal.close();
    change(path, "UPDATE workflows SET name = 'other' WHERE no % 2 = 0; DELETE FROM touches WHERE seq % 2 = 0; DELETE FROM schedules");
    expect(await repairJournal(path)).not.toHaveProperty('lost');
    const repaired = await opened(path);
    expect([await repaired.read(), await repaired.list(), await repaired.schedules()]).toEqual(before);
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('accepts what a damaged log took, and says so', async () => {
    const path = await crashed(40);
    truncateSync(`${path}-wal`, Math.floor(readFileSync(`${path}-wal`).length * 0.6));
    const { lost, aside } = await repairJournal(path);
    expect(lost).toMatchObject({ ranges: [{ toSeq: 120 }], readable: 0, workflows: [] });
    expect([existsSync(`${aside}`), existsSync(`${aside}-wal`), existsSync(`${aside}-mark`)]).toEqual([true, true, true]);
    const journal = await opened(path);
    expect(await journal.read()).toEqual(lives(40).flat().slice(0, lost!.ranges[0]!.afterSeq));
    await journal.append([started('x', 121)]);
  });

  it('makes even a file that is cut in half usable', async () => {
    const path = await holding(400, { writer: 'inline', durability: 'relaxed' });
    truncateSync(path, Math.floor(readFileSync(path).length * 0.8));
    const { lost } = await repairJournal(path);
    const journal = await opened(path);
    expect(await journal.read()).toEqual(lives(400).flat().slice(0, lost!.ranges[0]!.afterSeq));
  });

  it('is refused while an engine owns the journal', async () => {
    const path = await holding(3);
    await opened(path);
    await expect(repairJournal(path, { busyTimeoutMs: 0 })).rejects.toMatchObject({
      code: 'PERSISTENCE_CONNECTION_FAILED',
      details: { reason: 'owned' },
    });
  });
});
