/**
 * The benchmarks: each figure with its bound, and whether it holds.
 *
 * Each topic has a process of its own. Name topics to run only those, or what several begin with: `npm run bench -- memory hub`.
 * Plain node on the built library, since the development build of XState, which test runners and tsx choose, is another program.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const engine = ['startup', 'throughput', 'watching', 'secrets', 'routing', 'loading', 'scaling', 'memory', 'journal', 'recovery'];
const topics = [...engine, 'hub-workers', 'hub-latency', 'hub-memory', 'hub-subscribers'];
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !topics.some((topic) => topic === name || topic.startsWith(`${name}-`)));
if (unknown !== undefined) throw new Error(`There is no topic ${unknown}; there are ${topics.join(', ')}.`);
let exitCode = 0;
for (const topic of topics.filter((topic) => asked.length === 0 || asked.some((name) => topic === name || topic.startsWith(`${name}-`)))) {
  const script = fileURLToPath(new URL(`./${topic}.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--expose-gc', '--max-old-space-size=6144', script], { stdio: 'inherit' });
  if (status !== 0) exitCode = 1;
}
process.exitCode = exitCode;
