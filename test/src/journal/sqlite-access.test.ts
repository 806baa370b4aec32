import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../../src/journal/journal.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { repairJournal } from '../../../src/runtime/journal-repair.ts';
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

/** The modes of everything that lies beside a journal. */
function modesBeside(path: string): Record<string, string> {
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
  return Object.fromEntries(names.map((name) => [name.slice(basename(path).length), (statSync(join(dirname(path), name)).mode & 0o777).toString(8)]));
}

function withUmask(umask: number): void {
  const before = process.umask(umask);
  onTestFinished(() => void process.umask(before));
}

describe('the files of a journal', () => {
  it.each([0o000, 0o022, 0o277])('are for their owner alone, whatever the umask is: %i', async (umask) => {
    const path = placeForJournal();
    withUmask(umask);
    const journal = await opened(path);
    await journal.append([submitted('x', 1)]);
    expect(modesBeside(path)).toEqual({ '': '600', '-wal': '600', '-shm': '600', '-lock': '600', '-mark': '600' });
  });

  it('are so when they are repaired, what is put aside as well', async () => {
    const path = await holding(3);
    withUmask(0);
    const db = new Database(path);
    db.exec('DELETE FROM touches');
    db.close();
    await repairJournal(path);
    expect(new Set(Object.values(modesBeside(path)))).toEqual(new Set(['600']));
  });

  it('are for those whom the journal was opened to', async () => {
    const path = await holding(3);
    chmodSync(path, 0o640);
    const journal = await opened(path);
    await journal.append([submitted('x', 50)]);
    expect(new Set(Object.values(modesBeside(path)))).toEqual(new Set(['640']));
  });
});

/** Python's lockf is what programs take that lock a file as a whole. */
async function locking(path: string, how: 'LOCK_SH' | 'LOCK_EX'): Promise<ChildProcess> {
  const mode = how === 'LOCK_SH' ? 'r' : 'r+';
  const code = `import fcntl, sys\nf = open(sys.argv[1], '${mode}')\nfcntl.lockf(f, fcntl.${how})\nprint('locked', flush=True)\nsys.stdin.read()`;
  const child = spawn('python3', ['-c', code, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await createInterface({ input: child.stdout! })[Symbol.asyncIterator]().next();
  return child;
}

/** What a process says that may only read: as nobody where this one is root, else as this user, from whom the right to write is taken. */
function readBeside(path: string): Promise<Record<string, unknown>> {
  const script = fileURLToPath(new URL('./reader-process.ts', import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const options = { encoding: 'utf8', env: { HOME: tmpdir() }, ...nobody } as const;
  const args = ['--import', tsx, script, path];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, options, (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout) as Record<string, unknown>)));
  });
}

/** Lets others read everything beside a journal, and nobody but root write there. */
function openToReaders(path: string): void {
  for (const name of readdirSync(dirname(path))) chmodSync(join(dirname(path), name), 0o444);
  chmodSync(dirname(path), 0o555);
  onTestFinished(() => chmodSync(dirname(path), 0o755));
}

describe('whoever may only read a journal', { timeout: 60_000 }, () => {
  it('reads and checks one that is closed, and leaves nothing behind', async () => {
    const path = await holding(5);
    for (const beside of ['-wal', '-shm']) rmSync(`${path}${beside}`, { force: true });
    openToReaders(path);
    const copies = () => readdirSync(tmpdir()).filter((name) => name.startsWith('gleitzeit-read-'));
    const before = copies();
    const names = readdirSync(dirname(path));
    expect(await readBeside(path)).toMatchObject({ lastSeq: 15, facts: 15, damages: [] });
    expect([readdirSync(dirname(path)), copies()]).toEqual([names, before]);
  });

  it('reads what a crash left: the log, too', async () => {
    const [path, left] = [placeForJournal(), placeForJournal()];
    const journal = await opened(path);
    for (const batch of lives(5)) await journal.append(batch);
    for (const beside of ['', '-wal', '-mark']) copyFileSync(`${path}${beside}`, `${left}${beside}`);
    openToReaders(left);
    expect(await readBeside(left)).toMatchObject({ lastSeq: 15, facts: 15, damages: [] });
  });

  it('reads beside the engine that owns it', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    for (const batch of lives(5)) await journal.append(batch);
    openToReaders(path);
    expect(await readBeside(path)).toMatchObject({ lastSeq: 15, facts: 15, damages: [] });
    await journal.append([submitted('x', 50)]);
    expect(await readBeside(path)).toMatchObject({ lastSeq: 50, facts: 16, damages: [] });
  });

  it('is told that it may not, where it may not even read', async () => {
    const path = await holding(2);
    openToReaders(path);
    chmodSync(path, 0o000);
    if (process.getuid?.() === 0) expect(await readBeside(path)).toMatchObject({ code: expect.stringMatching(/^PERSISTENCE_/), details: { path } });
  });
});

describe('the lock of a journal', () => {
  it('keeps no engine out that only a reader holds', async () => {
    const path = await holding(2);
    const reader = new Database(`${path}-lock`, { readonly: true });
    onTestFinished(() => void reader.close());
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM sqlite_schema').all();
    const journal = await opened(path);
    await journal.append([submitted('x', 50)]);
    // It is a lock all the same.
    await expect(sqliteJournal(path, { busyTimeoutMs: 0 }).open()).rejects.toMatchObject({ details: { reason: 'owned', pid: process.pid } });
    await journal.append([submitted('y', 51)]);
  });

  it('keeps no engine out that a backup program reads under a lock', async () => {
    const path = await holding(2);
    await locking(`${path}-lock`, 'LOCK_SH');
    const journal = await opened(path);
    await journal.append([submitted('x', 50)]);
    await expect(sqliteJournal(path, { busyTimeoutMs: 0 }).open()).rejects.toMatchObject({ details: { reason: 'owned' } });
  });

  it('that another program holds for itself is told as that, not as an engine that has ended', async () => {
    const path = await holding(2);
    await locking(`${path}-lock`, 'LOCK_EX');
    await expect(sqliteJournal(path, { busyTimeoutMs: 0 }).open()).rejects.toMatchObject({
      message: expect.stringContaining(`${path}-lock`),
      details: { reason: 'owned', path },
    });
  });
});

describe('the mark of a journal that is removed while an engine runs', () => {
  it('is there again with the next commit', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    await journal.append([submitted('x', 1)]);
    rmSync(`${path}-mark`);
    await journal.append([submitted('y', 2)]);
    expect(statSync(`${path}-mark`).size).toBeGreaterThan(0);
  });
});
