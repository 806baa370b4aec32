/** `gleitzeit cancel|pause|resume|retry WORKFLOW`: asks the engine that owns the journal, or does it where there is none. */
import type { CommandName, ControlRequest } from '../../control/protocol.ts';
import { errorOf } from '../../errors.ts';
import { type DatabaseOptions, pathOf } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine, print, printJson, say, type Terminal } from '../terminal.ts';

export type AskedCommand = Extract<CommandName, 'cancel' | 'pause' | 'resume' | 'retry'>;

export interface AskOptions extends DatabaseOptions {
  readonly reason?: string;
}

/** Has a workflow cancelled, paused, resumed or retried. */
export async function askCommand(
  command: AskedCommand,
  workflowId: string,
  options: AskOptions & { readonly terminal: Terminal },
): Promise<ExitCode> {
  const { terminal, reason } = options;
  const path = pathOf(options);
  const [{ reach }, { isJournal, truePath }] = await Promise.all([import('../../control/reach.ts'), import('../../journal/sqlite/connection.ts')]);
  // A journal that is not there is not made for it.
  if (!isJournal(truePath(path))) throw errorOf('PERSISTENCE_CONNECTION_FAILED', `There is no journal at ${truePath(path)}.`, { retryable: false });
  const data = { workflowId, ...(reason !== undefined && { reason }) };
  // Each of these commands takes this data.
  const request = { command, data } as Extract<ControlRequest, { readonly command: AskedCommand }>;
  const onWait = (message: string): void => say(terminal, terminal.colors.dim(message));
  const { by, answer } = await reach<AskedCommand>(path, request, { onWait });
  if (options.json === true) printJson(terminal, { workflowId, command, status: answer.status, by });
  else print(terminal, oneLine(`Workflow ${workflowId} is ${answer.status}.`));
  if (by === 'caller' && !isOver(answer.status)) say(terminal, 'No engine runs on the journal: it goes on at the next start.');
  return exitCodes.done;
}

function isOver(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled' || status === 'timedOut';
}
