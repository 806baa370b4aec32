import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import { portOf } from '../../src/runtime/port.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { type FarWorker, farWorker } from './far-worker.ts';
import { handOperated } from './hands.ts';
import { openScene, type Scene, scene } from './scene.ts';

const of = (ids: readonly string[], options: { readonly method?: string; readonly timeoutMs?: number } = {}) =>
  defineWorkflow({
    name: 'of',
    failurePolicy: 'continue_on_error',
    tasks: (task) => {
      for (const id of ids) task(id, { method: options.method ?? 'demo/work', retry: 1, ...(options.timeoutMs && { timeoutMs: options.timeoutMs }) });
      return null;
    },
  });

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-remote-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('a protocol that only remote workers have', () => {
  it('is not known before one registers, and runs there from then on', async () => {
    const { submit, settle, system, of: events, only } = await scene();
    await expect(system.submit(of(['a']))).rejects.toMatchObject({ code: 'PROTOCOL_NOT_FOUND' });
    const far = farWorker({ slots: 2 });
    far.connect(system);
    await settle();
    const run = await submit(of(['a', 'b', 'c']));
    expect(far.runs.map(({ taskId, attempt, workerId, providerId, method }) => [taskId, attempt, workerId, providerId, method])).toEqual([
      ['a', 1, 'far', 'remote/demo/v1', 'demo/work'],
      ['b', 1, 'far', 'remote/demo/v1', 'demo/work'],
    ]);
    expect(far.held()).toEqual(['a', 'b']);
    expect((await system.snapshot('worker', 'far'))?.value).toBe('full');
    far.succeed('b', 'of b');
    await settle();
    expect(far.held()).toEqual(['a', 'c']);
    far.fail('a');
    far.succeed('c');
    await settle();
    expect(far.held()).toEqual([]);
    expect(await run.result()).toMatchObject({ tasks: { a: { status: 'failed' }, b: { result: 'of b' }, c: { status: 'completed' } } });
    expect(events('task:started').every(({ data }) => data.remote)).toBe(true);
    expect(only('worker:started').data).toMatchObject({ remote: true, methods: ['demo/work'], running: 0 });
    expect(events('pool:scaled_up')).toEqual([]);
  });

  it('waits, and says for what, while no worker of it has the method', async () => {
    const { submit, settle, system } = await scene();
    const far = farWorker();
    far.connect(system);
    await settle();
    far.drain();
    await settle();
    const run = await submit(of(['a', 'b']));
    const [reason] = (await run.explain()).tasks[0]?.reasons ?? [];
    expect(reason).toEqual({
      kind: 'no_worker',
      message: "no worker of 'demo/v1' that has 'demo/work' is connected; start one with `gleitzeit worker --hub URL --providers FILE`",
      releasedBy: 'such a worker connects',
    });
    far.connect(system);
    await settle();
    expect([...far.open.values()].map(({ taskId }) => taskId)).toEqual(['a']);
    expect((await run.explain()).tasks[1]?.reasons).toMatchObject([
      { kind: 'pool_busy', message: "every slot of the workers that have 'demo/work' is taken" },
    ]);
    far.succeed('a');
    await settle();
    far.succeed('b');
    await settle();
    expect((await run.result()).status).toBe('completed');
  });

  it('is known by every method that some worker has, each run by who has it', async () => {
    const { submit, settle, system } = await scene();
    const [one, other] = [farWorker({ workerId: 'one', methods: ['demo/a'] }), farWorker({ workerId: 'other', methods: ['demo/a', 'demo/b'] })];
    one.connect(system);
    await settle();
    await expect(system.submit(of(['x'], { method: 'demo/b' }))).rejects.toMatchObject({ code: 'METHOD_NOT_FOUND' });
    other.connect(system);
    await settle();
    await submit(of(['b1', 'b2'], { method: 'demo/b' }));
    await submit(of(['a1', 'a2'], { method: 'demo/a' }));
    expect([one.held(), other.held()]).toEqual([['a1'], ['b1']]);
    other.succeed('b1');
    await settle();
    // Of what waits for it, the one that waited longer.
    expect([one.held(), other.held()]).toEqual([['a1'], ['b2']]);
    one.succeed('a1');
    other.succeed('b2');
    await settle();
    one.succeed('a2');
    await settle();
    expect((await system.snapshot('pool', 'demo/v1'))?.context).toMatchObject({ used: 0, slotsInAll: 2, size: 0 });
  });
});

describe('remote workers of a protocol that has workers here', () => {
  it.each(['first', 'later'])('serve together with them, where those come %s', async (when) => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, settle, system } = await scene({ providers: when === 'first' ? [hands.provider] : [] });
    const far = farWorker();
    far.connect(system);
    await settle();
    if (when === 'later') system.register(hands.provider);
    await settle();
    const run = await submit(of(['a', 'b', 'c', 'd']));
    expect([far.open.size, hands.open().length]).toEqual([1, 1]);
    far.succeed([...far.open.values()][0]?.taskId ?? '');
    await settle();
    expect([far.runs.length, hands.calls.length]).toEqual([2, 1]);
    hands.open()[0]?.succeed();
    await settle();
    expect([far.runs.length, hands.calls.length]).toEqual([2, 2]);
    hands.open()[0]?.succeed();
    far.succeed([...far.open.values()][0]?.taskId ?? '');
    await settle();
    expect((await run.result()).status).toBe('completed');
    expect((await system.snapshot('pool', 'demo/v1'))?.context).toMatchObject({ min: 1, max: 1, size: 1, used: 0 });
  });

  it('go on alone while the provider here is unwell', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 }, circuit: { failureThreshold: 1 } });
    const { submit, settle, system, only } = await scene({ providers: [hands.provider] });
    await submit(of(['a']));
    hands.callOf('a').fail();
    await settle();
    only('circuit:opened');
    const far = farWorker();
    far.connect(system);
    await settle();
    await submit(of(['b']));
    expect(far.runs.map(({ taskId, providerId }) => [taskId, providerId])).toEqual([['b', 'remote/demo/v1']]);
    far.succeed('b');
    await settle();
  });
});

describe('a remote attempt', () => {
  it('is aborted where it runs when it is cancelled, or has run too long; a report after that is refused', async () => {
    const { submit, settle, system, advance, of: events } = await scene();
    const far = farWorker({ slots: 2 });
    far.connect(system);
    await settle();
    const run = await submit(of(['long'], { timeoutMs: 5_000 }));
    const cancelled = await submit(of(['cancelled']));
    cancelled.cancel('enough');
    await settle();
    await advance(5_000);
    expect(far.aborts).toEqual([
      ['cancelled', 'enough'],
      ['long', 'it ran longer than 5000 ms'],
    ]);
    expect((await run.result()).tasks['long']?.error?.code).toBe('TASK_TIMEOUT');
    for (const id of ['cancelled', 'long']) far.succeed(id);
    await settle();
    expect(events('task:stale_report').map(({ data }) => [data.taskId, data.reported, data.workerId])).toEqual([
      ['cancelled', 'succeeded', 'far'],
      ['long', 'succeeded', 'far'],
    ]);
    expect(far.held()).toEqual([]);
  });

  it('keeps its lease for as long as its worker gives signs of life', async () => {
    const { submit, settle, system, advance, of: events } = await scene({ worker: { leaseMs: 8_000 } });
    const far = farWorker();
    far.connect(system);
    await settle();
    await submit(of(['a']));
    for (let beat = 0; beat < 12; beat++) {
      far.beat();
      await advance(5_000);
    }
    expect(events('task:lease_expired')).toEqual([]);
    far.succeed('a');
    await settle();
    expect(events('task:completed')).toHaveLength(1);
  });

  it('runs elsewhere, without a word against its provider, when nothing is heard of its worker', async () => {
    const { submit, settle, system, advance, only, of: events } = await scene({ worker: { leaseMs: 60_000 } });
    const [lost, other] = [farWorker({ workerId: 'lost' }), farWorker({ workerId: 'other' })];
    lost.connect(system);
    await settle();
    const run = await submit(of(['a']));
    await advance(20_000);
    other.connect(system);
    other.beat();
    await advance(10_000);
    expect(only('worker:failed').data).toMatchObject({ workerId: 'lost', tasks: [{ taskId: 'a' }] });
    expect(only('task:failed').data).toMatchObject({ ended: 'lost', lost: 1, workerId: 'lost' });
    expect([lost.aborts, other.held()]).toEqual([[['a', "its worker 'lost' failed"]], ['a']]);
    lost.succeed('a', 'too late');
    other.succeed('a', 'in time');
    await settle();
    expect((await run.result()).tasks['a']?.result).toBe('in time');
    expect(only('task:stale_report').data).toMatchObject({ workerId: 'lost', attempt: 1 });
    expect([events('provider:error'), events('circuit:opened')]).toEqual([[], []]);
  });

  it('that its worker does not know of is lost at once, and runs again', async () => {
    const { submit, settle, system, core, only, advance } = await scene();
    const far = farWorker({ slots: 2 });
    far.connect(system);
    await settle();
    await submit(of(['a', 'b']));
    const [{ leaseId = '' } = {}] = far.runs;
    core.accept({ type: 'worker:disown', data: { workerId: 'far', leaseIds: [leaseId, 'none'], reason: 'it restarted' } }, { source: 'hub' });
    await advance(0);
    expect(only('worker:lease_lost').data).toMatchObject({ taskId: 'a', leaseId, reason: 'it restarted' });
    expect(only('task:failed').data).toMatchObject({ ended: 'lost', lost: 1, error: { code: 'CONNECTION_LOST' } });
    expect(far.runs.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['a#1', 'b#1', 'a#2']);
    far.succeed('a');
    far.succeed('b');
    await settle();
  });

  it('that its worker gives back runs again, and nothing is held against it', async () => {
    const { submit, settle, system, core, only, advance } = await scene();
    const far = farWorker();
    far.connect(system);
    await settle();
    await submit(of(['a']));
    const [{ workflowId = '', leaseId = '' } = {}] = far.runs;
    const data = { workflowId, taskId: 'a', attempt: 1, leaseId, workerId: 'far', reason: 'its worker leaves' };
    core.accept({ type: 'attempt:abandoned', data }, { source: 'hub' });
    await advance(0);
    expect(only('task:failed').data).toMatchObject({ ended: 'abandoned', lost: 0 });
    expect(far.runs).toHaveLength(2);
    far.succeed('a');
    await settle();
  });
});

describe('a remote worker', () => {
  it('that leaves finishes what it runs, takes nothing more, and may come back under its name', async () => {
    const { submit, settle, system, only, of: events } = await scene();
    const far = farWorker({ slots: 2 });
    far.connect(system);
    await settle();
    await submit(of(['a']));
    far.drain();
    await settle();
    await submit(of(['b']));
    expect([only('worker:draining').data.running, far.held()]).toEqual([1, ['a']]);
    far.succeed('a');
    await settle();
    expect(only('worker:stopped').data).toMatchObject({ workerId: 'far', reason: 'SIGTERM' });
    far.connect(system);
    await settle();
    expect([events('worker:started').length, far.held()]).toEqual([2, ['b']]);
    far.succeed('b');
    await settle();
  });

  it('that registers while it takes part is not made anew', async () => {
    const { settle, system, only } = await scene();
    const far = farWorker();
    far.connect(system);
    await settle();
    far.connect(system);
    await settle();
    only('worker:started');
  });

  it('is rid of an attempt that ended in the moment in which it came back with it', async () => {
    const { submit, settle, system, only, core } = await scene();
    const far = farWorker();
    far.connect(system);
    await settle();
    const run = await submit(of(['a']));
    const { open } = far;
    const [attempt] = open.values();
    far.disconnect();
    core.accept({ type: 'worker:disown', data: { workerId: 'far', leaseIds: [...open.keys()], reason: 'out of reach' } }, { source: 'hub' });
    far.drain();
    await settle();
    // What was so when the hub looked, and is not any more when the worker's actor is made.
    const ended = { ...attempt, protocol: 'demo/v1', circuit: null, epoch: 0, leaseUntil: 60_000, remote: true };
    const { params: _, idempotencyKey: __, timeoutMs: ___, ...lease } = ended;
    const data = { workerId: 'far', poolId: 'demo/v1', slots: 1, methods: ['demo/work'], leases: [lease as never] };
    core.accept({ type: 'worker:register', data }, { source: 'hub' });
    await settle();
    expect((await system.snapshot('worker', 'far'))?.value).toBe('idle');
    expect(far.held()).toEqual([]);
    only('task:failed');
    far.connect(system);
    run.cancel();
    await settle();
  });
});

describe('a remote worker that leaves with several attempts at once', () => {
  it('takes no offer with it: what waits runs elsewhere', async () => {
    const { submit, settle, advance, system, core } = await scene();
    const [far, other] = [farWorker({ slots: 3 }), farWorker({ workerId: 'other', slots: 5 })];
    far.connect(system);
    await settle();
    await submit(of(['a', 'b', 'c', 'd', 'e']));
    far.drain();
    await settle();
    far.disconnect();
    const leaseIds = [...far.open.keys()];
    core.accept({ type: 'worker:disown', data: { workerId: 'far', leaseIds, reason: 'it began anew' } }, { source: 'hub' });
    await settle();
    other.connect(system);
    await advance(0);
    expect(other.runs.map(({ taskId, attempt }) => `${taskId}#${attempt}`).sort()).toEqual(['a#2', 'b#2', 'c#2', 'd#1', 'e#1']);
    for (const taskId of ['a', 'b', 'c', 'd', 'e']) other.succeed(taskId);
    await settle();
  });
});

describe('a late report, recorded as such', () => {
  /** A task whose worker was lost while it ran, and what became of it since; then that worker reports. */
  async function late(journal: Journal | undefined, what: (stage: Scene, other: FarWorker) => Promise<unknown>) {
    const stage = await scene({ worker: { leaseMs: 60_000 }, ...(journal && { journal }) });
    const [lost, other] = [farWorker({ workerId: 'lost' }), farWorker({ workerId: 'other', slots: 2 })];
    lost.connect(stage.system);
    await stage.settle();
    await stage.submit(of(['a', 'b']), { id: 'w' });
    await stage.advance(20_000);
    other.connect(stage.system);
    other.beat();
    await stage.advance(10_000);
    await what(stage, other);
    await stage.settle();
    for (const say of ['succeed', 'succeed', 'fail'] as const) lost[say]('a');
    await stage.settle();
    return stage;
  }

  it.each<readonly [string, (stage: Scene, other: FarWorker) => Promise<unknown>]>([
    ['runs elsewhere', async () => undefined],
    ['has completed elsewhere', async (_, other) => other.succeed('a')],
    [
      'was cancelled',
      async ({ system, settle }) => {
        system.cancelTask('w', 'a');
        await settle();
      },
    ],
    [
      'has ended with its workflow',
      async ({ settle }, other) => {
        other.succeed('a');
        other.succeed('b');
        await settle();
      },
    ],
  ])('whatever became of its task, for one that %s', async (_, what) => {
    for (const journal of [undefined, sqliteJournal(join(folderOf(), 'journal.db'), { writer: 'inline' })]) {
      const stage = await late(journal, what);
      const recorded = (await portOf(stage.system).journal.read({ workflowId: 'w' })).filter(({ type }) => type === 'task:stale_report');
      expect(recorded.map(({ data }) => data)).toMatchObject([
        { taskId: 'a', attempt: 1, workerId: 'lost', reported: 'succeeded' },
        { taskId: 'a', attempt: 1, workerId: 'lost', reported: 'succeeded' },
        { taskId: 'a', attempt: 1, workerId: 'lost', reported: 'failed' },
      ]);
      expect(stage.of('task:completed').filter(({ data }) => data.workerId === 'lost')).toEqual([]);
    }
  });

  it('leaves an ended workflow as it is, and does not bring it back at the next start', async () => {
    const journal = memoryJournal();
    const first = await openScene({ journal });
    const far = farWorker();
    far.connect(first.system);
    await first.settle();
    await first.submit(of(['a']), { id: 'w' });
    far.succeed('a');
    await first.settle();
    await first.close();
    const second = await scene({ journal, seed: 'second' });
    far.connect(second.system);
    far.succeed('a', 'once more');
    await second.settle();
    expect(second.only('task:stale_report').data).toMatchObject({ taskId: 'a', workerId: 'far' });
    expect((await journal.find('w'))?.status).toBe('completed');
    await second.close();
    const third = await scene({ journal, seed: 'third' });
    expect(third.only('system:started').data.recovered).toEqual({ workflows: 0, tasks: 0 });
  });
});
