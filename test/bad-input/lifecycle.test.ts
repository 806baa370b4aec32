/** Systems and submits in an order, or with arguments, that nobody should choose. */
import { describe, expect, it } from 'vitest';

import { memoryJournal } from '../../src/journal/memory.ts';
import { createSystem } from '../../src/runtime/system.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow } from '../../src/workflow/load.ts';
import { scene } from '../scenarios/scene.ts';
import { errorFrom, expectAlive, expectNothingLeft, expectUnharmed, good } from './aftermath.ts';

const waits = defineWorkflow({ name: 'waits', tasks: (task) => task('waits', { run: async (_, { sleep }) => sleep(60_000) }) });
const bare = { builtins: false } as const;

describe('a system', () => {
  it('before its start takes nothing, and starts well after that', async () => {
    const system = createSystem(bare);
    const acts = [
      () => system.submit(good),
      () => system.run('x'),
      () => system.status('x'),
      () => system.result('x'),
      () => system.list(),
      () => system.metrics(),
    ];
    const more = [
      () => system.cancel('x'),
      () => system.trace('x'),
      () => system.explain('x'),
      () => system.pause(),
      () => system.actors(),
      () => system.inspect(),
    ];
    for (const act of [...acts, ...more]) expect(await errorFrom(act)).toMatchObject({ code: 'SYSTEM_NOT_INITIALIZED' });
    await system.start();
    await expectAlive(system);
    await system.stop();
  });

  it('after its stop takes nothing, and does not start again', async () => {
    const system = createSystem(bare);
    await system.start();
    const run = await system.submit(good);
    await run.result();
    await system.stop();
    const acts = [
      () => system.submit(good),
      () => system.start(),
      () => run.cancel(),
      () => run.pause(),
      () => run.status(),
      () => system.emit('engine:pause', { reason: '', by: '' }),
    ];
    for (const act of acts) expect(await errorFrom(act)).toMatchObject({ code: 'SYSTEM_SHUTDOWN', rpcCode: -31_002 });
    expect(system.phase).toBe('stopped');
    // What was collected for the handle is still its own.
    expect((await run.result()).status).toBe('completed');
  });

  it('started twice, also at the same time, is started once', async () => {
    const system = createSystem(bare);
    await Promise.all([system.start(), system.start()]);
    const actors = await system.actors();
    await system.start();
    expect(await system.actors()).toEqual(actors);
    await expectAlive(system);
    await system.stop();
  });

  it('stopped twice, also at the same time, is stopped once', async () => {
    const system = createSystem(bare);
    const stopped: string[] = [];
    system.on('system:stopped', ({ type }) => void stopped.push(type));
    await system.start();
    await Promise.all([system.stop(), system.stop({ deadlineMs: 0 })]);
    await system.stop();
    expect([stopped, system.phase]).toEqual([['system:stopped'], 'stopped']);
  });

  it('stopped during its start ends stopped, and the start has gone well', async () => {
    const system = createSystem(bare);
    const starting = system.start();
    await system.stop();
    await starting;
    expect(system.phase).toBe('stopped');
  });

  it('stopped before its start never starts', async () => {
    const system = createSystem(bare);
    await system.stop();
    expect(await errorFrom(() => system.start())).toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, '5'])('is not stopped by a deadline of %o', async (deadlineMs) => {
    const stage = await scene();
    expect(await errorFrom(() => stage.system.stop({ deadlineMs } as never))).toMatchObject({ code: 'INVALID_PARAMS' });
    await expectUnharmed(stage);
  });

  it('that stops rejects those who wait for results, and those whose submit is under way', async () => {
    const { system, submit } = await scene();
    const run = await submit(waits);
    const result = errorFrom(() => run.result());
    const submitting = errorFrom(() => system.submit(good));
    await system.stop({ deadlineMs: 0 });
    expect((await result).code).toBe('SYSTEM_SHUTDOWN');
    expect((await submitting).code).toBe('SYSTEM_SHUTDOWN');
  });
});

describe('a submit', () => {
  it.each([undefined, null, 'workflow.yaml', 5, {}, { name: 'raw', tasks: [] }, () => good])('of %o is refused', async (workflow) => {
    const stage = await scene();
    expect(await errorFrom(() => stage.system.submit(workflow as never))).toMatchObject({ code: 'INVALID_REQUEST' });
    await expectUnharmed(stage);
  });

  it.each([
    [{ id: '' }, /id must be a text of 1 to 1024 characters.*got ""/],
    [{ id: 5 }, /id must be .*got 5/],
    [{ id: null }, /id must be .*got null/],
    [{ id: 'a/b' }, /without "\/"/],
    [{ tags: 'one' }, /tags must be a list of texts, got "one"/],
    [{ tags: [1] }, /tags\[0\] must be a text, got 1/],
    [{ traceparent: {} }, /traceparent must be a text/],
    [{ ID: 'x' }, /ID is not a known option\. Did you mean "id"\?/],
    ['id', /must be a map of options, got "id"/],
    [{ input: () => 1 }, /must be a JSON value, got a function/],
    [{ input: { a: 1n } }, /a must be a JSON value, got the bigint 1/],
    [{ input: JSON.parse('{"__proto__": 1}') as unknown }, /must not be a key/],
  ])('with %o is refused', async (options, said) => {
    const stage = await scene();
    const error = await errorFrom(() => stage.system.submit(good, options as never));
    expect(error).toMatchObject({ code: 'INVALID_PARAMS' });
    expect(error.message).toMatch(said);
    expect(error.message.length).toBeLessThan(1_000);
    await expectUnharmed(stage);
  });

  it.each([
    ['an id of 1,025 characters', () => ({ id: 'x'.repeat(1_025) }), /id must be a text of 1 to 1024/],
    ['an id of 10 MB', () => ({ id: 'x'.repeat(10_000_000) }), /id must be a text of 1 to 1024/],
    ['an input of 9 MB', () => ({ input: 'x'.repeat(9 * 2 ** 20) }), /at most 8388608 bytes/],
    ['an input of 100,000 levels', () => ({ input: deep(100_000) }), /nested 1000 levels deep at most/],
  ])('with %s is refused, in a message of bearable length', async (_, options, said) => {
    const stage = await scene();
    const error = await errorFrom(() => stage.system.submit(good, options() as never));
    expect(error.message).toMatch(said);
    expect(error.message.length).toBeLessThan(1_000);
    await expectUnharmed(stage);
  });

  it.each(['__proto__', 'constructor', 'toString', 'x'.repeat(1_024), '名前', ' ', 'a b'].map((id) => [id.slice(0, 20), id]))(
    'under the id %j is one like any other',
    async (_, id) => {
      const stage = await scene();
      const result = await stage.play(good, { id });
      expect(result).toMatchObject({ workflowId: id, status: 'completed' });
      expect((await stage.system.status(id)).status).toBe('completed');
      await expectUnharmed(stage);
    },
  );

  it('of a workflow without tasks completes at once', async () => {
    const stage = await scene();
    const none = await loadWorkflow({ name: 'none', tasks: [] });
    expect(await stage.play(none)).toMatchObject({ status: 'completed', tasks: {} });
    await expectUnharmed(stage);
  });
});

function deep(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

describe('the same id', () => {
  const other = defineWorkflow({ name: 'good', tasks: (task) => task('another', { run: () => 3 }) });

  it('with the same definition is the same run: at once, while it runs, and after its end', async () => {
    const stage = await scene();
    const { system, until, of } = stage;
    const [one, two] = await Promise.all([system.submit(waits, { id: 'mine' }), system.submit(waits, { id: 'mine' })]);
    const three = await system.submit(waits, { id: 'mine' });
    const results = await until(Promise.all([one.result(), two.result(), three.result()]));
    const four = await system.submit(waits, { id: 'mine' });
    results.push(await until(four.result()));
    expect(results.map(({ workflowId, status }) => [workflowId, status])).toEqual(Array(4).fill(['mine', 'completed']));
    expect(of('workflow:submitted')).toHaveLength(1);
    await expectUnharmed(stage);
  });

  it('with another definition is refused: at once, while it runs, and after its end', async () => {
    const stage = await scene();
    const { system, until, of } = stage;
    const [first, second] = await Promise.allSettled([system.submit(waits, { id: 'mine' }), system.submit(other, { id: 'mine' })]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
    expect(second).toMatchObject({ reason: { code: 'WORKFLOW_INVALID_STATE', rpcCode: -28_007 } });
    expect(await errorFrom(() => system.submit(other, { id: 'mine' }))).toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    const run = await system.run('mine');
    expect((await until(run.result())).status).toBe('completed');
    const late = await errorFrom(() => system.submit(other, { id: 'mine' }));
    expect(late.message).toContain("'waits'");
    expect(of('workflow:submitted')).toHaveLength(1);
    await expectUnharmed(stage);
  });

  it('holds as well where the journal takes its time to answer', async () => {
    const memory = memoryJournal();
    const round = () => new Promise<void>((resolve) => setImmediate(resolve));
    const slow = {
      open: () => memory.open(),
      append: (facts: Parameters<typeof memory.append>[0]) =>
        round()
          .then(round)
          .then(() => memory.append(facts)),
      find: (id: string) => round().then(() => memory.find(id)),
      read: (options: Parameters<typeof memory.read>[0]) => memory.read(options),
      list: () => memory.list(),
      schedules: () => memory.schedules(),
      unfinished: () => memory.unfinished(),
      sweep: (retention: Parameters<typeof memory.sweep>[0]) => memory.sweep(retention),
      close: () => memory.close(),
    };
    const stage = await scene({ journal: slow });
    const { system, until, of } = stage;
    const submits = await Promise.allSettled([good, other, good, other].map((workflow) => system.submit(workflow, { id: 'mine' })));
    expect(submits.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(await until(system.result('mine'))).toMatchObject({ status: 'completed', output: 2 });
    expect(of('workflow:submitted')).toHaveLength(1);
    await expectUnharmed(stage);
  });

  it('that is refused changes nothing of the functions that run under the name', async () => {
    const stage = await scene();
    const { system, until } = stage;
    const named = (result: string) =>
      defineWorkflow({
        name: 'named',
        tasks: (task) => {
          const first = task('first', { run: async (_, { sleep }) => sleep(1_000).then(() => result) });
          return task('second', {
            params: { first },
            run: ({ first: got }) => `${String(got)} and ${result}`,
            ...(result === 'new' && { dependsOn: ['first'] }),
            ...(result === 'new' && { priority: 'high' }),
          });
        },
      });
    const run = await system.submit(named('old'), { id: 'mine' });
    expect(await errorFrom(() => system.submit(named('new'), { id: 'mine' }))).toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    expect((await until(run.result())).output).toBe('old and old');
    await expectNothingLeft(system);
  });
});
