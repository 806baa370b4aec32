/** `gleitzeit explain WORKFLOW [TASK]`: why each unfinished task waits, and what would release it. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { harmless, print, printJson, say, type Terminal } from '../terminal.ts';

export interface ExplainedTask {
  readonly workflowId: string;
  readonly taskId: string | undefined;
}

/** Asks the engine that is there; without one, explains what the journal holds. */
export async function explainCommand({ workflowId, taskId }: ExplainedTask, options: PlaceOptions, terminal: Terminal): Promise<ExitCode> {
  const { renderExplanation } = await import('../../observe/explain.ts');
  const { by, answer } = await inPlace(options, terminal, (place) => place.explain(workflowId, taskId));
  if (options.json === true) printJson(terminal, answer);
  else print(terminal, harmless(renderExplanation(answer)));
  if (by === 'caller' && answer.tasks.length > 0) say(terminal, 'No engine that answers runs on the journal: this is what a start would find.');
  return exitCodes.done;
}
