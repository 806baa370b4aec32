import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { storageError } from '../../../src/journal/sqlite/faults.ts';
import { packBatch } from '../../../src/journal/sqlite/frame.ts';
import { openOwned } from '../../../src/journal/sqlite/opening.ts';
import { type Step, Store } from '../../../src/journal/sqlite/store.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { completed, lives, placeForJournal, started, submitted } from './places.ts';

const sqliteError = (code: string) => Object.assign(new Error('as SQLite says it'), { code });

describe('what SQLite and the file system say', () => {
  it.each([
    ['SQLITE_FULL', 'PERSISTENCE_WRITE_FAILED', true, 'full'],
    ['ENOSPC', 'PERSISTENCE_WRITE_FAILED', true, 'full'],
    ['SQLITE_IOERR_FSYNC', 'PERSISTENCE_WRITE_FAILED', true, 'io'],
    ['EIO', 'PERSISTENCE_WRITE_FAILED', true, 'io'],
    ['SQLITE_READONLY_DBMOVED', 'PERSISTENCE_WRITE_FAILED', true, 'readonly'],
    ['EROFS', 'PERSISTENCE_WRITE_FAILED', true, 'readonly'],
    ['SQLITE_BUSY', 'PERSISTENCE_TRANSACTION_FAILED', true, 'locked'],
    ['SQLITE_CORRUPT_INDEX', 'PERSISTENCE_INTEGRITY_ERROR', false, 'damaged'],
    ['SQLITE_NOTADB', 'PERSISTENCE_INTEGRITY_ERROR', false, 'damaged'],
    ['SQLITE_CANTOPEN', 'PERSISTENCE_CONNECTION_FAILED', true, 'unreachable'],
    ['SQLITE_MISUSE', 'PERSISTENCE_WRITE_FAILED', false, 'other'],
  ])('%s is %s, and retryable: %s', (said, code, retryable, reason) => {
    expect(storageError(sqliteError(said), 'write', '/j.db')).toMatchObject({ code, retryable, details: { reason, path: '/j.db', cause: said } });
  });
});

/** A store in the very thread, whose steps can be made to fail. */
function failingStore() {
  const path = placeForJournal();
  const options = { durability: 'full', busyTimeoutMs: 0 } as const;
  const { lock, owner } = openOwned(path, options);
  const store = new Store({ ...options, path, epoch: owner.epoch });
  onTestFinished(() => {
    store.close();
    lock.release();
  });
  const seqs = (): unknown[] => store.db.prepare('SELECT seq FROM frames ORDER BY seq').pluck().all();
  const failAt = (step: Step, code = 'SQLITE_IOERR_FSYNC'): void => {
    store.onStep = (at) => {
      if (at !== step) return;
      store.onStep = undefined;
      throw sqliteError(code);
    };
  };
  return { store, path, seqs, failAt };
}

describe('an append that fails', () => {
  it.each(['begin', 'write', 'commit'] as const)('at "%s" takes nothing, and can be made again', (step) => {
    const { store, seqs, failAt } = failingStore();
    store.append(packBatch([submitted('x', 1)]));
    failAt(step);
    const batch = packBatch([started('x', 2), submitted('y', 3)]);
    expect(() => store.append(batch)).toThrow(expect.objectContaining({ code: 'PERSISTENCE_WRITE_FAILED', retryable: true }));
    expect(store.settle()).toBe(1);
    store.append(batch);
    store.append(packBatch([completed('x', 4)]));
    expect(seqs()).toEqual([1, 3, 4]);
    expect(store.db.prepare('SELECT id, facts FROM workflows ORDER BY no').all()).toEqual([
      { id: 'x', facts: 3 },
      { id: 'y', facts: 1 },
    ]);
  });

  it('after the commit is found out to have succeeded', () => {
    const { store, seqs, failAt } = failingStore();
    failAt('mark');
    expect(() => store.append(packBatch([submitted('x', 1)]))).toThrow();
    expect([store.settle(), seqs()]).toEqual([1, [1]]);
  });

  it('for want of room goes well once there is room', async () => {
    const path = placeForJournal();
    const journal = sqliteJournal(path, { writer: 'inline' });
    await journal.open();
    onTestFinished(() => journal.close());
    await journal.append([submitted('x', 1)]);
    const { db } = (journal as unknown as { readonly writer: { readonly store: Store } }).writer.store;
    db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
    const noise = Array.from({ length: 4_000 }, (_, at) => started(`${at}-${Math.sin(at)}`, at + 2));
    const refused = async () => journal.append(noise);
    await expect(refused()).rejects.toMatchObject({
      code: 'PERSISTENCE_WRITE_FAILED',
      retryable: true,
      details: { reason: 'full', cause: 'SQLITE_FULL' },
    });
    await expect(refused()).rejects.toMatchObject({ details: { reason: 'full' } });
    expect(await journal.read()).toHaveLength(1);
    db.pragma('max_page_count = 1000000');
    await journal.append([...noise, completed('x', 9_000)]);
    expect(await journal.read()).toHaveLength(4_002);
  });

  it('because another holds the file goes well once it lets go', async () => {
    const path = placeForJournal();
    const journal = sqliteJournal(path, { busyTimeoutMs: 10 });
    await journal.open();
    onTestFinished(() => journal.close());
    await journal.append([submitted('x', 1)]);
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(journal.append([started('x', 2)])).rejects.toMatchObject({
      code: 'PERSISTENCE_TRANSACTION_FAILED',
      retryable: true,
      details: { reason: 'locked' },
    });
    other.exec('ROLLBACK');
    other.close();
    // Alone, or with what came after.
    await journal.append([started('x', 2), completed('x', 3)]);
    expect((await journal.read()).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('does not keep a batch twice that was taken without an answer', async () => {
    const path = placeForJournal();
    const journal = sqliteJournal(path, { writer: 'inline' });
    await journal.open();
    onTestFinished(() => journal.close());
    const { store } = (journal as unknown as { readonly writer: { readonly store: Store } }).writer;
    store.onStep = (step) => {
      if (step !== 'mark') return;
      store.onStep = undefined;
      throw sqliteError('SQLITE_IOERR');
    };
    expect(() => journal.append([submitted('x', 1), started('x', 2)])).toThrow();
    await journal.append([submitted('x', 1), started('x', 2), completed('x', 3)]);
    expect((await journal.read({ workflowId: 'x' })).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('is retryable where the file may not be written', async () => {
    const path = placeForJournal();
    const journal = sqliteJournal(path, { writer: 'inline' });
    await journal.open();
    onTestFinished(() => journal.close());
    const { db } = (journal as unknown as { readonly writer: { readonly store: Store } }).writer.store;
    db.pragma('query_only = ON');
    expect(() => journal.append([submitted('x', 1)])).toThrow(
      expect.objectContaining({ code: 'PERSISTENCE_WRITE_FAILED', retryable: true, details: expect.objectContaining({ reason: 'readonly' }) }),
    );
    db.pragma('query_only = OFF');
    await journal.append([submitted('x', 1)]);
  });
});

describe('a thread that writes', () => {
  it('may die: the next append has another, and holds each fact once', async () => {
    const path = placeForJournal();
    const journal = sqliteJournal(path);
    await journal.open();
    onTestFinished(() => journal.close());
    await journal.append([submitted('x', 1)]);
    const { worker } = (journal as unknown as { readonly writer: { readonly worker: { terminate(): Promise<number> } } }).writer;
    const pending = journal.append([started('x', 2)]);
    await worker.terminate();
    await Promise.resolve(pending).catch(({ retryable }) => expect(retryable).toBe(true));
    await journal.append([started('x', 2), completed('x', 3)].slice(await settledAt(journal)));
    expect((await journal.read()).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });
});

/** How many of the facts after the first are there. */
async function settledAt(journal: { read(): Promise<readonly unknown[]> }): Promise<number> {
  return (await journal.read()).length - 1;
}

describe('a file that is no journal', () => {
  it.each([
    ['text', 'just some text, and more of it than the header of a database has: '.repeat(5)],
    ['a few bytes', 'x'],
  ])('is refused and left alone: %s', async (_, content) => {
    const path = placeForJournal();
    writeFileSync(path, content);
    chmodSync(path, 0o600);
    await expect(sqliteJournal(path).open()).rejects.toMatchObject({ code: 'PERSISTENCE_INTEGRITY_ERROR', message: expect.stringContaining(path) });
  });

  it('is refused also where it is a database of another program', async () => {
    const path = placeForJournal();
    const db = new Database(path);
    db.exec('CREATE TABLE theirs (a)');
    db.close();
    await expect(sqliteJournal(path).open()).rejects.toMatchObject({
      code: 'PERSISTENCE_INTEGRITY_ERROR',
      message: expect.stringContaining('another program'),
    });
  });

  it('becomes one where it is empty', async () => {
    const path = placeForJournal();
    writeFileSync(path, '');
    const journal = sqliteJournal(path);
    expect(await journal.open()).toMatchObject({ lastSeq: 0 });
    for (const batch of lives(1)) await journal.append(batch);
    await journal.close();
    rmSync(`${path}-lock`);
    expect(await journal.open()).toMatchObject({ lastSeq: 3 });
    await journal.close();
  });
});
