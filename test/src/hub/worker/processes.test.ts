/** A hub and `gleitzeit worker` in processes of their own, which are killed, stopped and told to end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../../../src/hub/client/connect.ts';
import type { HubClient } from '../../../../src/hub/client/hub-client.ts';
import { loadWorkflow } from '../../../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-workers-'));
const db = join(folder, 'hub.db');
let ledger = '';
let hub: Process | undefined;
let client: HubClient | undefined;
let url = '';
const running = new Set<ChildProcess>();

interface Process {
  readonly pid: number;
  readonly said: (text: string) => Promise<string>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<number | null>;
}

function start(file: string, ...args: readonly string[]): Process {
  const env = { ...process.env, GLEITZEIT_TOKEN: 'secret', LEDGER: ledger };
  const child = spawn(process.execPath, ['--import', 'tsx', resolve(file), ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  running.add(child);
  let text = '';
  let heard = (): void => undefined;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      heard();
    });
  const ended = new Promise<number | null>((settle) =>
    child.on('close', (exitCode) => {
      running.delete(child);
      settle(exitCode);
      heard();
    }),
  );
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    ended,
    async said(wanted) {
      while (!text.includes(wanted)) {
        if (!running.has(child)) throw new Error(`It ended before it said '${wanted}': ${text}`);
        await new Promise<void>((look) => {
          heard = look;
        });
      }
      return text;
    },
  };
}

async function startHub(port = 0, leaseMs = 3_000): Promise<Process> {
  const started = start('test/src/hub/worker/processes/hub.ts', db, String(port), String(leaseMs));
  url = /listening on (\S+)/.exec(await started.said('listening on'))?.[1] ?? '';
  return started;
}

async function startWorker(...args: readonly string[]): Promise<Process> {
  const providers = resolve('test/src/hub/worker/processes/ledger.ts');
  const started = start('src/cli/main.ts', 'worker', '--hub', url, '--providers', providers, '--slots', '2', '--json', ...args);
  await started.said('"registered"');
  return started;
}

const entries = (): readonly string[] => (existsSync(ledger) ? readFileSync(ledger, 'utf8').trim().split('\n') : []);
const begun = (pid?: number): readonly string[] =>
  entries().filter((line) => line.startsWith('begin') && (pid === undefined || line.endsWith(` ${pid}`)));
const whenBegun = (count: number, pid?: number): Promise<void> =>
  expect.poll(() => begun(pid).length, { timeout: 20_000, interval: 5 }).toBeGreaterThanOrEqual(count);

async function submit(ids: readonly string[], ms: number, method = 'ledger/wait') {
  const tasks = ids.map((id) => ({ id, method, parameters: { ms } }));
  const run = await client?.submit(await loadWorkflow({ name: 'ledger', tasks }));
  if (run === undefined) throw new Error('There is no client.');
  return run;
}

beforeAll(async () => {
  hub = await startHub();
  client = await connect({ url, token: 'secret', log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} } });
}, 30_000);
afterAll(async () => {
  await client?.close();
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  for (const child of running) if (child.pid !== hub?.pid) child.kill('SIGKILL');
});

describe('workers in processes of their own', { timeout: 60_000 }, () => {
  it('do what one of them ran that was killed', async () => {
    ledger = join(folder, 'killed');
    const [one, other] = await Promise.all([startWorker(), startWorker()]);
    const run = await submit(['a', 'b', 'c', 'd'], 400);
    await whenBegun(2, one.pid);
    one.kill('SIGKILL');
    const { status, tasks } = await run.result();
    expect(status).toBe('completed');
    expect(Object.values(tasks).map(({ result }) => result)).toEqual(Array.from({ length: 4 }, () => other.pid));
    expect(
      Object.values(tasks)
        .map(({ attempts }) => attempts)
        .sort(),
    ).toEqual([1, 1, 2, 2]);
  });

  it('finish what they run when they are told to end, and leave the rest to the others', async () => {
    ledger = join(folder, 'drained');
    const one = await startWorker();
    const run = await submit(['a', 'b', 'c'], 600);
    await whenBegun(2, one.pid);
    one.kill('SIGTERM');
    expect(await one.ended).toBe(130);
    const other = await startWorker();
    const { tasks } = await run.result();
    expect(Object.values(tasks).map(({ result, attempts }) => [result, attempts])).toEqual([
      [one.pid, 1],
      [one.pid, 1],
      [other.pid, 1],
    ]);
  });

  it('are not believed any more after they were stopped for longer than their lease, and go on', async () => {
    ledger = join(folder, 'stopped');
    const one = await startWorker();
    const run = await submit(['a'], 200, 'ledger/stubborn');
    await whenBegun(1);
    one.kill('SIGSTOP');
    const other = await startWorker();
    await whenBegun(2);
    one.kill('SIGCONT');
    expect((await run.result()).tasks['a']).toMatchObject({ result: 'of attempt 2', attempts: 2 });
    const stale = async () => (await run.trace()).events.filter(({ type }) => type === 'task:stale_report').map(({ data }) => data);
    await expect.poll(stale, { timeout: 10_000 }).toEqual([expect.objectContaining({ taskId: 'a', attempt: 1, reported: 'succeeded' })]);
    other.kill('SIGKILL');
    await other.ended;
    const next = await submit(['b'], 0);
    expect((await next.result()).tasks['b']).toMatchObject({ result: one.pid });
  });

  it('go on while the hub is killed and started again: each attempt runs once', async () => {
    ledger = join(folder, 'restarted');
    const port = Number(new URL(url).port);
    const restart = async (): Promise<void> => {
      hub?.kill('SIGKILL');
      await hub?.ended;
      // With a lease in which it is there again also on a machine that is busy.
      hub = await startHub(port, 30_000);
    };
    await restart();
    const one = await startWorker();
    const run = await submit(['a', 'b'], 1_500);
    await whenBegun(2);
    await restart();
    const { status, tasks } = await run.result();
    expect(status).toBe('completed');
    expect(Object.values(tasks).map(({ result, attempts }) => [result, attempts])).toEqual([
      [one.pid, 1],
      [one.pid, 1],
    ]);
    expect(begun()).toHaveLength(2);
  });
});
