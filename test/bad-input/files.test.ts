/** Workflow files that are none, or say what cannot be: each is refused with a code, and every fault names what it is about. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { defineProvider } from '../../src/providers/provider.ts';
import { loadWorkflow, parseWorkflow } from '../../src/workflow/load.ts';
import { scene } from '../scenarios/scene.ts';
import { errorFrom, expectUnharmed } from './aftermath.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-bad-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = defineProvider({
  protocol: 'text/v1',
  methods: { 'text/words': { params: z.strictObject({ text: z.string() }), run: ({ text: given }) => ({ count: given.split(/\s+/).length }) } },
});
const task = (id: string, more: object = {}) => ({ id, method: 'text/words', params: { text: 'a b' }, ...more });
const workflow = (...tasks: object[]) => ({ name: 'bad', tasks });
const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghij'.replaceAll(
  /./g,
  (to) =>
    `${to}: &${to} [${Array(9)
      .fill(`*${String.fromCharCode(to.charCodeAt(0) - 1)}`)
      .join(', ')}]\n`,
)}`;

const texts: readonly (readonly [name: string, text: string, code: string, said: RegExp])[] = [
  ['no YAML', 'name: [unclosed', 'PARSE_ERROR', /is not YAML/],
  ['nothing', '', 'PARSE_ERROR', /is empty/],
  ['one word', 'hello', 'WORKFLOW_VALIDATION_FAILED', /must be .*map/],
  ['binary', '\u0000\u0001\ufffd{', 'WORKFLOW_VALIDATION_FAILED', /must be .*map/],
  ['a bomb of aliases', bomb, 'PARSE_ERROR', /aliases that write out to more than/],
  ['an alias of itself', 'a: &a [*a]', 'WORKFLOW_VALIDATION_FAILED', /refers back to what it stands in/],
  ['100,000 levels', '['.repeat(100_000), 'PARSE_ERROR', /nested 400 levels deep at most/],
  ['a key __proto__', 'name: x\n__proto__: {a: 1}\ntasks: []', 'WORKFLOW_VALIDATION_FAILED', /must not be a key: every object answers/],
  ['a key constructor', 'name: x\nconstructor: 1\ntasks: []', 'WORKFLOW_VALIDATION_FAILED', /constructor is not a known key/],
  ['a key twice', 'name: x\nname: y\ntasks: []', 'WORKFLOW_VALIDATION_FAILED', /must not stand twice/],
  ['a tag of JavaScript', 'name: !!js/function "function () { throw 1 }"\ntasks: []', 'PARSE_ERROR', /tag/i],
];

describe('a text', () => {
  it.each(texts)('of %s is refused with its code', async (_, given, code, said) => {
    const error = await errorFrom(() => parseWorkflow(given));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(said);
    expect(error.issues?.length).toBeGreaterThan(0);
  });

  it('of 50,000 keys costs twice what 25,000 cost, not four times', { timeout: 30_000 }, async () => {
    const timeOf = async (keys: number): Promise<number> => {
      const given = `name: x\ntasks: []\nmetadata:\n${Array.from({ length: keys }, (_, key) => `  key${key}: ${key}\n`).join('')}`;
      const times: number[] = [];
      for (let round = 0; round < 2; round++) {
        const began = process.cpuUsage();
        await parseWorkflow(given);
        times.push(process.cpuUsage(began).user);
      }
      return Math.min(...times);
    };
    await timeOf(2_000);
    const half = await timeOf(25_000);
    expect((await timeOf(50_000)) / half).toBeLessThan(3.3);
  });
});

describe('a file', () => {
  it.each([
    ['that is not there', 'none.yaml', 'WORKFLOW_NOT_FOUND', /no such file/],
    ['that is a folder', '.', 'WORKFLOW_NOT_FOUND', /directory/],
    ['below another file', 'not.yaml/x.yaml', 'WORKFLOW_NOT_FOUND', /no such file/],
    ['with a zero in its name', 'a\u0000b.yaml', 'PERSISTENCE_READ_FAILED', /cannot be read/],
    ['that is no YAML', 'not.yaml', 'PARSE_ERROR', /not\.yaml: .*is not YAML/],
    ['that is no JSON', 'not.json', 'PARSE_ERROR', /not\.json: .*is not JSON/],
  ])('%s is refused', async (_, name, code, said) => {
    for (const each of ['not.yaml', 'not.json']) writeFileSync(join(folder, each), '{"name": ');
    const error = await errorFrom(() => loadWorkflow(join(folder, name)));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(said);
  });

  it.each([
    [
      'latin.yaml',
      Buffer.from('name: x\ntasks: [{ id: gr\u00fcn }]', 'latin1'),
      /latin\.yaml: The definition is not UTF-8: byte 0xfc at offset 24, in line 2/,
    ],
    [
      'wide.json',
      Buffer.from('\ufeff{}', 'utf16le'),
      /wide\.json: The definition is UTF-16LE by its byte order mark, and not UTF-8\. Save it as UTF-8/,
    ],
  ])('%s, which is not UTF-8, is refused', async (name, bytes, said) => {
    writeFileSync(join(folder, name), bytes);
    const error = await errorFrom(() => loadWorkflow(join(folder, name)));
    expect(error).toMatchObject({ code: 'PARSE_ERROR' });
    expect(error.message).toMatch(said);
  });

  it.each([[undefined], [null], [5], [true], [[]], [() => 1], ['']])('cannot be %o', async (from) => {
    await errorFrom(() => loadWorkflow(from as never));
  });
});

const definitions: readonly (readonly [name: string, definition: object, code: string, said: RegExp])[] = [
  ['an unknown key', { ...workflow(), taks: [] }, 'WORKFLOW_VALIDATION_FAILED', /taks is not a known key\. Did you mean "tasks"\?/],
  [
    'an unknown key of a task',
    workflow(task('a', { dependancies: [] })),
    'WORKFLOW_VALIDATION_FAILED',
    /dependancies is not a known key\. Did you mean "dependencies"\?/,
  ],
  ['no name', { tasks: [] }, 'WORKFLOW_VALIDATION_FAILED', /needs "name"/],
  ['tasks that are none', { name: 'x', tasks: [5, null, 'a'] }, 'WORKFLOW_VALIDATION_FAILED', /must be a task/],
  ['tasks that are no list', { name: 'x', tasks: { a: task('a') } }, 'WORKFLOW_VALIDATION_FAILED', /must be a list of tasks/],
  ['a task without a method', workflow({ id: 'a' }), 'WORKFLOW_VALIDATION_FAILED', /needs "method"/],
  ['a task without a name', workflow({ method: 'text/words' }), 'WORKFLOW_VALIDATION_FAILED', /needs "id" or "name"/],
  [
    'a circle',
    workflow(task('a', { dependencies: ['b'] }), task('b', { dependencies: ['c'] }), task('c', { dependencies: ['a'] })),
    'WORKFLOW_CIRCULAR_DEPENDENCY',
    /a -> b -> c -> a/,
  ],
  ['a task that waits for itself', workflow(task('a', { dependencies: ['a'] })), 'WORKFLOW_VALIDATION_FAILED', /must name another task.*"a"/],
  ['a task that refers to itself', workflow(task('a', { params: { text: '${a.x}' } })), 'WORKFLOW_VALIDATION_FAILED', /must refer to another task/],
  [
    'a dependency on nobody',
    workflow(task('fetch'), task('a', { dependencies: ['fecth'] })),
    'WORKFLOW_VALIDATION_FAILED',
    /unknown task: "fecth"\. Did you mean "fetch"\?/,
  ],
  [
    'a reference to nobody',
    workflow(task('fetch'), task('a', { params: { text: '${fecth.x}' } })),
    'WORKFLOW_VALIDATION_FAILED',
    /unknown task, .*Did you mean "fetch"\?/,
  ],
  ['a reference without an end', workflow(task('a', { params: { text: '${input.x' } })), 'WORKFLOW_VALIDATION_FAILED', /reference without its "}"/],
  ['an id twice', workflow(task('a'), task('a')), 'WORKFLOW_VALIDATION_FAILED', /must be unique.*"a"/],
  ['an id that is no text', workflow(task(undefined as never, { id: { a: 1 } })), 'WORKFLOW_VALIDATION_FAILED', /id must be a text/],
  ['a huge id', workflow(task('x'.repeat(2_000))), 'WORKFLOW_VALIDATION_FAILED', /at most 1024 characters, has 2000/],
  ['an id __proto__', workflow(task('__proto__')), 'WORKFLOW_VALIDATION_FAILED', /must not be "__proto__"/],
  ['an id constructor', workflow(task('constructor')), 'WORKFLOW_VALIDATION_FAILED', /must not be "constructor"/],
  ['a name prototype', { name: 'prototype', tasks: [] }, 'WORKFLOW_VALIDATION_FAILED', /must not be "prototype"/],
  ['a dependency on __proto__', workflow(task('a', { dependencies: ['__proto__'] })), 'WORKFLOW_VALIDATION_FAILED', /unknown task: "__proto__"/],
  [
    'a reference to constructor',
    workflow(task('a', { params: { text: '${constructor.name}' } })),
    'WORKFLOW_VALIDATION_FAILED',
    /refers to an unknown task/,
  ],
  ...[Number.NaN, Number.POSITIVE_INFINITY, -1, 0, '5', 1e12].flatMap((timeout) =>
    [{ ...workflow(), timeout }, workflow(task('a', { timeout })), workflow(task('a', { timeoutMs: timeout }))].map(
      (definition, index) =>
        [`a timeout of ${String(timeout)} (${index})`, definition, 'WORKFLOW_VALIDATION_FAILED', /timeout|must be a JSON value/] as const,
    ),
  ),
  ...[
    { maxAttempts: 0 },
    { maxAttempts: 1.5 },
    { max_attempts: -3 },
    { strategy: 'cubic' },
    { base_delay: -1 },
    { baseDelayMs: 5_000, maxDelayMs: 10 },
    { jitter: 'some' },
    { attempts: '3' },
    { retries: 3 },
    -1,
    0,
    'always',
    [],
  ].map((retry) => [`a retry of ${JSON.stringify(retry)}`, workflow(task('a', { retry })), 'WORKFLOW_VALIDATION_FAILED', /retry/] as const),
  [
    'a priority that is none',
    workflow(task('a', { priority: 'highest' })),
    'WORKFLOW_VALIDATION_FAILED',
    /priority must be low, normal, high or urgent/,
  ],
  ['a limit that is none', { ...workflow(), max_parallel_tasks: 0 }, 'WORKFLOW_VALIDATION_FAILED', /max_parallel_tasks must be/],
  [
    'a policy that is none',
    { ...workflow(), failure_policy: 'retry' },
    'WORKFLOW_VALIDATION_FAILED',
    /failure_policy must be fail_fast or continue_on_error/,
  ],
];

describe('a definition', () => {
  it.each(definitions)('with %s is refused with its code', async (_, definition, code, said) => {
    const error = await errorFrom(() => loadWorkflow(definition));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(said);
    expect(error.issues?.[0]).toMatchObject({ rule: expect.any(String) as string, message: expect.any(String) as string });
  });

  it.each([
    [
      'an unknown protocol',
      task('a', { method: 'txt/words', protocol: 'txt/v1' }),
      'PROTOCOL_NOT_FOUND',
      /got "txt\/v1"\. Did you mean "text\/v1"\?/,
    ],
    ['an unknown method', task('a', { method: 'text/word' }), 'METHOD_NOT_FOUND', /got "text\/word"\. Did you mean "text\/words"\?/],
    ['a method of every object', task('a', { method: 'constructor', protocol: 'text/v1' }), 'METHOD_NOT_FOUND', /got "constructor"/],
    ['a protocol of every object', task('a', { method: 'text/words', protocol: '__proto__' }), 'PROTOCOL_NOT_FOUND', /got "__proto__"/],
  ])('with %s is refused at its submit', async (_, given, code, said) => {
    const stage = await scene({ providers: [text] });
    const error = await errorFrom(async () => stage.system.submit(await loadWorkflow(workflow(given))));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(said);
    expect(stage.of('workflow:submitted')).toEqual([]);
    await expectUnharmed(stage);
  });

  it.each([
    ['no text', { text: 5 }, 'TASK_VALIDATION_FAILED', /params\.text of task "a" does not fit text\/words: .*expected string/],
    ['nothing', {}, 'TASK_VALIDATION_FAILED', /params\.text of task "a"/],
    ['more than is known', { text: 'a', language: 'en' }, 'TASK_VALIDATION_FAILED', /language/],
  ])('whose parameters are %s is refused at its submit', async (_, params, code, said) => {
    const stage = await scene({ providers: [text] });
    const error = await errorFrom(async () => stage.system.submit(await loadWorkflow(workflow(task('a', { params, retry: 3 })))));
    expect(error).toMatchObject({ code, issues: [{ rule: 'schema' }] });
    expect(error.message).toMatch(said);
    expect(stage.of('workflow:submitted')).toEqual([]);
    await expectUnharmed(stage);
  });

  it.each([
    ['no text', { text: '${input.it}' }, 'TASK_VALIDATION_FAILED', /"text": .*expected string/],
    ['more than is known', { text: 'a', language: '${input.it}' }, 'TASK_VALIDATION_FAILED', /language/],
  ])('whose parameters turn out to be %s fails its task for good', async (_, params, code, said) => {
    const stage = await scene({ providers: [text] });
    const result = await stage.play(await loadWorkflow(workflow(task('a', { params, retry: 3 }))), { input: { it: 5 } });
    expect(result).toMatchObject({ status: 'failed', tasks: { a: { status: 'failed', attempts: 1, error: { code } } } });
    expect(result.tasks['a']?.error?.message).toMatch(said);
    await expectUnharmed(stage);
  });

  it.each([
    ['count.n', /'n'.*does not have/],
    ['wrds', /its fields are 'count'/],
    ['count[0]', /'0'.*does not have/],
    ['__proto__', /'__proto__', which the result of task 'first' does not have/],
    ['constructor', /'constructor', which the result of task 'first' does not have/],
    ['constructor.prototype.x', /'constructor'/],
    ['toString', /'toString'/],
    ['hasOwnProperty', /'hasOwnProperty'/],
    ['["__proto__"].polluted', /'__proto__'/],
  ])('that refers to %s of a result without it fails its task for good, and says what fields there are', async (path, said) => {
    const stage = await scene({ providers: [text] });
    const reference = path.startsWith('[') ? `\${first${path}}` : `\${first.${path}}`;
    const result = await stage.play(await loadWorkflow(workflow(task('first'), task('second', { params: { text: reference }, retry: 3 }))));
    expect(result.tasks['second']).toMatchObject({ status: 'failed', error: { code: 'TASK_PARAMETER_ERROR', rpcCode: -29_006 } });
    expect(result.tasks['second']?.error?.message).toMatch(said);
    expect(result.tasks['second']?.error?.message).toMatch(/fields are 'count'|is a number/);
    await expectUnharmed(stage);
  });
});
