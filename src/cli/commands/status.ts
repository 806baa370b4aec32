/** `gleitzeit status [WORKFLOW]`: how far a workflow is, now or as of some recorded event; without one, what a journal holds. */
import type { Journal } from '../../journal/journal.ts';
import type { TaskStatus, WorkflowStatus } from '../../runtime/status.ts';
import { readCount } from '../arguments.ts';
import { type DatabaseOptions, pathOf, reading } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { oneLine, print, printJson, type Terminal } from '../terminal.ts';
import { count, duration } from '../text.ts';

export interface StatusOptions extends DatabaseOptions {
  readonly at?: string;
}

/** Tells the status of a workflow, or of the journal. */
export async function statusCommand(workflowId: string | undefined, options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  const path = pathOf(options);
  const at = readCount(options.at, '--at');
  if (workflowId === undefined) {
    if (at !== undefined) throw usageError('--at goes with a workflow.');
    await tellJournal(path, options, terminal);
    return exitCodes.done;
  }
  const status = await reading(path, (journal) => statusIn(journal, workflowId, at));
  if (options.json === true) printJson(terminal, at === undefined ? status : { ...status, at });
  else tellStatus(status, terminal);
  return exitCodes.done;
}

async function statusIn(journal: Journal, workflowId: string, at = Number.POSITIVE_INFINITY): Promise<WorkflowStatus> {
  const { recordedStatus } = await import('../../runtime/status.ts');
  const facts = await journal.read({ workflowId });
  return recordedStatus(
    facts.filter(({ seq }) => seq <= at),
    workflowId,
  );
}

function tellStatus({ workflowId, name, status, submittedAt, tasks }: WorkflowStatus, terminal: Terminal): void {
  print(terminal, oneLine(`${workflowId}  ${name}  ${status}, submitted ${new Date(submittedAt).toISOString()}`));
  const width = Math.min(40, Math.max(0, ...Object.keys(tasks).map(({ length }) => length)));
  for (const [id, task] of Object.entries(tasks)) print(terminal, oneLine(`  ${id.padEnd(width)}  ${lineOf(task)}`));
}

function lineOf({ status, attempts, durationMs, error }: TaskStatus): string {
  const facts = [
    attempts > 0 ? count(attempts, 'attempt') : '',
    durationMs === undefined ? '' : duration(durationMs),
    error === undefined ? '' : `${error.message} (${error.code})`,
  ].filter((fact) => fact !== '');
  return facts.length === 0 ? status : `${status}: ${facts.join(', ')}`;
}

const statuses = ['running', 'completed', 'failed', 'cancelled'] as const;

async function tellJournal(path: string, { json }: StatusOptions, terminal: Terminal): Promise<void> {
  const [heads, engine] = await Promise.all([reading(path, (journal) => journal.list()), engineOf(path)]);
  const workflows = Object.fromEntries(statuses.map((status) => [status, heads.filter((head) => head.status === status).length]));
  if (json === true) {
    printJson(terminal, { db: path, engine, workflows });
    return;
  }
  print(terminal, oneLine(`${path}: ${engine === null ? 'no engine answers' : `process ${engine.pid} runs on it`}`));
  for (const status of statuses) print(terminal, `  ${status.padEnd(9)}  ${workflows[status]}`);
}

/** Who owns the journal just now, as far as it answers. */
async function engineOf(path: string): Promise<{ readonly pid: number; readonly phase: string } | null> {
  const { askOwner } = await import('../../control/client.ts');
  const asked = await askOwner(path, { command: 'hello', data: {} }, { timeoutMs: 2_000 }).catch(() => undefined);
  return asked?.isHeard === true ? asked.answer : null;
}
