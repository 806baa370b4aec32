/** Functions in worker threads at their worst: they lose their thread and their attempt, and nothing else. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { defineThreadProvider } from '../../src/providers/worker-threads.ts';
import { createSystem } from '../../src/runtime/system.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { expectAlive, expectNothingLeft } from './aftermath.ts';

const threads = defineThreadProvider({
  protocol: 'work/v1',
  module: new URL('../src/providers/modules/work.ts', import.meta.url),
  threads: 2,
  memoryMb: 64,
  // What is tried here fails in a row, and each must be tried.
  circuit: false,
  methods: { 'work/sum': {}, 'work/spin': {}, 'work/leave': {}, 'work/crash': {}, 'work/odd': {}, 'work/hoard': {}, 'work/missing': {} },
});
const system = createSystem({ builtins: false, providers: [threads] });
beforeAll(() => system.start());
afterAll(() => system.stop({ deadlineMs: 0 }));

const file = join(mkdtempSync(join(tmpdir(), 'gleitzeit-')), 'spinning');

async function played(
  method: 'work/sum' | 'work/spin' | 'work/leave' | 'work/crash' | 'work/odd' | 'work/hoard' | 'work/missing',
  params: Record<string, unknown> = {},
) {
  const workflow = defineWorkflow({
    name: 'threads',
    providers: [threads],
    tasks: (task) => task('it', { method, params, timeoutMs: method === 'work/spin' ? 1_000 : 20_000 }),
  });
  const run = await system.submit(workflow);
  return (await run.result()).tasks['it'];
}

describe('a function in a thread', { timeout: 30_000 }, () => {
  it.each([
    ['exits with 0', 'work/leave', { code: 0 }, 'CONNECTION_LOST'],
    ['exits with 1', 'work/leave', { code: 1 }, 'CONNECTION_LOST'],
    ['throws out of the blue', 'work/crash', {}, 'CONNECTION_LOST'],
    ['overruns its time', 'work/spin', { file }, 'TASK_TIMEOUT'],
    ['takes all memory', 'work/hoard', {}, 'RESOURCE_EXHAUSTED'],
    ['returns a function', 'work/odd', {}, 'TASK_RESULT_INVALID'],
    ['is not there', 'work/missing', {}, 'METHOD_NOT_SUPPORTED'],
  ] as const)('that %s fails its task, and the next one runs', async (_, method, params, code) => {
    expect(await played(method, params)).toMatchObject({ status: 'failed', attempts: 1, error: { code } });
    expect(await played('work/sum', { upTo: 4 })).toMatchObject({ status: 'completed', result: { total: 10 } });
    await expectAlive(system);
    await expectNothingLeft(system);
  });
});
