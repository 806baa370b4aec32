/** What JSON does not have is refused with its place, and never recorded as something else, wherever a value is taken. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createHub, createRemoteWorker } from '../../src/hub/index.ts';
import { defineProvider } from '../../src/providers/provider.ts';
import { defineThreadProvider } from '../../src/providers/worker-threads.ts';
import { createSystem } from '../../src/runtime/system.ts';
import { toDetails } from '../../src/thrown.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow } from '../../src/workflow/load.ts';
import { silent } from '../silent.ts';
import { madeFor, samples } from './values.ts';

const names = Object.keys(samples);
const here = defineProvider({ protocol: 'here/v1', circuit: false, methods: { 'here/make': { run: (params) => madeFor(params as never) } } });
const there = defineProvider({ protocol: 'there/v1', circuit: false, methods: { 'there/make': { run: (params) => madeFor(params as never) } } });
const threads = defineThreadProvider({
  protocol: 'threads/v1',
  module: new URL('./values.ts', import.meta.url),
  threads: 1,
  circuit: false,
  methods: { 'threads/make': {} },
});

const system = createSystem({ builtins: false, log: silent, providers: [here, threads] });
let close = async (): Promise<void> => undefined;
beforeAll(async () => {
  await system.start();
  const hub = await createHub({ system, port: 0, tokens: [{ token: 'secret' }] });
  const worker = createRemoteWorker({ url: hub.url, token: 'secret', log: silent, providers: [there], slots: 4 });
  await worker.start();
  close = async () => {
    await worker.stop({ deadlineMs: 0 });
    await system.stop({ deadlineMs: 0 });
    await hub.close({ deadlineMs: 0 });
  };
});
afterAll(() => close());

describe.each(['here/make', 'threads/make', 'there/make'])('what %s returns', { timeout: 60_000 }, (method) => {
  it('is recorded as JSON has it, or refused with its place', async () => {
    const wanted = names.flatMap((sample) => [...(samples[sample]?.onlyInside ? [] : [{ sample, isInside: false }]), { sample, isInside: true }]);
    const definition = { name: 'values', failure_policy: 'continue_on_error', tasks: wanted.map((params, i) => ({ id: `t${i}`, method, params })) };
    const result = await (await system.submit(await loadWorkflow(definition))).result();
    for (const [index, { sample, isInside }] of wanted.entries()) {
      const { status, result: value, error } = result.tasks[`t${index}`] ?? {};
      const { is, refused } = samples[sample] ?? {};
      const named = `${sample}${isInside ? ', inside' : ''}`;
      if (refused === undefined) {
        const kept = isInside ? { at: shapeOf(is) } : shapeOf(is);
        expect({ [named]: status, value }).toEqual({ [named]: 'completed', value: kept });
      } else {
        expect({ [named]: error?.code, status }).toEqual({ [named]: 'TASK_RESULT_INVALID', status: 'failed' });
        expect(error?.message).toMatch(refused);
        expect(error?.message).toMatch(isInside ? /at "at/ : /at its top|at "a"|while it is read/);
      }
    }
  });
});

/** Stacks are those of where the error was made: their texts differ between threads. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, field]): [string, unknown] =>
    key === 'stack' && !String(field).startsWith('ss') ? [key, expect.stringMatching(/^\w+: .*\n +at /)] : [key, shapeOf(field)],
  );
  return Object.fromEntries(entries);
}

const taking: readonly (readonly [string, (value: unknown) => Promise<unknown>])[] = [
  [
    'an input',
    async (value) => {
      const run = await system.submit(defineWorkflow({ name: 'inputs', tasks: (_, input) => input.at }), { input: { at: value } });
      return (await run.result()).output;
    },
  ],
  ['defaults of an input', async (value) => defineWorkflow({ name: 'd', defaults: { at: value }, tasks: () => null }).inputDefaults?.['at']],
  [
    'parameters in code',
    async (value) => {
      const { definition } = defineWorkflow({ name: 'p', tasks: (task) => void task('a', { method: 'here/make', params: { at: value } }) });
      return (definition.tasks[0]?.params as { at?: unknown } | undefined)?.at;
    },
  ],
  [
    'a parsed definition',
    async (value) => {
      const { definition } = await loadWorkflow({ name: 'o', tasks: [{ id: 'a', method: 'here/make', params: { at: value } }] });
      return (definition.tasks[0]?.params as { at?: unknown } | undefined)?.at;
    },
  ],
];

describe.each(taking)('%s', (_, take) => {
  it.each(names)('%s', async (name) => {
    const { make, is, refused } = samples[name] ?? { make: () => undefined };
    const taken = take(make());
    if (refused === undefined) expect(await taken).toEqual(is);
    else {
      const reason = new RegExp(refused.source.replace('throws while it is read, at "(at\\.)?a"', 'at\\.a cannot be read'));
      await expect(taken).rejects.toMatchObject({
        code: expect.stringMatching(/^(INVALID_PARAMS|WORKFLOW_VALIDATION_FAILED)$/),
        message: expect.stringMatching(reason),
      });
    }
  });
});

describe('details of a log line', () => {
  it.each(names)('%s is kept, or said what it is', (name) => {
    const { make, is, refused } = samples[name] ?? { make: () => undefined };
    const details = toDetails({ at: make() }) as { at: unknown };
    expect(details).toEqual(JSON.parse(JSON.stringify(details)));
    if (refused !== undefined) expect(details.at).toEqual(expect.stringMatching(/\w/));
    else if (!/Error|rejection|undefined|nothing/.test(name)) expect(details.at).toEqual(is);
  });
});
