import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { requests } from '../../../../src/hub/protocol/requests.ts';
import { type Asker, createRequestHandlers, type RequestHandler } from '../../../../src/hub/server/requests.ts';
import { type GleitzeitSystem, loadWorkflow } from '../../../../src/index.ts';
import { recordOf } from '../../../../src/workflow/restore.ts';
import { ask, connected, echo, gate, hubOf, systemThatRuns, until } from './places.ts';

const client: Asker = { id: 'test', name: 'test', roles: new Set(['client']) };
const observer: Asker = { id: 'test', name: 'test', roles: new Set(['observer']) };
const worker: Asker = { id: 'test', name: 'test', roles: new Set(['worker']) };

// biome-ignore lint/suspicious/noExplicitAny: an answer has the shape that its test looks at
type Asked = (name: keyof typeof requests, data?: unknown, asker?: Asker) => Promise<any>;
const asking =
  (handle: RequestHandler): Asked =>
  (name, data, asker = client) =>
    handle(name, data, asker);

async function desk(options: Parameters<typeof systemThatRuns>[0] = {}): Promise<{ readonly system: GleitzeitSystem; readonly request: Asked }> {
  const system = await systemThatRuns(options);
  return { system, request: asking(createRequestHandlers(system)) };
}

const refused = (code: string) => expect.objectContaining({ name: 'GleitzeitError', code });

describe('what clients ask of the engine', { timeout: 30_000 }, () => {
  it('is a submit, whatever form the workflow comes in', async () => {
    const { request } = await desk();
    const definition = { name: 'sum', input: { text: 'default' }, tasks: [{ id: 'a', method: 'core/echo', params: { text: '${input.text}' } }] };
    const workflow = recordOf(await loadWorkflow(definition));
    const yaml = 'name: sum\ninput: { text: default }\ntasks:\n  - { id: a, method: core/echo, params: { text: "${input.text}" } }\n';
    for (const [id, form] of Object.entries({ d: { definition }, y: { yaml }, j: { yaml: JSON.stringify(definition) }, w: { workflow } })) {
      expect(await request('workflow:submit', { ...form, id, input: { text: id } })).toEqual({ workflowId: id });
      const { result } = await request('workflow:result', { workflowId: id });
      expect(result).toMatchObject({ workflowId: id, name: 'sum', status: 'completed', tasks: { a: { result: { text: id } } } });
    }
    // The same once more is the same run.
    expect(await request('workflow:submit', { definition, id: 'd', input: { text: 'd' } })).toEqual({ workflowId: 'd', known: 'completed' });
    await expect(request('workflow:submit', { definition, id: 'd', input: { other: 1 } })).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    expect(await request('workflow:submit', { definition, id: 'd', input: { other: 1 }, ifKnown: 'join' })).toMatchObject({ workflowId: 'd' });
    await expect(request('workflow:submit', { definition: echo(), id: 'd' })).rejects.toEqual(refused('WORKFLOW_INVALID_STATE'));
    expect(await request('workflow:submit', { definition })).toEqual({ workflowId: expect.stringMatching(/./) });
  });

  it.each<[string, object, string, RegExp]>([
    ['no form', {}, 'INVALID_PARAMS', /exactly one of definition, yaml and workflow, got 0/],
    ['two forms', { definition: echo(), yaml: 'name: x' }, 'INVALID_PARAMS', /got 2/],
    ['no workflow', { definition: { name: 'x' } }, 'WORKFLOW_VALIDATION_FAILED', /tasks/],
    ['no record of one', { workflow: { definition: {} } }, 'INVALID_PARAMS', /./],
    ['YAML that is none', { yaml: 'a: [' }, 'PARSE_ERROR', /./],
    ['YAML as long as a library', { yaml: `name: ${'x'.repeat(2 ** 18)}` }, 'PARSE_ERROR', /larger than the 262144 bytes/],
    ['a method that there is not', { definition: { name: 'x', tasks: [{ id: 'a', method: 'core/none' }] } }, 'METHOD_NOT_FOUND', /core\/none/],
    ['a protocol that there is not', { definition: { name: 'x', tasks: [{ id: 'a', method: 'none/none' }] } }, 'PROTOCOL_NOT_FOUND', /none/],
    ['a circle', { definition: { name: 'x', tasks: [{ id: 'a', method: 'core/echo', dependencies: ['a'] }] } }, 'WORKFLOW', /./],
    ['an id with a slash', { definition: echo(), id: 'a/b' }, 'INVALID_PARAMS', /a\/b/],
    ['a path for a definition', { definition: '/etc/passwd' }, 'INVALID_PARAMS', /definition/],
  ])('is refused with what is wrong: %s', async (_, data, code, message) => {
    const { request } = await desk();
    await expect(request('workflow:submit', data)).rejects.toMatchObject({
      code: expect.stringMatching(`^${code}`),
      message: expect.stringMatching(message),
    });
  });

  it('does not list the files of the hub, unless that is allowed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-batch-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    writeFileSync(join(directory, 'secret.txt'), '');
    const { system, request } = await desk();
    const definition = { name: 'b', type: 'batch', batch: { directory, pattern: '*' }, template: { method: 'core/echo' } };
    for (const form of [{ definition }, { yaml: JSON.stringify(definition) }]) {
      const refusal = await request('workflow:submit', form).catch((error: Error) => error);
      expect(refusal).toMatchObject({ code: 'WORKFLOW_VALIDATION_FAILED', message: expect.stringMatching(/not allowed here/) });
      expect(refusal.message).not.toContain('secret');
      // What is not there is refused no differently.
      await expect(request('workflow:submit', { definition: { ...definition, batch: { directory: '/none' } } })).rejects.toThrow(/not allowed here/);
    }
    const open = asking(createRequestHandlers(system, { batches: true }));
    const { workflowId } = await open('workflow:submit', { definition });
    expect(Object.keys((await open('workflow:result', { workflowId })).result.tasks)).toEqual(['secret.txt']);
  });

  it('is where a workflow stands, now and then, and all that is known of it', async () => {
    const { provider, open } = gate();
    const { system, request } = await desk({ providers: [provider] });
    const definition = {
      name: 'g',
      tasks: [
        { id: 'a', method: 'gate/wait' },
        { id: 'b', method: 'core/echo', dependencies: ['a'] },
      ],
    };
    await request('workflow:submit', { definition, id: 'w' });
    await until(async () => (await system.snapshot('task', 'w/a'))?.value === 'running');
    expect((await request('workflow:status', { workflowId: 'w' })).status).toMatchObject({ status: 'running', tasks: { b: { status: 'pending' } } });
    expect((await request('workflow:explain', { workflowId: 'w' })).explanation.tasks.map(({ taskId }: { taskId: string }) => taskId)).toEqual([
      'a',
      'b',
    ]);
    expect((await request('workflow:explain', { workflowId: 'w', taskId: 'b' })).explanation.tasks).toHaveLength(1);
    const { lastSeq } = await request('hub:info');
    const waiting = request('workflow:result', { workflowId: 'w' });
    open();
    expect((await waiting).result).toMatchObject({ status: 'completed' });
    expect((await request('workflow:status', { workflowId: 'w' })).status.status).toBe('completed');
    expect((await request('workflow:status', { workflowId: 'w', at: lastSeq })).status.status).toBe('running');
    const { trace } = await request('workflow:trace', { workflowId: 'w' });
    expect(trace.events.at(-1)).toMatchObject({ type: 'workflow:completed' });
    expect(trace).not.toHaveProperty('root');
    expect((await request('hub:info')).lastSeq).toBeGreaterThan(lastSeq);
  });

  it('opens secrets in results for clients, and for nobody else and nowhere else', async () => {
    const { provider, open } = gate();
    const { request } = await desk({ providers: [provider] });
    const definition = {
      name: 'login',
      tasks: [
        { id: 'a', method: 'core/echo', parameters: { password: '${input.password}' } },
        { id: 'b', method: 'gate/wait', dependencies: ['a'] },
      ],
      output: { seen: '${a.password}' },
    };
    await request('workflow:submit', { definition, id: 'w', input: { password: 'hunter2-hunter2' } });
    // They wait for the same result.
    const waiting = Promise.all([client, observer].map((asker) => request('workflow:result', { workflowId: 'w' }, asker)));
    open();
    const [opened, sealed] = await waiting;
    expect(opened.result).toMatchObject({ tasks: { a: { result: { password: 'hunter2-hunter2' } } }, output: { seen: 'hunter2-hunter2' } });
    expect(sealed.result).toMatchObject({ status: 'completed', output: { seen: expect.stringMatching(/^⟦sealed:/) } });
    const others = ['workflow:status', 'workflow:trace', 'workflow:explain', 'workflow:list'] as const;
    const read = await Promise.all(
      [client, observer].flatMap((asker) => others.map((name) => request(name, name === 'workflow:list' ? {} : { workflowId: 'w' }, asker))),
    );
    expect(JSON.stringify([sealed, read])).not.toContain('hunter2');
  });

  it('is a list of workflows, the latest so many', async () => {
    const { request } = await desk();
    for (const id of ['a', 'b', 'c']) {
      await request('workflow:submit', { definition: echo(), id });
      await request('workflow:result', { workflowId: id });
    }
    const ids = async (data?: object) => (await request('workflow:list', data)).workflows.map(({ workflowId }: { workflowId: string }) => workflowId);
    expect(await ids()).toEqual(['a', 'b', 'c']);
    expect(await ids({ limit: 2 })).toEqual(['b', 'c']);
    expect(await ids({ status: 'running' })).toEqual([]);
  });

  it('is a command, answered with where that leaves the workflow', async () => {
    const { provider } = gate();
    const { system, request } = await desk({ providers: [provider] });
    await request('workflow:submit', {
      definition: {
        name: 'g',
        tasks: [
          { id: 'a', method: 'gate/wait' },
          { id: 'b', method: 'gate/wait' },
        ],
      },
      id: 'w',
    });
    expect(await request('workflow:pause', { workflowId: 'w' })).toEqual({ workflowId: 'w', status: 'paused' });
    expect(await request('workflow:resume', { workflowId: 'w', reason: 'go' })).toEqual({ workflowId: 'w', status: 'running' });
    expect(await request('task:cancel', { workflowId: 'w', taskId: 'b' })).toEqual({});
    await expect(request('workflow:retry', { workflowId: 'w' })).rejects.toEqual(refused('WORKFLOW_INVALID_STATE'));
    expect(await request('workflow:cancel', { workflowId: 'w', reason: 'enough' })).toMatchObject({ workflowId: 'w' });
    expect((await request('workflow:result', { workflowId: 'w' })).result.status).not.toBe('completed');
    await expect(request('workflow:pause', { workflowId: 'w' })).rejects.toEqual(refused('WORKFLOW_INVALID_STATE'));
    expect(await request('engine:pause', { reason: 'lunch' })).toEqual({});
    expect((await system.snapshot('engine'))?.value).toEqual({ running: 'paused' });
    await request('workflow:submit', { definition: echo(), id: 'later' });
    await until(async () => (await system.snapshot('task', 'later/a')) !== undefined);
    expect(await request('task:set_priority', { workflowId: 'later', taskId: 'a', priority: 'urgent' })).toEqual({});
    expect(await request('engine:resume')).toEqual({});
    expect((await request('workflow:result', { workflowId: 'later' })).result.status).toBe('completed');
  });

  it('is a schedule', async () => {
    const { request } = await desk();
    const { schedule } = await request('schedule:add', { definition: echo(), id: 's', everyMs: 60_000 });
    expect(schedule).toMatchObject({ id: 's', workflow: 'echo' });
    expect((await request('schedule:list')).schedules).toEqual([schedule]);
    await expect(request('schedule:add', { definition: echo(), id: 't', everyMs: 60_000, cron: '* * * * *' })).rejects.toEqual(
      refused('INVALID_PARAMS'),
    );
    expect(await request('schedule:remove', { scheduleId: 's' })).toEqual({});
    await expect(request('schedule:remove', { scheduleId: 's' })).rejects.toEqual(refused('SCHEDULE_NOT_FOUND'));
  });

  it('is refused by role', async () => {
    const { request } = await desk();
    for (const [name, { roles }] of Object.entries(requests)) {
      await expect(request(name as 'hub:info', {}, worker)).rejects.toEqual(refused('AUTHORIZATION_FAILED'));
      const isForObservers = (roles as readonly string[]).includes('observer');
      expect(isForObservers).toBe(!/submit|cancel|pause|resume|retry|priority|add|remove/.test(name));
      if (!isForObservers) await expect(request(name as 'hub:info', {}, observer)).rejects.toEqual(refused('AUTHORIZATION_FAILED'));
    }
    expect(await request('hub:info', {}, observer)).toMatchObject({ phase: 'running' });
    await expect(request('toString' as 'hub:info')).rejects.toEqual(refused('METHOD_NOT_FOUND'));
  });

  it('says that the system does not run any more, and leaves nobody waiting', async () => {
    const { provider } = gate();
    const { system, hub } = await hubOf({ systemOptions: { providers: [provider] } });
    const asker = await connected(hub.url);
    await ask(asker, 'workflow:submit', { definition: { name: 'g', tasks: [{ id: 'a', method: 'gate/wait' }] }, id: 'w' });
    const waiting = ask(asker, 'workflow:result', { workflowId: 'w' });
    expect(await ask(asker, 'hub:info')).toMatchObject({ ok: true });
    await system.stop({ deadlineMs: 0 });
    const shutdown = { ok: false, error: { code: 'SYSTEM_SHUTDOWN', rpcCode: -31002 } };
    expect(await waiting).toMatchObject(shutdown);
    for (const [name, data] of [
      ['hub:info', {}],
      ['workflow:submit', { definition: echo() }],
      ['workflow:result', { workflowId: 'w' }],
      ['subscribe', {}],
    ] as const)
      expect(await ask(asker, name, data)).toMatchObject(shutdown);
  });

  it('waits for nobody who is gone', async () => {
    const { provider } = gate();
    const { request } = await desk({ providers: [provider] });
    await request('workflow:submit', { definition: { name: 'g', tasks: [{ id: 'a', method: 'gate/wait' }] }, id: 'w' });
    const listeners = new Set<() => void>();
    const onGone = (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    const waiting = request('workflow:result', { workflowId: 'w' }, { ...client, onGone });
    const staying = request('workflow:result', { workflowId: 'w' });
    await until(() => listeners.size === 1);
    for (const leave of listeners) leave();
    await expect(waiting).rejects.toEqual(refused('CONNECTION_LOST'));
    await request('workflow:cancel', { workflowId: 'w' });
    expect((await staying).result.status).toBe('cancelled');
  });
});
