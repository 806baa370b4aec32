/** `gleitzeit cancel|pause|resume|retry WORKFLOW`: asks the engine that is there, or does it where there is none. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions, type WorkflowCommand } from '../place.ts';
import { oneLine, print, printJson, say, type Terminal } from '../terminal.ts';

export interface AskOptions extends PlaceOptions {
  readonly reason?: string;
}

/** Has a workflow cancelled, paused, resumed or retried. */
export async function askCommand(
  command: WorkflowCommand,
  workflowId: string,
  options: AskOptions & { readonly terminal: Terminal },
): Promise<ExitCode> {
  const { terminal, reason } = options;
  const { by, answer } = await inPlace(options, terminal, (place) => place.command(command, workflowId, reason));
  if (options.json === true) printJson(terminal, { workflowId, command, status: answer.status, by });
  else print(terminal, oneLine(`Workflow ${workflowId} is ${answer.status}.`));
  if (by === 'caller' && !isOver(answer.status)) say(terminal, 'No engine runs on the journal: it goes on at the next start.');
  return exitCodes.done;
}

function isOver(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled' || status === 'timedOut';
}
