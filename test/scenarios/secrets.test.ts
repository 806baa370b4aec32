import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { createSystem, defineProvider, defineWorkflow, loadWorkflow, memoryJournal } from '../../src/index.ts';
import type { Logger } from '../../src/runtime/logger.ts';
import { simulate } from '../../src/testing/index.ts';
import { openScene, scene } from './scene.ts';

/** A service that gives a session for a password, and answers to whoever has one. */
function service() {
  const got: unknown[] = [];
  const provider = defineProvider({
    protocol: 'service/v1',
    circuit: false,
    methods: {
      'service/login': {
        params: z.object({ user: z.string(), password: z.string().max(20), apiKey: z.string() }),
        run: (params, { log, progress, attempt }) => {
          got.push(params);
          log(`logging in with ${params.password}`, { apiKey: params.apiKey, said: `by ${params.apiKey}` });
          progress(0.5, `sent ${params.password}`);
          if (attempt === 1) throw Object.assign(new Error(`refused: ${params.password}`), { details: { sent: params } });
          return { session: { access_token: 's3ss10n-1' }, ticket: 't1ck3t-1', body: '{"access_token":"s3ss10n-1"}', user: params.user };
        },
      },
      'service/call': {
        run: (params) => {
          got.push(params);
          return { echoed: params, status: 200 };
        },
      },
    },
  });
  return { provider, got };
}

const file = {
  name: 'login',
  tasks: [
    {
      id: 'login',
      method: 'service/login',
      parameters: { user: '${input.user}', password: '${input.password}', apiKey: 'ap1k3y-1' },
      retry: { max_attempts: 2 },
    },
    {
      id: 'call',
      method: 'service/call',
      parameters: { headers: { Authorization: 'Bearer ${login.session.access_token}', cookie: 'ticket=${login.ticket}' } },
    },
  ],
  output: { session: '${login.session}', status: '${call.status}' },
};
const input = { user: 'ada', password: 'hunter2' };
const hidden = ['hunter2', 'ap1k3y-1', 's3ss10n-1', 't1ck3t-1'];

function listening() {
  const lines: unknown[] = [];
  const write = (fields: object, message: string) => void lines.push([fields, message]);
  const log: Logger = { debug: write, info: write, warn: write, error: write };
  return { lines, log };
}

function expectHidden(...places: readonly unknown[]): void {
  for (const place of places) for (const secret of hidden) expect(JSON.stringify(place)).not.toContain(secret);
}

describe('a secret', () => {
  it('reaches the handlers and the user, and nothing that is recorded, told or logged', async () => {
    const { provider, got } = service();
    const { lines, log } = listening();
    const journal = memoryJournal();
    const stage = await scene({ journal, providers: [provider], log, record: 'everything', metrics: true });
    const run = await stage.submit(await loadWorkflow(file), { input, id: 'w' });
    const told = [await run.explain(), await run.status()];
    const result = await stage.until(run.result());

    expect(got).toEqual([
      { user: 'ada', password: 'hunter2', apiKey: 'ap1k3y-1' },
      { user: 'ada', password: 'hunter2', apiKey: 'ap1k3y-1' },
      { headers: { Authorization: 'Bearer s3ss10n-1', cookie: 'ticket=t1ck3t-1' } },
    ]);
    expect(result.output).toEqual({ session: { access_token: 's3ss10n-1' }, status: 200 });
    expect(result.tasks['login']?.result).toEqual({
      session: { access_token: 's3ss10n-1' },
      ticket: 't1ck3t-1',
      body: '{"access_token":"s3ss10n-1"}',
      user: 'ada',
    });
    expect(result.tasks['call']?.result).toEqual({ echoed: got[2], status: 200 });
    expect(await stage.system.result('w')).toEqual(result);

    expectHidden(stage.events, await journal.read(), lines, told, await run.status(), await run.trace(), await stage.system.metrics());
    expect(stage.of('task:failed')[0]?.data.error).toMatchObject({
      message: 'refused: [sealed]',
      details: { sent: { user: 'ada', password: '[sealed]' } },
    });
    expect(stage.of('attempt:progress').map(({ data }) => data.message)).toEqual(['sent [sealed]', 'sent [sealed]']);
    expect(lines).toContainEqual([expect.objectContaining({ taskId: 'login', apiKey: '[sealed]', said: 'by [sealed]' }), 'logging in with [sealed]']);
  });

  it('is named in the message of a workflow that failed as [sealed], for its user too', async () => {
    const { play } = await scene({ providers: [service().provider] });
    const once = { ...file, tasks: file.tasks.map(({ retry: _, ...task }) => task) };
    const result = await play(await loadWorkflow(once), { input });
    expect(result).toMatchObject({ status: 'failed', tasks: { login: { error: { message: 'refused: [sealed]' } } } });
    expectHidden(result);
  });

  it('is left out of what a provider says that does not start', async () => {
    const start = () => {
      throw Object.assign(new Error('no connection'), { details: { host: 'db', password: 'hunter2' } });
    };
    const provider = defineProvider({ protocol: 'down/v1', start, methods: { 'down/none': { run: () => null } } });
    const { of, events } = await scene({ providers: [provider] });
    expect(of('provider:checked')[0]?.data).toMatchObject({ ok: false, error: { details: { host: 'db', password: '[sealed]' } } });
    expectHidden(events);
  });

  it('fails its task where a result would grow too large by it', async () => {
    const workflow = defineWorkflow({
      name: 'w',
      tasks: (task, given) =>
        task('a', { params: { given }, run: ({ given: { password } }: { given: { password: string } }) => `${password} `.repeat(200_000) }),
    });
    const { play, events } = await scene();
    const { tasks } = await play(workflow, { input });
    expect(tasks['a']?.error).toMatchObject({ code: 'TASK_RESULT_INVALID', message: expect.stringContaining('its secrets sealed, is ') });
    expectHidden(events);
  });

  it('is checked by the schema of its method before it is sealed', async () => {
    const { provider } = service();
    const { system } = await scene({ providers: [provider] });
    const tooLong = { name: 'w', tasks: [{ id: 'a', method: 'service/login', parameters: { user: 'a', password: 'x'.repeat(21), apiKey: '' } }] };
    await expect(system.submit(await loadWorkflow(tooLong))).rejects.toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
    const right = { name: 'w', tasks: [{ id: 'a', method: 'service/login', parameters: { user: 'a', password: 'x'.repeat(20), apiKey: '' } }] };
    await system.submit(await loadWorkflow(right));
  });

  it('leaves a repeated submit the same one, and makes another secret another definition', async () => {
    const { provider } = service();
    const { submit, events, of } = await scene({ providers: [provider] });
    const withKey = (apiKey: string) =>
      loadWorkflow({ ...file, tasks: file.tasks.map((task) => ({ ...task, parameters: { ...task.parameters, apiKey } })) });
    await submit(await withKey('ap1k3y-1'), { input, id: 'w' });
    await submit(await withKey('ap1k3y-1'), { input, id: 'w' });
    expect(of('workflow:submitted')).toHaveLength(1);
    await expect(submit(await withKey('ap1k3y-2'), { input, id: 'w' })).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    expectHidden(events);
  });

  it('stays sealed in a schedule, and its runs open it', async () => {
    const { provider, got } = service();
    const { system, events, advance, until } = await scene({ providers: [provider] });
    const workflow = await loadWorkflow(file);
    const spec = { id: 'nightly', everyMs: 60_000, input };
    await until(system.schedule(workflow, spec));
    await until(system.schedule(workflow, spec));
    await advance(70_000);
    expect(got.at(-1)).toEqual({ headers: { Authorization: 'Bearer s3ss10n-1', cookie: 'ticket=t1ck3t-1' } });
    expectHidden(events, system.schedules());
    await until(system.unschedule('nightly'));
  });

  it('is sealed in commands that a user states himself', async () => {
    const { provider, got } = service();
    const { system, events, settle, until } = await scene({ providers: [provider] });
    const { definition, versionHash, levels } = await loadWorkflow(file);
    system.emit('workflow:submit', { workflowId: 'w', name: definition.name, versionHash, definition, input, levels });
    await settle();
    await until(system.result('w'));
    expect(got[0]).toMatchObject(input);
    expectHidden(events);
  });

  it('goes from a function to a function, through a list of them', async () => {
    const got: unknown[] = [];
    const workflow = defineWorkflow({
      name: 'accounts',
      tasks: (task) => {
        const accounts = task('accounts', { run: () => [1, 2].map((id) => ({ id, password: `hunter2-${id}` })) });
        return task('each', {
          forEach: accounts,
          params: (account) => ({ account }),
          run: ({ account }: { account: { id: number; password: string } }) => {
            got.push(account);
            return `did ${account.id} with ${account.password}`;
          },
        });
      },
    });
    const { play, events } = await scene();
    const { output } = await play(workflow);
    expect(got).toEqual([1, 2].map((id) => ({ id, password: `hunter2-${id}` })));
    expect(output).toEqual(['did 1 with hunter2-1', 'did 2 with hunter2-2']);
    expectHidden(events);
  });

  it('is what the options say: names, a function, or nothing', async () => {
    const workflow = defineWorkflow({
      name: 'w',
      tasks: (task, given) => task('a', { params: { given }, run: ({ given: of }: { given: unknown }) => of }),
    });
    const payload = { password: 'hunter2', iban: 'DE-1234-5678', note: 'call 555-12345' };
    const recorded = async (secrets: Parameters<typeof openScene>[0] & object) => {
      const { play, events, close } = await openScene(secrets);
      expect((await play(workflow, { input: payload })).output).toEqual(payload);
      await close();
      return JSON.stringify(events);
    };
    const text = await recorded({ secrets: { keys: ['iban'], isSecret: (_, value) => typeof value === 'string' && value.includes('555') } });
    for (const each of Object.values(payload)) expect(text).not.toContain(each);
    const open = await recorded({ secrets: false });
    for (const each of Object.values(payload)) expect(open).toContain(each);
  });

  it('keeps a simulation what its seed makes it', async () => {
    const history = async (seed: string) => {
      const { play, events, close } = await openScene({ seed, providers: [service().provider] });
      await play(await loadWorkflow(file), { input });
      await close();
      return events.map((event) => JSON.stringify(event)).join('\n');
    };
    const first = await history('one');
    expect(first).toContain('⟦sealed:v1:');
    expect(await history('one')).toBe(first);
  });
});

describe('a system without the key', () => {
  it('fails what needs a secret, once, and says what to do; with the key it goes on', async () => {
    const journal = memoryJournal();
    const workflow = await loadWorkflow(file);
    const start = (key: string, provider = service().provider) => simulate({ journal, providers: [provider], builtins: false, secrets: { key } });
    const one = await start('a'.repeat(32));
    await one.system.pause();
    await one.until(one.system.submit(workflow, { input, id: 'w' }));
    await one.until(one.system.stop({ deadlineMs: 0 }));

    const two = await start('b'.repeat(32));
    const result = await two.until(two.system.result('w'));
    expect(result.tasks['login']).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'CONFIGURATION_ERROR' } });
    expect(result.tasks['login']?.error?.message).toMatch(/^The parameters of task "login": .* key [0-9a-f]{8}, .* GLEITZEIT_SECRET_KEY/);
    await two.until(two.system.stop({ deadlineMs: 0 }));

    const { provider, got } = service();
    const three = await start('a'.repeat(32), provider);
    const run = await three.until(three.system.retry('w'));
    expect(await three.until(run.result())).toMatchObject({ status: 'completed' });
    expect(got[0]).toMatchObject(input);
    expectHidden(await journal.read());
    await three.until(three.system.stop({ deadlineMs: 0 }));
  });

  it.each([
    ['too short a key', { key: 'hunter2' }],
    ['names that are none', { keys: 'password' }],
    ['what is no option', { names: [] }],
  ])('is not made with %s, which the error does not repeat', (_, secrets) => {
    try {
      createSystem({ secrets: secrets as never });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'CONFIGURATION_ERROR',
        message: expect.stringMatching(/secrets(?:\.names is not a known option| must be false, or a map .*32 random bytes)/),
      });
      expectHidden(error);
    }
  });
});
