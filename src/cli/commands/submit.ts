/** `gleitzeit submit FILE`: makes a run durable and returns; the engine that is there runs it, or the next one to start on the journal. */
import type { IfKnown } from '../../runtime/options.ts';
import { readInput, readTime } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { hasEnded } from '../results.ts';
import { print, printJson, say, type Terminal } from '../terminal.ts';

export interface SubmitOptions extends PlaceOptions {
  readonly input?: string;
  readonly id?: string;
  readonly ifKnown?: IfKnown;
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
    const more = { ...(options.ifKnown !== undefined && { ifKnown: options.ifKnown }), ...(startAt !== undefined && { startAt }) };
    const { by, answer } = await place.submit(workflow, { id, ...(input !== undefined && { input }), ...more });
    const { workflowId, status, known } = answer;
    if (options.json === true) printJson(terminal, { workflowId, name: workflow.definition.name, status, by });
    else print(terminal, workflowId);
    if (known !== undefined && known !== 'running') say(terminal, hasEnded(workflowId, known));
    else if (by === 'caller') say(terminal, `Recorded in ${place.name}. No engine runs on it: it goes on at the next start.`);
    return exitCodes.done;
  });
}
