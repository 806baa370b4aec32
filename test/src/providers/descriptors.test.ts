/** Attempts while this machine has no descriptor left: they fail, and may be tried again. Nothing else happens, and nothing is left of it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('./programs/without-descriptors.ts', import.meta.url));

// Windows has no such limit.
describe.skipIf(process.platform === 'win32')('without a descriptor', () => {
  it('an attempt fails, may be tried again, and goes well once there are some', () => {
    const command = `ulimit -n 512 && exec "$0" --import tsx "$1"`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command, process.execPath, program], { encoding: 'utf8', timeout: 25_000 });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const failsOnce = ['RESOURCE_EXHAUSTED', true, 'ok'];
    const methods = ['process/exec', 'python/execute', 'http/request', 'work/sum'];
    expect(JSON.parse(stdout)).toEqual(Object.fromEntries(methods.map((method) => [method, failsOnce])));
  });
});
