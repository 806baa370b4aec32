/**
 * The benchmarks: each figure with its bound, and whether it holds.
 *
 * Each topic has a process of its own. Name topics to run only those: `npm run bench -- memory`. Plain node on the built
 * library, since the development build of XState, which test runners and tsx choose, is another program.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const topics = ['startup', 'throughput', 'watching', 'secrets', 'routing', 'loading', 'scaling', 'memory', 'journal', 'recovery'];
const asked = process.argv.slice(2);
let exitCode = 0;
for (const topic of asked.length > 0 ? asked : topics) {
  const script = fileURLToPath(new URL(`./${topic}.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--expose-gc', '--max-old-space-size=6144', script], { stdio: 'inherit' });
  if (status !== 0) exitCode = 1;
}
process.exitCode = exitCode;
