/** `gleitzeit doctor`: says what of this machine would keep workflows from running. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine, print, printJson, type Terminal } from '../terminal.ts';
import { duration } from '../text.ts';

export interface DoctorOptions {
  readonly json?: boolean;
}

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** Whether workflows can run without it. */
  readonly optional: boolean;
  readonly detail: string;
}

interface Check {
  readonly name: string;
  readonly optional?: boolean;
  /** Says what was found; throws what is wrong. */
  readonly look: () => string | Promise<string>;
}

const oldestNode = [20, 19] as const;

const checks: readonly Check[] = [
  { name: 'node', look: nodeVersion },
  { name: 'system', look: smallRun },
  { name: 'temporary files', look: temporaryFile },
  { name: 'python', optional: true, look: pythonVersion },
];

/** Looks at everything and tells it; what is optional and missing is no fault. */
export async function doctorCommand({ json }: DoctorOptions, terminal: Terminal): Promise<ExitCode> {
  const findings: Finding[] = [];
  for (const check of checks) findings.push(await examine(check));
  const ok = findings.every((finding) => finding.ok || finding.optional);
  if (json === true) printJson(terminal, { ok, checks: findings });
  else
    for (const { name, ok: isFine, optional, detail } of findings)
      print(terminal, `${isFine ? 'ok     ' : optional ? 'missing' : 'FAULT  '} ${name}: ${detail}`);
  return ok ? exitCodes.done : exitCodes.internal;
}

async function examine({ name, optional = false, look }: Check): Promise<Finding> {
  try {
    return { name, optional, ok: true, detail: oneLine(await look()) };
  } catch (error) {
    return { name, optional, ok: false, detail: oneLine(error instanceof Error ? error.message : String(error)) };
  }
}

function nodeVersion(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = oldestNode;
  const found = `${process.versions.node}, ${availableParallelism()} processors`;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) throw new Error(`${found}; ${oldestNode.join('.')} or later is needed`);
  return found;
}

async function smallRun(): Promise<string> {
  const { createSystem, loadWorkflow } = await import('../../index.ts');
  const began = Date.now();
  const system = createSystem({});
  try {
    await system.start();
    const workflow = await loadWorkflow({ name: 'doctor', tasks: [{ id: 'echo', method: 'core/echo', parameters: { well: true } }] });
    const { status } = await (await system.submit(workflow, {})).result();
    if (status !== 'completed') throw new Error(`a workflow of one task ended as ${status}`);
    return `a workflow of one task completed in ${duration(Date.now() - began)}`;
  } finally {
    await system.stop({ deadlineMs: 0, reason: 'the examination is over' });
  }
}

async function temporaryFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gleitzeit-'));
  try {
    await writeFile(join(folder, 'probe'), '');
    return `${tmpdir()} can be written to`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function pythonVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)('python3', ['--version'], { timeout: 10_000 }).catch(() => {
    throw new Error('python3 was not found; python/v1 needs it, nothing else does');
  });
  return stdout.trim();
}
