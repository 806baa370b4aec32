/** Secrets in a journal that lasts: what stands in its files, and what a later process makes of it. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { runProgram } from '../../../src/cli/program.ts';
import { eventLine } from '../../../src/cli/progress/lines.ts';
import { createSystem, type GleitzeitSystem, loadWorkflow, sqliteJournal } from '../../../src/index.ts';
import { repairJournal } from '../../../src/runtime/journal-repair.ts';
import type { SystemOptions } from '../../../src/runtime/options.ts';
import { silent } from '../../silent.ts';
import { fakeTerminal } from '../cli/terminals.ts';
import { factOf } from '../journal/contract.ts';
import { placeForJournal } from '../journal/places.ts';
import { definitionOf, secretsWith } from './making.ts';
import { hidden, login, vault } from './vault.ts';

async function engineOn(path: string, options: SystemOptions = {}): Promise<GleitzeitSystem> {
  const system = createSystem({ journal: sqliteJournal(path, { writer: 'inline' }), log: silent, ...options });
  await system.start();
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  return system;
}

async function gleitzeit(...args: readonly string[]) {
  const terminal = fakeTerminal();
  const exitCode = await runProgram(args, terminal);
  return { exitCode, stdout: terminal.stdout.text(), stderr: terminal.stderr.text() };
}

/** Whatever stands in any file of a journal, packed or not. */
async function contentsOf(path: string): Promise<string> {
  const names = readdirSync(dirname(path)).filter((name) => !name.endsWith('-key'));
  const bytes = names.map((name) => readFileSync(join(dirname(path), name), 'latin1'));
  const journal = sqliteJournal(path, { readOnly: true });
  await journal.open();
  const facts = await journal.read();
  await journal.close();
  expect(facts.length).toBeGreaterThan(0);
  return [...bytes, JSON.stringify(facts)].join('\n');
}

async function expectHidden(path: string, secrets: readonly string[] = hidden): Promise<void> {
  const contents = await contentsOf(path);
  for (const secret of secrets) expect(contents).not.toContain(secret);
}

const input = { password: 'hunter2' };

describe('a journal in a file', { timeout: 30_000 }, () => {
  it('holds no secret in any of its files, beside a key that its owner alone can read', async () => {
    const path = placeForJournal();
    const { provider, got } = vault();
    const system = await engineOn(path, { providers: [provider] });
    const result = await (await system.submit(await loadWorkflow(login), { input })).result();
    await expectHidden(path);
    await system.stop();
    await expectHidden(path);
    expect(result.output).toEqual({ session: 's3ss10n-1', used: 'used' });
    expect(got).toEqual([
      { password: 'hunter2', apiKey: 'ap1k3y-1' },
      { authorization: 'Bearer s3ss10n-1', apiKey: 'ap1k3y-1' },
    ]);
    expect(statSync(`${path}-key`).mode & 0o777).toBe(0o600);
  });

  it('has no key where there is no secret, or another key', async () => {
    const path = placeForJournal();
    const system = await engineOn(path, { providers: [vault().provider] });
    await (await system.submit(await loadWorkflow({ name: 'w', tasks: [{ id: 'a', method: 'core/echo', parameters: { a: 1 } }] }))).result();
    expect(existsSync(`${path}-key`)).toBe(false);
    const other = placeForJournal();
    const keyed = await engineOn(other, { providers: [vault().provider], secrets: { key: 'k'.repeat(32) } });
    await (await keyed.submit(await loadWorkflow(login), { input })).result();
    expect(existsSync(`${other}-key`)).toBe(false);
    await expectHidden(other);
  });

  it('goes on after its engine was killed, and opens what that one sealed', async () => {
    const path = placeForJournal();
    const child = spawn(process.execPath, ['--import', 'tsx', resolve('test/src/secrets/engine-process.ts'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise((heard) => child.stdout.once('data', heard));
    const ended = new Promise((end) => child.once('close', end));
    child.kill('SIGKILL');
    await ended;
    await expectHidden(path);

    const { provider, got } = vault();
    const system = await engineOn(path, { providers: [provider] });
    const result = await system.result('w');
    expect(got).toEqual([{ authorization: 'Bearer s3ss10n-1', apiKey: 'ap1k3y-1' }]);
    expect(result.output).toEqual({ session: 's3ss10n-1', used: 'used' });
    // The same id once more is the same run, after a restart too.
    await system.submit(await loadWorkflow(login), { id: 'w', input });
    await expectHidden(path);
  });

  it('says what is missing where its key is gone, and goes on when that is back', async () => {
    const path = placeForJournal();
    const one = await engineOn(path, { providers: [vault().provider] });
    await one.pause();
    await one.submit(await loadWorkflow(login), { id: 'w', input });
    await one.stop({ deadlineMs: 0 });
    renameSync(`${path}-key`, `${path}-key.kept`);

    const two = await engineOn(path, { providers: [vault().provider] });
    const { tasks } = await two.result('w');
    expect(tasks['open']?.error).toMatchObject({
      code: 'CONFIGURATION_ERROR',
      message: expect.stringContaining(`put its key file back at ${path}-key`),
    });
    await two.stop({ deadlineMs: 0 });

    copyFileSync(`${path}-key.kept`, `${path}-key`);
    const { provider, got } = vault();
    const three = await engineOn(path, { providers: [provider] });
    expect((await (await three.retry('w')).result()).status).toBe('completed');
    expect(got).toHaveLength(2);
  });

  it('says at the start, and to doctor, that its key is gone, and keeps both keys when that is back', async () => {
    const path = placeForJournal();
    const one = await engineOn(path, { providers: [vault().provider] });
    await one.pause();
    await one.submit(await loadWorkflow(login), { id: 'w', input });
    await one.stop({ deadlineMs: 0 });
    renameSync(`${path}-key`, `${path}.kept`);
    expect((await gleitzeit('doctor', '--db', path)).stdout).toMatch(/warning +secrets: sealed with key [0-9a-f]{8}, which is not here/);

    const said: string[] = [];
    const two = await engineOn(path, { providers: [vault().provider], log: { ...silent, warn: (_, message) => void said.push(message) } });
    expect(said).toEqual(expect.arrayContaining([expect.stringMatching(/sealed with key [0-9a-f]{8}, and there is no key here/)]));
    await two.pause();
    await two.submit(await loadWorkflow(login), { id: 'x', input });
    await two.stop({ deadlineMs: 0 });
    const keys = readdirSync(dirname(path)).filter((name) => name.includes('-key'));
    expect(keys).toEqual([expect.stringMatching(/-key-[0-9a-f]{8}$/)]);

    renameSync(`${path}.kept`, `${path}-key`);
    const three = await engineOn(path, { providers: [vault().provider] });
    expect([
      (
        await three.retry('w').then(
          (run) => run.result(),
          () => three.result('w'),
        )
      ).status,
      (await three.result('x')).status,
    ]).toEqual(['completed', 'completed']);
    await three.stop({ deadlineMs: 0 });
    expect((await gleitzeit('doctor', '--db', path)).stdout).toMatch(/ok +secrets: sealed with key/);
  });

  it('is known by a repaired journal', async () => {
    const path = placeForJournal();
    const one = await engineOn(path, { providers: [vault().provider] });
    await one.pause();
    await one.submit(await loadWorkflow(login), { id: 'w', input });
    await one.stop({ deadlineMs: 0 });
    const keysOf = async () => {
      const journal = sqliteJournal(path, { readOnly: true });
      return (await journal.open().finally(() => journal.close())).keys;
    };
    const keys = await keysOf();
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/)]);
    const db = new Database(path);
    db.exec('DELETE FROM touches; DELETE FROM keys');
    db.close();
    await repairJournal(path);
    expect(await keysOf()).toEqual(keys);
  });

  it('goes on with its old key in the environment, or in its file, beside a new one', async () => {
    const path = placeForJournal();
    vi.stubEnv('GLEITZEIT_SECRET_KEY', 'e'.repeat(32));
    onTestFinished(() => void vi.unstubAllEnvs());
    const one = await engineOn(path, { providers: [vault().provider] });
    await one.pause();
    await one.submit(await loadWorkflow(login), { id: 'w', input });
    await one.stop({ deadlineMs: 0 });
    const two = await engineOn(path, { providers: [vault().provider], secrets: { key: 'n'.repeat(32) } });
    expect((await two.result('w')).status).toBe('completed');
  });

  it('is not opened at all with a key in the environment that is too short', async () => {
    const path = placeForJournal();
    vi.stubEnv('GLEITZEIT_SECRET_KEY', 'hunter2');
    onTestFinished(() => void vi.unstubAllEnvs());
    const system = createSystem({ journal: sqliteJournal(path) });
    await expect(system.start()).rejects.toMatchObject({
      code: 'CONFIGURATION_ERROR',
      message: expect.stringMatching(/^GLEITZEIT_SECRET_KEY must be (?!.*hunter2)/),
    });
    expect(existsSync(path)).toBe(false);
  });
});

describe('the command line', { timeout: 30_000 }, () => {
  it('prints secrets in the result of a run, and nowhere else', async () => {
    const path = placeForJournal();
    const file = join(dirname(path), 'w.json');
    const tasks = [
      { id: 'a', method: 'core/echo', parameters: { password: '${input.password}' } },
      { id: 'b', method: 'core/echo', parameters: { text: 'is ${a.password}' } },
      {
        id: 'c',
        method: 'process/exec',
        parameters: { command: 'sh', args: ['-c', 'echo $0 >&2; exit 3', 'no ${a.password}'] },
        dependencies: ['b'],
      },
    ];
    writeFileSync(file, JSON.stringify({ name: 'W', tasks }));
    const db = ['--db', path];
    const run = await gleitzeit('run', file, ...db, '--id', 'w', '--input', JSON.stringify(input), '--watch');
    expect(run.stdout).toContain('a: {"password":"hunter2"}\n');
    expect(run.stderr).not.toContain('hunter2');
    expect(run.stderr).toContain('no [sealed]');
    rmSync(file);

    const told = [await gleitzeit('events', ...db), await gleitzeit('trace', 'w', ...db), await gleitzeit('status', 'w', ...db)];
    for (const { exitCode, stdout } of told) {
      expect(exitCode).toBe(0);
      expect(stdout).not.toMatch(/hunter2|⟦/);
    }
    for (const { stdout } of told.slice(1)) expect(stdout).toContain('no [sealed]');
    const json = [
      await gleitzeit('events', ...db, '--json'),
      await gleitzeit('trace', 'w', ...db, '--json'),
      await gleitzeit('status', 'w', ...db, '--json'),
    ];
    for (const { stdout } of json) {
      expect(stdout).toContain('⟦sealed:v1:');
      expect(stdout).not.toContain('hunter2');
    }
  });

  it('says [sealed] in the line of an event', () => {
    const result = secretsWith().attempt({ workflowId: 'w', taskId: 'a' }).seal({ password: 'hunter2' }) as { readonly password: string };
    const about = { workflowId: 'w', taskId: 'a', attempt: 1, method: 'a/b', protocol: 'a/v1', durationMs: 1 };
    const line = eventLine(factOf('task:completed', { ...about, result: `is ${result.password}!` }, { seq: 1 }));
    expect(line).toContain('result=is [sealed]!');
  });

  it('says [sealed] in a trace, whoever put a token there', async () => {
    const path = placeForJournal();
    const file = join(dirname(path), 'w.json');
    writeFileSync(file, JSON.stringify({ name: 'W', tasks: [{ id: 'a', method: 'core/echo' }] }));
    await gleitzeit('submit', file, '--db', path, '--id', 'w');
    const { password } = secretsWith().input(definitionOf([]), input) as { readonly password: string };
    await gleitzeit('cancel', 'w', '--db', path, '--reason', `not with ${password}`);
    expect((await gleitzeit('trace', 'w', '--db', path)).stdout).toContain('not with [sealed]');
  });

  it('seals what it records for the next engine', async () => {
    const path = placeForJournal();
    const file = join(dirname(path), 'w.json');
    writeFileSync(
      file,
      JSON.stringify({ name: 'W', tasks: [{ id: 'a', method: 'core/echo', parameters: { given: '${input}', apiKey: 'ap1k3y-1' } }] }),
    );
    expect((await gleitzeit('submit', file, '--db', path, '--id', 'w', '--input', JSON.stringify(input))).exitCode).toBe(0);
    rmSync(file);
    await expectHidden(path);
    const system = await engineOn(path);
    expect((await system.result('w')).tasks['a']?.result).toEqual({ given: input, apiKey: 'ap1k3y-1' });
  });
});

describe('http/v1', () => {
  it('sends the headers as they are, and answers with sealed cookies', async () => {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization, request.url);
      response.setHeader('set-cookie', ['sid=c00k13-1', 'b=c00k13-2']);
      if (request.url === '/login') response.setHeader('content-type', 'application/json').end('{"token":"jwt-1234567"}');
      else response.writeHead(403).end(`not with ${request.headers.authorization}`);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const path = placeForJournal();
    const system = await engineOn(path, { http: { allowPrivateNetworks: true } });
    const headers = { authorization: 'Basic aHVudGVyMg==' };
    const workflow = await loadWorkflow({
      name: 'http',
      tasks: [
        { id: 'login', method: 'http/request', parameters: { url: `${url}/login`, headers } },
        {
          id: 'use',
          method: 'http/request',
          parameters: { url: `${url}/use?a=\${login.json.token}`, headers: { Authorization: 'Bearer ${login.json.token}' } },
        },
      ],
    });
    const { tasks } = await (await system.submit(workflow)).result();
    await system.stop();
    expect(asked).toEqual(['Basic aHVudGVyMg==', '/login', 'Bearer jwt-1234567', '/use?a=jwt-1234567']);
    expect(tasks['login']?.result).toMatchObject({ json: { token: 'jwt-1234567' }, headers: { 'set-cookie': 'sid=c00k13-1, b=c00k13-2' } });
    expect(tasks['use']?.error?.code).toBe('AUTHORIZATION_FAILED');
    await expectHidden(path, ['aHVudGVyMg==', 'jwt-1234567', 'c00k13']);
  });
});
