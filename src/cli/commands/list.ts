/** `gleitzeit list`: the workflows that a journal keeps. */
import type { WorkflowHead } from '../../journal/journal.ts';
import { type DatabaseOptions, pathOf, reading } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine, print, printJson, type Terminal } from '../terminal.ts';
import { duration } from '../text.ts';

export interface ListOptions extends DatabaseOptions {
  readonly status?: WorkflowHead['status'];
}

/** Lists workflows in the order of their submission. */
export async function listCommand({ status, ...options }: ListOptions, terminal: Terminal): Promise<ExitCode> {
  const heads = await reading(pathOf(options), (journal) => (status === 'running' ? journal.unfinished() : journal.list()));
  const shown = heads.filter((head) => status === undefined || head.status === status);
  if (options.json === true) printJson(terminal, shown);
  else for (const head of shown) print(terminal, lineOf(head));
  return exitCodes.done;
}

function lineOf({ workflowId, name, status, submittedAt, endedAt }: WorkflowHead): string {
  const took = endedAt === undefined ? '' : `  ${duration(endedAt - submittedAt)}`;
  return oneLine(`${workflowId}  ${status.padEnd(9)}  ${new Date(submittedAt).toISOString()}  ${name}${took}`);
}
