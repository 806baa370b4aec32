/** The commands on a journal: beside an engine that owns it, and where there is none. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';

import { runProgram } from '../../../src/cli/program.ts';
import { engineOn, gate, placeForJournal, until } from '../control/places.ts';
import { fakeTerminal } from './terminals.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-journal-commands-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function gleitzeit(...args: readonly string[]) {
  const terminal = fakeTerminal();
  const exitCode = await runProgram(args, terminal);
  const stdout = terminal.stdout.text();
  return { exitCode, stdout, stderr: terminal.stderr.text(), json: <Value>() => JSON.parse(stdout) as Value };
}

function workflowFile(name: string, ...tasks: readonly object[]): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify({ name, tasks }));
  return path;
}

const echo = workflowFile(
  'Echo',
  { id: 'a', method: 'core/echo', parameters: { n: '${input.n}' } },
  { id: 'b', method: 'core/echo', parameters: { of: '${a.n}' } },
);
const waiting = workflowFile('Waiting', { id: 'a', method: 'gate/wait' }, { id: 'b', method: 'gate/wait', dependencies: ['a'] });
const failing = workflowFile('Failing', { id: 'a', method: 'core/fail', parameters: { times: 9, message: 'on purpose' } });
const input = ['--input', '{"n":5}'];

describe('a run with a journal', { timeout: 30_000 }, () => {
  it('is there to be looked at when it is over', async () => {
    const db = placeForJournal();
    expect((await gleitzeit('run', echo, '--db', db, '--id', 'w', ...input, '--json')).exitCode).toBe(0);
    await gleitzeit('run', failing, '--db', db, '--id', 'f');

    expect((await gleitzeit('list', '--db', db, '--json')).json()).toMatchObject([
      { workflowId: 'w', name: 'Echo', status: 'completed' },
      { workflowId: 'f', name: 'Failing', status: 'failed' },
    ]);
    const latest = await gleitzeit('list', '--db', db, '--limit', '1', '--json');
    expect([latest.json(), latest.stderr]).toEqual([[expect.objectContaining({ workflowId: 'f' })], expect.stringContaining('there are older ones')]);
    expect((await gleitzeit('list', '--db', db, '--limit', '2')).stderr).toBe('');
    expect((await gleitzeit('list', '--db', db, '--status', 'failed')).stdout).toMatch(/^f {2}failed {5}\S+ {2}Failing {2}\d+ ms\n$/);
    expect((await gleitzeit('status', 'w', '--db', db, '--json')).json()).toEqual({
      workflowId: 'w',
      name: 'Echo',
      status: 'completed',
      submittedAt: expect.any(Number),
      tasks: {
        a: { status: 'completed', attempts: 1, durationMs: expect.any(Number), result: { n: 5 } },
        b: { status: 'completed', attempts: 1, durationMs: expect.any(Number), result: { of: 5 } },
      },
    });
    expect((await gleitzeit('status', 'f', '--db', db)).stdout).toMatch(
      /f {2}Failing {2}failed.*\n {2}a {2}failed: 1 attempt, .*on purpose \(TASK_EXECUTION_FAILED\)/,
    );
    expect((await gleitzeit('status', '--db', db, '--json')).json()).toEqual({
      db,
      engine: null,
      workflows: { running: 0, completed: 1, failed: 1, cancelled: 0, damaged: 0 },
    });
    expect((await gleitzeit('trace', 'w', '--db', db)).stdout).toMatch(/^Workflow 'Echo' \(correlation_id: w\)\n.*task:completed \(w, a #1\)/s);
    expect((await gleitzeit('explain', 'f', '--db', db, '--json')).json()).toEqual({ workflowId: 'f', status: 'failed', tasks: [] });
    expect(await gleitzeit('check', db)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('is sound: ') });
  });

  it('is the same run under the same id: what has finished is not done again', async () => {
    const db = placeForJournal();
    const first = await gleitzeit('run', echo, '--db', db, '--id', 'w', ...input, '--json');
    const second = await gleitzeit('run', echo, '--db', db, '--id', 'w', ...input, '--json');
    expect(second.json()).toEqual(first.json());
    expect((await gleitzeit('run', failing, '--db', db, '--id', 'w')).exitCode).toBe(2);
  });

  it('is refused with another input, unless --if-known says that any run will do', async () => {
    const db = placeForJournal();
    await gleitzeit('run', echo, '--db', db, '--id', 'w', ...input);
    const other = ['--db', db, '--id', 'w', '--input', '{"n":6}'];
    for (const command of ['run', 'submit']) {
      const refused = await gleitzeit(command, echo, ...other);
      expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--if-known join') });
      expect((await gleitzeit(command, echo, ...other, '--if-known', 'same')).exitCode).toBe(2);
    }
    const joined = await gleitzeit('run', echo, ...other, '--if-known', 'join', '--json');
    expect([joined.exitCode, joined.json()]).toMatchObject([0, { tasks: { a: { result: { n: 5 } } } }]);
    expect(joined.stderr).toContain('has ended');
    expect(await gleitzeit('submit', echo, ...other, '--if-known', 'join')).toMatchObject({ exitCode: 0, stdout: 'w\n' });
    expect(await gleitzeit('run', echo, ...other, '--if-known', 'perhaps')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('same, join'),
    });
  });

  it('takes its journal from GLEITZEIT_DB, and only then', async () => {
    const db = placeForJournal();
    process.env['GLEITZEIT_DB'] = db;
    try {
      await gleitzeit('run', echo, '--id', 'w', ...input);
      expect((await gleitzeit('list', '--json')).json()).toMatchObject([{ workflowId: 'w' }]);
    } finally {
      process.env['GLEITZEIT_DB'] = undefined;
      delete process.env['GLEITZEIT_DB'];
    }
    await gleitzeit('run', echo, '--id', 'v', ...input);
    expect((await gleitzeit('list', '--db', db, '--json')).json()).toHaveLength(1);
  });
});

describe('a journal without an engine', { timeout: 30_000 }, () => {
  it('takes a submit, and the next run with it carries that out too', async () => {
    const db = placeForJournal();
    const { exitCode, stdout, stderr } = await gleitzeit('submit', echo, '--db', db, '--id', 'w', ...input);
    expect([exitCode, stdout]).toEqual([0, 'w\n']);
    expect(stderr).toContain('it goes on at the next start');
    expect((await gleitzeit('status', 'w', '--db', db, '--json')).json()).toMatchObject({ status: 'running', tasks: { a: { status: 'pending' } } });
    expect((await gleitzeit('explain', 'w', 'a', '--db', db)).stdout).toContain('nothing is dispatched: no engine runs on its journal');

    const { stderr: talk } = await gleitzeit('run', echo, '--db', db, '--id', 'v', ...input);
    expect(talk).toContain('brought back what was in flight: 1 workflow, 0 tasks of them under way');
    // The other one is no part of this run.
    expect(talk.match(/a started/g)).toHaveLength(1);
    expect(talk).toMatch(/completed in .*, 2 tasks: 2 completed/);
    expect((await gleitzeit('list', '--db', db, '--status', 'completed', '--json')).json()).toHaveLength(2);
  });

  it('names a submit that came without an id', async () => {
    const db = placeForJournal();
    const { json } = await gleitzeit('submit', echo, '--db', db, '--json', ...input);
    const { workflowId } = json<{ workflowId: string }>();
    expect(json()).toEqual({ workflowId: expect.stringMatching(/./), name: 'Echo', status: 'running', by: 'caller' });
    expect((await gleitzeit('status', workflowId, '--db', db)).exitCode).toBe(0);
  });

  it('has a workflow paused, resumed and cancelled, durably', async () => {
    const db = placeForJournal();
    await gleitzeit('submit', echo, '--db', db, '--id', 'w', ...input);
    expect((await gleitzeit('pause', 'w', '--db', db, '--json')).json()).toEqual({
      workflowId: 'w',
      command: 'pause',
      status: 'paused',
      by: 'caller',
    });
    expect((await gleitzeit('resume', 'w', '--db', db)).stdout).toBe('Workflow w is running.\n');
    expect((await gleitzeit('cancel', 'w', '--db', db, '--reason', 'enough')).stdout).toBe('Workflow w is cancelled.\n');
    expect((await gleitzeit('events', '--db', db, '--workflow', 'w', '--type', 'workflow:cancelled')).stdout).toContain('reason=enough');
  });

  it('has a failed workflow go on from its failed tasks: at the next start, what has finished is kept', async () => {
    const db = placeForJournal();
    const shaky = workflowFile(
      'Shaky',
      { id: 'a', method: 'core/echo', parameters: { n: 1 } },
      // It fails in its first attempt.
      { id: 'b', method: 'core/fail', parameters: { times: 1 }, dependencies: ['a'] },
    );
    expect((await gleitzeit('run', shaky, '--db', db, '--id', 'w')).exitCode).toBe(1);
    expect((await gleitzeit('retry', 'w', '--db', db, '--json')).json()).toEqual({
      workflowId: 'w',
      command: 'retry',
      status: 'running',
      by: 'caller',
    });
    expect((await gleitzeit('list', '--db', db, '--status', 'running', '--json')).json()).toMatchObject([{ workflowId: 'w' }]);
    expect((await gleitzeit('retry', 'w', '--db', db)).exitCode).toBe(2);
    const again = await gleitzeit('run', shaky, '--db', db, '--id', 'w', '--json');
    expect(again.exitCode).toBe(0);
    expect(again.json()).toMatchObject({ status: 'completed', tasks: { a: { attempts: 1 }, b: { status: 'completed', attempts: 2 } } });
    expect((await gleitzeit('retry', 'w', '--db', db)).exitCode).toBe(2);
    expect((await gleitzeit('check', db)).exitCode).toBe(0);
  });

  it('can be read as of any event', async () => {
    const db = placeForJournal();
    await gleitzeit('run', echo, '--db', db, '--id', 'w', ...input);
    const { stdout } = await gleitzeit('events', '--db', db, '--workflow', 'w', '--json');
    const facts = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; type: string; correlation: { taskId?: string } });
    const of = (type: string, taskId?: string) => facts.find((fact) => fact.type === type && fact.correlation.taskId === taskId)?.seq ?? 0;
    const at = async (seq: number) => (await gleitzeit('status', 'w', '--db', db, '--at', String(seq), '--json')).json();
    expect(await at(of('workflow:submitted'))).toMatchObject({
      at: of('workflow:submitted'),
      status: 'pending',
      tasks: { a: { status: 'pending' } },
    });
    expect(await at(of('task:started', 'a'))).toMatchObject({
      status: 'running',
      tasks: { a: { status: 'running', attempts: 1 }, b: { status: 'pending' } },
    });
    expect(await at(of('task:started', 'b'))).toMatchObject({ tasks: { a: { status: 'completed', result: { n: 5 } }, b: { status: 'running' } } });
    expect(await at(of('workflow:completed'))).toMatchObject({ status: 'completed' });
    const before = await gleitzeit('status', 'w', '--db', db, '--at', '0');
    expect([before.exitCode, before.stderr]).toEqual([2, expect.stringContaining("Workflow 'w' was not there yet at seq 0")]);
  });

  it('gives its events by workflow, severity, component and type', async () => {
    const db = placeForJournal();
    for (const [file, id] of [
      [echo, 'w'],
      [failing, 'f'],
    ] as const)
      await gleitzeit('run', file, '--db', db, '--id', id, ...input);
    const events = async (...args: readonly string[]) => {
      const { stdout } = await gleitzeit('events', '--db', db, '--json', ...args);
      return stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { seq: number; type: string; severity: string; correlation: { workflowId?: string } });
    };
    const all = await events();
    expect(all.map(({ seq }) => seq)).toEqual(all.map(({ seq }) => seq).sort((a, b) => a - b));
    expect((await events('--workflow', 'f')).every(({ correlation }) => correlation.workflowId === 'f')).toBe(true);
    expect(new Set((await events('--severity', 'error')).map(({ severity }) => severity))).toEqual(new Set(['error']));
    expect((await events('--component', 'workflow')).every(({ type }) => type.startsWith('workflow:'))).toBe(true);
    expect((await events('--type', 'task:*', 'workflow:failed')).every(({ type }) => type.startsWith('task:') || type === 'workflow:failed')).toBe(
      true,
    );
    expect(await events('--after', String(all.at(-2)?.seq))).toEqual([all.at(-1)]);
  });
});

describe('schedules', { timeout: 30_000 }, () => {
  it('are made, listed and taken away where no engine runs', async () => {
    const db = placeForJournal();
    const add = (...args: readonly string[]) => gleitzeit('schedule', 'add', echo, '--db', db, ...input, ...args);
    const nightly = ['--cron', '0 3 * * *', '--timezone', 'Europe/Berlin'];
    const made = await add(...nightly, '--json');
    expect(made.exitCode).toBe(0);
    expect(made.stderr).toContain('starts that come before the next one does are made up for by one');
    expect(made.json()).toMatchObject({
      id: 'Echo',
      workflow: 'Echo',
      input: { n: 5 },
      rule: { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Berlin' },
      overlap: 'skip',
      catchUp: 'one',
      by: 'caller',
    });
    expect((await add(...nightly)).exitCode).toBe(0);
    expect(await add('--every', '90')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('SCHEDULING_FAILED') });
    await add('--id', 'often', '--every', '90', '--overlap', 'queue', '--catch-up', 'all', '--start-at', '2999-01-01T00:00:00+01:00');
    await add('--id', 'once', '--at', '2025-01-01T00:00:00Z');
    expect((await gleitzeit('schedule', 'list', '--db', db)).stdout.split('\n')).toEqual([
      expect.stringMatching(/^Echo {2}cron '0 3 \* \* \*' Europe\/Berlin {2}next \S+T0[12]:00:00.000Z {2}overlap skip, catch-up one$/),
      'often  every 1 min 30 s  next 2998-12-31T23:00:00.000Z  Echo  overlap queue, catch-up all',
      'once  once at 2025-01-01T00:00:00.000Z  starts are due  Echo  overlap skip, catch-up one',
      '',
    ]);
    expect((await gleitzeit('schedule', 'remove', 'often', '--db', db)).stdout).toBe('Schedule often is removed.\n');
    expect(await gleitzeit('schedule', 'remove', 'onse', '--db', db)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('"once"') });
    expect((await gleitzeit('schedule', 'list', '--db', db, '--json')).json()).toMatchObject([{ id: 'Echo' }, { id: 'once', nextAt: null }]);
    expect((await gleitzeit('list', '--db', db, '--json')).json()).toEqual([]);
    expect((await gleitzeit('check', db)).exitCode).toBe(0);
  });

  it.each<[string, readonly string[], string]>([
    ['without a time', [], 'exactly one of cron, everyMs and at'],
    ['with two', ['--every', '60', '--cron', '@daily'], 'exactly one of cron, everyMs and at'],
    ['with an expression that is none', ['--cron', 'at noon'], 'cron must be'],
    ['at a time without its offset', ['--at', '2025-01-01T00:00:00'], '--at has to be'],
    ['at no interval', ['--every', 'hour'], '--every has to be'],
    ['at an interval that is too short', ['--every', '0.1'], 'everyMs must be'],
    ['in no zone', ['--cron', '@daily', '--timezone', 'Mars/Olympus'], 'timeZone must be'],
    ['with an unknown policy', ['--every', '60', '--overlap', 'perhaps'], 'Allowed choices are skip, queue, cancel_previous'],
  ])('%s are wrong usage, and nothing is recorded', async (_, args, said) => {
    const db = placeForJournal();
    const { exitCode, stderr } = await gleitzeit('schedule', 'add', echo, '--db', db, ...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
    const listed = await gleitzeit('schedule', 'list', '--db', db);
    expect(listed.stdout).toBe('');
  });
});

describe('a journal with an engine', { timeout: 30_000 }, () => {
  it('is read beside it, and commands reach it', async () => {
    const db = placeForJournal();
    const held = gate();
    const { system } = await engineOn(db, held);
    expect((await gleitzeit('submit', waiting, '--db', db, '--id', 'w', '--json')).json()).toMatchObject({ workflowId: 'w', by: 'owner' });
    await until(() => held.calls.includes('a'));
    expect((await gleitzeit('status', '--db', db)).stdout).toContain(`process ${process.pid} runs on it`);
    expect((await gleitzeit('status', 'w', '--db', db, '--json')).json()).toMatchObject({
      status: 'running',
      tasks: { a: { status: 'running', attempts: 1 }, b: { status: 'pending', attempts: 0 } },
    });
    expect((await gleitzeit('explain', 'w', '--db', db)).stdout).toMatch(
      /a is running\n.*runs on 'gate\/v1#1'.*\n {2}b is pending\n.*waits for 'a'/s,
    );
    expect((await gleitzeit('pause', 'w', '--db', db, '--json')).json()).toMatchObject({ status: 'paused', by: 'owner' });
    expect((await gleitzeit('resume', 'w', '--db', db, '--json')).json()).toMatchObject({ status: 'running', by: 'owner' });
    expect((await gleitzeit('cancel', 'w', '--db', db, '--json')).json()).toMatchObject({ by: 'owner' });
    expect(await system.result('w')).toMatchObject({ status: 'cancelled' });
    expect((await gleitzeit('check', db)).exitCode).toBe(0);
    // A second engine is not let in.
    const second = await gleitzeit('run', echo, '--db', db, ...input);
    expect(second).toMatchObject({ exitCode: 5, stderr: expect.stringContaining(`in use by process ${process.pid}`) });
  });
});

describe('what cannot be done', { timeout: 30_000 }, () => {
  it.each<[string, readonly string[], number, string]>([
    ['a journal that is not there', ['list'], 5, 'PERSISTENCE_CONNECTION_FAILED'],
    ['a command on a journal that is not there', ['cancel', 'w'], 5, 'PERSISTENCE_CONNECTION_FAILED'],
    ['a schedule taken from a journal that is not there', ['schedule remove', 's'], 5, 'PERSISTENCE_CONNECTION_FAILED'],
  ])('%s is not made', async (_, args, code, name) => {
    const db = placeForJournal();
    const { exitCode, stdout } = await gleitzeit(...args.flatMap((arg) => arg.split(' ')), '--db', db, '--json');
    expect([exitCode, (JSON.parse(stdout) as { error: { code: string } }).error.code]).toEqual([code, name]);
    expect(() => statSync(db)).toThrow();
  });

  it.each<[string, readonly string[]]>([
    ['a workflow that is not there', ['status', 'none']],
    ['the trace of one', ['trace', 'none']],
    ['the events of one', ['events', '--workflow', 'none']],
    ['the reasons of one', ['explain', 'none']],
    ['a task that is not there', ['explain', 'w', 'none']],
    ['a command to one', ['pause', 'none']],
    ['an unknown status', ['list', '--status', 'fine']],
    ['an unknown severity', ['events', '--severity', 'loud']],
    ['an unknown type', ['events', '--type', 'task:flies']],
    ['a seq that is none', ['status', 'w', '--at', 'noon']],
    ['a time without a workflow', ['status', '--at', '3']],
    ['a start that is no time', ['submit', echo, '--start-at', 'noon']],
    ['a start that is another time elsewhere', ['submit', echo, '--start-at', '2025-03-30T08:00:00']],
    ['a journal in memory', ['list', '--db', ':memory:']],
  ])('%s is wrong usage', async (_, args) => {
    const db = placeForJournal();
    await gleitzeit('submit', echo, '--db', db, '--id', 'w', ...input);
    const { exitCode, stdout, stderr } = await gleitzeit(args[0] ?? '', '--db', db, ...args.slice(1));
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/error/);
  });
});

describe('check', { timeout: 30_000 }, () => {
  /** Ruins the first facts of the run `w`. */
  const damage = (db: string): void => {
    const file = new Database(db);
    const first = "SELECT min(seq) FROM touches JOIN workflows ON no = workflow WHERE id = 'w'";
    file.exec(`UPDATE frames SET body = zeroblob(length(body)) WHERE seq = (${first})`);
    file.close();
  };

  it('names the damage of a journal, and puts it aside when asked', async () => {
    const db = placeForJournal();
    for (const id of ['v', 'w']) await gleitzeit('run', echo, '--db', db, '--id', id, ...input);
    damage(db);
    const found = await gleitzeit('check', db, '--json');
    expect(found.exitCode).toBe(5);
    expect(found.json()).toMatchObject({ sound: false, damages: [{ kind: 'checksum', afterSeq: expect.any(Number) }] });
    expect((await gleitzeit('check', db)).stdout).toMatch(/^damage in seq \d+ to \d+: .*\n.* is not sound/s);
    const { exitCode, stdout } = await gleitzeit('check', db, '--repair');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/is repaired: .*\nLost is seq \d+ to \d+\.\nPut aside is run w: its first fact cannot be read\.\n.*\n.* is kept at /);
    expect(await gleitzeit('check', db)).toMatchObject({ exitCode: 0 });
    expect((await gleitzeit('list', '--db', db, '--json')).json()).toMatchObject([{ workflowId: 'v', status: 'completed' }]);
    expect((await gleitzeit('check', db, '--repair')).stdout).toContain('nothing to repair');
  });

  it('refuses what is no journal', async () => {
    const path = join(folder, 'notes.db');
    writeFileSync(path, 'not a journal');
    expect((await gleitzeit('check', path)).exitCode).toBe(5);
    expect((await gleitzeit('check', join(folder, 'nothing.jsonl'))).exitCode).toBe(5);
    const none = await gleitzeit('check', join(folder, 'nothing.db'));
    expect([none.exitCode, none.stderr]).toEqual([5, expect.stringContaining('There is no journal at')]);
  });

  it('holds a log against the model, line by line', async () => {
    const db = placeForJournal();
    await gleitzeit('run', echo, '--db', db, '--id', 'w', ...input);
    const { stdout } = await gleitzeit('events', '--db', db, '--json');
    const log = join(folder, 'log.jsonl');
    writeFileSync(log, stdout);
    expect(await gleitzeit('check', log)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('is sound') });
    expect((await gleitzeit('check', log, '--repair')).exitCode).toBe(2);
    writeFileSync(log, Buffer.concat([Buffer.from(stdout), Buffer.from([0xff])]));
    expect((await gleitzeit('check', log)).stderr + (await gleitzeit('check', log)).stdout).toContain('not UTF-8: byte 0xff');
    const without = stdout.split('\n').filter((line) => !line.includes('"task:started"'));
    writeFileSync(log, `${without.join('\n')}{"type":1}\nnothing\n`);
    const bad = await gleitzeit('check', log, '--json');
    expect(bad.exitCode).toBe(5);
    const { violations } = bad.json<{ violations: readonly { rule: string; line?: number }[] }>();
    expect(violations.filter(({ rule }) => rule === 'line')).toHaveLength(2);
    expect(violations.some(({ rule }) => rule !== 'line')).toBe(true);
  });
});
