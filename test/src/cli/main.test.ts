import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-main-'));
afterAll(() => rmSync(folder, { recursive: true }));

const main = resolve('src/cli/main.ts');

/** The real program, in a process of its own; `onTalk` sees its stderr while it runs. */
function gleitzeit(args: readonly string[], onTalk: (talk: string, kill: (signal: NodeJS.Signals) => void) => void = () => {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
    onTalk(stderr, (signal) => child.kill(signal));
  });
  return new Promise<{ exitCode: number | null; stdout: string; stderr: string }>((settle, fail) => {
    child.on('error', fail);
    child.on('close', (exitCode) => settle({ exitCode, stdout, stderr }));
  });
}

function workflowFile(name: string, task: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ name, tasks: [{ id: 'a', ...task }] }));
  return path;
}

/** Calls back once, when the talk holds a text. */
function once(text: string, act: (kill: (signal: NodeJS.Signals) => void) => void) {
  let isDone = false;
  return (talk: string, kill: (signal: NodeJS.Signals) => void) => {
    if (isDone || !talk.includes(text)) return;
    isDone = true;
    act(kill);
  };
}

describe('the program', { timeout: 30_000 }, () => {
  it('runs a workflow in a process of its own, and ends by itself', async () => {
    const { exitCode, stdout, stderr } = await gleitzeit(['run', workflowFile('echo', { method: 'core/echo', parameters: { n: 1 } }), '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', tasks: { a: { result: { n: 1 } } } });
    // Nobody watches: no colours, no cursor moves.
    expect(stderr).not.toContain('\u001b');
  });

  it('stops cleanly at the first Ctrl-C', async () => {
    const interrupt = once('a started', (kill) => kill('SIGINT'));
    const path = workflowFile('short', { method: 'core/sleep', parameters: { ms: 1_000 } });
    const { exitCode, stdout, stderr } = await gleitzeit(['run', path, '--json'], interrupt);
    expect([exitCode, stdout]).toEqual([130, '']);
    // What ran was given the time to finish.
    expect(stderr).toMatch(/Stopping.*a completed.*Stopped\./s);
  });

  it('ends at once at the second', async () => {
    const first = once('a started', (kill) => kill('SIGINT'));
    const second = once('Stopping', (kill) => kill('SIGINT'));
    const path = workflowFile('long', { method: 'core/sleep', parameters: { ms: 60_000 } });
    const { exitCode, stderr } = await gleitzeit(['run', path], (talk, kill) => {
      for (const react of [first, second]) react(talk, kill);
    });
    expect(exitCode).toBe(130);
    expect(stderr).not.toContain('Stopped.');
  });
});
