/** `gleitzeit list`: the workflows that a journal keeps, or the engine behind a hub. */
import type { WorkflowHead } from '../../journal/journal.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { oneLine, print, printJson, type Terminal } from '../terminal.ts';
import { duration } from '../text.ts';

export interface ListOptions extends PlaceOptions {
  readonly status?: WorkflowHead['status'];
}

/** Lists workflows in the order of their submission. */
export async function listCommand({ status, ...options }: ListOptions, terminal: Terminal): Promise<ExitCode> {
  const heads = await inPlace(options, terminal, (place) => place.list(status));
  if (options.json === true) printJson(terminal, heads);
  else for (const head of heads) print(terminal, lineOf(head));
  return exitCodes.done;
}

function lineOf({ workflowId, name, status, submittedAt, endedAt }: WorkflowHead): string {
  const took = endedAt === undefined ? '' : `  ${duration(endedAt - submittedAt)}`;
  return oneLine(`${workflowId}  ${status.padEnd(9)}  ${new Date(submittedAt).toISOString()}  ${name}${took}`);
}
