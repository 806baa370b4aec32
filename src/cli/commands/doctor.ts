/** `gleitzeit doctor`: says what of this machine, of a journal and of a hub would keep workflows from running, and what to do about it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { duration } from '../../duration.ts';
import { pathToRunOn } from '../database.ts';
import { type Check, examine, type Finding, Trouble } from '../examination.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, printJson, type Terminal } from '../terminal.ts';

export interface DoctorOptions {
  readonly db?: string;
  readonly hub?: string;
  readonly token?: string;
  readonly keyFile?: string;
  readonly json?: boolean;
}

const oldestNode = [20, 19] as const;

const machineChecks: readonly Check[] = [
  { name: 'node', look: nodeVersion, advice: `Install Node.js ${oldestNode.join('.')} or later.` },
  { name: 'system', look: smallRun, advice: 'Install Gleitzeit anew; if it stays, report it with what stands here.' },
  { name: 'temporary files', look: temporaryFile, advice: 'Set TMPDIR to a folder that can be written to.' },
  { name: 'python', look: pythonVersion, advice: 'Install Python 3 where tasks of python/v1 are to run.' },
];

/** Looks at everything and tells it; what keeps nothing from running is no fault. */
export async function doctorCommand({ db, json, ...options }: DoctorOptions, terminal: Terminal): Promise<ExitCode> {
  const path = pathToRunOn(db);
  // One that is set to nothing is not set.
  const hub = options.hub === '' ? undefined : options.hub;
  const checks = [...machineChecks, ...(await checksOfJournal(path, options.keyFile)), ...(await checksOfHub(hub, options.token))];
  const findings: Finding[] = [];
  for (const check of checks) findings.push(await examine(check));
  const ok = findings.every(({ level }) => level !== 'fault');
  if (json === true) printJson(terminal, { ok, ...(path !== undefined && { db: path }), ...(hub !== undefined && { hub }), checks: findings });
  else for (const finding of findings) tell(finding, terminal);
  return ok ? exitCodes.done : exitCodes.internal;
}

function tell({ name, level, detail, advice }: Finding, terminal: Terminal): void {
  print(terminal, `${level === 'fault' ? 'FAULT  ' : level.padEnd(7)} ${name}: ${detail}`);
  if (advice !== undefined) print(terminal, `        ${advice}`);
}

async function checksOfJournal(path: string | undefined, keyFile: string | undefined): Promise<readonly Check[]> {
  return path === undefined ? [] : (await import('../journal-examination.ts')).journalChecks(path, keyFile);
}

async function checksOfHub(hub: string | undefined, token: string | undefined): Promise<readonly Check[]> {
  if (hub === undefined) return [];
  return (await import('../hub-examination.ts')).hubChecks({ hub, ...(token !== undefined && { token }) });
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
  const began = performance.now();
  const system = createSystem({});
  try {
    await system.start();
    const workflow = await loadWorkflow({ name: 'doctor', tasks: [{ id: 'echo', method: 'core/echo', parameters: { well: true } }] });
    const { status } = await (await system.submit(workflow, {})).result();
    if (status !== 'completed') throw new Error(`a workflow of one task ended as ${status}`);
    return `a workflow of one task completed in ${duration(performance.now() - began)}`;
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
    throw new Trouble(
      'missing',
      'python3 was not found; python/v1 needs it, nothing else does',
      'Install Python 3 where tasks of python/v1 are to run.',
    );
  });
  return stdout.trim();
}
