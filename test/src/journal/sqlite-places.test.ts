import { copyFileSync, existsSync, linkSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../../src/journal/journal.ts';
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { repairJournal } from '../../../src/runtime/journal-repair.ts';
import { lives, placeForJournal, submitted } from './places.ts';

async function opened(path: string): Promise<Journal> {
  const journal = sqliteJournal(path, { writer: 'inline' });
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

async function holding(workflows: number, path = placeForJournal()): Promise<string> {
  const journal = await opened(path);
  for (const batch of lives(workflows)) await journal.append(batch);
  await journal.close();
  return path;
}

/** What an engine that is killed now would leave behind, under another name. */
function leftOf(path: string, besides: readonly string[] = ['', '-wal', '-mark']): string {
  const left = placeForJournal();
  for (const beside of besides) copyFileSync(`${path}${beside}`, `${left}${beside}`);
  return left;
}

async function killed(workflows: number): Promise<string> {
  const path = placeForJournal();
  const journal = await opened(path);
  for (const batch of lives(workflows)) await journal.append(batch);
  return leftOf(path);
}

/** What opening says: to write and to read, which must be of one mind. */
async function opening(path: string): Promise<unknown> {
  const said: unknown[] = [];
  for (const readOnly of [true, false]) {
    const journal = sqliteJournal(path, { readOnly, writer: 'inline' });
    said.push(
      await journal
        .open()
        .then(({ lastSeq }) => lastSeq)
        .catch(({ code }) => code),
    );
    await journal.close();
  }
  expect(said[1]).toEqual(said[0]);
  return said[0];
}

describe('a journal put over another whose log was left', () => {
  it.each([
    ['a larger one', 40, 10],
    ['a smaller one', 3, 200],
    ['one of the same size', 40, 40],
  ])(
    'is refused, and repaired to what was put there: %s before',
    async (_, before, put) => {
      const path = await killed(before);
      copyFileSync(await holding(put), path);
      expect((await checkJournal(path)).damages).toEqual(expect.arrayContaining([expect.objectContaining({ kind: 'log' })]));
      expect(await opening(path)).toBe('PERSISTENCE_INTEGRITY_ERROR');
      const repaired = await repairJournal(path);
      expect(repaired).not.toHaveProperty('lost');
      expect(existsSync(`${repaired.aside}-wal`)).toBe(true);
      expect((await checkJournal(path)).damages).toEqual([]);
      expect(await opening(path)).toBe(3 * put);
    },
    30_000,
  );

  it('is seen, too, where it is an older copy of the same one', async () => {
    const path = await holding(10);
    const older = leftOf(path, ['']);
    const journal = await opened(path);
    await journal.append([submitted('x', 31)]);
    const left = leftOf(path);
    copyFileSync(older, left);
    expect(await opening(left)).toBe('PERSISTENCE_INTEGRITY_ERROR');
    expect(await repairJournal(left)).toMatchObject({ lost: { ranges: [{ afterSeq: 30, toSeq: 31 }], workflows: [] } });
    // No seq is given twice, also where nothing is left of what had it.
    expect(await opening(left)).toBe(31);
  });

  it('never says that there is nothing to repair where opening is refused', async () => {
    const path = await killed(3);
    const other = await holding(60);
    const bytes = readFileSync(other);
    // Cut, too: what can still be salvaged does not make it sound.
    writeFileSync(path, bytes.subarray(0, bytes.length - 4_096));
    expect(await opening(path)).toBe('PERSISTENCE_INTEGRITY_ERROR');
    expect((await repairJournal(path)).damages.length).toBeGreaterThan(0);
    expect(await opening(path)).toEqual(expect.any(Number));
  });
});

describe('a copy without its log', () => {
  it('of a journal that an engine runs on is not sound, with its mark or without', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    for (const batch of lives(5)) await journal.append(batch);
    for (const besides of [[''], ['', '-mark']]) {
      const left = leftOf(path, besides);
      expect(await opening(left)).toBe('PERSISTENCE_INTEGRITY_ERROR');
      expect((await checkJournal(left)).damages).not.toEqual([]);
      await repairJournal(left);
      expect(await opening(left)).toEqual(expect.any(Number));
    }
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('of a journal that was closed is whole', async () => {
    const left = leftOf(await holding(5), ['']);
    expect((await checkJournal(left)).damages).toEqual([]);
    expect(await opening(left)).toBe(15);
  });

  it('is whole where the mark says that nothing more was answered', async () => {
    const path = await killed(5);
    await holding(0, path);
    const left = leftOf(path, ['', '-mark']);
    expect(await opening(left)).toBe(15);
  });
});

describe('a journal whose file is gone', () => {
  it.each([
    ['is gone', (path: string) => rmSync(path)],
    ['was moved', (path: string) => renameSync(path, `${path}.away`)],
    ['is empty', (path: string) => truncateSync(path)],
  ])('is not begun anew in silence: it %s', async (_, lose) => {
    const path = await holding(5);
    lose(path);
    expect(await opening(path)).toBe('PERSISTENCE_INTEGRITY_ERROR');
    await expect(checkJournal(path)).rejects.toMatchObject({ details: { reason: 'gone', path, lastSeq: 15 } });
    rmSync(`${path}-mark`);
    expect((await (await opened(path)).list()).length).toBe(0);
  });

  it('is told by its log alone', async () => {
    const path = await killed(5);
    for (const beside of ['', '-mark']) rmSync(`${path}${beside}`);
    expect(await opening(path)).toBe('PERSISTENCE_INTEGRITY_ERROR');
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
  });
});

describe('another name of a journal', () => {
  it('is refused where it is a hard link, under both names, and the message says what to do', async () => {
    const path = await holding(2);
    linkSync(path, `${path}.link`);
    for (const name of [path, `${path}.link`]) {
      expect(await opening(name)).toBe('PERSISTENCE_CONNECTION_FAILED');
      await expect(sqliteJournal(name).open()).rejects.toMatchObject({
        retryable: false,
        message: expect.stringContaining('find -samefile'),
        details: { reason: 'linked', links: 2 },
      });
      await expect(checkJournal(name)).rejects.toMatchObject({ details: { reason: 'linked' } });
      await expect(repairJournal(name)).rejects.toMatchObject({ details: { reason: 'linked' } });
    }
    rmSync(`${path}.link`);
    expect(await opening(path)).toBe(6);
  });

  it('is the same journal where it is a symbolic link: one engine owns it by either', async () => {
    const path = await holding(2);
    symlinkSync(path, `${path}.link`);
    await opened(path);
    await expect(sqliteJournal(`${path}.link`, { busyTimeoutMs: 0 }).open()).rejects.toMatchObject({ details: { reason: 'owned' } });
  });
});

describe.runIf(process.platform === 'linux')('whoever looks at a journal in the process of its engine', () => {
  /** As the kernel lists them. */
  const locksOn = (path: string): number => {
    const { ino } = statSync(path);
    return readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `)).length;
  };

  it('takes none of the locks away that the engine holds', async () => {
    const path = await holding(2);
    const journal = await opened(path);
    await journal.append([submitted('x', 50)]);
    const held = locksOn(path);
    expect(held).toBeGreaterThan(0);
    const reader = sqliteJournal(path, { readOnly: true });
    await reader.open();
    await reader.close();
    await checkJournal(path);
    await expect(sqliteJournal(path, { busyTimeoutMs: 0 }).open()).rejects.toMatchObject({ details: { reason: 'owned' } });
    expect(locksOn(path)).toBe(held);
  });
});
