/** The command `worker`: what it refuses before it connects, and what it says when there is no hub. */
import { createServer } from 'node:net';
import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { runProgram } from '../../../src/cli/program.ts';
import { fakeTerminal } from './terminals.ts';

const providers = resolve('examples/workflows/providers.ts');

async function run(...args: readonly string[]) {
  const terminal = fakeTerminal();
  const exitCode = await runProgram(['worker', ...args], terminal);
  return { exitCode, stdout: terminal.stdout.text(), stderr: terminal.stderr.text() };
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('gleitzeit worker', () => {
  it.each([
    { why: 'where the hub is', args: ['--providers', providers], said: '--hub' },
    { why: 'what to work for', args: ['--hub', 'http://127.0.0.1:1'], said: '--providers' },
    { why: 'a number of slots', args: ['--hub', 'http://127.0.0.1:1', '--providers', providers, '--slots', '0'], said: '--slots' },
    { why: 'a time to drain', args: ['--hub', 'http://127.0.0.1:1', '--providers', providers, '--drain', 'soon'], said: '--drain' },
    { why: 'a token', args: ['--hub', 'http://127.0.0.1:1', '--providers', providers, '--token', ''], said: '--token' },
    { why: 'an address', args: ['--hub', 'somewhere', '--providers', providers], said: 'url' },
  ])('has to be told $why', async ({ args, said }) => {
    const { exitCode, stderr } = await run(...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  it('ends with 3 for a file without providers, and where no hub answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await run('--hub', url, '--providers', 'not-there.ts')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('PROVIDER_NOT_FOUND'),
    });
    const { exitCode, stdout, stderr } = await run('--hub', url, '--providers', providers, '--patience', '0.5', '--json');
    expect([exitCode, JSON.parse(stdout)]).toEqual([3, { error: expect.objectContaining({ code: 'CONNECTION_REFUSED' }) }]);
    expect(stderr).toContain(url);
  });
});
