import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

/** Runs a campaign in a short form, on the sources. */
async function run(campaign: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const main = fileURLToPath(new URL(`../../campaigns/${campaign}/main.mjs`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { env: { ...process.env, GLEITZEIT_SOURCES: '1', ...env } });
  onTestFinished(() => void child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, said };
}

describe('the campaigns, in a short form', () => {
  it('an engine that is killed again and again loses nothing, and does nothing twice', { timeout: 180_000 }, async () => {
    const { code, said } = await run('kill', ['--kills', '6', '--each', '8', '--seed', '7']);
    expect(said).toContain('Nothing was lost, nothing was done twice.');
    expect(code).toBe(0);
  });

  it('an engine whose disk fails for a while holds its facts, where that can be tried', { timeout: 180_000 }, async () => {
    const { code, said } = await run('faults', ['--rounds', '1', '--seed', '7']);
    expect(said).toMatch(/Nothing was lost, nothing was done twice\.|strace is not there/);
    expect(code).toBe(0);
  });
});
