/** Questions and commands about what is not there, or not any more. */
import { describe, expect, it } from 'vitest';

import { defineProvider } from '../../src/providers/provider.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { scene } from '../scenarios/scene.ts';
import { errorFrom, expectUnharmed, good } from './aftermath.ts';

const two = defineWorkflow({
  name: 'two',
  tasks: (task) => {
    const first = task('first', { run: async (_, { sleep }) => sleep(60_000) });
    return task('second', { run: () => 2, dependsOn: [first] });
  },
});

describe('of an unknown workflow', () => {
  it.each(['nobody', '', '__proto__', 'constructor', undefined, null, 5, {}])('nothing is known, and nothing can be asked: %o', async (unknown) => {
    const stage = await scene();
    const { system } = stage;
    const id = unknown as string;
    const acts = [
      () => system.run(id),
      () => system.status(id),
      () => system.result(id),
      () => system.trace(id),
      () => system.explain(id),
      () => system.cancel(id),
      () => system.cancelTask(id, 'one'),
      () => system.setPriority(id, 'one', 'high'),
    ];
    for (const act of acts) expect(await errorFrom(act)).toMatchObject({ code: 'WORKFLOW_NOT_FOUND', rpcCode: -28_002 });
    expect(stage.of('system:dead_letter')).toEqual([]);
    await expectUnharmed(stage);
  });
});

describe('a list of workflows', () => {
  it.each([{ limit: 0 }, { limit: 1.5 }, { limit: '3' }, { status: 'done' }, { before: 5 }, { from: 1 }, null, 'all'])(
    'is not made of %o',
    async (options) => {
      const stage = await scene();
      expect(await errorFrom(() => stage.system.list(options as never))).toMatchObject({ code: 'INVALID_PARAMS' });
      await expectUnharmed(stage);
    },
  );
});

describe('of a workflow that has ended', () => {
  it('everything can be asked, and no command changes anything', async () => {
    const stage = await scene();
    const { system, events } = stage;
    const { workflowId: id } = await stage.play(good);
    const run = await system.run(id);
    const before = events.length;
    run.cancel();
    run.pause();
    run.resume();
    await system.cancel(id);
    await system.cancelTask(id, 'one');
    await system.setPriority(id, 'one', 'high');
    await stage.settle();
    expect(events.length).toBe(before);
    expect((await run.status()).status).toBe('completed');
    expect(await run.result()).toMatchObject({ output: 2 });
    expect(await run.explain()).toMatchObject({ status: 'ended', tasks: [] });
    expect((await run.trace()).root.event.type).toBe('workflow:submitted');
    await expectUnharmed(stage);
  });
});

describe('of a workflow that runs', () => {
  it('unknown tasks, and those that wait for others, cannot be asked for anything', async () => {
    const stage = await scene();
    const { system, until } = stage;
    const run = await stage.submit(two);
    const nearest = await errorFrom(() => system.cancelTask(run.id, 'secnd'));
    expect(nearest).toMatchObject({ code: 'TASK_NOT_FOUND', rpcCode: -29_009 });
    expect(nearest.message).toContain('Did you mean "second"?');
    for (const id of ['__proto__', 'constructor', '', 5 as never])
      expect(await errorFrom(() => run.explain(id))).toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(await errorFrom(() => system.cancelTask(run.id, 'second'))).toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    expect(await errorFrom(() => system.setPriority(run.id, 'first', 'highest' as never))).toMatchObject({ code: 'INVALID_PARAMS' });
    expect(stage.of('system:dead_letter')).toEqual([]);
    expect(await until(run.result())).toMatchObject({ status: 'completed', output: 2 });
    await expectUnharmed(stage);
  });

  it('a command that its end overtakes is lost without a trace', async () => {
    const stage = await scene({ strict: false });
    const ending = defineProvider({ protocol: 'end/v1', methods: { 'end/now': { run: () => 1 } } });
    stage.system.register(ending);
    const run = await stage.submit(two);
    const canceller = stage.system.on('task:completed', () => run.cancel());
    await stage.until(run.result());
    canceller();
    await expectUnharmed(stage);
  });
});

describe('a command of the user', () => {
  it.each<readonly [unknown, unknown, string]>([
    ['task:completed', {}, 'INVALID_REQUEST'],
    ['no:such', {}, 'INVALID_REQUEST'],
    ['__proto__', {}, 'INVALID_REQUEST'],
    [undefined, {}, 'INVALID_REQUEST'],
    ...['system:start', 'system:stop', 'system:crash', 'system:hold', 'system:release', 'engine:halt', 'workflow:recover'].map(
      (type) => [type, {}, 'INVALID_REQUEST'] as const,
    ),
    ...['worker:register', 'worker:disown'].map((type) => [type, {}, 'INVALID_REQUEST'] as const),
    ['engine:pause', { reason: 5 }, 'INVALID_PARAMS'],
    ['engine:pause', undefined, 'INVALID_PARAMS'],
    ['workflow:cancel', { workflowId: 1n }, 'INVALID_PARAMS'],
  ])('%o with %o is refused with %s', async (type, data, code) => {
    const stage = await scene();
    expect(await errorFrom(() => stage.system.emit(type as never, data as never))).toMatchObject({ code });
    await expectUnharmed(stage);
  });
});
