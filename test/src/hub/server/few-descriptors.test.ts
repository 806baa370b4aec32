/** `gleitzeit serve` in a process that may have few files open, and clients that connect and say nothing. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { until } from './places.ts';

/** @returns where it listens, and how it ended, once it has */
async function servedWithin(descriptors: number) {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-few-'));
  const node = `exec '${process.execPath}' --import tsx '${resolve('src/cli/main.ts')}' serve --port 0 --db '${join(folder, 'j.db')}'`;
  const child = spawn('bash', ['-c', `ulimit -n ${descriptors}; ${node}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  const ended = new Promise<number | null>((settle) => child.once('close', settle));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  });
  await until(() => said.includes('Listening on') || child.exitCode !== null, 60_000);
  const [, port] = /http:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
  return { port: Number(port), url: `http://127.0.0.1:${port}`, isAlive: () => child.exitCode === null, said: () => said };
}

/** Submits a workflow that runs a command, and waits for its end. */
async function commandAt(url: string, id: string): Promise<string> {
  const tasks = [{ id: 'a', method: 'process/exec', parameters: { command: 'echo', args: ['here'] }, retry: { maxAttempts: 1 } }];
  const body = JSON.stringify({ id, definition: { name: 'commands', tasks } });
  const submitted = await fetch(`${url}/api/workflows`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect([submitted.status, await submitted.text()]).toEqual([202, expect.stringContaining(id)]);
  let status = '';
  const isOver = async (): Promise<boolean> => {
    const answer = (await (await fetch(`${url}/api/workflows/${id}`)).json()) as { readonly status: { readonly status: string } };
    status = answer.status.status;
    return ['completed', 'failed'].includes(status);
  };
  await until(isOver, 60_000);
  return status;
}

describe('an engine that may have 256 files open', { timeout: 180_000 }, () => {
  it('goes on with commands, and with who asks, while 400 connections say nothing', async () => {
    const { port, url, isAlive, said } = await servedWithin(256);
    const silents = Array.from({ length: 400 }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      return socket;
    });
    await until(() => silents.filter(({ destroyed }) => destroyed).length >= 400 - 256);
    for (const id of ['first', 'second']) expect([id, await commandAt(url, id), said()]).toEqual([id, 'completed', expect.any(String)]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect([isAlive(), said()]).toEqual([true, expect.not.stringContaining('EMFILE')]);
  });
});
