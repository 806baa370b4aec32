/** `gleitzeit submit FILE`: makes a run durable and returns; the engine that is there runs it, or the next one to start on the journal. */
import { readInput, readTime } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { print, printJson, say, type Terminal } from '../terminal.ts';

export interface SubmitOptions extends PlaceOptions {
  readonly input?: string;
  readonly id?: string;
  readonly startAt?: string;
}

/** Submits a workflow file. */
export async function submitCommand(file: string, options: SubmitOptions, terminal: Terminal): Promise<ExitCode> {
  const startAt = await readTime(options.startAt, '--start-at');
  const [input, { loadWorkflow }, { randomIds }] = await Promise.all([
    readInput(options.input),
    import('../../workflow/load.ts'),
    import('../../system/ids.ts'),
  ]);
  return inPlace(options, terminal, async (place) => {
    const workflow = await loadWorkflow(file);
    // Named here, so that it is one run however often it has to be asked for.
    const id = options.id ?? randomIds().workflow();
    const { by, answer } = await place.submit(workflow, { id, ...(input !== undefined && { input }), ...(startAt !== undefined && { startAt }) });
    const { workflowId, status } = answer;
    if (options.json === true) printJson(terminal, { workflowId, name: workflow.definition.name, status, by });
    else print(terminal, workflowId);
    if (by === 'caller') say(terminal, `Recorded in ${place.name}. No engine runs on it: it goes on at the next start.`);
    return exitCodes.done;
  });
}
