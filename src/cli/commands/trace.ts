/** `gleitzeit trace WORKFLOW`: everything recorded of a workflow, as a tree of causes with times. */
import { type DatabaseOptions, pathOf, reading } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless, print, printJson, type Terminal } from '../terminal.ts';

/** Draws the trace; as JSON it is the events in their order, each with the causes that it names. */
export async function traceCommand(workflowId: string, options: DatabaseOptions, terminal: Terminal): Promise<ExitCode> {
  const [{ factsOfWorkflow }, { renderTrace, traceOf }] = await Promise.all([import('../../runtime/awaiting.ts'), import('../../observe/trace.ts')]);
  const trace = traceOf(await reading(pathOf(options), (journal) => factsOfWorkflow({ journal }, workflowId)));
  const { name, submittedAt, events } = trace;
  if (options.json === true) printJson(terminal, { workflowId, name, submittedAt, events });
  else print(terminal, harmless(renderTrace(trace)));
  return exitCodes.done;
}
