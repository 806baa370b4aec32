import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { eventTypes } from '../../../machines/events/catalogue.ts';
import { components } from '../../../machines/events/define.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { fakeTerminal } from './terminals.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-program-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function gleitzeit(...args: readonly string[]) {
  const terminal = fakeTerminal();
  const exitCode = await runProgram(args, terminal);
  return { exitCode, stdout: terminal.stdout.text(), stderr: terminal.stderr.text() };
}

function workflowFile(name: string, definition: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof definition === 'string' ? definition : JSON.stringify(definition));
  return path;
}

const echo = { name: 'One', tasks: [{ id: 'a', method: 'core/echo', parameters: { n: 1 } }] };

describe('the command line', () => {
  it('tells its version and its commands on stdout', async () => {
    expect(await gleitzeit('--version')).toEqual({ exitCode: 0, stdout: '0.1.0\n', stderr: '' });
    const { exitCode, stdout } = await gleitzeit('--help');
    expect(exitCode).toBe(0);
    const journal = ['submit', 'status', 'list', 'trace', 'events', 'explain', 'cancel', 'pause', 'resume', 'retry', 'check'];
    for (const command of ['run', 'validate', 'machines', 'init', 'doctor', ...journal]) expect(stdout).toContain(`  ${command} `);
  });

  it.each([[[]], [['fly']], [['run']], [['run', 'a.yaml', '--fast']], [['run', 'a.yaml', 'b.yaml']], [['machines', '--format']]])(
    'refuses %j with the exit code of wrong usage, on stderr',
    async (args) => {
      const { exitCode, stdout, stderr } = await gleitzeit(...args);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).not.toBe('');
    },
  );

  it('tells an error as JSON too where JSON was asked for', async () => {
    const { exitCode, stdout, stderr } = await gleitzeit('run', workflowFile('e.json', echo), '--db', '', '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'CONFIGURATION_ERROR', rpcCode: -31003, message: expect.stringContaining('--db') } });
    expect(stderr).toContain('--db');
  });
});

describe('machines', () => {
  it('prints every chart and the event matrix as Markdown', async () => {
    const { exitCode, stdout } = await gleitzeit('machines');
    expect(exitCode).toBe(0);
    expect(stdout.match(/```mermaid\nstateDiagram-v2\n/g)).toHaveLength(components.length);
    for (const type of eventTypes) expect(stdout).toContain(`| ${type} |`);
  });

  it('prints all of it as JSON', async () => {
    const { stdout } = await gleitzeit('machines', '--json');
    const { machines, events, schemas } = JSON.parse(stdout) as { machines: object; events: readonly { type: string }[]; schemas: object };
    expect(Object.keys(machines).sort()).toEqual([...components].sort());
    expect(events.map(({ type }) => type)).toEqual(eventTypes);
    expect(Object.keys(schemas)).toEqual(eventTypes);
    expect(schemas).toMatchObject({ 'circuit:opened': { type: 'object', required: expect.arrayContaining(['circuit', 'epoch']) } });
    expect((await gleitzeit('machines', '--format', 'json')).stdout).toBe(stdout);
  });

  it('prints the vocabulary alone: the matrix, and as JSON the schema of every payload too', async () => {
    const { stdout } = await gleitzeit('machines', 'events', '--format', 'json');
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual(['events', 'schemas']);
    expect((await gleitzeit('machines', 'events')).stdout).toMatch(/^\| event \|/);
  });

  it.each(['circuit', 'circuitBreaker', 'circuit-breaker', 'CIRCUIT'])('prints one, by the name %s', async (name) => {
    const { exitCode, stdout } = await gleitzeit('machines', name);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^stateDiagram-v2\n/);
    expect(stdout).toContain('halfOpen');
  });

  it('refuses a name that no machine has, and names the nearest', async () => {
    const { exitCode, stderr } = await gleitzeit('machines', 'cirquit');
    expect(exitCode).toBe(2);
    expect(stderr).toContain("did you mean 'circuit'?");
    expect((await gleitzeit('machines', '--format', 'svg')).exitCode).toBe(2);
  });
});

describe('init', () => {
  it('makes a project that can be validated and run, and never touches what is there', async () => {
    const name = join(folder, 'project');
    const { exitCode, stdout } = await gleitzeit('init', name);
    expect([exitCode, stdout.trim().split('\n')]).toEqual([0, ['workflow.yaml', 'providers.ts'].map((file) => join(name, file))]);
    expect(await gleitzeit('validate', join(name, 'workflow.yaml'))).toMatchObject({
      exitCode: 0,
      stdout: 'project is valid: 2 tasks in 2 levels.\n',
    });
    const run = await gleitzeit('run', join(name, 'workflow.yaml'));
    expect(run.exitCode).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ first: 'to', all: [{ word: 'to', place: 0 }, {}, {}, {}] });

    const before = readdirSync(name);
    writeFileSync(join(name, 'workflow.yaml'), 'mine');
    expect(await gleitzeit('init', name)).toMatchObject({ exitCode: 2, stdout: '' });
    expect([readdirSync(name), readFileSync(join(name, 'workflow.yaml'), 'utf8')]).toEqual([before, 'mine']);
  });

  it('refuses a name that is a file', async () => {
    expect((await gleitzeit('init', workflowFile('file', ''))).exitCode).toBe(2);
  });
});

describe('validate', () => {
  it('says what a sound file holds', async () => {
    const { exitCode, stdout } = await gleitzeit('validate', workflowFile('sound.json', echo), '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ valid: true, name: 'One', tasks: 1, levels: 1, issues: [] });
  });

  it('lists every fault with its place', async () => {
    const faults = 'name: Two\ntasks:\n  - id: a\n    method: core/echo\n    dependencies: [b]\n  - id: c\n    methud: core/echo\n';
    const path = workflowFile('faults.yaml', faults);
    const { exitCode, stdout, stderr } = await gleitzeit('validate', path, '--json');
    expect(exitCode).toBe(2);
    const { valid, issues } = JSON.parse(stdout) as { valid: boolean; issues: readonly { line: number }[] };
    expect(valid).toBe(false);
    expect(issues.map(({ line }) => line)).toEqual(expect.arrayContaining([5, 7]));
    expect(stderr).toMatch(/line 5, column \d+: .*b/);
    expect(stderr).toMatch(/line 7, column \d+: .*methud/);
  });

  it('knows which protocols there are', async () => {
    const { exitCode } = await gleitzeit('validate', workflowFile('protocol.json', { name: 'Three', tasks: [{ id: 'a', method: 'nobody/knows' }] }));
    expect(exitCode).toBe(3);
  });
});

describe('run', () => {
  it('prints one object with --json, and talks on stderr', async () => {
    const { exitCode, stdout, stderr } = await gleitzeit('run', workflowFile('run.json', echo), '--json', '--id', 'mine');
    expect(exitCode).toBe(0);
    const duration = expect.any(Number);
    expect(JSON.parse(stdout)).toEqual({
      workflowId: 'mine',
      name: 'One',
      status: 'completed',
      durationMs: duration,
      tasks: { a: { status: 'completed', attempts: 1, durationMs: duration, result: { n: 1 } } },
    });
    expect(stderr).toContain('One completed');
  });

  it('prints the results of the tasks, or the output where there is one', async () => {
    expect((await gleitzeit('run', workflowFile('r.json', echo))).stdout).toBe('a: {"n":1}\n');
    expect((await gleitzeit('run', workflowFile('o.json', { ...echo, output: '${a.n}' }))).stdout).toBe('1\n');
  });

  it('takes its input, and writes its result to a file', async () => {
    const path = workflowFile('input.json', {
      name: 'In',
      input: { n: 1 },
      tasks: [{ id: 'a', method: 'core/echo', parameters: { n: '${input.n}' } }],
    });
    const output = join(folder, 'out.json');
    const { exitCode, stdout } = await gleitzeit('run', path, '--input', '{"n":5}', '--output', output);
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({ tasks: { a: { result: { n: 5 } } } });
  });

  it.each<[string, number, string, unknown]>([
    ['fails', 1, 'CONNECTION_REFUSED', { method: 'core/fail', parameters: { times: 9, code: 'CONNECTION_REFUSED', retryable: false } }],
    ['takes too long', 4, 'TASK_TIMEOUT', { method: 'core/sleep', parameters: { ms: 60_000 }, timeout: 0.05 }],
  ])('ends with the right exit code when a task %s', async (_, expected, code, task) => {
    const path = workflowFile('bad.json', { name: 'Bad', tasks: [{ id: 'a', ...(task as object) }] });
    const { exitCode, stdout, stderr } = await gleitzeit('run', path, '--json');
    expect(exitCode).toBe(expected);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'failed', tasks: { a: { status: 'failed', attempts: 1, error: { code } } } });
    expect(stderr).toContain(code);
  });

  it('gives up after --timeout', async () => {
    const path = workflowFile('slow.json', { name: 'Slow', tasks: [{ id: 'a', method: 'core/sleep', parameters: { ms: 60_000 } }] });
    const { exitCode, stdout } = await gleitzeit('run', path, '--json', '--timeout', '0.05');
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'cancelled' });
  });

  it('shows every event with --watch', async () => {
    const { stderr } = await gleitzeit('run', workflowFile('watch.json', echo), '--watch');
    for (const type of ['workflow:started', 'task:available', 'task:completed']) expect(stderr).toContain(` ${type} `);
  });

  it.each<[string, number, string[]]>([
    ['a file that is not there', 2, ['/not/there.yaml']],
    ['input that is no JSON', 2, ['--input', '{']],
    ['a file of providers that is not there', 3, ['--providers', '/not/there.ts']],
    ['an output that cannot be written', 2, ['--output', '/not/there/out.json']],
  ])('refuses %s', async (_, expected, args) => {
    const file = args.length === 1 ? [] : [workflowFile('fine.json', echo)];
    const { exitCode, stdout, stderr } = await gleitzeit('run', ...file, ...args);
    expect([exitCode, stdout]).toEqual([expected, '']);
    expect(stderr).toMatch(/^error /);
  });
});

describe('doctor', () => {
  it('examines the machine that it runs on', async () => {
    const { exitCode, stdout } = await gleitzeit('doctor', '--json');
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: readonly { name: string; ok: boolean }[] };
    expect([exitCode, ok]).toEqual([0, true]);
    expect(checks.map(({ name }) => name)).toEqual(['node', 'system', 'temporary files', 'python']);
  });
});
