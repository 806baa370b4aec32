/** `gleitzeit serve` in processes of its own, asked over HTTP as curl would. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { io } from 'socket.io-client';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';

import { runProgram } from '../../../src/cli/program.ts';
import { sealingKeyOf } from '../../../src/secrets/key.ts';
import { until } from '../control/places.ts';
import { fakeTerminal } from './terminals.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-serve-'));
afterAll(() => rmSync(folder, { recursive: true }));
const main = resolve('src/cli/main.ts');

interface Ready {
  readonly event: 'listening';
  readonly url: string;
  readonly port: number;
  readonly recovered: { readonly workflows: number; readonly tasks: number };
  readonly hasToken: boolean;
}

type Env = Readonly<Record<string, string>>;

/** A server in a process of its own, on a port that is free. */
function serve(args: readonly string[], env: Env = {}) {
  return start<Ready>(['serve', '--port', '0', '--json', ...args], env);
}

/** A command in a process of its own, once it has said its first line of JSON. */
async function start<First>(args: readonly string[], env: Env) {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  const ended = new Promise<{ exitCode: number | null; stdout: string; stderr: string }>((settle) =>
    child.on('close', (exitCode) => settle({ exitCode, stdout, stderr })),
  );
  const ready = new Promise<First>((told) => {
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      stdout += part;
      if (stdout.includes('\n')) told(JSON.parse(stdout.split('\n', 1)[0] ?? '') as First);
    });
  });
  const first = await Promise.race([ready, ended]);
  if (typeof first === 'object' && first !== null && 'exitCode' in first) throw new Error(`It ended: ${stderr}`);
  // Of the two that is what the command said.
  return { ready: first as First, kill: (signal: NodeJS.Signals) => child.kill(signal), ended, stderr: () => stderr };
}

const bearing = { authorization: 'Bearer s3cret-token' };
const posted = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { ...bearing, 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

interface Told {
  readonly status: { readonly status: string };
  readonly result?: { readonly tasks: Readonly<Record<string, { readonly attempts: number }>> };
}
const told = async (url: string, id: string) => (await (await fetch(`${url}/api/workflows/${id}`, { headers: bearing })).json()) as Told;
const ended = (url: string, id: string) => until(async () => (await told(url, id)).result !== undefined);

const sleep = { name: 'Sleep', tasks: [{ id: 'a', method: 'core/sleep', parameters: { ms: 3_600_000 } }] };

describe('gleitzeit serve', { timeout: 60_000 }, () => {
  it('goes on after it was killed with what was submitted to it over HTTP', async () => {
    const db = join(folder, 'killed.db');
    const ledger = join(folder, 'killed.txt');
    const shell = (id: string, script: string, dependencies: readonly string[] = []) => ({
      id,
      method: 'process/exec',
      dependencies,
      parameters: { command: 'sh', args: ['-c', `echo ${id} >> ${ledger}; ${script}`] },
    });
    // The second task waits for a file that only the second server finds.
    const go = join(folder, 'go');
    const definition = {
      name: 'Ledger',
      tasks: [shell('first', 'true'), shell('second', `until test -e ${go}; do sleep 0.05; done`, ['first']), shell('third', 'true', ['second'])],
    };
    const first = await serve(['--db', db], { GLEITZEIT_TOKEN: 's3cret-token' });
    expect(first.ready).toMatchObject({ event: 'listening', hasToken: true, recovered: { workflows: 0, tasks: 0 } });
    const { url } = first.ready;
    expect((await fetch(`${url}/api/workflows`)).status).toBe(401);
    expect((await fetch(`${url}/api/workflows`, posted({ definition, id: 'w' }))).status).toBe(202);
    await until(() => existsSync(ledger) && readFileSync(ledger, 'utf8').includes('second'));
    first.kill('SIGKILL');
    expect((await first.ended).stderr).not.toContain('s3cret-token');

    writeFileSync(go, '');
    const second = await serve(['--db', db], { GLEITZEIT_TOKEN: 's3cret-token' });
    expect(second.ready.recovered).toEqual({ workflows: 1, tasks: 1 });
    expect((await fetch(`${second.ready.url}/api/workflows`, posted({ definition, id: 'w' }))).status).toBe(202);
    await ended(second.ready.url, 'w');
    expect((await told(second.ready.url, 'w')).result?.tasks).toMatchObject({
      first: { attempts: 1 },
      second: { attempts: 2 },
      third: { attempts: 1 },
    });
    const metrics = await (await fetch(`${second.ready.url}/metrics`, { headers: bearing })).text();
    expect(metrics).toContain('gleitzeit_workflows_ended_total{status="completed"} 1');

    second.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await second.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('brought back what was in flight: 1 workflow');
    expect(`${stdout}${stderr}`).not.toContain('s3cret-token');
  });

  it('is reached by commands on its journal too, and lets what runs finish when it is told to end', async () => {
    const db = join(folder, 'drained.db');
    const server = await serve(['--db', db]);
    expect(server.ready.hasToken).toBe(false);
    const { url } = server.ready;
    const go = join(folder, 'drain');
    const script = `until test -e ${go}; do sleep 0.05; done`;
    const definition = { name: 'Gate', tasks: [{ id: 'a', method: 'process/exec', parameters: { command: 'sh', args: ['-c', script] } }] };
    await fetch(`${url}/api/workflows`, posted({ definition, id: 'w' }));
    await until(async () => (await (await fetch(`${url}/api/workflows/w/explain`)).text()).includes('running'));
    const seen: string[] = [];
    const subscriber = io(`${url}/engine`, { transports: ['websocket'], reconnection: false });
    onTestFinished(() => void subscriber.close());
    subscriber.onAny((type: string) => seen.push(type));
    await subscriber.emitWithAck('subscribe', { types: ['engine:*', 'task:completed'] });
    const left = new Promise((gone) => subscriber.once('disconnect', gone));

    const second = fakeTerminal();
    expect(await runProgram(['serve', '--db', db, '--port', '0'], second)).toBe(5);
    expect(second.stderr.text()).toContain('PERSISTENCE_');

    const terminal = fakeTerminal();
    expect(await runProgram(['pause', 'w', '--db', db, '--json'], terminal)).toBe(0);
    expect(JSON.parse(terminal.stdout.text())).toMatchObject({ by: 'owner' });
    server.kill('SIGINT');
    await until(() => server.stderr().includes('Stopping'));
    writeFileSync(go, '');
    const { exitCode, stderr } = await server.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('There is no token');
    expect(stderr).toContain('Stopping: what runs has 30.0 s to finish.');
    await left;
    expect(seen).toEqual(expect.arrayContaining(['task:completed', 'engine:stopped']));
    expect(seen.at(-1)).toBe('connection:closing');
    const after = fakeTerminal();
    await runProgram(['status', 'w', '--db', db, '--json'], after);
    expect(JSON.parse(after.stdout.text())).toMatchObject({ tasks: { a: { status: 'completed', attempts: 1 } } });
  });

  it('lets each token do what its roles are for, and ends at once at the second signal', async () => {
    const tokens = join(folder, 'roles.json');
    const watcher = { authorization: 'Bearer just-looking' };
    writeFileSync(
      tokens,
      JSON.stringify([
        { token: 's3cret-token', roles: ['client'] },
        { token: 'just-looking', roles: ['observer'], name: 'dashboard' },
      ]),
      { mode: 0o600 },
    );
    const server = await serve(['--db', ':memory:', '--tokens', tokens]);
    const { url } = server.ready;
    const submission = posted({ definition: sleep, id: 'w' });
    expect((await fetch(`${url}/api/workflows`, { ...submission, headers: { ...submission.headers, ...watcher } })).status).toBe(403);
    expect((await fetch(`${url}/api/workflows`, submission)).status).toBe(202);
    await until(async () => (await (await fetch(`${url}/api/workflows/w/explain`, { headers: watcher })).text()).includes('running'));
    server.kill('SIGTERM');
    await until(() => server.stderr().includes('Stopping'));
    server.kill('SIGTERM');
    expect((await server.ended).exitCode).toBe(130);
  });

  it('and its workers take token and key from files, of which commands learn nothing', async () => {
    const secret = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, `${text}\n`, { mode: 0o600 });
      return path;
    };
    const [token, key] = [secret('token', 's3cret-token'), secret('key', 'k'.repeat(32))];
    const db = join(folder, 'by-files.db');
    const { ready } = await serve(['--db', db, '--key-file', key], { GLEITZEIT_TOKEN_FILE: token, GLEITZEIT_SECRET_KEY: 'o'.repeat(32) });
    expect(ready.hasToken).toBe(true);
    expect((await fetch(`${ready.url}/api/workflows/w`)).status).toBe(401);
    const providers = resolve('examples/workflows/providers.ts');
    const worker = ['worker', '--hub', ready.url, '--providers', providers, '--json'];
    const registered = await start<{ readonly event: string }>([...worker, '--token-file', token], { GLEITZEIT_TOKEN: 'that of another hub' });
    expect(registered.ready.event).toBe('registered');
    const commands = [{ id: 'a', method: 'process/exec', parameters: { command: 'env', env: { PASSWORD: '${input.password}' } } }];
    await fetch(`${ready.url}/api/workflows`, posted({ definition: { name: 'env', tasks: commands }, id: 'w', input: { password: 'hunter22' } }));
    await ended(ready.url, 'w');
    const { result } = (await (await fetch(`${ready.url}/api/workflows/w`, { headers: bearing })).json()) as {
      readonly result: { readonly tasks: { readonly a: { readonly result: { readonly stdout: string } } } };
    };
    const { stdout } = result.tasks.a.result;
    expect(stdout).toContain('PASSWORD=hunter22\n');
    expect(stdout.match(/^GLEITZEIT_(?:TOKEN|TOKEN_FILE|SECRET_KEY|KEY_FILE)=.*$/gm)).toBeNull();
    expect(stdout).not.toContain('s3cret-token');
    // What is sealed is sealed with the key of the file, and there is no other.
    expect(existsSync(`${db}-key`)).toBe(false);
    const trace = await (await fetch(`${ready.url}/api/workflows/w/trace`, { headers: bearing })).text();
    expect(trace).toContain(`"inputDigest":"hmac:${sealingKeyOf('k'.repeat(32)).id.toString('hex')}:`);
  });

  it('runs nothing on its own machine when it is told so, and has leases as long as it is told', async () => {
    const { ready } = await serve(['--db', ':memory:', '--no-builtins', '--lease', '0.6', '--keep-days', '7']);
    const worker = io(`${ready.url}/pool`, { transports: ['websocket'], reconnection: false });
    onTestFinished(() => void worker.close());
    const registration = { workerId: 'w', protocol: 'demo/v1', methods: ['demo/work'], slots: 1, instance: 'i' };
    expect(await worker.emitWithAck('worker:register', registration)).toMatchObject({ ok: true, leaseMs: 600, heartbeatMs: 100 });
    const refusal = await (await fetch(`${ready.url}/api/workflows`, posted({ definition: sleep }))).json();
    expect(refusal).toMatchObject({ ok: false, error: { code: 'PROTOCOL_NOT_FOUND', message: expect.stringContaining('Known are demo/v1.') } });
  });
});

describe('gleitzeit serve refuses, before it opens a journal,', () => {
  const refused = async (...args: readonly string[]) => {
    const terminal = fakeTerminal();
    const db = join(folder, 'never.db');
    const exitCode = await runProgram(['serve', '--db', db, ...args], terminal);
    expect(existsSync(db)).toBe(false);
    return { exitCode, said: `${terminal.stdout.text()}${terminal.stderr.text()}` };
  };

  it.each<[string, readonly string[], string]>([
    ['a host beyond this machine without a token', ['--host', '0.0.0.0'], 'without a token'],
    ['a port that is none', ['--port', 'http'], '--port has to be a port'],
    ['a port beyond the last', ['--port', '65536'], '--port has to be a port'],
    ['an empty token', ['--token', ''], '--token'],
    ['an origin that is none', ['--allow-origin', 'ops.example.org'], 'allowedOrigins'],
    ['a file of tokens that is not there', ['--tokens', join(folder, 'nowhere.json')], 'The file of --tokens'],
    ['a file of a key that is not there', ['--key-file', join(folder, 'nowhere.key')], 'The key file'],
    ['a lease that is no time', ['--lease', '0'], '--lease has to be a number of seconds'],
    ['days that are none', ['--keep-days', '-1'], '--keep-days has to be a whole number'],
    ['an unknown option', ['--open'], 'unknown option'],
    ["a worker's option", ['--patience', '3'], 'unknown option'],
  ])('%s', async (_, args, message) => {
    const { exitCode, said } = await refused(...args);
    expect([exitCode, said]).toEqual([2, expect.stringContaining(message)]);
  });

  it('tokens that are none, and does not say them', async () => {
    const file = join(folder, 'tokens.json');
    for (const text of ['[{"token":"top-secret","roles":["king"]}]', '{"token":"top-secret"}', '[{"token":"top-secret"}', '[]']) {
      writeFileSync(file, text, { mode: 0o600 });
      const { exitCode, said } = await refused('--tokens', file);
      expect([exitCode, said]).toEqual([2, expect.stringContaining('The file of --tokens')]);
      expect(said).not.toContain('top-secret');
    }
  });

  it('a token that has roles in the file, and would be good for everything besides', async () => {
    const file = join(folder, 'twice.json');
    writeFileSync(file, '[{"token":"top-secret","roles":["observer"]}]', { mode: 0o600 });
    const { exitCode, said } = await refused('--tokens', file, '--token', 'top-secret');
    expect([exitCode, said]).toEqual([2, expect.stringContaining('stands in the file of --tokens too')]);
    writeFileSync(file, '[{"token":"top-secret","roles":["observer"]},{"token":"top-secret","roles":["client"]}]');
    expect(await refused('--tokens', file)).toEqual({ exitCode: 2, said: expect.stringContaining('A token stands twice') });
  });

  it.each(['--tokens', '--token-file', '--key-file'])('a file of %s that others can read, and says what to do', async (option) => {
    const file = join(folder, 'open-to-others');
    writeFileSync(file, '[{"token":"top-secret-of-32-characters-or-more"}]');
    chmodSync(file, 0o640);
    const { exitCode, said } = await refused(option, file);
    expect([exitCode, said]).toEqual([2, expect.stringMatching(/must be its owner's alone, and has mode 0640: run `chmod 600 /)]);
    expect(said).not.toContain('top-secret');
  });

  it('a port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((listening) => taken.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { readonly port: number };
    const { exitCode, said } = await refused('--port', String(port), '--json');
    expect(exitCode).toBe(3);
    expect(said).toContain('CONNECTION_REFUSED');
  });
});
