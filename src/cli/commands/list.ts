/** `gleitzeit list`: the workflows that a journal keeps, or the engine behind a hub. */

import { duration, timeText } from '../../duration.ts';
import type { WorkflowHead } from '../../journal/journal.ts';
import { readCount } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { oneLine, print, printJson, say, type Terminal } from '../terminal.ts';

export interface ListOptions extends PlaceOptions {
  readonly status?: WorkflowHead['status'];
  /** How many at most, the latest of them. @defaultValue `100` */
  readonly limit?: string;
}

export const listDefaults = { limit: 100 } as const;

/** Lists workflows in the order of their submission. */
export async function listCommand({ status, limit, ...options }: ListOptions, terminal: Terminal): Promise<ExitCode> {
  const most = Math.max(1, readCount(limit, '--limit') ?? listDefaults.limit);
  // One more, to know whether there are more.
  const found = await inPlace(options, terminal, (place) => place.list({ status, limit: most + 1 }));
  const heads = found.slice(-most);
  if (found.length > most) say(terminal, `These are the latest ${most}; there are older ones, which --limit <n> shows.`);
  if (options.json === true) printJson(terminal, heads);
  else for (const head of heads) print(terminal, lineOf(head));
  return exitCodes.done;
}

function lineOf({ workflowId, name, status, submittedAt, endedAt }: WorkflowHead): string {
  const took = endedAt === undefined ? '' : `  ${duration(endedAt - submittedAt)}`;
  return oneLine(`${workflowId}  ${status.padEnd(9)}  ${timeText(submittedAt)}  ${name}${took}`);
}
