/** `gleitzeit trace WORKFLOW`: everything recorded of a workflow, as a tree of causes with times. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { harmless, print, printJson, type Terminal } from '../terminal.ts';

/** Draws the trace; as JSON it is the events in their order, each with the causes that it names. */
export async function traceCommand(workflowId: string, options: PlaceOptions, terminal: Terminal): Promise<ExitCode> {
  const [{ renderTrace }, { withoutTokens }] = await Promise.all([import('../../observe/trace.ts'), import('../../secrets/token.ts')]);
  const trace = await inPlace(options, terminal, (place) => place.trace(workflowId));
  const { name, submittedAt, events } = trace;
  if (options.json === true) printJson(terminal, { workflowId, name, submittedAt, events });
  else print(terminal, harmless(withoutTokens(renderTrace(trace))));
  return exitCodes.done;
}
