/** The real program, for every exit code: data on stdout, talk on stderr, one object with --json. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { exitCodes } from '../../src/cli/exit-codes.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const main = resolve('src/cli/main.ts');

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program; a text on its stderr may be answered with Ctrl-C. */
function gleitzeit(args: readonly string[], interruptAt?: string): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
    if (interruptAt === undefined || !stderr.includes(interruptAt) || child.killed) return;
    child.kill('SIGINT');
  });
  return new Promise((settle, fail) => {
    child.on('error', fail);
    child.on('close', (exitCode) => settle({ exitCode, stdout, stderr }));
  });
}

const written = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const workflow = (name: string, task: object): string => written(`${name}.json`, JSON.stringify({ name, tasks: [{ id: 'a', ...task }] }));
const wild = written(
  'wild.mjs',
  `import { defineProvider } from '${new URL('../../src/index.ts', import.meta.url).href}';
const never = () => new Promise((resolve) => setTimeout(resolve, 60_000));
export const wild = defineProvider({ protocol: 'wild/v1', methods: {
  'wild/detached': { run: () => { void Promise.reject(new Error('nobody awaits me')); return never(); } },
  'wild/later': { run: () => { setTimeout(() => { throw new Error('out of a timer'); }, 1); return never(); } },
} });`,
);

const rows: readonly (readonly [what: string, code: keyof typeof exitCodes, args: readonly string[], json: object | undefined, said: RegExp])[] = [
  [
    'a workflow that completes',
    'done',
    ['run', workflow('done', { method: 'core/echo', params: { n: 1 } })],
    { status: 'completed', tasks: { a: { result: { n: 1 } } } },
    /completed/,
  ],
  [
    'a task that fails',
    'failed',
    ['run', workflow('fails', { method: 'core/fail' })],
    { status: 'failed', tasks: { a: { error: { code: 'TASK_EXECUTION_FAILED' } } } },
    /a failed after 1 attempt/,
  ],
  [
    'a file that is missing',
    'usage',
    ['run', join(folder, 'none.yaml')],
    { error: { code: 'WORKFLOW_NOT_FOUND' } },
    /no such file.*\(WORKFLOW_NOT_FOUND\)/,
  ],
  ['an option that there is not', 'usage', ['run', '--jsn', 'x.yaml'], undefined, /unknown option '--jsn'/],
  [
    'an unknown protocol',
    'unreachable',
    ['run', workflow('protocol', { method: 'nobody/knows' })],
    { error: { code: 'PROTOCOL_NOT_FOUND' } },
    /"nobody\/v1"/,
  ],
  [
    'a task that overruns',
    'timedOut',
    ['run', workflow('slow', { method: 'core/sleep', params: { ms: 60_000 }, timeout: 0.05 })],
    { status: 'failed', tasks: { a: { error: { code: 'TASK_TIMEOUT' } } } },
    /TASK_TIMEOUT/,
  ],
  [
    'a promise that nobody awaits',
    'internal',
    ['run', workflow('d', { method: 'wild/detached' }), '--providers', wild],
    { error: { code: 'INTERNAL_ERROR' } },
    /nobody awaits was rejected: nobody awaits me \(INTERNAL_ERROR\)/,
  ],
  [
    'a throw out of a timer',
    'internal',
    ['run', workflow('l', { method: 'wild/later' }), '--providers', wild],
    { error: { code: 'INTERNAL_ERROR' } },
    /outside of every task: out of a timer/,
  ],
];

describe('the program', { timeout: 60_000 }, () => {
  it.each(rows)('tells %s by exit code %s', async (_, code, args, json, said) => {
    const { exitCode, stdout, stderr } = await gleitzeit([...args, '--json']);
    expect(exitCode).toBe(exitCodes[code]);
    expect(stderr).toMatch(said);
    if (json === undefined) expect(stdout).toBe('');
    // One object, and nothing else: not a line of talk.
    else expect(JSON.parse(stdout)).toMatchObject(json);
  });

  it('ends as interrupted at Ctrl-C, with nothing on stdout', async () => {
    const { exitCode, stdout, stderr } = await gleitzeit(
      ['run', workflow('long', { method: 'core/sleep', params: { ms: 300 } }), '--json'],
      'a started',
    );
    expect([exitCode, stdout]).toEqual([exitCodes.interrupted, '']);
    expect(stderr).toContain('Stopped.');
  });
});
