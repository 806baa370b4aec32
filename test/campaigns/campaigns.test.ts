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

/** Where strace is there, a campaign has both forms; what stands in for it is tried everywhere. */
const withoutStrace = { GLEITZEIT_NO_STRACE: '1' };

describe('the campaigns, in a short form', { timeout: 180_000 }, () => {
  it('an engine that is killed again and again loses nothing, and does nothing twice', async () => {
    const { code, said } = await run('kill', ['--kills', '6', '--each', '8', '--seed', '7']);
    expect(said).toContain('Nothing was lost, nothing was done twice.');
    expect(code).toBe(0);
  });

  it('a hub whose workers, clients and connections break down, and that is killed itself, loses nothing and counts nothing twice', async () => {
    const { code, said } = await run('chaos', '--tasks 120 --workers 2 --restarts 1 --lease 2000 --work 100 --seed 7'.split(' '));
    // First, since it says what is wrong.
    expect(said).not.toContain('WRONG');
    expect(said).toMatch(/restarts: 1\n[\s\S]*Nothing was lost, nothing was counted twice\./);
    expect(code).toBe(0);
  });

  it('a hub that is flooded with nonsense stands, and nobody else notices', async () => {
    const { code, said } = await run('flood', '--messages 2000 --rounds 15 --lorises 20 --deserters 0 --seed 7'.split(' '));
    expect(said).not.toContain('WRONG');
    expect(said).toContain('The hub stood, and nobody else noticed.');
    expect(code).toBe(0);
  });

  it.each([
    ['as the machine can tell', {}],
    ['as a hook can tell', withoutStrace],
  ])('what a power cut may leave of a journal opens and holds what was answered, %s', async (_, env) => {
    const { code, said } = await run('power-cut', ['--images', '60', '--batches', '14', '--seed', '7'], env);
    expect(said).toMatch(env === withoutStrace ? /recorded by looking at the files/ : /recorded by strace|recorded by looking at the files/);
    expect(said).toContain('a writer that promises to sync and does not is found out as it must');
    expect(said).toContain('Every one opens, is sound, and holds what was answered.');
    expect(code).toBe(0);
  });

  it.each([
    ['from below', {}],
    ['from a hook', withoutStrace],
  ])('an engine whose disk fails for a while holds its facts: faults %s', async (_, env) => {
    const { code, said } = await run('faults', ['--rounds', '1', '--seed', '7'], env);
    expect(said).toMatch(env === withoutStrace ? /at the steps of a transaction/ : /put in by strace|at the steps of a transaction/);
    expect(said).toContain('1 engines, 1 of them held their facts for a while\nNothing was lost, nothing was done twice.');
    expect(code).toBe(0);
  });
});
