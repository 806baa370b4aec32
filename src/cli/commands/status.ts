/** `gleitzeit status [WORKFLOW]`: how far a workflow is, now or as of some recorded event; without one, what a journal or a hub holds. */

import { duration, timeText } from '../../duration.ts';
import { headStatuses } from '../../journal/journal.ts';
import type { TaskStatus, WorkflowStatus } from '../../runtime/status.ts';
import { readCount } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { headlineOf, linesBelow } from '../failure-lines.ts';
import { usageError } from '../faults.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { oneLine, print, printJson, type Terminal } from '../terminal.ts';
import { count } from '../text.ts';

export interface StatusOptions extends PlaceOptions {
  readonly at?: string;
}

/** Tells the status of a workflow, or of the place. */
export async function statusCommand(workflowId: string | undefined, options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  const at = readCount(options.at, '--at');
  if (workflowId === undefined) {
    if (at !== undefined) throw usageError('--at goes with a workflow.');
    await tellPlace(options, terminal);
    return exitCodes.done;
  }
  const status = await inPlace(options, terminal, (place) => place.status(workflowId, at));
  if (options.json === true) printJson(terminal, at === undefined ? status : { ...status, at });
  else tellStatus(status, terminal);
  return exitCodes.done;
}

function tellStatus({ workflowId, name, status, submittedAt, tasks }: WorkflowStatus, terminal: Terminal): void {
  print(terminal, oneLine(`${workflowId}  ${name}  ${status}, submitted ${timeText(submittedAt)}`));
  const width = Math.min(40, Math.max(0, ...Object.keys(tasks).map(({ length }) => length)));
  for (const [id, task] of Object.entries(tasks)) {
    print(terminal, oneLine(`  ${id.padEnd(width)}  ${lineOf(task)}`));
    if (task.error !== undefined) for (const line of linesBelow(task.error)) print(terminal, `      ${line}`);
  }
}

function lineOf({ status, attempts, durationMs, error }: TaskStatus): string {
  const facts = [
    attempts > 0 ? count(attempts, 'attempt') : '',
    durationMs === undefined ? '' : duration(durationMs),
    error === undefined ? '' : headlineOf(error),
  ].filter((fact) => fact !== '');
  return facts.length === 0 ? status : `${status}: ${facts.join(', ')}`;
}

async function tellPlace({ json, ...options }: StatusOptions, terminal: Terminal): Promise<void> {
  const { where, said, workflows: heads } = await inPlace(options, terminal, (place) => place.overview());
  const workflows = Object.fromEntries(headStatuses.map((status) => [status, heads.filter((head) => head.status === status).length]));
  if (json === true) {
    printJson(terminal, { ...where, workflows });
    return;
  }
  for (const line of said) print(terminal, oneLine(line));
  for (const status of headStatuses) print(terminal, `  ${status.padEnd(9)}  ${workflows[status]}`);
}
