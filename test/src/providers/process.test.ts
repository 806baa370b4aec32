import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { createProcessProvider } from '../../../src/providers/process.ts';
import { bench, failureOf, resultOf } from './attempts.ts';
import { appearance, hasEnded } from './processes.ts';

const { execPath: node } = process;
const commands = bench(createProcessProvider());

function exec(params: Record<string, unknown>) {
  return commands.run({ method: 'process/exec', params });
}

function script(code: string, more: Record<string, unknown> = {}) {
  return exec({ command: node, args: ['-e', code], ...more });
}

/** A script that has a child of its own, names both to a file, and waits. */
function family(file: string): string {
  return `
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    require('node:fs').writeFileSync(${JSON.stringify(`${file}.part`)}, JSON.stringify([process.pid, child.pid]));
    require('node:fs').renameSync(${JSON.stringify(`${file}.part`)}, ${JSON.stringify(file)});
    setInterval(() => {}, 1000);`;
}

describe('process/exec', () => {
  it('answers with output and exit code', async () => {
    expect(await resultOf(script('console.log("out"); console.error("err")'))).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 0 });
  });

  it('hands arguments over as they are, without a shell', async () => {
    expect(await resultOf(exec({ command: 'echo', args: ['$HOME', '*', '; ls', 7] }))).toMatchObject({ stdout: '$HOME * ; ls 7\n' });
  });

  it('gets the file of a batch as its last argument, and by name', async () => {
    const code = 'console.log(process.argv.slice(1).join(), process.env.GLEITZEIT_FILE)';
    const params = { command: node, args: ['-e', code, '--', 'first'], file_path: '/data/a b.txt' };
    expect(await resultOf(exec(params))).toMatchObject({ stdout: 'first,/data/a b.txt /data/a b.txt\n' });
    expect(await resultOf(script('console.log(process.env.GLEITZEIT_FILE)'))).toMatchObject({ stdout: 'undefined\n' });
  });

  it('writes to the standard input, and ends it', async () => {
    expect(await resultOf(exec({ command: 'cat', stdin: 'grün' }))).toMatchObject({ stdout: 'grün' });
    expect(await resultOf(exec({ command: 'cat' }))).toMatchObject({ stdout: '' });
    expect(await resultOf(exec({ command: 'true', stdin: 'x'.repeat(1_000_000) }))).toMatchObject({ exitCode: 0 });
  });

  it('gives and takes bytes in base64', async () => {
    const base64 = Buffer.from([0, 0xff, 0xfe, 0x80, 10]).toString('base64');
    expect(await resultOf(exec({ command: 'cat', stdin: { base64 }, encoding: 'base64' }))).toEqual({ stdout: base64, stderr: '', exitCode: 0 });
    expect(await failureOf(exec({ command: 'cat', stdin: { base64: '!' } }))).toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
  });

  it.each(['stdout', 'stderr'])('is refused where its %s is no text', async (stream) => {
    expect(await failureOf(script(`process.${stream}.write(Buffer.from([0x61, 0x0a, 0xff]))`))).toMatchObject({
      code: 'TASK_RESULT_INVALID',
      retryable: false,
      message: `The ${stream} of ${node} is not UTF-8: byte 0xff at offset 2, in line 2. Set \`encoding: base64\` to have its bytes`,
    });
  });

  it('keeps of too much talk no half of a character', async () => {
    const few = bench(createProcessProvider({ maxOutputBytes: 10 }));
    const params = { command: node, args: ['-e', 'process.stderr.write("€".repeat(9))'] };
    expect(await resultOf(few.run({ method: 'process/exec', params }))).toMatchObject({ stderr: '€€€' });
  });

  it('runs in a directory, with an environment that names the attempt', async () => {
    const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'gleitzeit-')));
    const code = 'console.log(process.cwd(), process.env.OWN, process.env.GLEITZEIT_TASK_ID, process.env.GLEITZEIT_IDEMPOTENCY_KEY)';
    expect(await resultOf(script(code, { cwd, env: { OWN: 'mine' } }))).toMatchObject({ stdout: `${cwd} mine t w/t\n` });
  });

  it('fails at an exit code other than 0, with what was said last', async () => {
    expect(await failureOf(script('console.error("first"); console.error("it broke"); process.exit(3)'))).toMatchObject({
      code: 'TASK_EXECUTION_FAILED',
      retryable: true,
      message: `${node} ended with exit code 3: it broke`,
      details: { exitCode: 3, stderr: 'first\nit broke\n' },
    });
  });

  it('takes an exit code as a result where it is asked to', async () => {
    expect(await resultOf(script('process.exit(3)', { ok: [3] }))).toMatchObject({ exitCode: 3 });
    expect(await resultOf(script('process.exit(4)', { ok: 'any' }))).toMatchObject({ exitCode: 4 });
    expect(await failureOf(script('process.exit(4)', { ok: [3] }))).toMatchObject({ details: { exitCode: 4 } });
  });

  it('fails when a signal ends the command, whatever is asked for', async () => {
    expect(await failureOf(script('process.kill(process.pid, "SIGKILL")', { ok: 'any' }))).toMatchObject({
      message: `${node} was ended by SIGKILL`,
      details: { exitCode: null },
    });
  });

  it('says for good that a command is not there, or not its directory', async () => {
    const expected = { code: 'TASK_EXECUTION_FAILED', retryable: false };
    expect(await failureOf(exec({ command: 'no-such-command' }))).toMatchObject({
      ...expected,
      message: expect.stringContaining('no-such-command could not be started: no such command'),
    });
    expect(await failureOf(exec({ command: 'true', cwd: '/no/such/directory' }))).toMatchObject(expected);
  });

  it('bounds stdout by failing, and stderr by keeping its end', async () => {
    const small = bench(createProcessProvider({ maxOutputBytes: 1_000 }));
    const run = (code: string) => small.run({ method: 'process/exec', params: { command: node, args: ['-e', code] } });
    expect(await failureOf(run('setInterval(() => console.log("x".repeat(500)), 1)'))).toMatchObject({
      code: 'TASK_RESULT_INVALID',
      message: `${node} was killed: it wrote more than 1000 bytes`,
    });
    const { stderr } = (await resultOf(run('console.error("x".repeat(5000) + "end")'))) as { stderr: string };
    expect([stderr.length, stderr.slice(-4)]).toEqual([1_000, 'end\n']);
  });

  it('is killed after its time limit', async () => {
    expect(await failureOf(script('setInterval(() => {}, 1000)', { timeoutMs: 50 }))).toMatchObject({ code: 'TASK_TIMEOUT', retryable: true });
    expect(await failureOf(script('setInterval(() => {}, 1000)', { timeout: 0.05 }))).toMatchObject({
      code: 'TASK_TIMEOUT',
      message: expect.stringContaining('50 ms'),
    });
  });

  it('is killed with its children when the attempt is aborted', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gleitzeit-')), 'pids');
    const outcome = script(family(file));
    const pids = JSON.parse(await appearance(file)) as number[];
    commands.abort();
    expect(await failureOf(outcome)).toMatchObject({ code: 'TASK_CANCELLED' });
    for (const pid of pids) await hasEnded(pid);
  });

  it('is killed for good where it does not end when asked to', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gleitzeit-')), 'pids');
    const outcome = script(`process.on('SIGTERM', () => {}); ${family(file)}`);
    const pids = JSON.parse(await appearance(file)) as number[];
    commands.abort();
    await failureOf(outcome);
    for (const pid of pids) await hasEnded(pid);
  });

  it('leaves no children behind when it ends by itself', async () => {
    const code =
      'console.log(require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }).pid); process.exit(0)';
    const { stdout } = (await resultOf(script(code))) as { stdout: string };
    await hasEnded(Number(stdout));
  });

  it.each([[{}], [{ command: '' }], [{ command: 'x', args: 'a b' }], [{ command: 'x', shell: true }], [{ command: 'x', timeout: 0 }]])(
    'refuses the parameters %j',
    async (params) => {
      expect(await failureOf(exec(params))).toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
    },
  );
});
