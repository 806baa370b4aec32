/** `gleitzeit submit FILE`: makes a run durable and returns; the engine that owns the journal runs it, or the next one to start. */
import type { AnyProvider } from '../../providers/provider.ts';
import { readInput } from '../arguments.ts';
import { type DatabaseOptions, pathOf } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { print, printJson, say, type Terminal } from '../terminal.ts';

export interface SubmitOptions extends DatabaseOptions {
  readonly input?: string;
  readonly id?: string;
  readonly providers?: string;
  readonly startAt?: string;
}

/** Submits a workflow file. */
export async function submitCommand(file: string, options: SubmitOptions, terminal: Terminal): Promise<ExitCode> {
  const path = pathOf(options);
  const startAt = timeOf(options.startAt);
  const [input, { loadWorkflow }, { recordOf }, { reach }, { randomIds }] = await Promise.all([
    readInput(options.input),
    import('../../workflow/load.ts'),
    import('../../workflow/restore.ts'),
    import('../../control/reach.ts'),
    import('../../system/ids.ts'),
  ]);
  const workflow = await loadWorkflow(file);
  // Named here, so that it is one run however often it has to be asked for.
  const id = options.id ?? randomIds().workflow();
  const data = { workflow: recordOf(workflow), id, ...(input !== undefined && { input }), ...(startAt !== undefined && { startAt }) };
  const onWait = (message: string): void => say(terminal, terminal.colors.dim(message));
  const { by, answer } = await reach(path, { command: 'submit', data }, { providers: () => providersOf(options.providers), onWait });
  const { workflowId, status } = answer;
  if (options.json === true) printJson(terminal, { workflowId, name: workflow.definition.name, status, by });
  else print(terminal, workflowId);
  if (by === 'caller') say(terminal, `Recorded in ${path}. No engine runs on it: it goes on at the next start.`);
  return exitCodes.done;
}

function timeOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const time = Date.parse(given);
  if (Number.isNaN(time)) throw usageError(`--start-at has to be a time as 2025-03-30T08:00:00+01:00, and is '${given}'.`);
  return time;
}

async function providersOf(own: string | undefined): Promise<readonly AnyProvider[]> {
  const [{ builtinProviders }, { loadProviders }] = await Promise.all([import('../../providers/builtin.ts'), import('../../providers/load.ts')]);
  const loaded = own === undefined ? [] : await loadProviders(own);
  const named = new Set(loaded.map(({ id }) => id));
  return [...builtinProviders({}).filter(({ id }) => !named.has(id)), ...loaded];
}
