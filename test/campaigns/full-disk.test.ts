import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { checkJournal, createSystem, defineProvider, type Journal, loadWorkflow, sqliteJournal } from '../../src/index.ts';
import type { Store } from '../../src/journal/sqlite/store.ts';
import { completed, lives, placeForJournal, submitted } from '../src/journal/places.ts';

/** A journal on a disk that can be full: filled to the last byte, and given its room back. */
interface SmallDisk {
  readonly path: string;
  readonly journal: Journal;
  fill(): void;
  free(): void;
}

/** A file system of a few megabytes, where this process may mount one. */
function mounted(megabytes: number): SmallDisk | undefined {
  const place = mkdtempSync(join(tmpdir(), 'gleitzeit-disk-'));
  const disk = join(place, 'disk');
  mkdirSync(disk);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk], { stdio: 'ignore' });
  onTestFinished(() => {
    if (status === 0) spawnSync('umount', ['-l', disk], { stdio: 'ignore' });
    rmSync(place, { recursive: true, force: true });
  });
  if (status !== 0) return undefined;
  const path = join(disk, 'test.db');
  const names: string[] = [];
  const fill = (): void => {
    for (let bytes = 2 ** 20; bytes >= 512; ) {
      const name = join(disk, `filler-${names.length}`);
      names.push(name);
      try {
        writeFileSync(name, Buffer.alloc(bytes));
      } catch {
        bytes /= 2;
      }
    }
  };
  return { path, journal: sqliteJournal(path), fill, free: () => names.forEach((name) => void rmSync(name, { force: true })) };
}

/** The same as SQLite tells it: a file that may have no more pages is a disk without room. */
function limited(): SmallDisk {
  const path = placeForJournal();
  const journal = sqliteJournal(path, { writer: 'inline' });
  // The writing connection of this adapter: nobody else may ask for it.
  const limit = (pages: number) => void (journal as unknown as { writer: { store: Store } }).writer.store.db.pragma(`max_page_count = ${pages}`);
  return { path, journal, fill: () => limit(1), free: () => limit(2 ** 32 - 2) };
}

const forms: readonly (readonly [string, (megabytes: number) => SmallDisk | undefined])[] = [
  ['a file system of its own', mounted],
  ["SQLite's limit of pages", limited],
];

describe.each(forms)('a disk that is full, by %s', (name, make) => {
  it('refuses a batch until there is room, and then takes it once', async () => {
    const disk = make(8);
    if (disk === undefined) return console.warn(`Left out, ${name}: this process may not mount one.`);
    const { path, journal } = disk;
    await journal.open();
    onTestFinished(() => journal.close());
    for (const batch of lives(5)) await journal.append(batch);
    disk.fill();
    const batch = Array.from({ length: 2_000 }, (_, at) => submitted(`${Math.sin(at)}`, 100 + at));
    for (let time = 0; time < 3; time++) {
      await expect((async () => journal.append(batch))()).rejects.toMatchObject({
        code: 'PERSISTENCE_WRITE_FAILED',
        retryable: true,
        details: { reason: 'full' },
      });
    }
    expect(await journal.read()).toHaveLength(15);
    disk.free();
    await journal.append([...batch, completed(`${Math.sin(0)}`, 3_000)]);
    expect(await journal.read()).toHaveLength(2_016);
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('holds an engine: what runs is kept, nothing more is admitted, and it goes on once there is room', { timeout: 60_000 }, async () => {
    const disk = make(12);
    if (disk === undefined) return console.warn(`Left out, ${name}: this process may not mount one.`);
    const { path, journal } = disk;
    const calls: string[] = [];
    let answer: (() => void) | undefined;
    const provider = defineProvider({
      protocol: 'work/v1',
      methods: {
        'work/do': {
          run: async ({ wait = false }: { readonly wait?: boolean }, call) => {
            calls.push(`${call.taskId}#${call.attempt}`);
            if (wait) await new Promise<void>((resolve) => (answer = resolve));
            return { large: Array.from({ length: 20_000 }, () => Math.random()) };
          },
        },
      },
    });
    const workflow = await loadWorkflow({
      name: 'held',
      tasks: [
        { id: 'a', method: 'work/do', parameters: { wait: true } },
        { id: 'b', method: 'work/do', dependencies: ['a'] },
      ],
    });
    const warnings: unknown[] = [];
    const quiet = () => undefined;
    const log = {
      info: quiet,
      debug: quiet,
      warn: (...said: unknown[]) => void warnings.push(said),
      error: (...said: unknown[]) => void warnings.push(said),
    };
    const system = createSystem({ journal, providers: [provider], builtins: false, log });
    await system.start();
    onTestFinished(() => system.stop({ deadlineMs: 0 }));
    const run = await system.submit(workflow, { id: 'w' });
    while (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    disk.fill();
    answer();
    while (warnings.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(system.submit(workflow, { id: 'late' })).rejects.toMatchObject({ code: 'PERSISTENCE_WRITE_FAILED', retryable: true });
    expect(calls).toEqual(['a#1']);
    disk.free();
    expect(await run.result()).toMatchObject({ status: 'completed', tasks: { a: { attempts: 1 }, b: { attempts: 1 } } });
    expect(calls).toEqual(['a#1', 'b#1']);
    expect((await checkJournal(path)).damages).toEqual([]);
  });
});
