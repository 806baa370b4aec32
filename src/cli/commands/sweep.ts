/** `gleitzeit sweep WORKFLOW…`: removes workflows that have ended, or are damaged, with everything recorded of them. */
import { type DatabaseOptions, pathOfJournal } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine, print, printJson, say, type Terminal } from '../terminal.ts';
import { count } from '../text.ts';

/** Has the engine that owns the journal remove them, or removes them where there is none. */
export async function sweepCommand(workflowIds: readonly string[], options: DatabaseOptions, terminal: Terminal): Promise<ExitCode> {
  const path = await pathOfJournal(options);
  const { reach } = await import('../../control/reach.ts');
  const onWait = (message: string): void => say(terminal, terminal.colors.dim(message));
  const { by, answer } = await reach<'sweep'>(path, { command: 'sweep', data: { workflowIds: [...workflowIds] } }, { onWait });
  if (options.json === true) printJson(terminal, { workflowIds, removed: answer.removed, by });
  else print(terminal, oneLine(`Removed ${count(answer.removed, 'workflow')} from ${path}.`));
  return exitCodes.done;
}
