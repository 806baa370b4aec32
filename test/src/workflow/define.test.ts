import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

import { scanTemplate } from '../../../machines/policies/references.ts';
import { defineProvider } from '../../../src/providers/provider.ts';
import { defineWorkflow } from '../../../src/workflow/define.ts';
import { checkInput } from '../../../src/workflow/input.ts';
import type { RefTo } from '../../../src/workflow/ref-types.ts';
import type { InputOf, OutputOf } from '../../../src/workflow/workflow.ts';
import { faultsOf } from './faults-of.ts';

const text = defineProvider({
  protocol: 'text/v2',
  methods: {
    'text/words': {
      params: z.object({ text: z.string(), limit: z.number().optional() }),
      run: async ({ text: words }) => ({ count: words.length, words: words.split(' ') }),
    },
    'text/list': { run: () => ({ items: [{ url: 'a', size: 1 }] }) },
  },
});
const other = defineProvider({
  protocol: 'other/v1',
  methods: { 'other/upper': { params: z.object({ of: z.string() }), run: ({ of }) => of.toUpperCase() } },
});

const taskOf = (workflow: { readonly definition: { readonly tasks: readonly { readonly id: string }[] } }, id: string) =>
  workflow.definition.tasks.find((task) => task.id === id);

describe('a workflow in code', () => {
  test('the example of the contract is a definition, its function and its output', () => {
    const report = defineWorkflow({
      name: 'report',
      input: z.object({ text: z.string() }),
      tasks: (task, input) => {
        const words = task('words', { method: 'text/words', params: { text: input.text } });
        return { words, double: task('double', { run: ({ n }) => n * 2, params: { n: words.count }, retry: { maxAttempts: 5 } }) };
      },
    });
    expect(taskOf(report, 'words')).toMatchObject({ method: 'text/words', protocol: 'text/v1', params: { text: '${input.text}' }, dependencies: [] });
    expect(taskOf(report, 'double')).toMatchObject({
      method: 'function/report/double',
      protocol: 'function/v1',
      params: { n: '${words.count}' },
      dependencies: [{ task: 'words', when: 'success' }],
      retry: { maxAttempts: 5, strategy: 'exponential' },
      timeoutMs: 300_000,
    });
    expect(report.definition.output).toEqual({ words: '${words}', double: '${double}' });
    expect([...report.functions.keys()]).toEqual(['function/report/double']);
    expect(report.levels).toBe(2);
    expect([...report.impliedProtocols]).toEqual(['words']);
    expectTypeOf<InputOf<typeof report>>().toEqualTypeOf<{ text: string }>();
  });

  test('types go from schema to reference to handler to output', () => {
    const workflow = defineWorkflow({
      name: 'typed',
      input: z.object({ text: z.string(), when: z.string().transform(Number) }),
      providers: [text, other],
      tasks: (task, input) => {
        expectTypeOf(input.when).toExtend<RefTo<number>>();
        const words = task('words', { method: 'text/words', params: { text: input.text } });
        expectTypeOf(words.count).toExtend<RefTo<number>>();
        const upper = task('upper', { method: 'other/upper', params: { of: `first: ${words.words[0]}` } });
        const sum = task('sum', {
          params: { n: words.count, deep: { list: [words.count, 1] }, all: words },
          run: ({ n, deep, all }) => {
            expectTypeOf(n).toEqualTypeOf<number>();
            expectTypeOf(deep.list).toEqualTypeOf<number[]>();
            expectTypeOf(all.words).toEqualTypeOf<string[]>();
            return { total: n + all.count, at: deep.list[0] };
          },
        });
        return { upper, sum: sum.total, literal: 'done' };
      },
    });
    expectTypeOf<OutputOf<typeof workflow>>().toEqualTypeOf<{ upper: string; sum: number; literal: string }>();
    expectTypeOf<InputOf<typeof workflow>>().toEqualTypeOf<{ text: string; when: string }>();
    expect(taskOf(workflow, 'words')).toMatchObject({ protocol: 'text/v2' });
    expect(taskOf(workflow, 'upper')).toMatchObject({
      params: { of: 'first: ${words.words[0]}' },
      dependencies: [{ task: 'words', when: 'success' }],
    });
    expect(taskOf(workflow, 'sum')).toMatchObject({ params: { n: '${words.count}', deep: { list: ['${words.count}', 1] }, all: '${words}' } });
  });

  test('what does not fit does not compile', () => {
    const define = () =>
      defineWorkflow({
        name: 'wrong',
        input: z.object({ text: z.string() }),
        providers: [text, other],
        tasks: (task, input) => {
          const words = task('words', { method: 'text/words', params: { text: input.text } });
          // @ts-expect-error the input has no such field
          task('a', { method: 'text/words', params: { text: input.txt } });
          // @ts-expect-error the result has no such field
          task('b', { method: 'other/upper', params: { of: words.cuont } });
          // @ts-expect-error a number where a text is wanted
          task('c', { method: 'other/upper', params: { of: words.count } });
          // @ts-expect-error a parameter that the method does not have
          task('d', { method: 'text/words', params: { txt: input.text } });
          // @ts-expect-error a parameter is missing
          task('e', { method: 'text/words', params: {} });
          // @ts-expect-error no parameters at all
          task('f', { method: 'text/words' });
          // @ts-expect-error no such method
          task('g', { method: 'text/wrods', params: { text: 'a' } });
          // @ts-expect-error a text is not a number
          task('h', { params: { n: input.text }, run: ({ n }) => n * 2 });
          // @ts-expect-error no such priority
          task('i', { run: () => 1, priority: 'hgh' });
          task('j', { method: 'text/list' });
        },
      });
    expect(faultsOf(define)).toMatchObject([{ path: 'tasks.i.priority', rule: 'type' }]);
  });

  test('a fan-out gives its elements their types, and a list of results', () => {
    const workflow = defineWorkflow({
      name: 'fan-out',
      providers: [text, other],
      tasks: (task) => {
        const list = task('list', { method: 'text/list' });
        const upper = task('upper', { method: 'other/upper', forEach: list.items, params: (item) => ({ of: item.url }) });
        expectTypeOf(upper).toExtend<RefTo<string[]>>();
        const sizes = task('sizes', {
          forEach: { items: list.items, concurrency: 2, tolerate: '10%' },
          params: (item, index) => ({ size: item.size, index }),
          run: async ({ size, index }) => {
            expectTypeOf(size).toEqualTypeOf<number>();
            expectTypeOf(index).toEqualTypeOf<number>();
            return size + index;
          },
        });
        expectTypeOf(sizes).toExtend<RefTo<(number | null)[]>>();
        // @ts-expect-error elements have no such field
        task('wrong', { method: 'other/upper', forEach: list.items, params: (item) => ({ of: item.ulr }) });
        return { first: upper[0], sizes };
      },
    });
    expect(taskOf(workflow, 'upper')).toMatchObject({
      forEach: { items: '${list.items}' },
      params: { of: '${item.url}' },
      dependencies: [{ task: 'list', when: 'success' }],
    });
    expect(taskOf(workflow, 'sizes')).toMatchObject({
      forEach: { items: '${list.items}', concurrency: 2, tolerate: { ratio: 0.1 } },
      params: { size: '${item.size}', index: '${index}' },
    });
    expect(workflow.definition.output).toEqual({ first: '${upper[0]}', sizes: '${sizes}' });
  });

  test('dependencies without references, and what a task may be set to', () => {
    const workflow = defineWorkflow({
      name: 'settings',
      description: 'all of them',
      version: '2',
      timeoutMs: 10_000,
      failurePolicy: 'continue_on_error',
      maxParallelTasks: 3,
      tasks: (task) => {
        const a = task('a', { run: () => 1, priority: 'urgent', timeoutMs: 500, name: 'First one' });
        task('b', { run: () => 2, dependsOn: [{ task: a, when: 'done' }], retry: true });
        task('c', { run: () => 3, dependsOn: [a, 'b'], retry: 2 });
      },
    });
    expect(workflow.definition).toMatchObject({
      description: 'all of them',
      version: '2',
      timeoutMs: 10_000,
      failurePolicy: 'continue_on_error',
      maxParallelTasks: 3,
    });
    expect(workflow.definition).not.toHaveProperty('output');
    expect(taskOf(workflow, 'a')).toMatchObject({ priority: 'urgent', timeoutMs: 500, name: 'First one', params: {} });
    expect(taskOf(workflow, 'b')).toMatchObject({ dependencies: [{ task: 'a', when: 'done' }], retry: { maxAttempts: 3 } });
    expect(taskOf(workflow, 'c')).toMatchObject({
      dependencies: [
        { task: 'a', when: 'success' },
        { task: 'b', when: 'success' },
      ],
      retry: { maxAttempts: 2 },
    });
  });

  test('a text that looks like a reference stays a text', () => {
    const workflow = defineWorkflow({ name: 'literal', tasks: (task) => ({ a: task('a', { run: () => 1, params: { s: 'cost ${x} and $${y}' } }) }) });
    const { params } = workflow.definition.tasks[0] as { params: { s: string } };
    expect(scanTemplate(params.s)).toEqual([{ kind: 'text', text: 'cost ${x} and $${y}' }]);
  });

  test('a field of any name is reached', () => {
    const workflow = defineWorkflow({
      name: 'names',
      tasks: (task) => {
        const a = task('a', { run: () => ({ 'b c': { '}"\\': [1] }, then: 2, toString: 3, constructor: 4 }) });
        return [a['b c']['}"\\'][0], a.then, a.toString, a.constructor];
      },
    });
    expect(workflow.definition.output).toEqual(['${a["b c"]["}\\"\\\\"][0]}', '${a.then}', '${a.toString}', '${a.constructor}']);
  });

  test('what cannot be a workflow is told, all of it', () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const issues = faultsOf(() =>
      defineWorkflow({
        name: 'wrong',
        tasks: (task) => {
          const a = task('a', { run: () => ({ list: [1] }), params: { cyclic } });
          task('a', { run: () => 1, timeoutMs: 4_000_000 });
          task('__proto__', { run: () => 1 });
          task('x.y', { run: () => 1 });
          task('cost', { run: () => 1, params: { text: `$${a}` } });
          task('b', { run: () => 1, dependsOn: ['nobody'] });
          task('c', { method: 'text/words', params: { when: new Date(Number.NaN), on: 1n } });
          task('d', { method: 'text/words', params: { item: '${item}' }, forEach: a.list, retry: { maxAttempts: 0 } });
          task('e', {} as never);
        },
      }),
    );
    expect(issues.map(({ path, rule }) => `${path} ${rule}`).sort()).toEqual(
      [
        'tasks.a.id duplicate_id',
        'tasks.a.params.cyclic[0] circular',
        'tasks.a.timeoutMs limit',
        'tasks.b.dependsOn[0] unknown_dependency',
        'tasks.c.params.on not_json',
        'tasks.c.params.when not_json',
        'tasks.cost.params dollar',
        'tasks.d.retry.maxAttempts type',
        'tasks.e required',
        'tasks.e route',
        'tasks["x.y"] forbidden_name',
        'tasks.__proto__.id forbidden_name',
      ].sort(),
    );
  });

  test('a reference is no number while the workflow is defined', () => {
    // @ts-expect-error nor does it compile
    expect(() => defineWorkflow({ name: 'x', tasks: (task) => task('a', { run: () => 1 }) * 2 })).toThrow(
      /"\$\{a\}" refers to a value that is not there yet/,
    );
  });

  test('the same definition has the same version hash, another one another', () => {
    const define = (n: number) => defineWorkflow({ name: 'v', tasks: (task) => ({ a: task('a', { run: () => 1, params: { n } }) }) });
    expect(define(1).versionHash).toBe(define(1).versionHash);
    expect(define(1).versionHash).not.toBe(define(2).versionHash);
  });
});

describe('the input of a run', () => {
  const workflow = defineWorkflow({
    name: 'w',
    input: z.object({ text: z.string(), n: z.coerce.number(), at: z.string().default('now') }),
    defaults: { text: 'default' },
    tasks: (task) => ({ a: task('a', { run: () => 1 }) }),
  });

  test('gets the defaults, and what the schema makes of it', async () => {
    expect(await checkInput(workflow, { n: '4' })).toEqual({ text: 'default', n: 4, at: 'now' });
  });

  test('every fault is told', async () => {
    await expect(checkInput(workflow, { text: 1, n: 'x' })).rejects.toMatchObject({
      code: 'INVALID_PARAMS',
      issues: [{ path: 'text' }, { path: 'n' }],
    });
    await expect(checkInput(workflow, { n: 1, f: () => 1 })).rejects.toMatchObject({
      code: 'INVALID_PARAMS',
      issues: [{ path: 'f', rule: 'not_json' }],
    });
  });

  test('is no larger than it may be, and JSON even after the schema', async () => {
    const loose = defineWorkflow({ name: 'w', tasks: (task) => ({ a: task('a', { run: () => 1 }) }) });
    await expect(checkInput(loose, { text: 'x'.repeat(9_000_000) })).rejects.toMatchObject({ code: 'INVALID_PARAMS', issues: [{ rule: 'payload' }] });
    const dated = defineWorkflow({ name: 'w', input: z.object({ at: z.string().transform((at) => new Date(at)) }), tasks: () => 1 });
    await expect(checkInput(dated, { at: '2020-01-01' })).resolves.toEqual({ at: '2020-01-01T00:00:00.000Z' });
    const mapped = defineWorkflow({ name: 'w', input: z.object({ at: z.string().transform(() => new Map()) }), tasks: () => 1 });
    await expect(checkInput(mapped, { at: '' })).rejects.toMatchObject({ issues: [{ path: 'at', rule: 'not_json' }] });
    expect(await checkInput(loose, undefined)).toEqual({});
  });
});
