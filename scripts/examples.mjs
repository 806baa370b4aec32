/**
 * Runs every scenario script of examples/, one after another, and fails if one of them does: each asserts what it shows.
 * `main.ts` is left out, it is the main job (`npm start`). One that needs what this machine does not have says so and ends with 77.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../examples/', import.meta.url);
const wanted = process.argv.slice(2);
const scenarios = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && name !== 'main.ts')
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();

const leftOut = 77;
const failed = [];
const missing = [];
for (const name of scenarios) {
  process.stdout.write(`\n-- ${name}\n`);
  const { status, signal } = spawnSync(process.execPath, ['--import', 'tsx', fileURLToPath(new URL(name, folder))], {
    stdio: 'inherit',
    timeout: 120_000,
  });
  if (status === leftOut) missing.push(name);
  else if (status !== 0) failed.push(`${name} (${signal ?? `exit ${status}`})`);
}

const passed = scenarios.length - failed.length - missing.length;
const listed = (what, names) => (names.length > 0 ? `; ${what}: ${names.join(', ')}` : '');
process.stdout.write(`\nexamples: ${passed} of ${scenarios.length} passed${listed('left out', missing)}${listed('failed', failed)}\n`);
process.exitCode = failed.length === 0 && scenarios.length > 0 ? 0 : 1;
