/** Names that every object answers to, where they are data: they stay data, and nothing is polluted by them. */
import { afterEach, describe, expect, it } from 'vitest';
import { defineProvider } from '../../src/providers/provider.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow } from '../../src/workflow/load.ts';
import { scene } from '../scenarios/scene.ts';
import { errorFrom, expectUnharmed } from './aftermath.ts';

const fielded = '{"constructor":{"prototype":{"polluted":true}},"toString":1,"hasOwnProperty":2,"length":3,"then":4}';
const odd = defineProvider({
  protocol: 'odd/v1',
  methods: {
    'odd/make': { run: () => JSON.parse(fielded) as unknown },
    'odd/echo': { run: (params) => params },
    constructor: { run: () => 'constructed' },
  },
});

afterEach(() => {
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

describe('fields named like members of objects', () => {
  it('pass through results, references and parameters as they are', async () => {
    const stage = await scene({ providers: [odd] });
    const fields = {
      whole: '${make}',
      made: '${make.constructor.prototype}',
      text: '<${make.toString}>',
      size: '${make.length}',
    };
    const result = await stage.play(
      await loadWorkflow({
        name: 'odd',
        tasks: [
          { id: 'make', method: 'odd/make' },
          { id: 'echo', method: 'odd/echo', params: fields },
        ],
        output: '${echo}',
      }),
    );
    expect(result.status).toBe('completed');
    const echoed = JSON.parse(fielded) as object;
    expect(JSON.stringify(result.output)).toBe(JSON.stringify({ whole: echoed, made: { polluted: true }, text: '<1>', size: 3 }));
    await expectUnharmed(stage);
  });

  it('are elements of a fan-out like any other', async () => {
    const stage = await scene({ providers: [odd] });
    const result = await stage.play(
      await loadWorkflow({
        name: 'each',
        input: { names: ['__proto__', 'constructor'] },
        tasks: [{ id: 'each', method: 'odd/echo', for_each: '${input.names}', params: { name: '${item}' } }],
      }),
    );
    expect(result.tasks['each']?.result).toEqual([{ name: '__proto__' }, { name: 'constructor' }]);
    await expectUnharmed(stage);
  });

  it('are taken from an input that has them, and from none that has not', async () => {
    const stage = await scene({ providers: [odd] });
    const workflow = await loadWorkflow({ name: 'in', tasks: [{ id: 'a', method: 'odd/echo', params: { got: '${input.constructor}' } }] });
    expect((await stage.play(workflow, { input: { constructor: 5 } })).tasks['a']?.result).toEqual({ got: 5 });
    expect((await stage.play(workflow, { input: {} })).tasks['a']?.error).toMatchObject({ code: 'TASK_PARAMETER_ERROR' });
    await expectUnharmed(stage);
  });

  it('can be referred to in code', async () => {
    const stage = await scene({ providers: [odd] });
    const workflow = defineWorkflow({
      name: 'code',
      tasks: (task) => {
        const made = task('made', { run: () => JSON.parse(fielded) as { constructor: { prototype: object }; toString: number; then: number } });
        return task('seen', { params: { a: made.constructor.prototype, b: made.toString, c: made.then }, run: (got) => got });
      },
    });
    expect((await stage.play(workflow)).output).toEqual({ a: { polluted: true }, b: 1, c: 4 });
    await expectUnharmed(stage);
  });
});

describe('names of tasks, methods and workflows', () => {
  it.each(['__proto__', 'constructor', 'prototype'])('%s is refused in code, too', async (name) => {
    const build = (id: string, called: string) => defineWorkflow({ name: called, tasks: (task) => task(id, { run: () => 1 }) });
    for (const act of [() => build(name, 'fine'), () => build('fine', name)]) {
      const error = await errorFrom(act);
      expect(error).toMatchObject({ code: 'WORKFLOW_VALIDATION_FAILED' });
      expect(error.message).toContain(`must not be "${name}"`);
    }
  });

  it.each(['toString', 'hasOwnProperty', 'valueOf', 'then', 'length', '__defineGetter__'])('%s is a task like any other', async (id) => {
    const stage = await scene();
    const result = await stage.play(
      defineWorkflow({ name: id, tasks: (task) => task('next', { params: { it: task(id, { run: () => 1 }) }, run: ({ it: got }) => got }) }),
    );
    expect(result).toMatchObject({ status: 'completed', output: 1 });
    expect((await stage.system.status(result.workflowId)).tasks[id]?.status).toBe('completed');
    await expectUnharmed(stage);
  });

  it('a method may have the name of a member of objects', async () => {
    const stage = await scene({ providers: [odd] });
    const result = await stage.play(await loadWorkflow({ name: 'm', tasks: [{ id: 'a', protocol: 'odd/v1', method: 'constructor' }] }));
    expect(result.tasks['a']?.result).toBe('constructed');
    await expectUnharmed(stage);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['an object', {}],
    ['a symbol', Symbol('id')],
    ['nothing', ''],
    ['a blank', ' a'],
    ['braces', 'a}'],
    ['the end of an element', 'a[0]'],
    ['a control character', 'a\u0000'],
    ['the input', 'input'],
  ])('%s is no id in code', async (_, id) => {
    const error = await errorFrom(() => defineWorkflow({ name: 'ids', tasks: (task) => task(id as string, { run: () => 1 }) }));
    expect(error).toMatchObject({ code: 'WORKFLOW_VALIDATION_FAILED' });
  });
});
