/** The commands at a hub: the same as on a journal, of an engine that is somewhere else. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { createHub, type HubOptions } from '../../../src/hub/index.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { createSystem } from '../../../src/runtime/system.ts';
import { silent } from '../../silent.ts';
import { gate, placeForJournal, until } from '../control/places.ts';
import { fakeTerminal } from './terminals.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-hub-commands-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** A command that may still go on. */
function begin(...args: readonly string[]) {
  const terminal = fakeTerminal();
  return { terminal, ended: runProgram(args, terminal) };
}

async function gleitzeit(...args: readonly string[]) {
  const { terminal, ended } = begin(...args);
  const exitCode = await ended;
  const stdout = terminal.stdout.text();
  return { exitCode, stdout, stderr: terminal.stderr.text(), json: <Value>() => JSON.parse(stdout) as Value };
}

function workflowFile(name: string, ...tasks: readonly object[]): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify({ name, tasks }));
  return path;
}

const echo = workflowFile('Echo', { id: 'a', method: 'core/echo', parameters: { n: '${input.n}' } });
const waiting = workflowFile('Waiting', { id: 'a', method: 'gate/wait' }, { id: 'b', method: 'gate/wait', dependencies: ['a'] });
const failing = workflowFile('Failing', { id: 'a', method: 'core/fail', parameters: { times: 1 } });
const unknown = workflowFile('Unknown', { id: 'a', method: 'core/ecko' });
const input = ['--input', '{"n":5}'];

interface Era {
  readonly path?: string;
  readonly options?: Partial<HubOptions>;
  readonly held?: ReturnType<typeof gate>;
}

/** An engine and its hub, which end with the test. */
async function hubOf({ path, options = {}, held = gate() }: Era = {}) {
  const journal = path === undefined ? {} : { journal: sqliteJournal(path, { writer: 'inline' }) };
  // Workers have no time to come back in: what nobody offers is refused at once.
  const system = createSystem({ log: silent, providers: [held.provider], worker: { leaseMs: 400, heartbeatMs: 100 }, ...journal });
  await system.start();
  const hub = await createHub({ system, port: 0, ...options });
  const close = async (): Promise<void> => {
    await hub.close({ deadlineMs: 0 });
    await system.stop({ deadlineMs: 0 });
  };
  onTestFinished(close);
  return { system, hub, held, close, at: ['--hub', hub.url] };
}

describe('the commands at a hub', { timeout: 30_000 }, () => {
  it('run a workflow to its end there, and print what a run here prints', async () => {
    const { at, system } = await hubOf();
    const there = await gleitzeit('run', echo, ...at, '--id', 'w', ...input, '--json');
    const here = await gleitzeit('run', echo, '--id', 'w', ...input, '--json');
    const untimed = (json: { durationMs: number; tasks: Record<string, object> }) => ({
      ...json,
      durationMs: 0,
      tasks: { a: { ...json.tasks['a'], durationMs: 0 } },
    });
    expect([there.exitCode, untimed(there.json())]).toEqual([0, untimed(here.json())]);
    expect(there.stderr).toMatch(/a started \(core\/echo\)\na completed in .*\n✓ Echo completed/);
    expect((await system.status('w')).status).toBe('completed');
    // The same id once more is the same run.
    expect((await gleitzeit('run', echo, ...at, '--id', 'w', ...input, '--json')).stdout).toBe(there.stdout);
    expect((await gleitzeit('run', failing, ...at)).exitCode).toBe(1);
  });

  it('submit, look, explain and command there', async () => {
    const { at, held } = await hubOf();
    expect(await gleitzeit('submit', waiting, ...at, '--id', 'w', '--json')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('"by": "hub"'),
    });
    await until(() => held.calls.includes('a'));
    expect((await gleitzeit('status', 'w', ...at, '--json')).json()).toMatchObject({
      status: 'running',
      tasks: { a: { status: 'running' }, b: { status: 'pending' } },
    });
    const { stdout, stderr } = await gleitzeit('explain', 'w', 'b', ...at);
    expect([stdout, stderr]).toEqual([expect.stringMatching(/b is pending\n.*waits for/s), '']);
    expect((await gleitzeit('pause', 'w', ...at)).stdout).toBe('Workflow w is paused.\n');
    expect((await gleitzeit('resume', 'w', ...at)).stdout).toBe('Workflow w is running.\n');
    expect((await gleitzeit('cancel', 'w', ...at, '--reason', 'enough', '--json')).json()).toMatchObject({ command: 'cancel', by: 'hub' });
    await until(async () => (await gleitzeit('list', ...at, '--status', 'cancelled', '--json')).json<unknown[]>().length === 1);

    await gleitzeit('run', failing, ...at, '--id', 'f');
    expect((await gleitzeit('retry', 'f', ...at)).exitCode).toBe(0);
    await until(async () => (await gleitzeit('status', 'f', ...at, '--json')).json<{ status: string }>().status === 'completed');
    expect((await gleitzeit('status', ...at)).stdout).toMatch(
      /^http:\S+: Gleitzeit \d\S+, running\n {2}running {4}0\n {2}completed {2}1\n {2}failed {5}0\n {2}cancelled {2}1\n {2}damaged {4}0\n$/,
    );
    expect((await gleitzeit('status', ...at, '--json')).json()).toMatchObject({
      hub: at[1],
      engine: { phase: 'running' },
      workflows: { cancelled: 1 },
    });
  });

  it('trace, and tell events and how things were, as of a journal', async () => {
    const path = placeForJournal();
    const { at } = await hubOf({ path });
    await gleitzeit('run', echo, ...at, '--id', 'w', ...input);
    await gleitzeit('run', failing, ...at, '--id', 'f');
    const both = async (...args: readonly string[]) => {
      const [there, here] = [await gleitzeit(...args, ...at), await gleitzeit(...args, '--db', path)];
      expect([there.exitCode, there.stdout]).toEqual([here.exitCode, here.stdout]);
      return there;
    };
    const events = (await both('events', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as GleitzeitEvent);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['workflow:submitted', 'task:completed', 'task:failed', 'workflow:failed']),
    );
    await both('events', '--workflow', 'w');
    await both('events', '--severity', 'error', '--json');
    await both('events', '--type', 'task:*', 'workflow:completed', '--component', 'task');
    await both('events', '--after', String(events[3]?.seq), '--json');
    await both('trace', 'f');
    await both('trace', 'w', '--json');
    await both('list', '--json');
    await both('list', '--status', 'failed');
    const started = events.find(({ type }) => type === 'task:started')?.seq;
    await both('status', 'w', '--at', String(started), '--json');
    expect((await gleitzeit('status', 'w', ...at, '--at', '0')).exitCode).toBe(2);
    for (const args of [
      ['status', 'no'],
      ['trace', 'no'],
      ['explain', 'no'],
      ['cancel', 'no'],
      ['retry', 'w'],
      ['events', '--workflow', 'no'],
    ])
      expect([args, (await gleitzeit(...args, ...at)).exitCode]).toEqual([args, 2]);
  });

  it('make, list and remove schedules', async () => {
    const { at } = await hubOf();
    const added = await gleitzeit(
      'schedule',
      'add',
      echo,
      ...at,
      '--id',
      's',
      '--every',
      '60',
      '--start-at',
      '2100-01-01T00:00:00Z',
      ...input,
      '--json',
    );
    expect(added.json()).toMatchObject({ id: 's', by: 'hub', nextAt: Date.parse('2100-01-01T00:00:00Z') });
    expect((await gleitzeit('schedule', 'list', ...at)).stdout).toMatch(/^s {2}every 1 min 00 s {2}next 2100-01-01/);
    expect((await gleitzeit('schedule', 'remove', 's', ...at)).stdout).toBe('Schedule s is removed.\n');
    expect((await gleitzeit('schedule', 'list', ...at, '--json')).json()).toEqual([]);
    expect((await gleitzeit('schedule', 'remove', 's', ...at)).exitCode).toBe(2);
  });

  it('follow what is recorded, over a restart of the hub, until Ctrl-C', async () => {
    const path = placeForJournal();
    const first = await hubOf({ path });
    const { port } = first.hub;
    const { terminal, ended } = begin('events', ...first.at, '--follow', '--json', '--type', 'workflow:*');
    const told = () =>
      terminal.stdout
        .text()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as GleitzeitEvent)
        .filter(({ type }) => type === 'workflow:completed')
        .map(({ data }) => (data as { workflowId: string }).workflowId);
    await gleitzeit('run', echo, ...first.at, '--id', 'v', ...input);
    await until(() => told().length === 1);
    await first.close();
    const second = await hubOf({ path, options: { port } });
    await gleitzeit('run', echo, ...second.at, '--id', 'w', ...input);
    await until(() => told().length === 2);
    process.emit('SIGINT');
    expect(await ended).toBe(130);
    expect(told()).toEqual(['v', 'w']);
  });

  it('leave a run to the hub at Ctrl-C, and say how to get back to it', async () => {
    const { at, held, hub } = await hubOf();
    const { terminal, ended } = begin('run', waiting, ...at, '--id', 'w');
    await until(() => terminal.stderr.text().includes('a started'));
    process.emit('SIGINT');
    expect(await ended).toBe(130);
    const back = `gleitzeit run ${waiting} --hub ${hub.url} --id w`;
    expect(terminal.stderr.text()).toContain(back);
    held.open();
    expect(await gleitzeit(...back.split(' ').slice(1))).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('b: {"passed":"b"}') });
  });

  it('wait for the result over a restart of the hub', async () => {
    const path = placeForJournal();
    const held = gate();
    const first = await hubOf({ path, held });
    const { port } = first.hub;
    const output = join(folder, 'result.json');
    const { terminal, ended } = begin('run', waiting, ...first.at, '--id', 'w', '--output', output);
    await until(() => held.calls.includes('a'));
    await first.close();
    await until(() => terminal.stderr.text().includes('the connection to the hub is lost'));
    expect(existsSync(output)).toBe(false);
    const second = gate();
    await hubOf({ path, held: second, options: { port } });
    second.open();
    expect(await ended).toBe(0);
    expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({ workflowId: 'w', status: 'completed' });
  });

  it('cancel a run there that takes longer than it may', async () => {
    const { at, system } = await hubOf();
    expect((await gleitzeit('run', waiting, ...at, '--id', 'w', '--timeout', '0.05')).exitCode).toBe(4);
    expect((await system.status('w')).status).toBe('cancelled');
  });
});

describe('which place is meant', { timeout: 20_000 }, () => {
  const nowhere = 'http://127.0.0.1:1';

  it('says the environment, with its token, and what is typed counts for more', async () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    const { hub } = await hubOf({ options: { token: 'right' } });
    vi.stubEnv('GLEITZEIT_HUB', hub.url);
    vi.stubEnv('GLEITZEIT_TOKEN', 'right');
    expect((await gleitzeit('list', '--json')).json()).toEqual([]);
    expect((await gleitzeit('list', '--token', 'wrong')).exitCode).toBe(3);
    const db = placeForJournal();
    expect((await gleitzeit('submit', echo, '--db', db, '--id', 'w', '--json', ...input)).json()).toMatchObject({ by: 'caller' });
    vi.stubEnv('GLEITZEIT_DB', db);
    const both = await gleitzeit('list');
    expect([both.exitCode, both.stderr]).toEqual([2, expect.stringMatching(/GLEITZEIT_DB and GLEITZEIT_HUB/)]);
    expect((await gleitzeit('list', '--hub', hub.url, '--json')).json()).toEqual([]);
    vi.stubEnv('GLEITZEIT_HUB', '');
    expect((await gleitzeit('list', '--json')).json()).toHaveLength(1);
  });

  it('takes the token from a file, by the option before a variable, and of the variables one', async () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    const { at } = await hubOf({ options: { token: 'right' } });
    const [right, wrong] = ['right', 'wrong'].map((token) => {
      const path = join(folder, `${token}.token`);
      writeFileSync(path, `${token}\n`, { mode: 0o600 });
      return path;
    });
    expect((await gleitzeit('list', ...at, '--token-file', right!)).exitCode).toBe(0);
    vi.stubEnv('GLEITZEIT_TOKEN_FILE', right);
    expect((await gleitzeit('list', ...at)).exitCode).toBe(0);
    expect((await gleitzeit('list', ...at, '--token-file', wrong!)).exitCode).toBe(3);
    expect((await gleitzeit('list', ...at, '--token', 'wrong')).exitCode).toBe(3);
    vi.stubEnv('GLEITZEIT_TOKEN', 'right');
    expect(await gleitzeit('list', ...at)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('GLEITZEIT_TOKEN_FILE') });
    expect((await gleitzeit('list', ...at, '--token-file', right!)).exitCode).toBe(0);
  });

  it('takes --if-known along to the hub', async () => {
    const { at } = await hubOf();
    await gleitzeit('run', echo, ...at, '--id', 'w', ...input);
    const other = [...at, '--id', 'w', '--input', '{"n":6}'];
    for (const command of ['run', 'submit'])
      expect(await gleitzeit(command, echo, ...other)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--if-known join') });
    expect((await gleitzeit('run', echo, ...other, '--if-known', 'join', '--json')).json()).toMatchObject({ tasks: { a: { result: { n: 5 } } } });
  });

  it.each([
    ['a journal and a hub', ['list', '--db', 'a.db', '--hub', nowhere], '--db and --hub'],
    ['a journal and a hub to run on', ['run', echo, '--db', 'a.db', '--hub', nowhere], '--db and --hub'],
    ['a token without a hub', ['list', '--token', 't'], '--token goes with --hub'],
    ['providers that would be here', ['submit', echo, '--providers', 'p.ts', '--hub', nowhere], '--providers goes with a journal'],
    ['an inspector that would be here', ['run', echo, '--inspect', '--hub', nowhere], '--inspect'],
    ['what is no address', ['list', '--hub', 'somewhere'], 'the address of a hub'],
    ['an empty token', ['list', '--hub', nowhere, '--token', ' '], '--token'],
    ['a filter that nothing matches', ['events', '--type', 'task:compleated', '--hub', nowhere], 'task:completed'],
  ])('is refused before anybody is asked: %s', async (_, args, said) => {
    const { exitCode, stderr } = await gleitzeit(...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  it('ends with 3 where there is no hub, it does not let us in, or nobody offers what is asked for', async () => {
    const { at } = await hubOf({ options: { tokens: [{ token: 'o', roles: ['observer'] }, { token: 'c' }] } });
    const missing = gleitzeit('list', '--hub', nowhere);
    const denied = await gleitzeit('list', ...at, '--token', 'wrong', '--json');
    expect([denied.exitCode, denied.json()]).toEqual([3, { error: expect.objectContaining({ code: 'AUTHENTICATION_FAILED', rpcCode: -25005 }) }]);
    expect((await gleitzeit('submit', echo, ...at, '--token', 'o')).exitCode).toBe(3);
    expect(await gleitzeit('run', unknown, ...at, '--token', 'c')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('METHOD_NOT_FOUND'),
    });
    expect(await missing).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('CONNECTION_REFUSED') });
  });

  it('is looked at by doctor', async () => {
    const { hub, at } = await hubOf({ options: { token: 'right' } });
    const hubCheck = async (...args: readonly string[]) => {
      const { exitCode, json } = await gleitzeit('doctor', '--json', ...args);
      const { checks } = json<{ checks: { name: string; level: string; detail: string; advice?: string }[] }>();
      return [exitCode, checks.find(({ name }) => name === 'hub')];
    };
    expect(await hubCheck(...at, '--token', 'right')).toEqual([
      0,
      { name: 'hub', level: 'ok', detail: expect.stringContaining(`${hub.url}: Gleitzeit`) },
    ]);
    expect(await hubCheck(...at)).toEqual([5, expect.objectContaining({ level: 'fault', advice: expect.stringContaining('--token') })]);
    expect(await hubCheck('--hub', nowhere)).toEqual([
      5,
      expect.objectContaining({ level: 'fault', advice: expect.stringContaining('gleitzeit serve') }),
    ]);
    expect(await hubCheck()).toEqual([0, undefined]);
  });
});
