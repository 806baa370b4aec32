/** Two engines on one file, where the lock between them was lost: the first one has to find out before it does anything more. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { createSystem, defineProvider, loadWorkflow, sqliteJournal } from '../../src/index.ts';
import { silent } from '../silent.ts';

const chain = () =>
  loadWorkflow({
    name: 'chain',
    tasks: [
      { id: 'a', method: 'work/do' },
      { id: 'b', method: 'work/do', dependencies: ['a'] },
    ],
  });

/** An engine whose tasks end when they are told to. */
async function engineOn(path: string, writer: 'thread' | 'inline') {
  const calls: string[] = [];
  const aborted: string[] = [];
  const ends: (() => void)[] = [];
  const provider = defineProvider({
    protocol: 'work/v1',
    methods: {
      'work/do': {
        run: async (_: object, { taskId, attempt, signal }) => {
          calls.push(`${taskId}#${attempt}`);
          signal.addEventListener('abort', () => aborted.push(taskId));
          await new Promise<void>((resolve) => ends.push(resolve));
          return {};
        },
      },
    },
  });
  const system = createSystem({ journal: sqliteJournal(path, { writer }), providers: [provider], builtins: false, log: silent });
  await system.start();
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  return { system, calls, aborted, end: () => ends.shift()?.() };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

it.each(['inline', 'thread'] as const)('an engine whose epoch was taken stops itself before its next effect (%s)', async (writer) => {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-owner-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'j.db');
  const first = await engineOn(path, writer);
  await first.system.submit(await chain(), { id: 'w' });
  await until(() => first.calls.length === 1);

  rmSync(`${path}-lock`);
  const second = await engineOn(path, writer);
  await until(() => second.calls.length === 1);
  const told = first.system.result('w').catch((error: unknown) => error);
  first.end();
  await until(() => first.system.phase === 'failed');
  const taken = { code: 'PERSISTENCE_CONNECTION_FAILED', retryable: false, details: { reason: 'taken', epoch: 2 } };
  expect(await told).toMatchObject(taken);
  await expect(first.system.submit(await chain(), { id: 'late' })).rejects.toMatchObject(taken);
  expect(first.calls).toEqual(['a#1']);

  // The second one has it to itself: what the first had under way is lost, and counted so.
  second.end();
  await until(() => second.calls.length === 2);
  second.end();
  expect(await second.system.result('w')).toMatchObject({ status: 'completed', tasks: { a: { attempts: 2 }, b: { attempts: 1 } } });
  expect(second.calls).toEqual(['a#2', 'b#1']);
});
