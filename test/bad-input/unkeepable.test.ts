/**
 * What no value may hold, at every edge by which values come in: half a character, a number that a double rounds, the key that sets
 * what an object is, too much depth. And beside it what is no fault, which comes in as it is.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { readInput } from '../../src/cli/arguments.ts';
import { errorOf, GleitzeitError } from '../../src/errors.ts';
import { createHub, createRemoteWorker } from '../../src/hub/index.ts';
import { maxDepth } from '../../src/json-rules.ts';
import { createHttpProvider } from '../../src/providers/http.ts';
import { defineProvider } from '../../src/providers/provider.ts';
import { createPythonProvider } from '../../src/providers/python.ts';
import { createSystem, type GleitzeitSystem } from '../../src/runtime/system.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow, parseWorkflow } from '../../src/workflow/load.ts';
import { silent } from '../silent.ts';
import { ask, connected } from '../src/hub/server/places.ts';
import { entered } from '../src/hub/server/raw.ts';

const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
/** Room for what a value stands in at an edge. */
const envelope = 8;

/** As JSON writes it, and what an edge says of it. */
const unkeepable: readonly (readonly [name: string, json: string, says: RegExp])[] = [
  ['half a character', '"x\\ud83d"', /well-formed/],
  ['the other half in a key', '{"x\\uDe00":1}', /well-formed/],
  ['the key of prototypes', '{"__proto__":{"x":1}}', /"__proto__"/],
  ['the key of prototypes in disguise', '[{"\\u005f_proto__":1}]', /"__proto__"/],
  ['2^53 + 1', '9007199254740993', /2\^53 - 1/],
  ['-2^53', '-9007199254740992', /2\^53 - 1/],
  ['20 digits with a fraction of none', '12345678901234567890.0', /2\^53 - 1/],
  ['1e20, which JSON writes in digits', '1e20', /2\^53 - 1/],
  ['what is beyond a double', '-1e400', /double|JSON/],
  ['one level too many', nested(maxDepth + 1), /nested/],
];
/** What is a fault only as text: a value no longer tells how it was written. */
const unkeepableText: typeof unkeepable = [['26 digits', '10000000000000000000000001', /2\^53 - 1/]];

const levels = `${maxDepth - envelope} levels`;
const keepable: readonly (readonly [name: string, json: string])[] = [
  ['a whole character by its halves', '"\\ud83d\\ude00"'],
  ['2^53 - 1', '9007199254740991'],
  ['a fraction of more digits than a double has', '0.10000000000000000555'],
  ['a quantity', '[6.02214076e23,-1e300,5e-324]'],
  ['minus nothing, which is nothing', '[-0,1.0]'],
  ['a key that only looks like it', '{"_proto_":1,"constructor":2,"x":{"y__proto__":3}}'],
  [levels, nested(maxDepth - envelope)],
];
const kept = (json: string): unknown => JSON.parse(json.replace('-0', '0'));

const timeout = { timeout: 60_000 };

type Answer = { readonly ok: true } | { readonly ok: false; readonly error: ConstructorParameters<typeof GleitzeitError>[0] };

async function running(options: ConstructorParameters<typeof GleitzeitSystem>[0] = {}): Promise<GleitzeitSystem> {
  const system = createSystem({ log: silent, ...options });
  await system.start();
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  return system;
}

const echo = defineWorkflow({
  name: 'echo',
  tasks: (task, input) => ({ a: task('a', { method: 'core/echo', protocol: 'core/v1', params: { v: input.v } }) }),
});

/** What a task ended with: its result, or the error that it failed with. */
async function endOf(system: GleitzeitSystem, workflow: Parameters<GleitzeitSystem['submit']>[0], input: unknown = {}): Promise<unknown> {
  const { tasks } = await (await system.submit(workflow, { input: input as never })).result();
  const { result, error } = tasks['a'] ?? {};
  if (error === undefined) return result;
  expect(error).toMatchObject({ code: 'TASK_RESULT_INVALID' });
  throw errorOf('TASK_RESULT_INVALID', error.message);
}

const single = (method: string, params: Readonly<Record<string, unknown>> = {}) =>
  defineWorkflow({ name: 'single', tasks: (task) => ({ a: task('a', { method, params, protocol: `${method.split('/')[0]}/v1` }) }) });

const file = (json: string) => `{"name":"w","tasks":[{"id":"a","method":"core/echo","params":{"v":${json}}}]}`;
const paramsOf = ({ definition }: { readonly definition: { readonly tasks: readonly { readonly params?: unknown }[] } }) =>
  (definition.tasks[0]!.params as { readonly v: unknown }).v;

/** By which a value comes in as text. Each resolves with the value that has come in, or throws what refuses it. */
const textEdges: Readonly<Record<string, (json: string) => Promise<unknown>>> = {
  'a file in JSON': async (json) => paramsOf(await parseWorkflow(file(json), { format: 'json' })),
  'a file in YAML': async (json) => paramsOf(await parseWorkflow(file(json))),
  '--input': readInput,
  'a body over HTTP': async (json) => {
    const hub = await createHub({ system: await running(), port: 0 });
    onTestFinished(() => hub.close({ deadlineMs: 0 }));
    const headers = { 'content-type': 'application/json' };
    const definition = { name: 'echo', tasks: [{ id: 'a', method: 'core/echo', params: { v: '${input.v}' } }] };
    const body = `{"definition":${JSON.stringify(definition)},"id":"x","input":{"v":${json}}}`;
    const answer = (await (await fetch(`${hub.url}/api/workflows`, { method: 'POST', headers, body })).json()) as Answer;
    if (!answer.ok) throw new GleitzeitError(answer.error);
    const socket = await connected(hub.url);
    return (await ask(socket, 'workflow:result', { workflowId: 'x' })).result.tasks.a.result.v;
  },
  'a packet to the hub': async (json) => {
    const hub = await createHub({ system: await running(), port: 0 });
    onTestFinished(() => hub.close({ deadlineMs: 0 }));
    const client = await entered(hub.url);
    const definition = { name: 'echo', tasks: [{ id: 'a', method: 'core/echo', params: { v: '${input.v}' } }] };
    client.send(`42/engine,1["workflow:submit",{"definition":${JSON.stringify(definition)},"id":"x","input":{"v":${json}}}]`);
    const [answer] = JSON.parse((await client.next(/^43\/engine,1/)).slice('43/engine,1'.length));
    if (answer.ok !== true) throw new GleitzeitError(answer.error);
    client.send('42/engine,2["workflow:result",{"workflowId":"x"}]');
    return JSON.parse((await client.next(/^43\/engine,2/)).slice('43/engine,2'.length))[0].result.tasks.a.result.v;
  },
  'a report of a worker in another language': async (json) => {
    const system = await running({ builtins: false, worker: { leaseMs: 60_000, heartbeatMs: 10_000 } });
    const hub = await createHub({ system, port: 0 });
    onTestFinished(() => hub.close({ deadlineMs: 0 }));
    const worker = await entered(hub.url, '/pool');
    worker.send('42/pool,1["worker:register",{"workerId":"far","protocol":"far/v1","methods":["far/work"],"slots":1}]');
    await worker.next(/^43\/pool,1/);
    const end = endOf(system, single('far/work'));
    end.catch(() => undefined);
    const [, task] = JSON.parse((await worker.next(/task:execute/)).slice('42/pool,'.length));
    const { leaseId, workflowId, taskId, attempt } = task;
    const ref = JSON.stringify({ leaseId, workflowId, taskId, attempt }).slice(1, -1);
    worker.send(`42/pool,2["attempt:succeeded",{${ref},"result":${json}}]`);
    const [answer] = JSON.parse((await worker.next(/^43\/pool,2/)).slice('43/pool,2'.length));
    expect(answer).toMatchObject({ ok: true });
    return end;
  },
  "Python's answer": async (json) => {
    const code = 'import json, sys\nsys.setrecursionlimit(100000)\nresult = json.loads(context["json"])';
    const system = await running({ builtins: false, providers: [createPythonProvider()] });
    return ((await endOf(system, single('python/execute', { code, context: { json } }))) as { readonly result: unknown }).result;
  },
};

/** By which a value comes in as a value of JavaScript. */
const valueEdges: typeof textEdges = {
  'an object': async (json) => paramsOf(await loadWorkflow(JSON.parse(file(json)))),
  'a workflow in code': async (json) =>
    paramsOf(defineWorkflow({ name: 'w', tasks: (task) => ({ a: task('a', { method: 'core/echo', params: { v: JSON.parse(json) as unknown } }) }) })),
  'the input of a submit': async (json) => {
    const system = await running();
    return ((await endOf(system, echo, { v: JSON.parse(json) })) as { readonly v: unknown }).v;
  },
  'the input of a schedule': async (json) => {
    const system = await running();
    const { input } = await system.schedule(echo, { id: 's', everyMs: 60_000, input: { v: JSON.parse(json) } });
    return (input as { readonly v: unknown }).v;
  },
  'what a function returns': async (json) => {
    const system = await running();
    return endOf(system, defineWorkflow({ name: 'w', tasks: (task) => ({ a: task('a', { run: () => JSON.parse(json) as unknown }) }) }));
  },
  'what a remote worker returns': async (json) => {
    const system = await running({ builtins: false });
    const hub = await createHub({ system, port: 0 });
    const far = defineProvider({ protocol: 'far/v1', methods: { 'far/work': { run: () => JSON.parse(json) as unknown } } });
    const worker = createRemoteWorker({ url: hub.url, providers: [far], log: silent });
    await worker.start();
    onTestFinished(async () => {
      await worker.stop({ deadlineMs: 0 });
      await hub.close({ deadlineMs: 0 });
    });
    return endOf(system, single('far/work'));
  },
};

describe.each(Object.entries({ ...textEdges, ...valueEdges }))('%s', timeout, (name, edge) => {
  it.each(unkeepable)('refuses %s', async (_, json, says) => {
    const error = await edge(json).then(
      (value) => expect.unreachable(`It came in as ${JSON.stringify(value).slice(0, 100)}`),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(GleitzeitError);
    expect(String(error)).toMatch(says);
    expect(String(error).isWellFormed()).toBe(true);
  });

  // Its parser recurses, and has a lower bound of its own: below.
  const taken = name === 'a file in YAML' ? keepable.filter(([what]) => what !== levels) : keepable;
  it.each(taken)('takes %s', async (_, json) => expect(JSON.stringify(await edge(json))).toBe(JSON.stringify(kept(json))));
});

describe.each(Object.entries(textEdges))('%s', timeout, (_, edge) => {
  it.each(unkeepableText)('refuses %s', async (_, json, says) => {
    await expect(edge(json)).rejects.toThrow(says);
  });
});

describe('the body of a response', timeout, () => {
  async function fetched(body: string) {
    const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(body));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const system = await running({ builtins: false, providers: [createHttpProvider({ allowPrivateNetworks: true })] });
    // Its result is what the provider says, which its own tests hold it to.
    return (await endOf(system, single('http/request', { url: `http://127.0.0.1:${port}/` }))) as {
      body: string;
      json: unknown;
      jsonProblem?: string;
    };
  }

  it.each([...unkeepable, ...unkeepableText])('that holds %s is there as text alone, and says why', async (_, json, says) => {
    const body = `{"v":${json}}`;
    const result = await fetched(body);
    expect(result).toMatchObject({ body, json: null });
    expect(result.jsonProblem).toMatch(says);
  });

  it.each(keepable)('that holds %s is there as a value', async (_, json) => {
    const result = await fetched(`{"v":${json}}`);
    expect(JSON.stringify(result.json)).toBe(JSON.stringify({ v: kept(json) }));
    expect(result).not.toHaveProperty('jsonProblem');
  });
});

describe('YAML', () => {
  it('goes as deep as its parser can follow', async () => {
    expect(JSON.stringify(paramsOf(await parseWorkflow(file(nested(390)))))).toBe(nested(390));
    await expect(parseWorkflow(file(nested(401)))).rejects.toThrow(/nested 400 levels deep/);
  });

  it('has texts and keys that JSON has no other form of', async () => {
    const tasks = (params: string) => `name: w\ntasks:\n  - { id: a, method: core/echo, params: { v: ${params} } }`;
    await expect(parseWorkflow(tasks('{ 9007199254740993: 1 }'))).rejects.toThrow(/line 3, column 48: .*2\^53 - 1/s);
    await expect(parseWorkflow(tasks('0x20000000000001'))).rejects.toThrow(/2\^53 - 1/);
    await expect(parseWorkflow(tasks('.inf'))).rejects.toThrow(/must be a JSON value/);
    expect(paramsOf(await parseWorkflow(tasks('"9007199254740993"')))).toBe('9007199254740993');
  });
});
