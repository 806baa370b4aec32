/** Keys that are given, as they are or as files: which one seals, which ones open, and who learns of them. */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { runProgram } from '../../../src/cli/program.ts';
import { createSystem, type GleitzeitSystem, loadWorkflow, sqliteJournal } from '../../../src/index.ts';
import type { SystemOptions } from '../../../src/runtime/options.ts';
import { sealingKeyOf } from '../../../src/secrets/key.ts';
import { silent } from '../../silent.ts';
import { fakeTerminal } from '../cli/terminals.ts';
import { placeForJournal } from '../journal/places.ts';
import { login, vault } from './vault.ts';

async function engineOn(path: string, options: SystemOptions = {}): Promise<GleitzeitSystem> {
  const system = createSystem({ journal: sqliteJournal(path, { writer: 'inline' }), log: silent, ...options });
  await system.start();
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  return system;
}

const input = { password: 'hunter2' };

/** A file of a key, beside a journal. */
function keyFile(path: string, name: string, letter: string): string {
  const file = join(dirname(path), `${name}.key`);
  writeFileSync(file, `${letter.repeat(32)}\n`, { mode: 0o600 });
  return file;
}

describe('a journal in a file', { timeout: 30_000 }, () => {
  it('takes its key from a file, by the option before the variable, whose key still opens', async () => {
    const path = placeForJournal();
    const [old, fresh] = [keyFile(path, 'old', 'o'), keyFile(path, 'new', 'n')];
    vi.stubEnv('GLEITZEIT_KEY_FILE', old);
    onTestFinished(() => void vi.unstubAllEnvs());
    const one = await engineOn(path, { providers: [vault().provider] });
    await one.pause();
    await one.submit(await loadWorkflow(login), { id: 'w', input });
    await one.stop({ deadlineMs: 0 });
    expect(existsSync(`${path}-key`)).toBe(false);
    const two = await engineOn(path, { providers: [vault().provider], secrets: { keyFile: fresh } });
    expect((await two.result('w')).status).toBe('completed');
    await (await two.submit(await loadWorkflow(login), { id: 'x', input })).result();
    await two.stop({ deadlineMs: 0 });
    vi.stubEnv('GLEITZEIT_KEY_FILE', '');
    const three = await engineOn(path, { providers: [vault().provider], secrets: { key: 'n'.repeat(32) } });
    expect((await three.result('x')).output).toEqual({ session: 's3ss10n-1', used: 'used' });
    for (const [id, letter] of [
      ['w', 'o'],
      ['x', 'n'],
    ] as const) {
      const { events } = await three.trace(id);
      expect(JSON.stringify(events)).toContain(`"inputDigest":"hmac:${sealingKeyOf(letter.repeat(32)).id.toString('hex')}:`);
    }
  });

  it('does not hand a key or a token in its environment on to commands, nor where they are', async () => {
    const path = placeForJournal();
    const names = ['GLEITZEIT_TOKEN', 'GLEITZEIT_TOKEN_FILE', 'GLEITZEIT_KEY_FILE', 'GLEITZEIT_SECRET_KEY'];
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const name of names) vi.stubEnv(name, name === 'GLEITZEIT_KEY_FILE' ? keyFile(path, 'k', 'k') : '');
    const system = await engineOn(path);
    // Read once, at the start: now all can be set.
    vi.stubEnv('GLEITZEIT_SECRET_KEY', 'e'.repeat(32));
    for (const name of names.slice(0, 2)) vi.stubEnv(name, 'a-token');
    const tasks = [
      { id: 'exec', method: 'process/exec', parameters: { command: 'env' } },
      { id: 'python', method: 'python/execute', parameters: { code: 'import os\nresult = "\\n".join(os.environ)' } },
    ];
    const result = await (await system.submit(await loadWorkflow({ name: 'w', tasks }))).result();
    for (const id of ['exec', 'python']) {
      const text = JSON.stringify(result.tasks[id]?.result);
      expect(text).toContain('GLEITZEIT_TASK_ID');
      for (const name of names) expect(text).not.toContain(name);
    }
  });

  it.each([
    { why: 'both variables', env: { GLEITZEIT_SECRET_KEY: 'e'.repeat(32), GLEITZEIT_KEY_FILE: '/nowhere' }, said: /are both set/ },
    { why: 'a file that is not there', env: { GLEITZEIT_KEY_FILE: '/nowhere' }, said: /The file of GLEITZEIT_KEY_FILE, \/nowhere, cannot be read/ },
    { why: 'a file that is not there', secrets: { keyFile: '/nowhere' }, said: /The key file, \/nowhere, cannot be read/ },
  ])('is not opened at all with $why', async ({ env = {}, secrets = {}, said }) => {
    const path = placeForJournal();
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const system = createSystem({ journal: sqliteJournal(path), secrets });
    await expect(system.start()).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringMatching(said) });
    expect(existsSync(path)).toBe(false);
  });

  it('is not opened with a key in a file that is too short, which is not told, nor with a key beside the file', async () => {
    const path = placeForJournal();
    const file = join(dirname(path), 'short');
    writeFileSync(file, 'hunter2', { mode: 0o600 });
    await expect(createSystem({ journal: sqliteJournal(path), secrets: { keyFile: file } }).start()).rejects.toMatchObject({
      code: 'CONFIGURATION_ERROR',
      message: expect.stringMatching(/^The key in .*short must be (?!.*hunter2).* got 7/),
    });
    expect(() => createSystem({ secrets: { keyFile: file, key: 'k'.repeat(32) } })).toThrow(/secrets\.keyFile/);
    expect(existsSync(path)).toBe(false);
  });
});

describe('the command line', { timeout: 30_000 }, () => {
  async function gleitzeit(...args: readonly string[]) {
    const terminal = fakeTerminal();
    const exitCode = await runProgram(args, terminal);
    return { exitCode, stdout: terminal.stdout.text(), stderr: terminal.stderr.text() };
  }

  it('seals with the key of --key-file, whichever command it is that does', async () => {
    const path = placeForJournal();
    const file = join(dirname(path), 'w.json');
    writeFileSync(file, JSON.stringify({ name: 'W', tasks: [{ id: 'a', method: 'core/echo', parameters: { secret: '${input.password}' } }] }));
    const on = ['--db', path, '--key-file', keyFile(path, 'k', 'k')];
    const given = ['--input', JSON.stringify(input)];
    for (const args of [
      ['run', file, '--id', 'r'],
      ['submit', file, '--id', 's'],
      ['schedule', 'add', file, '--id', 't', '--every', '3600'],
    ])
      expect(await gleitzeit(...args, ...given, ...on)).toMatchObject({ exitCode: 0 });
    expect(existsSync(`${path}-key`)).toBe(false);
    expect((await gleitzeit('doctor', '--db', path)).stdout).toMatch(/warning +secrets: .* is not here/);
    expect((await gleitzeit('doctor', ...on)).stdout).toMatch(/ok +secrets: sealed with key/);
    const system = await engineOn(path, { secrets: { key: 'k'.repeat(32) } });
    for (const id of ['r', 's']) expect((await system.result(id)).tasks['a']?.result).toEqual({ secret: 'hunter2' });
    const refusal = await gleitzeit('submit', file, '--hub', 'http://127.0.0.1:1', '--key-file', 'any');
    expect(refusal).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--key-file goes with a journal') });
  });
});
