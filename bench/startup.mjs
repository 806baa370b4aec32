/** How long one waits for the library, and for a workflow of one task from the command line. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { inTurns, medianOf, tell } from './figures.mjs';

const importMs = 150;
const runMs = 600;
const [library, command] = ['../dist/index.js', '../dist/cli.js'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

function millisOf(args) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-bench-'));
const file = join(directory, 'one.yaml');
writeFileSync(file, 'name: one\ntasks:\n  - id: only\n    method: core/echo\n    params: { value: 1 }\n');
try {
  const script = (text) => ['--input-type=module', '-e', text];
  const subjects = {
    bare: () => millisOf(script('')),
    library: () => millisOf(script(`await import(${JSON.stringify(library)})`)),
    run: () => millisOf([command, 'run', file]),
  };
  const times = await inTurns(subjects, 15);
  const [bare, whole, run] = ['bare', 'library', 'run'].map((name) => medianOf(times[name]));
  const least = (name) => Math.min(...times[name]).toFixed(0);
  const detail = `${whole.toFixed(0)} ms in all, of which node itself ${bare.toFixed(0)} ms; at best ${least('library')} ms and ${least('bare')} ms`;
  tell('import of the library', { value: whole - bare, unit: ' ms', atMost: importMs, detail });
  tell('gleitzeit run of a file with one task, in all', { value: run, unit: ' ms', atMost: runMs, detail: `at best ${least('run')} ms` });
} finally {
  rmSync(directory, { recursive: true });
}
