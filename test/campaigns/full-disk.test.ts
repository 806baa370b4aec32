import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { checkJournal, createSystem, defineProvider, loadWorkflow, sqliteJournal } from '../../src/index.ts';
import { completed, lives, submitted } from '../src/journal/places.ts';

/** A disk of its own, of a few megabytes, where this process may make one. */
function smallDisk(megabytes: number): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'gleitzeit-disk-'));
  const disk = join(place, 'disk');
  mkdirSync(disk);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk], { stdio: 'ignore' });
  onTestFinished(() => {
    if (status === 0) spawnSync('umount', ['-l', disk], { stdio: 'ignore' });
    rmSync(place, { recursive: true, force: true });
  });
  return status === 0 ? disk : undefined;
}

/** Fills a disk to the last byte. @returns gives the room back */
function fill(disk: string): () => void {
  const names: string[] = [];
  for (let bytes = 2 ** 20; bytes >= 512; ) {
    const name = join(disk, `filler-${names.length}`);
    names.push(name);
    try {
      writeFileSync(name, Buffer.alloc(bytes));
    } catch {
      bytes /= 2;
    }
  }
  return () => {
    for (const name of names) rmSync(name, { force: true });
  };
}

describe('a disk that is full', () => {
  it('refuses a batch until there is room, and then takes it once', async () => {
    const disk = smallDisk(8);
    if (disk === undefined) return;
    const path = join(disk, 'test.db');
    const journal = sqliteJournal(path);
    await journal.open();
    onTestFinished(() => journal.close());
    for (const batch of lives(5)) await journal.append(batch);
    const free = fill(disk);
    const batch = Array.from({ length: 2_000 }, (_, at) => submitted(`${Math.sin(at)}`, 100 + at));
    for (let time = 0; time < 3; time++) {
      await expect(journal.append(batch)).rejects.toMatchObject({ code: 'PERSISTENCE_WRITE_FAILED', retryable: true, details: { reason: 'full' } });
    }
    expect(await journal.read()).toHaveLength(15);
    free();
    await journal.append([...batch, completed(`${Math.sin(0)}`, 3_000)]);
    expect(await journal.read()).toHaveLength(2_016);
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('holds an engine: what runs is kept, nothing more is admitted, and it goes on once there is room', { timeout: 60_000 }, async () => {
    const disk = smallDisk(12);
    if (disk === undefined) return;
    const path = join(disk, 'test.db');
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
    const system = createSystem({ journal: sqliteJournal(path), providers: [provider], builtins: false, log });
    await system.start();
    onTestFinished(() => system.stop({ deadlineMs: 0 }));
    const run = await system.submit(workflow, { id: 'w' });
    while (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const free = fill(disk);
    answer();
    while (warnings.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(system.submit(workflow, { id: 'late' })).rejects.toMatchObject({ code: 'PERSISTENCE_WRITE_FAILED', retryable: true });
    expect(calls).toEqual(['a#1']);
    free();
    expect(await run.result()).toMatchObject({ status: 'completed', tasks: { a: { attempts: 1 }, b: { attempts: 1 } } });
    expect(calls).toEqual(['a#1', 'b#1']);
    expect((await checkJournal(path)).damages).toEqual([]);
  });
});
