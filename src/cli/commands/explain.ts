/** `gleitzeit explain WORKFLOW [TASK]`: why each unfinished task waits, and what would release it. */
import type { Explanation } from '../../observe/explain.ts';
import { type DatabaseOptions, pathOf, reading } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless, print, printJson, say, type Terminal } from '../terminal.ts';

export interface ExplainedTask {
  readonly workflowId: string;
  readonly taskId: string | undefined;
}

/** Asks the engine that owns the journal; without one, explains what the journal holds. */
export async function explainCommand({ workflowId, taskId }: ExplainedTask, options: DatabaseOptions, terminal: Terminal): Promise<ExitCode> {
  const path = pathOf(options);
  const [{ askOwner }, { renderExplanation }] = await Promise.all([import('../../control/client.ts'), import('../../observe/explain.ts')]);
  const head = await reading(path, (journal) => journal.find(workflowId));
  const data = { workflowId, ...(taskId !== undefined && { taskId }) };
  // One that has ended waits for nothing; whoever owns the journal need not be asked.
  const asked = head?.status === 'running' ? await askOwner(path, { command: 'explain', data }) : { isHeard: false as const };
  const found = asked.isHeard ? asked.answer : await explainHere(path, { workflowId, taskId });
  const explanation = head === undefined || head.status === 'running' ? found : { ...found, status: head.status };
  if (options.json === true) printJson(terminal, explanation);
  else print(terminal, harmless(renderExplanation(explanation, Date.now())));
  if (!asked.isHeard && explanation.tasks.length > 0) say(terminal, 'No engine that answers runs on the journal: this is what a start would find.');
  return exitCodes.done;
}

async function explainHere(path: string, task: ExplainedTask): Promise<Explanation> {
  const { explainUnowned } = await import('../../control/unowned.ts');
  return reading(path, (journal) => explainUnowned(journal, task));
}
