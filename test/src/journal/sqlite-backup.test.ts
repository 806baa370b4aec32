import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../../src/journal/journal.ts';
import { backupJournal, restoreJournal } from '../../../src/journal/sqlite/backup.ts';
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { lives, placeForJournal, submitted } from './places.ts';

async function opened(path: string): Promise<Journal> {
  const journal = sqliteJournal(path, { writer: 'inline', busyTimeoutMs: 100 });
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

async function holding(workflows: number): Promise<string> {
  const path = placeForJournal();
  const journal = await opened(path);
  for (const batch of lives(workflows)) await journal.append(batch);
  await journal.close();
  return path;
}

const namesBeside = (path: string): readonly string[] =>
  readdirSync(dirname(path))
    .filter((name) => name.startsWith(basename(path)))
    .map((name) => name.slice(basename(path).length));

async function facts(path: string): Promise<number> {
  const journal = sqliteJournal(path, { readOnly: true });
  await journal.open();
  try {
    return (await journal.read()).length;
  } finally {
    await journal.close();
  }
}

describe('a backup', () => {
  it('of a journal that an engine writes is the journal of one moment, whole and without a log', async () => {
    const path = placeForJournal();
    const target = placeForJournal();
    const journal = await opened(path);
    const batches = lives(400);
    for (const batch of batches.slice(0, 300)) await journal.append(batch);
    const backing = backupJournal(path, target);
    for (const batch of batches.slice(300)) {
      await journal.append(batch);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const made = await backing;
    expect(made).toMatchObject({ path, target, keys: [] });
    expect(made.lastSeq).toBeGreaterThanOrEqual(900);
    expect(namesBeside(target)).toEqual(['', '-mark']);
    expect([target, `${target}-mark`].map((each) => statSync(each).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(await checkJournal(target)).toMatchObject({ damages: [], lastSeq: made.lastSeq, facts: made.facts });
    // A copy that is shortened afterwards is seen as any journal is.
    expect(await facts(target)).toBe(made.facts);
    // Whoever wrote on was not disturbed, and has lost nothing.
    expect(await journal.read()).toHaveLength(1_200);
  }, 30_000);

  it('is not made over something else, and with --force over nothing but a backup', async () => {
    const path = await holding(3);
    const target = placeForJournal();
    writeFileSync(target, 'a file of somebody');
    await expect(backupJournal(path, target)).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining('--force') });
    await expect(backupJournal(path, target, { overwrite: true })).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    expect(readFileSync(target, 'utf8')).toBe('a file of somebody');
    rmSync(target);
    await backupJournal(path, target);
    const journal = await opened(path);
    await journal.append([submitted('x', 50)]);
    await expect(backupJournal(path, target)).rejects.toMatchObject({ details: { reason: 'exists' } });
    expect(await backupJournal(path, target, { overwrite: true })).toMatchObject({ lastSeq: 50 });
    expect((await checkJournal(target)).damages).toEqual([]);
  });

  it.each([
    ['the journal itself', (path: string) => path, 'CONFIGURATION_ERROR'],
    ['a file of the journal', (path: string) => `${path}-mark`, 'CONFIGURATION_ERROR'],
    ['a folder that is not there', (path: string) => `${path}.none/x.db`, 'CONFIGURATION_ERROR'],
  ])('is not made over %s', async (_, targetOf, code) => {
    const path = await holding(3);
    await expect(backupJournal(path, targetOf(path), { overwrite: true })).rejects.toMatchObject({ code });
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('is not made over a journal that an engine owns', async () => {
    const [path, target] = [await holding(3), await holding(4)];
    await opened(target);
    await expect(backupJournal(path, target, { overwrite: true })).rejects.toMatchObject({ details: { reason: 'owned' } });
  });

  it('is not made of a journal that is damaged, and leaves nothing behind', async () => {
    const [path, target] = [await holding(40), placeForJournal()];
    const db = new Database(path);
    db.exec('DELETE FROM frames WHERE seq = 30');
    db.close();
    await expect(backupJournal(path, target)).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    expect(namesBeside(target)).toEqual([]);
  });

  it('has the key of the secrets only where it is asked for', async () => {
    const path = await holding(1);
    writeFileSync(`${path}-key`, `${Buffer.alloc(32, 1).toString('base64url')}\n`, { mode: 0o600 });
    const [without, having] = [placeForJournal(), placeForJournal()];
    expect((await backupJournal(path, without)).keys).toEqual([]);
    expect((await backupJournal(path, having, { withKey: true })).keys).toEqual([`${having}-key`]);
    expect([existsSync(`${without}-key`), statSync(`${having}-key`).mode & 0o777]).toEqual([false, 0o600]);
  });
});

describe('a restore', () => {
  it('puts the backup in the place of what was there, which is kept whole', async () => {
    const path = await holding(10);
    const target = placeForJournal();
    await backupJournal(path, target);
    const journal = await opened(path);
    await journal.append([submitted('x', 50)]);
    await journal.close();
    const { aside, lastSeq } = await restoreJournal(target, path);
    expect(lastSeq).toBe(30);
    expect((await checkJournal(path)).damages).toEqual([]);
    expect((await checkJournal(aside!)).damages).toEqual([]);
    expect([await facts(path), await facts(aside!)]).toEqual([30, 31]);
    const again = await opened(path);
    await again.append([submitted('y', 31)]);
    expect(await again.read()).toHaveLength(31);
  });

  it('is refused while an engine owns the journal', async () => {
    const path = await holding(3);
    const target = placeForJournal();
    const journal = await opened(path);
    await backupJournal(path, target);
    await expect(restoreJournal(target, path, { busyTimeoutMs: 0 })).rejects.toMatchObject({ details: { reason: 'owned' } });
    await journal.append([submitted('x', 50)]);
  });

  it('stops an engine that lost its lock: it writes nothing more, and its epoch is over', async () => {
    const path = await holding(3);
    const target = placeForJournal();
    await backupJournal(path, target);
    const journal = await opened(path);
    await journal.append([submitted('x', 50)]);
    rmSync(`${path}-lock`);
    const { aside } = await restoreJournal(target, path);
    expect(() => journal.append([submitted('y', 51)])).toThrow(expect.objectContaining({ code: 'PERSISTENCE_CONNECTION_FAILED', retryable: false }));
    expect(await (await opened(path)).read()).toHaveLength(9);
    await journal.close();
    expect(await facts(path)).toBe(9);
    expect((await checkJournal(aside!)).damages).toEqual([]);
  });

  it.each([
    ['none', (path: string) => rmSync(path)],
    ['one that is cut', (path: string) => truncateSync(path, 5_000)],
    ['one that is no journal any more', (path: string) => writeFileSync(path, 'x'.repeat(9_000))],
  ])('works where there is %s', async (_, damage) => {
    const path = await holding(10);
    const target = placeForJournal();
    await backupJournal(path, target);
    damage(path);
    await restoreJournal(target, path);
    expect((await checkJournal(path)).damages).toEqual([]);
    expect(await (await opened(path)).read()).toHaveLength(30);
  });

  it('works after a crash: the log that was left goes with the file that it belongs to', async () => {
    const [path, left, target] = [placeForJournal(), placeForJournal(), placeForJournal()];
    const journal = await opened(path);
    for (const batch of lives(5)) await journal.append(batch);
    await backupJournal(path, target);
    await journal.append([submitted('x', 50)]);
    for (const beside of ['', '-wal', '-mark']) copyFileSync(`${path}${beside}`, `${left}${beside}`);
    const { aside } = await restoreJournal(target, left);
    expect(await facts(left)).toBe(15);
    expect([existsSync(`${left}-wal`) && statSync(`${left}-wal`).size, await facts(aside!)]).toEqual([expect.toSatisfy((size) => !size), 16]);
  });

  it('is refused for a backup that is damaged, and changes nothing', async () => {
    const [path, target] = [await holding(3), placeForJournal()];
    await backupJournal(path, target);
    const db = new Database(target);
    db.exec('DELETE FROM frames WHERE seq = 6');
    db.close();
    await expect(restoreJournal(target, path)).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR' });
    expect(namesBeside(path).filter((name) => !/^(-lock|-wal|-shm)$/.test(name))).toEqual(['', '-mark']);
    expect(await facts(path)).toBe(9);
  });

  it('keeps the key that is there, and the other one of the backup beside it', async () => {
    const [path, target] = [await holding(3), placeForJournal()];
    const keyOf = (byte: number) => Buffer.alloc(32, byte).toString('base64url');
    writeFileSync(`${path}-key`, keyOf(1), { mode: 0o600 });
    await backupJournal(path, target, { withKey: true });
    writeFileSync(`${path}-key`, keyOf(2));
    const { keys } = await restoreJournal(target, path);
    expect(keys).toHaveLength(1);
    expect([readFileSync(`${path}-key`, 'utf8'), readFileSync(keys[0]!, 'utf8')]).toEqual([keyOf(2), keyOf(1)]);
  });
});
