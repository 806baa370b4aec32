import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workflowDefinitionSchema } from '../../../machines/events/definition.ts';
import { loadWorkflow, parseWorkflow } from '../../../src/workflow/load.ts';
import { rejectionOf } from './faults-of.ts';

const tasksOf = async (tasks: readonly object[]) => (await loadWorkflow({ name: 'w', tasks })).definition.tasks;
const taskOf = async (task: object) => (await tasksOf([{ id: 'a', method: 'core/echo', ...task }]))[0];
const issuesOf = async (from: object | string) => {
  const error = await rejectionOf(typeof from === 'string' ? parseWorkflow(from) : loadWorkflow(from));
  return (error.issues ?? []).map(({ path, rule }) => `${path} ${rule}`);
};
const faultOf = async (task: object) => issuesOf({ name: 'w', tasks: [{ id: 'a', method: 'core/echo', ...task }] });

const report = `
name: Word report
description: optional
version: "1.0"
timeout: 120
failure_policy: continue_on_error
max_parallel_tasks: 10
input: { text: "default" }
x-anchors: { retry: &retry { max_attempts: 3, strategy: linear, base_delay: 1, max_delay: 60, jitter: true } }
tasks:
  - id: fetch
    name: Fetch page
    protocol: http/v1
    method: http/request
    parameters: { url: "\${input.url}" }
    priority: high
    timeout: 30
    retry: *retry
  - id: count
    method: python/execute
    dependencies: [Fetch page]
    parameters:
      code: "result = len(context['body'].split())"
      context: { body: "\${fetch.body}", again: "\${Fetch page.body[0].x}" }
  - name: Last one
    methd: core/echo
    method: core/echo
output: { n: "\${count.result}" }
`;

describe('a workflow file', () => {
  test('becomes a definition: seconds are milliseconds, names are ids, references are dependencies', async () => {
    const workflow = await parseWorkflow(report.replace(/ {4}methd.*\n/, ''));
    expect(workflow.definition).toEqual({
      name: 'Word report',
      description: 'optional',
      version: '1.0',
      timeoutMs: 120_000,
      failurePolicy: 'continue_on_error',
      maxParallelTasks: 10,
      output: { n: '${count.result}' },
      tasks: [
        {
          id: 'fetch',
          name: 'Fetch page',
          protocol: 'http/v1',
          method: 'http/request',
          params: { url: '${input.url}' },
          dependencies: [],
          priority: 'high',
          timeoutMs: 30_000,
          retry: { maxAttempts: 3, strategy: 'linear', baseDelayMs: 1_000, maxDelayMs: 60_000, jitter: 'equal' },
        },
        {
          id: 'count',
          protocol: 'python/v1',
          method: 'python/execute',
          params: { code: "result = len(context['body'].split())", context: { body: '${fetch.body}', again: '${Fetch page.body[0].x}' } },
          dependencies: [{ task: 'fetch', when: 'success' }],
          priority: 'normal',
          timeoutMs: 300_000,
        },
        {
          id: 'Last one',
          name: 'Last one',
          protocol: 'core/v1',
          method: 'core/echo',
          params: {},
          dependencies: [],
          priority: 'normal',
          timeoutMs: 300_000,
        },
      ],
    });
    expect(workflowDefinitionSchema.parse(workflow.definition)).toEqual(workflow.definition);
    expect(workflow).toMatchObject({ levels: 2, inputDefaults: { text: 'default' }, versionHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect([...workflow.impliedProtocols]).toEqual(['count', 'Last one']);
  });

  test('says the same in JSON, in camelCase and as an object', async () => {
    const snake = {
      name: 'w',
      failure_policy: 'fail_fast',
      max_parallel_tasks: 2,
      tasks: [{ id: 'a', method: 'core/echo', parameters: { x_y: 1 }, retry: { max_attempts: 2, base_delay: 2 } }],
    };
    const camel = {
      name: 'w',
      failurePolicy: 'fail_fast',
      maxParallelTasks: 2,
      tasks: [{ id: 'a', method: 'core/echo', params: { x_y: 1 }, retry: { maxAttempts: 2, baseDelay: 2 } }],
    };
    const [first, ...others] = await Promise.all([
      loadWorkflow(snake),
      loadWorkflow(camel),
      parseWorkflow(JSON.stringify(snake), { format: 'json' }),
      parseWorkflow(JSON.stringify(camel), { source: 'x.JSON' }),
      parseWorkflow(JSON.stringify(snake)),
    ]);
    for (const other of others) {
      expect(other.definition).toEqual(first?.definition);
      expect(other.versionHash).toBe(first?.versionHash);
    }
    expect(first?.definition.tasks[0]).toMatchObject({ params: { x_y: 1 }, retry: { baseDelayMs: 2_000 } });
  });

  test.each([
    [1, 'high'],
    [2, 'normal'],
    [3, 'low'],
    ['urgent', 'urgent'],
  ])('priority %s is %s', async (priority, is) => {
    expect(await taskOf({ priority })).toMatchObject({ priority: is });
  });

  const defaults = { maxAttempts: 3, strategy: 'exponential', baseDelayMs: 1_000, maxDelayMs: 300_000, jitter: 'equal' };
  test.each([
    [{}, defaults],
    [true, defaults],
    [5, { ...defaults, maxAttempts: 5 }],
    [
      { attempts: 2, backoff: 'fixed', jitter: false },
      { ...defaults, maxAttempts: 2, strategy: 'fixed', jitter: 'none' },
    ],
    [
      { jitter: 'full', base_delay_ms: 5, maxDelayMs: 10 },
      { ...defaults, jitter: 'full', baseDelayMs: 5, maxDelayMs: 10 },
    ],
    [{ base_delay: 600 }, { ...defaults, baseDelayMs: 600_000, maxDelayMs: 600_000 }],
    [
      { retry_on: ['X'], never_on: ['TASK_TIMEOUT'] },
      { ...defaults, retryOn: ['X'], neverOn: ['TASK_TIMEOUT'] },
    ],
  ])('retry %o', async (retry, policy) => {
    expect((await taskOf({ retry }))?.retry).toEqual(policy);
  });

  test.each([[undefined], [false], [null]])('retry %s: tried once', async (retry) => {
    expect(await taskOf({ retry })).not.toHaveProperty('retry');
  });

  test('a fan-out, its limits in it or beside it', async () => {
    const list = { id: 'list', method: 'core/echo' };
    const [, beside, inside] = await tasksOf([
      list,
      { id: 'a', method: 'core/echo', for_each: '${list.items}', concurrency: 2, tolerate: '12.5%', params: { x: '${item.url}', i: '${index}' } },
      { id: 'b', method: 'core/echo', forEach: { items: '${input.urls}', concurrency: 3, tolerate: 4 } },
    ]);
    expect(beside).toMatchObject({
      forEach: { items: '${list.items}', concurrency: 2, tolerate: { ratio: 0.125 } },
      dependencies: [{ task: 'list', when: 'success' }],
    });
    expect(inside).toMatchObject({ forEach: { items: '${input.urls}', concurrency: 3, tolerate: { count: 4 } }, dependencies: [] });
  });

  test('dependencies may want the end only; a reference does not make them stricter', async () => {
    const base = { method: 'core/echo' };
    const tasks = await tasksOf([
      { id: 'a', ...base },
      { id: 'b', ...base, dependencies: [{ task: 'a', when: 'done' }], params: { x: '${a.x}' } },
      { id: 'c', ...base, depends_on: ['a', { task: 'a', when: 'done' }, 'b', 'b'] },
      { id: 1, ...base, dependencies: 'a' },
      { id: 'e', ...base, dependencies: [1] },
    ]);
    expect(tasks.map(({ dependencies }) => dependencies)).toEqual([
      [],
      [{ task: 'a', when: 'done' }],
      [
        { task: 'a', when: 'success' },
        { task: 'b', when: 'success' },
      ],
      [{ task: 'a', when: 'success' }],
      [{ task: '1', when: 'success' }],
    ]);
  });

  test('a definition can be loaded again', async () => {
    const tasks = [
      { id: 'a', method: 'core/echo', retry: 2, timeout: 3 },
      { id: 'b', method: 'core/echo', for_each: '${a.x}', tolerate: '10%', dependencies: [{ task: 'a', when: 'done' }] },
    ];
    const { definition, versionHash } = await loadWorkflow({ name: 'w', timeout: 5, output: { x: '${b}' }, tasks });
    expect(await loadWorkflow(definition)).toMatchObject({ definition, versionHash });
  });

  test('a literal "${" is no reference', async () => {
    expect(await taskOf({ params: { shell: '$${HOME}' } })).toMatchObject({ params: { shell: '$${HOME}' }, dependencies: [] });
  });
});

describe('all faults are told, with their places', () => {
  test('of a file', async () => {
    const error = await rejectionOf(
      parseWorkflow(
        report.replace('[Fetch page]', '[Fetch pgae, count]').replace('${fetch.body}', '${fetsch.body}').replace('timeout: 30', 'timeout: 9999'),
        { source: 'report.yaml' },
      ),
    );
    expect(error).toMatchObject({ code: 'WORKFLOW_VALIDATION_FAILED', rpcCode: -28_001, retryable: false });
    expect(error.issues).toEqual([
      { path: 'tasks[0].timeout', line: 17, column: 5, rule: 'limit', message: 'tasks[0].timeout must be at most 3600 seconds, got 9999' },
      {
        path: 'tasks[1].dependencies[0]',
        line: 21,
        column: 20,
        rule: 'unknown_dependency',
        message: expect.stringContaining('"Fetch pgae". Did you mean "Fetch page"?'),
      },
      { path: 'tasks[1].dependencies[1]', line: 21, column: 32, rule: 'self_dependency', message: expect.stringContaining('"count"') },
      {
        path: 'tasks[1].parameters.context.body',
        line: 24,
        column: 18,
        rule: 'unknown_reference',
        message: expect.stringContaining('"${fetsch.body}". Did you mean "fetch"?'),
      },
      { path: 'tasks[2].methd', line: 26, column: 5, rule: 'unknown_key', message: 'tasks[2].methd is not a known key. Did you mean "method"?' },
    ]);
    expect(error.details).toEqual({ issues: error.issues });
    expect(error.message).toMatch(/^report\.yaml has 5 faults:\n {2}line 17, column 5: tasks\[0\]\.timeout must be/);
  });

  test('of JSON text', async () => {
    const error = await rejectionOf(
      parseWorkflow('{"name":"x",\n "tasks":[{"id":"a",\n "id":"b","method":"core/echo","timeout":"x", "nope": 1}]}', { format: 'json' }),
    );
    expect(error.issues?.map(({ path, rule, line, column }) => [path, rule, line, column])).toEqual([
      ['tasks[0].id', 'duplicate_key', 3, 2],
      ['tasks[0].timeout', 'type', 3, 32],
      ['tasks[0].nope', 'unknown_key', 3, 47],
    ]);
  });

  test('a circle is shown as a path, one for each knot', async () => {
    const base = { method: 'core/echo' };
    const error = await rejectionOf(
      loadWorkflow({
        name: 'w',
        tasks: [
          { id: 'a', ...base, dependencies: ['c'] },
          { id: 'b', ...base, params: { x: '${a.x}' } },
          { id: 'c', ...base, dependencies: ['b', 'd'] },
          { id: 'd', ...base },
          { id: 'x', ...base, dependencies: ['y'] },
          { id: 'y', ...base, dependencies: ['x'] },
        ],
      }),
    );
    expect(error).toMatchObject({ code: 'WORKFLOW_CIRCULAR_DEPENDENCY', rpcCode: -28_006 });
    expect(error.issues?.map(({ message }) => message)).toEqual([
      expect.stringContaining(': a -> c -> b -> a'),
      expect.stringContaining(': x -> y -> x'),
    ]);
  });

  test.each([
    [{ timeout: 0 }, 'tasks[0].timeout type'],
    [{ timeout: 'x' }, 'tasks[0].timeout type'],
    [{ timeout: 1, timeout_ms: 1 }, 'tasks[0].timeout_ms duplicate_key'],
    [{ params: [] }, 'tasks[0].params type'],
    [{ params: {}, parameters: {} }, 'tasks[0].parameters duplicate_key'],
    [{ priority: 4 }, 'tasks[0].priority type'],
    [{ retry: 0 }, 'tasks[0].retry type'],
    [{ retry: { max_atempts: 3 } }, 'tasks[0].retry.max_atempts unknown_key'],
    [{ retry: { base_delay: 10, max_delay: 5 } }, 'tasks[0].retry retry'],
    [{ retry: { retry_on: 'X' } }, 'tasks[0].retry.retry_on type'],
    [{ dependencies: [{ task: 'b' }] }, 'tasks[0].dependencies[0] unknown_dependency'],
    [{ dependencies: [{ task: 'b', when: 'failed' }] }, 'tasks[0].dependencies[0].when type', 'tasks[0].dependencies[0] unknown_dependency'],
    [{ dependencies: [[]] }, 'tasks[0].dependencies[0] type'],
    [{ for_each: 'list' }, 'tasks[0].for_each for_each'],
    [{ for_each: '${input.a} ${input.b}' }, 'tasks[0].for_each for_each'],
    [{ for_each: [1, 2] }, 'tasks[0].for_each type'],
    [{ for_each: '${item.a}' }, 'tasks[0].for_each unknown_reference'],
    [{ for_each: '${input.a}', tolerate: '10' }, 'tasks[0].tolerate type'],
    [{ concurrency: 2 }, 'tasks[0].concurrency for_each'],
    [{ params: { x: '${item.a}' } }, 'tasks[0].params.x unknown_reference'],
    [{ params: { x: ['${a.b}'] } }, 'tasks[0].params.x[0] self_reference'],
    [{ params: { x: '${input.a' } }, 'tasks[0].params.x unclosed_reference'],
    [{ params: { x: '${input.a[x]}' } }, 'tasks[0].params.x bad_reference'],
    [{ params: { x: '${HOME}' } }, 'tasks[0].params.x unknown_reference'],
    [{ method: 'echo' }, 'tasks[0] required'],
    [{ method: undefined }, 'tasks[0] required'],
    [{ id: undefined }, 'tasks[0] required'],
    [{ id: '__proto__' }, 'tasks[0].id forbidden_name'],
    [{ id: 'constructor' }, 'tasks[0].id forbidden_name'],
    [{ id: 'prototype' }, 'tasks[0].id forbidden_name'],
    [{ name: 'constructor' }, 'tasks[0].id forbidden_name'],
    [{ id: 'input' }, 'tasks[0].id forbidden_name'],
    [{ id: 'x[0]' }, 'tasks[0].id forbidden_name'],
    [{ id: 'a}' }, 'tasks[0].id forbidden_name'],
    [{ params: JSON.parse('{"__proto__": 1}') as unknown }, 'tasks[0].params.__proto__ forbidden_name'],
    [{ params: { f: () => 1 } }, 'tasks[0].params.f not_json'],
    [{ params: { n: Number.NaN } }, 'tasks[0].params.n not_json'],
    [{ params: { text: 'x'.repeat(9_000_000) } }, 'tasks[0].params payload'],
  ])('of a task %o', async (task, ...faults) => {
    expect(await faultOf(task)).toEqual(faults);
  });

  test.each([
    [{ name: 'w' }, ' required'],
    [{ tasks: [] }, ' required'],
    [{}, ' required', ' required'],
    [{ name: 'w', tasks: {} }, 'tasks type'],
    [{ name: 'w', tasks: [1, null] }, 'tasks[0] type', 'tasks[1] type'],
    [{ name: '', tasks: [] }, 'name type'],
    [{ name: '__proto__', tasks: [] }, 'name forbidden_name'],
    [{ name: 'w', tasks: [], failure_policy: 'x' }, 'failure_policy type'],
    [{ name: 'w', tasks: [], timeout: 86_401 }, 'timeout limit'],
    [{ name: 'w', tasks: [], max_parallel_tasks: 0 }, 'max_parallel_tasks type'],
    [{ name: 'w', tasks: [], output: { x: '${a}' } }, 'output.x unknown_reference'],
    [{ name: 'w', tasks: [], template: {} }, 'template batch'],
    [{ name: 'w', tasks: [], input: [] }, 'input type'],
    [[], ' type'],
    [new Map(), ' not_json'],
  ])('of a workflow %o', async (workflow, ...faults) => {
    expect(await issuesOf(workflow)).toEqual(faults);
  });

  test('of names: ids given twice, a name that is an id, a name of several tasks', async () => {
    const base = { method: 'core/echo' };
    expect(
      await issuesOf({
        name: 'w',
        tasks: [
          { id: 'a', ...base },
          { id: 'a', ...base },
        ],
      }),
    ).toEqual(['tasks[1].id duplicate_id']);
    expect(
      await issuesOf({
        name: 'w',
        tasks: [
          { id: 'a', ...base },
          { id: 'b', name: 'a', ...base },
        ],
      }),
    ).toEqual(['tasks[1].name duplicate_id']);
    const twice = [
      { id: 'a', name: 'n', ...base },
      { id: 'b', name: 'n', ...base },
    ];
    expect(await issuesOf({ name: 'w', tasks: [...twice, { id: 'c', ...base, dependencies: ['n'], params: { x: '${n.x}' } }] })).toEqual([
      'tasks[2].dependencies[0] ambiguous_name',
      'tasks[2].params.x ambiguous_name',
    ]);
    expect((await loadWorkflow({ name: 'w', tasks: twice })).definition.tasks).toHaveLength(2);
  });

  test('a mistake in one task makes no others unknown', async () => {
    const base = { method: 'core/echo' };
    expect(
      await issuesOf({
        name: 'w',
        tasks: [
          { id: 'a', timeout: -1 },
          { id: 'b', ...base, dependencies: ['a'] },
        ],
      }),
    ).toEqual(['tasks[0] required', 'tasks[0].timeout type']);
  });

  test('an object that is hostile is refused, not followed', async () => {
    const circular: { name: string; tasks: unknown[] } = { name: 'w', tasks: [] };
    circular.tasks.push(circular);
    expect(await issuesOf(circular)).toContain('tasks[0] circular');
    const angry = {
      name: 'w',
      tasks: [],
      get input(): never {
        throw new Error('no');
      },
    };
    expect(await issuesOf(angry)).toEqual(['input not_json']);
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    expect((await rejectionOf(loadWorkflow({ name: 'w', tasks: [{ id: 'a', method: 'core/echo', params: { deep } }] }))).code).toBe('PARSE_ERROR');
    let shared: unknown = 'x';
    for (let i = 0; i < 60; i += 1) shared = [shared, shared];
    expect((await rejectionOf(loadWorkflow({ name: 'w', tasks: [], input: { shared } }))).code).toBe('PARSE_ERROR');
  });
});

describe('files', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gleitzeit-'));
    await mkdir(join(directory, 'docs', 'sub'), { recursive: true });
    for (const name of ['b.txt', 'a.txt', 'c.md', 'sub/d.txt', '${x}.txt']) await writeFile(join(directory, 'docs', name), name);
  });
  afterAll(() => rm(directory, { recursive: true }));

  const write = async (name: string, value: unknown) => {
    const path = join(directory, name);
    await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
    return path;
  };

  test('are read by their ending', async () => {
    expect((await loadWorkflow(await write('a.json', { name: 'j', tasks: [] }))).definition.name).toBe('j');
    expect((await loadWorkflow(await write('a.yml', 'name: y\ntasks: []\n'))).definition.name).toBe('y');
    expect((await rejectionOf(loadWorkflow(await write('b.json', 'name: y\ntasks: []\n')))).code).toBe('PARSE_ERROR');
  });

  test('that are not there, or are none, or are too large', async () => {
    expect(await rejectionOf(loadWorkflow(join(directory, 'none.yaml')))).toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
      message: expect.stringContaining('none.yaml'),
    });
    expect(await rejectionOf(loadWorkflow(directory))).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    const path = await write('large.yaml', `name: ${'x'.repeat(200)}`);
    expect(await rejectionOf(loadWorkflow(path, { bounds: { maxBytes: 100 } }))).toMatchObject({ code: 'PARSE_ERROR' });
    expect(await rejectionOf(parseWorkflow('name: 123456', { bounds: { maxBytes: 5 } }))).toMatchObject({
      code: 'PARSE_ERROR',
      issues: [{ rule: 'too_large' }],
    });
  });

  test('a batch makes a task per file, in the order of their names', async () => {
    const path = await write(
      'batch.yaml',
      'name: b\ntype: batch\nbatch: { directory: docs, pattern: "**/*.txt" }\ntemplate: { method: core/echo, parameters: { a: 1 }, retry: 2 }\n',
    );
    const { tasks } = (await loadWorkflow(path)).definition;
    expect(tasks.map(({ id, params }) => [id, params])).toEqual([
      ['$_x_.txt', { a: 1, file_path: join(directory, 'docs', '$${x}.txt') }],
      ['a.txt', { a: 1, file_path: join(directory, 'docs', 'a.txt') }],
      ['b.txt', { a: 1, file_path: join(directory, 'docs', 'b.txt') }],
      ['sub/d.txt', { a: 1, file_path: join(directory, 'docs', 'sub', 'd.txt') }],
    ]);
    expect(tasks[0]).toMatchObject({ method: 'core/echo', retry: { maxAttempts: 2 } });
  });

  test('the tasks of a batch begin with the name of its template; Python gets the path in its context', async () => {
    const workflow = {
      name: 'b',
      type: 'batch',
      batch: { directory: 'docs', pattern: '?.txt' },
      template: { id: 'read', name: 'Read', method: 'python/execute', parameters: { code: 'x', context: { k: 1 } } },
    };
    const { tasks } = (await loadWorkflow(workflow, { directory })).definition;
    expect(tasks.map(({ id, params }) => [id, params])).toEqual([
      ['read/a.txt', { code: 'x', context: { k: 1, file_path: join(directory, 'docs', 'a.txt') } }],
      ['read/b.txt', { code: 'x', context: { k: 1, file_path: join(directory, 'docs', 'b.txt') } }],
    ]);
  });

  test.each([
    [{ batch: { directory: 'nowhere' }, template: { method: 'core/echo' } }, 'batch.directory batch'],
    [{ batch: { directory: 'docs', pattern: '*.pdf' }, template: { method: 'core/echo' } }, 'batch.pattern batch'],
    [{ batch: { dirctory: 'docs' }, template: { method: 'core/echo' } }, 'batch.dirctory unknown_key', 'batch required'],
    [{ type: 'batch', template: { method: 'core/echo' } }, ' required'],
    [{ type: 'batch', batch: { directory: 'docs' } }, ' required'],
    [{ batch: { directory: 'docs' }, template: { mthod: 'core/echo' } }, 'template.mthod unknown_key', 'template required'],
    [{ batch: { directory: 'docs' }, template: { method: 'core/echo' }, tasks: [] }, 'tasks batch'],
    [{ batch: { directory: 'docs' }, template: { method: 'python/execute', params: { context: 1 } } }, 'template.params.context type'],
  ])('what is wrong with a batch %o', async (batch, ...faults) => {
    const error = await rejectionOf(loadWorkflow({ name: 'b', ...batch }, { directory }));
    expect([...new Set((error.issues ?? []).map(({ path, rule }) => `${path} ${rule}`))]).toEqual(faults);
  });
});
