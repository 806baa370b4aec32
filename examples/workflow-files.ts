/** Runs the workflow files of examples/workflows, as `gleitzeit run FILE` does, and checks what comes of each. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSystem, loadProviders, loadWorkflow, type WorkflowResult } from 'gleitzeit';

const folder = fileURLToPath(new URL('./workflows/', import.meta.url));

type Check = (result: WorkflowResult) => void;
const values = ({ tasks }: WorkflowResult): unknown[] => Object.values(tasks).map(({ result }) => result);
const puttingOut =
  (expected: unknown): Check =>
  ({ status, output }) => {
    assert.equal(status, 'completed');
    assert.deepEqual(output, expected);
  };

const checks: Readonly<Record<string, Check>> = {
  'hello.yaml': puttingOut('Hello, world!'),
  'pipeline.yaml': puttingOut({ enough: true, text: 'lamp: 3 x 1999' }),
  'for-each.yaml': puttingOut({ farthest: 'Neptune' }),
  'retry.yaml': puttingOut(3),
  'python.yaml': puttingOut('it (2 times)'),
  'batch.yaml': (result) => assert.deepEqual(values(result)[2], "Shall I compare thee to a summer's day?"),
  'batch-process.yaml': (result) =>
    assert.deepEqual(
      values(result)
        .map((value) => Number.parseInt((value as { readonly stdout: string }).stdout, 10))
        .slice(0, 3),
      [109, 123, 114],
    ),
  'batch-python.yaml': (result) =>
    assert.deepEqual(
      values(result).map((value) => (value as { readonly result: number }).result),
      [14, 14, 14],
    ),
  'continue-on-error.yaml': ({ status, tasks, output }) => {
    assert.equal(status, 'failed');
    assert.deepEqual(
      Object.values(tasks).map((task) => task.status),
      ['failed', 'skipped', 'completed', 'completed'],
    );
    assert.deepEqual(output, { fine: true });
  },
};

const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
assert.deepEqual(new Set(files), new Set(Object.keys(checks)), 'every file has its check');
const hasPython = spawnSync('python3', ['--version']).error === undefined;

const system = createSystem({ providers: await loadProviders(`${folder}providers.ts`) });
await system.start();
for (const file of files) {
  if (file.includes('python') && !hasPython) {
    console.log(`${file.padEnd(24)} left out: there is no python3 here`);
    continue;
  }
  const result = await (await system.submit(await loadWorkflow(`${folder}${file}`))).result();
  checks[file]?.(result);
  console.log(`${file.padEnd(24)} ${result.status.padEnd(9)} ${Object.keys(result.tasks).length} tasks in ${result.durationMs} ms`);
}
await system.stop();
