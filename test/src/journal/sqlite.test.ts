import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../../src/journal/journal.ts';
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import { connect } from '../../../src/journal/sqlite/connection.ts';
import { packBatch } from '../../../src/journal/sqlite/frame.ts';
import { openOwned } from '../../../src/journal/sqlite/opening.ts';
import { schemaVersion } from '../../../src/journal/sqlite/schema.ts';
import { Store } from '../../../src/journal/sqlite/store.ts';
import { type SqliteJournalOptions, sqliteJournal } from '../../../src/journal/sqlite.ts';
import { describeJournal } from './contract.ts';
import { completed, lives, placeForJournal, started, submitted } from './places.ts';

const variants: readonly SqliteJournalOptions[] = [{ writer: 'thread' }, { writer: 'inline' }, { writer: 'inline', durability: 'relaxed' }];
for (const options of variants) {
  describeJournal(`in SQLite, ${Object.values(options).join(', ')}`, () => {
    const path = placeForJournal();
    return { journal: sqliteJournal(path, options), reopen: () => sqliteJournal(path, options) };
  });
}

async function opened(path: string, options: SqliteJournalOptions = { writer: 'inline' }): Promise<Journal> {
  const journal = sqliteJournal(path, options);
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

async function fill(journal: Journal, batches: readonly (readonly Parameters<Journal['append']>[0][number][])[]): Promise<void> {
  for (const batch of batches) await journal.append(batch);
}

describe('the journal in SQLite', () => {
  it('syncs every commit where it promises to, on each open anew', async () => {
    const path = placeForJournal();
    await (await opened(path)).close();
    for (const [durability, level] of [
      ['full', 2],
      ['relaxed', 1],
    ] as const) {
      const db = connect(path, { durability, busyTimeoutMs: 0 });
      expect([db.pragma('synchronous', { simple: true }), db.pragma('journal_mode', { simple: true })]).toEqual([level, 'wal']);
      db.close();
    }
  });

  it('touches no file where nothing is to be durable', async () => {
    const path = placeForJournal();
    const journal = await opened(path, { durability: 'memory' });
    await fill(journal, lives(2));
    expect(await journal.list()).toHaveLength(2);
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it('gives back workflows whose facts fill many frames', async () => {
    const journal = await opened(placeForJournal());
    const facts = [submitted('x', 1), ...Array.from({ length: 3_000 }, (_, at) => started(at % 2 === 0 ? 'x' : 'y', at + 2))];
    await journal.append(facts);
    expect(await journal.read()).toEqual(facts);
    expect(await journal.read({ workflowId: 'x', afterSeq: 700 })).toEqual(
      facts.filter(({ seq, correlation }) => seq > 700 && correlation.workflowId === 'x'),
    );
  });

  it('refuses facts that do not come after those that it has', async () => {
    const journal = await opened(placeForJournal());
    await fill(journal, lives(2));
    expect(() => journal.append([submitted('late', 6)])).toThrow(expect.objectContaining({ code: 'PERSISTENCE_INTEGRITY_ERROR' }));
  });

  it('is sound after sweeps that leave holes, and may be swept again', async () => {
    const path = placeForJournal();
    const journal = await opened(path, { writer: 'inline', durability: 'relaxed' });
    await fill(journal, [[submitted('long', 1), submitted('a', 2), completed('a', 3)], ...lives(150, 4), [started('long', 1_000)]]);
    expect(await journal.sweep({ keep: 20 })).toBe(131);
    await fill(journal, lives(60, 1_001));
    expect(await journal.sweep({ keep: 10 })).toBe(70);
    expect((await journal.read({ workflowId: 'long' })).map(({ seq }) => seq)).toEqual([1, 1_000]);
    expect(await journal.read()).toHaveLength(2 + 3 * 10);
    expect(await checkJournal(path)).toMatchObject({ damages: [], workflows: 11 });
    await journal.close();
    expect(await (await opened(path)).list()).toHaveLength(11);
  });

  it('takes appends while it sweeps', async () => {
    const journal = await opened(placeForJournal(), { writer: 'thread', durability: 'relaxed' });
    await fill(journal, lives(300));
    const sweeping = journal.sweep({ keep: 0 });
    await journal.append([submitted('x', 5_000)]);
    expect(await sweeping).toBe(300);
    expect(await journal.read()).toHaveLength(1);
  });

  it('refuses a file that a newer version wrote, and leaves it as it is', async () => {
    const path = placeForJournal();
    await (await opened(path)).close();
    const db = new Database(path);
    db.pragma(`user_version = ${schemaVersion + 1}`);
    db.close();
    await expect(sqliteJournal(path).open()).rejects.toMatchObject({
      code: 'PERSISTENCE_INTEGRITY_ERROR',
      details: { reason: 'version', version: schemaVersion + 1 },
    });
  });

  it.each(['none/such/test.db', '.'])('says that it cannot be opened at %s', async (place) => {
    const path = `${dirname(placeForJournal())}/${place}`;
    await expect(sqliteJournal(path).open()).rejects.toMatchObject({
      code: expect.stringMatching(/^PERSISTENCE_/),
      message: expect.stringContaining(dirname(path)),
    });
  });
});

async function storeOn(path: string): Promise<Store> {
  const { lock, owner } = openOwned(path, { durability: 'full', busyTimeoutMs: 0 });
  const store = new Store({ path, epoch: owner.epoch, durability: 'full', busyTimeoutMs: 0 });
  onTestFinished(() => {
    store.close();
    lock.release();
  });
  return store;
}

describe('the owner of a journal', () => {
  it('is the only one, in one process too', async () => {
    const path = placeForJournal();
    const first = await opened(path);
    const second = sqliteJournal(path, { busyTimeoutMs: 0 });
    await expect(second.open()).rejects.toMatchObject({
      code: 'PERSISTENCE_CONNECTION_FAILED',
      details: { reason: 'owned', pid: process.pid, host: expect.any(String), since: expect.any(Number), epoch: 1 },
    });
    await first.append([submitted('x', 1)]);
    await first.close();
    expect(await second.open()).toMatchObject({ lastSeq: 1, epoch: 2 });
    await second.close();
  });

  it.each(['inline', 'thread'] as const)('writes nothing more once another has taken its epoch (%s)', async (writer) => {
    const path = placeForJournal();
    const first = await opened(path, { writer });
    await first.append([submitted('x', 1)]);
    // Somebody removed the lock: what the lock alone would have kept apart.
    rmSync(`${path}-lock`);
    const second = await opened(path);
    await expect((async () => first.append([started('x', 2)]))()).rejects.toMatchObject({
      code: 'PERSISTENCE_CONNECTION_FAILED',
      retryable: false,
      details: { reason: 'taken', epoch: 2 },
    });
    await second.append([started('x', 3)]);
    expect((await second.read()).map(({ seq }) => seq)).toEqual([1, 3]);
  });

  it('notices that its file was taken away', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    await journal.append([submitted('x', 1)]);
    renameSync(path, `${path}.away`);
    expect(() => journal.append([started('x', 2)])).toThrow(
      expect.objectContaining({ retryable: false, details: { reason: 'replaced', path, missing: path } }),
    );
    await journal.close();
    // What was answered is where the file is now.
    renameSync(`${path}.away`, path);
    expect((await (await opened(path)).read()).map(({ seq }) => seq)).toEqual([1]);
  });

  const removals = [
    ['its log', ['-wal'], 'inline'],
    ['its log', ['-wal'], 'thread'],
    ['the index of its log', ['-shm'], 'inline'],
    ['both', ['-wal', '-shm'], 'inline'],
  ] as const;
  it.each(removals)('answers for nothing more once %s was removed, and loses nothing that it has answered for (%s, %s)', async (_, gone, writer) => {
    const path = placeForJournal();
    const journal = await opened(path, { writer });
    for (const batch of lives(3)) await journal.append(batch);
    for (const beside of gone) rmSync(`${path}${beside}`);
    const refused = { code: 'PERSISTENCE_CONNECTION_FAILED', retryable: false, details: { reason: 'replaced', path, missing: `${path}${gone[0]}` } };
    await expect((async () => journal.append([submitted('x', 50)]))()).rejects.toMatchObject(refused);
    await expect((async () => journal.append([submitted('x', 50)]))()).rejects.toMatchObject(refused);
    // As if it were killed now.
    const left = placeForJournal();
    for (const beside of ['', '-mark']) copyFileSync(`${path}${beside}`, `${left}${beside}`);
    expect(await (await opened(left)).list()).toHaveLength(3);
    await journal.close();
    expect(await (await opened(path)).list()).toHaveLength(3);
  });

  it('notices also what is removed while it commits', async () => {
    const path = placeForJournal();
    const store = await storeOn(path);
    store.onStep = (step) => {
      if (step === 'commit') rmSync(`${path}-wal`);
    };
    expect(() => store.append(packBatch([submitted('x', 1)]))).toThrow(expect.objectContaining({ code: 'PERSISTENCE_CONNECTION_FAILED' }));
  });
});

describe('a journal opened to read', () => {
  it('sees what the owner writes, beside it, and writes nothing', async () => {
    const path = placeForJournal();
    const owner = await opened(path);
    await fill(owner, lives(3));
    const reader = await opened(path, { readOnly: true });
    await owner.append([submitted('x', 50)]);
    expect(await reader.read({ afterSeq: 9 })).toHaveLength(1);
    expect((await reader.unfinished()).map(({ workflowId }) => workflowId)).toEqual(['x']);
    expect(() => reader.append([started('x', 51)])).toThrow(expect.objectContaining({ code: 'PERSISTENCE_WRITE_FAILED' }));
    await reader.close();
    await owner.append([started('x', 51)]);
  });

  it('needs no owner, and makes no journal where none is', async () => {
    const path = placeForJournal();
    await expect(sqliteJournal(path, { readOnly: true }).open()).rejects.toMatchObject({ code: 'PERSISTENCE_CONNECTION_FAILED' });
    expect(existsSync(path)).toBe(false);
    const owner = await opened(path);
    await fill(owner, lives(2));
    await owner.close();
    expect(await (await opened(path, { readOnly: true })).list()).toHaveLength(2);
  });
});

interface Writing {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
}

function startWriter(path: string, writer: 'inline' | 'thread' = 'thread'): Writing {
  const script = fileURLToPath(new URL('./writer-process.ts', import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', tsx, script, path, writer], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, lines: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
}

const lineOf = async ({ lines }: Writing): Promise<string> => (await lines.next()).value as string;

async function killAfter(writing: Writing, batches: number): Promise<number> {
  let acknowledged = 0;
  for (let at = 0; at < batches; at++) acknowledged = Number(await lineOf(writing));
  writing.child.kill('SIGKILL');
  // What it still said before the signal reached it counts.
  for (let line = await writing.lines.next(); !line.done; line = await writing.lines.next()) {
    if (/^\d+$/.test(line.value)) acknowledged = Number(line.value);
  }
  return acknowledged;
}

describe('a process that writes a journal', () => {
  it('keeps others out while it lives, and nobody once it was killed', async () => {
    const path = placeForJournal();
    const writing = startWriter(path);
    expect(await lineOf(writing)).toBe('open 0');
    await expect(sqliteJournal(path).open()).rejects.toMatchObject({ details: { reason: 'owned', pid: writing.child.pid } });
    const other = startWriter(path);
    expect(JSON.parse(await lineOf(other))).toMatchObject({ code: 'PERSISTENCE_CONNECTION_FAILED', details: { pid: writing.child.pid } });
    await killAfter(writing, 20);
    expect(await (await opened(path)).open().catch(({ code }) => code)).toBe('PERSISTENCE_CONNECTION_FAILED');
  }, 60_000);

  it.each(['thread', 'inline'] as const)(
    'may be killed at any moment: every batch that it answered for is there (%s)',
    async (writer) => {
      const path = placeForJournal();
      for (const batches of [1, 7, 150, 40]) {
        const writing = startWriter(path, writer);
        await lineOf(writing);
        const acknowledged = await killAfter(writing, batches);
        const journal = sqliteJournal(path, { writer: 'inline', busyTimeoutMs: 5_000 });
        const { lastSeq } = await journal.open();
        expect(lastSeq).toBeGreaterThanOrEqual(acknowledged);
        expect((await journal.read()).map(({ seq }) => seq)).toEqual(Array.from({ length: lastSeq }, (_, at) => at + 1));
        await journal.close();
        expect((await checkJournal(path)).damages).toEqual([]);
      }
      expect(statSync(path).size).toBeGreaterThan(0);
    },
    60_000,
  );
});
