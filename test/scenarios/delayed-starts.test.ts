import { describe, expect, it } from 'vitest';

import { defineWorkflow, memoryJournal } from '../../src/index.ts';
import { openScene, scene } from './scene.ts';

const hour = 3_600_000;
const startAt = 6 * hour;
const quiet = { health: { intervalMs: 1_000 * hour }, worker: { heartbeatMs: hour, leaseMs: 4 * hour } };
const chain = defineWorkflow({
  name: 'chain',
  timeoutMs: 2 * hour,
  tasks: (task) => {
    const a = task('a', { run: () => 1 });
    return task('b', { run: ({ n }: { n: number }) => n, params: { n: a } });
  },
});

describe('a workflow that is given a time to start at', () => {
  it('is admitted at once, and starts then', async () => {
    const stage = await scene(quiet);
    const run = await stage.submit(chain, { id: 'w', startAt });
    expect(stage.order('workflow:submitted', 'workflow:validated', 'workflow:started', 'task:submitted')).toEqual([
      'workflow:submitted',
      'workflow:validated',
    ]);
    expect(await run.status()).toMatchObject({ status: 'pending', tasks: { a: { status: 'pending' }, b: { status: 'pending' } } });
    expect((await run.explain('b')).tasks).toMatchObject([
      { reasons: [{ kind: 'start_time', until: startAt, message: 'its workflow starts at 1970-01-01T06:00:00.000Z' }] },
    ]);
    const result = await stage.until(run.result(), 10 * hour);
    expect(stage.only('workflow:started').time).toBe(startAt);
    expect(result).toMatchObject({ status: 'completed', durationMs: 0 });
  });

  it('starts at once when that time has passed', async () => {
    const stage = await scene({ ...quiet, startAt: hour });
    expect(await stage.play(chain, { startAt: new Date(0) })).toMatchObject({ status: 'completed' });
  });

  it('starts in a second system on the journal, at its time or late', async () => {
    for (const [from, at] of [
      [hour, startAt],
      [9 * hour, 9 * hour],
    ] as const) {
      const journal = memoryJournal();
      const one = await openScene({ ...quiet, journal });
      await one.submit(chain, { id: 'w', startAt: '1970-01-01T08:00:00+02:00' });
      await one.close();
      const two = await scene({ ...quiet, journal, startAt: from, seed: 'two', workflows: [chain] });
      expect(await two.until(two.system.result('w'), 10 * hour)).toMatchObject({ status: 'completed' });
      expect(two.only('workflow:started').time).toBe(at);
    }
  });

  it('can be cancelled before, with nothing of it run', async () => {
    const stage = await scene(quiet);
    const run = await stage.submit(chain, { startAt });
    run.cancel('not any more');
    await stage.settle();
    expect(await run.result()).toMatchObject({ status: 'cancelled', durationMs: 0, tasks: { a: { status: 'skipped' }, b: { status: 'skipped' } } });
    await stage.advance(10 * hour);
    expect(stage.of('workflow:start_due')).toEqual([]);
    expect(stage.of('workflow:started')).toEqual([]);
  });

  it('does not start while it is paused, across a restart too', async () => {
    const journal = memoryJournal();
    const one = await openScene({ ...quiet, journal });
    const run = await one.submit(chain, { id: 'w', startAt });
    run.pause();
    await one.settle();
    expect((await run.status()).status).toBe('held');
    expect((await run.explain('a')).tasks[0]?.reasons[0]?.kind).toBe('workflow_paused');
    await one.close();
    const two = await scene({ ...quiet, journal, seed: 'two', startAt: hour, workflows: [chain] });
    await two.advance(8 * hour);
    expect(two.of('workflow:started')).toEqual([]);
    const again = await two.system.run('w');
    again.resume();
    await two.advance(1_000);
    expect((await two.until(again.result())).status).toBe('completed');
  });

  it('has its deadline counted from its start', async () => {
    const stage = await scene(quiet);
    const stuck = defineWorkflow({
      name: 'stuck',
      timeoutMs: hour / 2,
      tasks: (task) => task('a', { run: () => new Promise(() => undefined), timeoutMs: hour, retry: 1 }),
    });
    const run = await stage.submit(stuck, { startAt });
    const result = await stage.until(run.result(), 20 * hour);
    expect(result).toMatchObject({ status: 'failed', durationMs: hour / 2, error: { code: 'WORKFLOW_TIMEOUT' } });
  });

  it.each([['soon'], ['2025-01-01'], [-5], [Number.NaN], [1.5], [new Date('x')], [null]])('is refused for the time %s', async (time) => {
    const stage = await scene(quiet);
    await expect(stage.system.submit(chain, { startAt: time as number })).rejects.toMatchObject({
      code: 'INVALID_PARAMS',
      message: expect.stringContaining('startAt must be a time'),
    });
  });
});
