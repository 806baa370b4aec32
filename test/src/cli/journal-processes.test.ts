/** Real processes around one journal: an engine in one, those who look and those who ask in others. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, describe, expect, it, onTestFinished } from 'vitest';

import { until } from '../control/places.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-processes-'));
afterAll(() => rmSync(folder, { recursive: true }));
const main = resolve('src/cli/main.ts');

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program in a process of its own. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  let heard: (() => void)[] = [];
  const hear = (): void => {
    const waiting = heard;
    heard = [];
    for (const look of waiting) look();
  };
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
    hear();
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
    hear();
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    ended: new Promise<Ended>((settle) =>
      child.on('close', (exitCode) => {
        settle({ exitCode, stdout, stderr });
        hear();
      }),
    ),
    /** Resolves once it has said something, on either stream. */
    async said(text: string | RegExp): Promise<void> {
      while (!`${stdout}\n${stderr}`.match(text)) {
        if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode} before it said ${String(text)}: ${stderr}`);
        await new Promise<void>((look) => heard.push(look));
      }
    },
  };
}

const gleitzeit = (...args: readonly string[]): Promise<Ended> => start(...args).ended;

/** A workflow whose second task writes a line into a ledger and waits. */
function workflowWith(ledger: string, seconds: number): string {
  const path = join(folder, `w-${seconds}-${Date.now()}.json`);
  const note = (what: string) => `echo ${what} >> ${ledger}`;
  const shell = (id: string, script: string, more: object = {}) => ({
    id,
    method: 'process/exec',
    parameters: { command: 'sh', args: ['-c', script] },
    ...more,
  });
  const tasks = [
    shell('first', note('first')),
    shell('second', `${note('second')}; sleep ${seconds}`, { dependencies: ['first'] }),
    shell('third', note('third'), { dependencies: ['second'] }),
  ];
  writeFileSync(path, JSON.stringify({ name: 'Ledger', tasks }));
  return path;
}

describe('an engine in a process of its own', { timeout: 60_000 }, () => {
  it('is watched, asked and cancelled from others', async () => {
    const db = join(folder, 'watched.db');
    const engine = start('run', workflowWith(join(folder, 'watched.txt'), 60), '--db', db, '--id', 'w', '--json');
    await engine.said('second started');
    const follower = start('events', '--db', db, '--follow', '--json', '--type', 'workflow:*');
    await follower.said('workflow:started');

    const [status, explained] = await Promise.all([gleitzeit('status', 'w', '--db', db, '--json'), gleitzeit('explain', 'w', '--db', db)]);
    expect(JSON.parse(status.stdout)).toMatchObject({ status: 'running', tasks: { first: { status: 'completed' }, second: { status: 'running' } } });
    expect(explained.stdout).toMatch(/second is running\n.*attempt 1 runs on/);

    expect((await gleitzeit('pause', 'w', '--db', db)).stdout).toBe('Workflow w is paused.\n');
    await follower.said('workflow:paused');
    expect((await gleitzeit('resume', 'w', '--db', db)).stdout).toBe('Workflow w is running.\n');
    expect(JSON.parse((await gleitzeit('cancel', 'w', '--db', db, '--json')).stdout)).toMatchObject({ by: 'owner' });
    const { exitCode, stdout } = await engine.ended;
    expect([exitCode, (JSON.parse(stdout) as { status: string }).status]).toEqual([1, 'cancelled']);

    await follower.said('workflow:cancelled');
    follower.kill('SIGINT');
    const followed = await follower.ended;
    expect(followed.exitCode).toBe(130);
    const types = followed.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(
      expect.arrayContaining(['workflow:submitted', 'workflow:started', 'workflow:paused', 'workflow:resumed', 'workflow:cancelled']),
    );
    expect((await gleitzeit('check', db)).exitCode).toBe(0);
  });

  it.each<[string, NodeJS.Signals]>([
    ['interrupted by Ctrl-C', 'SIGINT'],
    ['killed', 'SIGKILL'],
  ])('that was %s goes on when it is run again under the same id: what had finished is kept', async (_, signal) => {
    const db = join(folder, `${signal}.db`);
    const ledger = join(folder, `${signal}.txt`);
    const file = workflowWith(ledger, 8);
    const first = start('run', file, '--db', db, '--id', 'w');
    // Not when it says so, but when the work itself has begun.
    await until(() => existsSync(ledger) && readFileSync(ledger, 'utf8').includes('second'));
    first.kill(signal);
    const { exitCode, stderr } = await first.ended;
    if (signal === 'SIGINT') {
      expect(exitCode).toBe(130);
      expect(stderr).toContain(`Go on with: gleitzeit run ${file} --db ${db} --id w`);
    }
    const second = await gleitzeit('run', file, '--db', db, '--id', 'w', '--json');
    expect(second.exitCode).toBe(0);
    expect(second.stderr).toContain('brought back what was in flight: 1 workflow, 1 task of them under way');
    expect(JSON.parse(second.stdout)).toMatchObject({
      status: 'completed',
      tasks: { first: { attempts: 1 }, second: { attempts: 2 }, third: { attempts: 1 } },
    });
    expect(readFileSync(ledger, 'utf8').trim().split('\n')).toEqual(['first', 'second', 'second', 'third']);
  });

  it('starts what a schedule was made for while nobody ran: each slot once, whoever runs on the journal', async () => {
    const db = join(folder, 'scheduled.db');
    const ledger = join(folder, 'scheduled.txt');
    const slot = new Date(Date.now() + 1_500).toISOString();
    const added = await gleitzeit('schedule', 'add', workflowWith(ledger, 0.01), '--db', db, '--id', 's', '--at', slot, '--json');
    expect(JSON.parse(added.stdout)).toMatchObject({ id: 's', by: 'caller' });
    expect(existsSync(ledger)).toBe(false);
    const run = `s@${slot}`;
    const waiting = join(folder, 'waiting.json');
    writeFileSync(waiting, JSON.stringify({ name: 'Waiting', tasks: [{ id: 'a', method: 'core/sleep', parameters: { ms: 600_000 } }] }));
    const first = start('run', waiting, '--db', db, '--id', 'w');
    await until(() => existsSync(ledger) && readFileSync(ledger, 'utf8').includes('third'));
    first.kill('SIGKILL');
    await first.ended;
    // A second engine finds that slot started, and the schedule without any other.
    const second = start('run', waiting, '--db', db, '--id', 'w', '--watch');
    await second.said('task:started');
    expect((await gleitzeit('cancel', 'w', '--db', db)).exitCode).toBe(0);
    await second.ended;
    const [listed, schedules] = await Promise.all([gleitzeit('list', '--db', db, '--json'), gleitzeit('schedule', 'list', '--db', db)]);
    expect((JSON.parse(listed.stdout) as { workflowId: string; status: string }[]).map(({ workflowId, status }) => [workflowId, status])).toEqual(
      expect.arrayContaining([
        [run, 'completed'],
        ['w', 'cancelled'],
      ]),
    );
    expect(JSON.parse(listed.stdout)).toHaveLength(2);
    expect(schedules.stdout).toBe('');
    // The task that the kill came into has another attempt; the others have one.
    expect(readFileSync(ledger, 'utf8')).toMatch(/^first\nsecond\nthird\n(third\n)?$/);
  });
});
