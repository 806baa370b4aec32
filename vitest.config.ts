/** Tests: every `*.test.ts` below test/, in plain Node. The last line of a run is its sum, alone, for scripts and people. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';
import type { Reporter, TestModule } from 'vitest/node';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const closingLine: Reporter = {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]) {
    const tests = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    // A file that cannot be loaded has no tests, and must not read as a success.
    const broken = modules.filter((module) => module.state() === 'failed' && !module.children.allTests('failed').next().value).length;
    const failed = tests.filter((state) => state === 'failed').length + broken + errors.length;
    // The built-in reporter prints its own summary in the same hook; this line comes after it.
    setImmediate(() => process.stdout.write(`${tests.filter((state) => state === 'passed').length} passed, ${failed} failed\n`));
  },
};

export default defineConfig({
  resolve: {
    alias: [
      { find: /^gleitzeit$/, replacement: source('./src/index.ts') },
      { find: /^gleitzeit\/testing$/, replacement: source('./src/testing/index.ts') },
      { find: /^gleitzeit\/hub$/, replacement: source('./src/hub/index.ts') },
    ],
  },
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    reporters: ['default', closingLine],
    // Many tests wait for other processes: one worker for two cores leaves both of them idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // A machine may be slow; what hangs is found all the same.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
