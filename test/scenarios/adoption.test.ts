import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import { createSystem } from '../../src/runtime/system.ts';
import { seededIds } from '../../src/system/ids.ts';
import { type Simulation, type SimulationOptions, simulate } from '../../src/testing/simulate.ts';
import { simulatedClock } from '../../src/testing/simulated-clock.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { silent } from '../silent.ts';
import { type FarWorker, farWorker } from './far-worker.ts';
import { handOperated } from './hands.ts';

const chain = defineWorkflow({
  name: 'chain',
  tasks: (task) => task('after', { method: 'demo/work', dependsOn: [task('far', { method: 'demo/work', timeoutMs: 60_000 })] }),
});

function inFile(): () => Journal {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-adoption-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return () => sqliteJournal(join(folder, 'journal.db'), { writer: 'inline' });
}

function inMemory(): () => Journal {
  const journal = memoryJournal();
  return () => journal;
}

const typesOf = ({ events }: Simulation, ...types: readonly string[]) => events.filter(({ type }) => types.includes(type));

/** A first run with a task that runs remotely, and how to begin another one ten seconds later. */
async function interrupted(journal: () => Journal, { isCrash = false, ...options }: SimulationOptions & { readonly isCrash?: boolean } = {}) {
  const far = farWorker();
  const first = await simulate({ log: silent, builtins: false, journal: journal(), seed: 'first', ...options });
  far.connect(first.system);
  await first.settle();
  await first.until(first.system.submit(chain, { id: 'w' }));
  await first.settle();
  await first.advance(5_000);
  // One that is killed says nothing more; its journal is as it was.
  if (!isCrash) await first.until(first.system.stop({ deadlineMs: 20_000 }));
  const again = async (startAt = 15_000, seed = 'second'): Promise<Simulation> => {
    const next = await simulate({ log: silent, builtins: false, journal: journal(), seed, startAt, ...options });
    onTestFinished(() => next.system.stop({ deadlineMs: 0 }));
    return next;
  };
  return { far, first, again };
}

async function finish(run: Simulation, far: FarWorker, id = 'w'): Promise<unknown> {
  far.succeed('far', 'of the first run');
  await run.settle();
  far.succeed('after');
  await run.settle();
  return run.system.result(id);
}

describe('an attempt that runs remotely while the system is started anew', () => {
  it.each([
    ['memory', 'a stop', inMemory, false],
    ['memory', 'a kill', inMemory, true],
    ['a file', 'a stop', inFile, false],
  ] as const)('is adopted where its worker comes back, on a journal in %s after %s', async (_, __, journal, isCrash) => {
    const { far, first, again } = await interrupted(journal(), { isCrash });
    // Neither waited for nor aborted.
    expect([first.clock.now(), far.aborts]).toEqual([5_000, []]);
    const second = await again();
    expect((await second.system.snapshot('task', 'w/far'))?.value).toBe('running');
    far.connect(second.system);
    await second.settle();
    expect(typesOf(second, 'worker:started').map(({ data }) => data)).toMatchObject([{ workerId: 'far', running: 1 }]);
    expect([far.held(), (await second.system.snapshot('worker', 'far'))?.value]).toEqual([['far'], 'full']);
    expect(await finish(second, far)).toMatchObject({ status: 'completed', tasks: { far: { attempts: 1, result: 'of the first run' } } });
    expect(far.runs.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['far#1', 'after#1']);
    expect(typesOf(second, 'task:failed', 'task:stale_report')).toEqual([]);
  });

  it('is lost when its worker does not come back within a lease, counted from the start', async () => {
    const { far, again } = await interrupted(inMemory());
    const second = await again();
    const other = farWorker({ workerId: 'other' });
    other.connect(second.system);
    await second.advance(29_999);
    other.beat();
    expect(typesOf(second, 'task:lease_expired')).toEqual([]);
    await second.advance(1);
    expect(typesOf(second, 'task:lease_expired').map(({ data }) => data)).toMatchObject([{ taskId: 'far', workerId: 'far', attempt: 1 }]);
    await second.advance(0);
    expect(other.runs.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['far#2']);
    // It comes back after all, with what it has done in vain.
    far.connect(second.system);
    far.succeed('far', 'too late');
    await second.settle();
    expect(typesOf(second, 'task:stale_report')).toHaveLength(1);
    other.succeed('far', 'in time');
    await second.settle();
    expect((await second.system.at(Number.MAX_SAFE_INTEGER).workflow('w')).tasks['far']?.result).toBe('in time');
  });

  it('is lost when its worker comes back without it', async () => {
    const { far, again } = await interrupted(inMemory());
    const second = await again();
    far.restart();
    far.connect(second.system);
    await second.advance(20_000);
    far.beat();
    await second.advance(10_000);
    expect(far.runs.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['far#1', 'far#2']);
  });

  it('has the time to run that it had', async () => {
    const { far, again } = await interrupted(inMemory());
    const second = await again(50_000);
    far.connect(second.system);
    await second.advance(9_999);
    expect(typesOf(second, 'task:timeout')).toEqual([]);
    await second.advance(1);
    expect(typesOf(second, 'task:timeout')).toHaveLength(1);
    expect(far.aborts).toMatchObject([['far', 'it ran longer than 60000 ms']]);
    expect((await second.system.result('w')).status).toBe('failed');
  });

  it('has timed out when it comes back too late, and its report is refused', async () => {
    const { far, again } = await interrupted(inMemory());
    const second = await again(90_000);
    await second.advance(0);
    expect((await second.system.result('w')).tasks['far']?.error?.code).toBe('TASK_TIMEOUT');
    far.connect(second.system);
    far.succeed('far');
    await second.settle();
    expect(typesOf(second, 'task:stale_report')).toHaveLength(1);
    expect((await second.system.result('w')).status).toBe('failed');
  });

  it('is adopted time and again', async () => {
    const { far, again } = await interrupted(inMemory());
    const second = await again(10_000);
    far.connect(second.system);
    await second.advance(5_000);
    await second.until(second.system.stop());
    const third = await again(25_000, 'third');
    far.connect(third.system);
    await third.settle();
    expect(await finish(third, far)).toMatchObject({ tasks: { far: { attempts: 1 } } });
  });

  it('is there among others, which are tried again as they go on one by one', async () => {
    const hands = handOperated({ protocol: 'here/v1', methods: ['here/work'], pool: { min: 4, max: 4 } });
    const journal = memoryJournal();
    const far = farWorker({ slots: 100 });
    const first = await simulate({ log: silent, builtins: false, journal, seed: 'first', providers: [hands.provider] });
    far.connect(first.system);
    await first.settle();
    const mixed = defineWorkflow({
      name: 'mixed',
      tasks: (task) => task('here', { method: 'here/work', dependsOn: [task('far', { method: 'demo/work' })] }),
    });
    for (let nth = 0; nth < 40; nth++) await first.until(first.system.submit(mixed, { id: `w${nth}` }));
    await first.settle();
    expect(far.open.size).toBe(40);
    const second = await simulate({ log: silent, builtins: false, journal, seed: 'second', startAt: 10_000, providers: [hands.provider] });
    onTestFinished(() => second.system.stop({ deadlineMs: 0 }));
    far.connect(second.system);
    const reports = [...far.open.values()];
    for (const { workflowId, taskId, attempt, leaseId, workerId } of reports.reverse()) {
      far.say({ type: 'attempt:succeeded', data: { workflowId, taskId, attempt, leaseId, workerId, result: 1, durationMs: 1 } });
    }
    await second.settle();
    expect(typesOf(second, 'task:failed', 'task:stale_report')).toEqual([]);
    while (hands.open().length > 0) {
      hands.open()[0]?.succeed();
      await second.settle();
    }
    expect(hands.calls).toHaveLength(40);
    expect((await second.system.list()).every(({ status }) => status === 'completed')).toBe(true);
  });
});

describe('what a workflow does before its turn to go on has come', () => {
  it('is not undone by that: neither what a report of a remote attempt made ready, nor a retry that was due', async () => {
    const hands = handOperated({ protocol: 'here/v1', methods: ['here/work'], pool: { min: 4, max: 4 } });
    const journal = memoryJournal();
    const far = farWorker();
    const first = await simulate({ log: silent, builtins: false, journal, seed: 'first', providers: [hands.provider] });
    far.connect(first.system);
    await first.settle();
    const mixed = defineWorkflow({
      name: 'mixed',
      tasks: (task) => {
        task('retried', { method: 'here/work', retry: { maxAttempts: 2, baseDelayMs: 1_000 } });
        return task('here', { method: 'here/work', dependsOn: [task('far', { method: 'demo/work' })] });
      },
    });
    await first.until(first.system.submit(mixed, { id: 'w' }));
    await first.settle();
    hands.callOf('retried').fail();
    await first.settle();
    const clock = simulatedClock({ now: 10_000 });
    const system = createSystem({
      builtins: false,
      strict: true,
      journal,
      clock,
      ids: seededIds('second'),
      providers: [hands.provider],
      log: silent,
    });
    onTestFinished(() => system.stop({ deadlineMs: 0 }));
    const failures: unknown[] = [];
    system.on('task:failed', ({ data }) => failures.push(data));
    await system.start();
    far.connect(system);
    far.succeed('far');
    clock.advance(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(failures).toEqual([]);
    expect(
      hands
        .open()
        .map(({ taskId, attempt }) => `${taskId}#${attempt}`)
        .sort(),
    ).toEqual(['here#1', 'retried#2']);
  });
});
