/** The way of a workflow into the system: everything that can be known to be wrong is refused before anything is durable. */
import { errorOf } from '../errors.ts';
import { checkInput } from '../workflow/input.ts';
import { checkMethods } from '../workflow/methods.ts';
import type { AnyWorkflow } from '../workflow/workflow.ts';
import type { Booted } from './boot.ts';
import { functionProvider } from './function-provider.ts';
import type { SubmitOptions } from './options.ts';

/**
 * Submits a workflow.
 *
 * @returns the workflow's id, once it is durable; the same id as before for a repeated submit of the same definition
 * @throws GleitzeitError for an invalid input, an unknown protocol or method, an id that stands for another definition, a full queue
 */
export async function submit(booted: Booted, workflow: AnyWorkflow, options: SubmitOptions): Promise<string> {
  const { core, ids, providers, runs, journal } = booted;
  const { versionHash, levels } = workflow;
  const input = await checkInput(workflow, options.input);
  registerFunctions(booted, workflow);
  const definition = checkMethods(workflow.definition, providers.known(), workflow.impliedProtocols);
  const workflowId = options.id ?? ids.workflow();
  const known = await journal.find(workflowId);
  if (known !== undefined) {
    if (known.versionHash === versionHash) return workflowId;
    throw errorOf('WORKFLOW_INVALID_STATE', `The id '${workflowId}' stands for another definition, '${known.name}'. Submit under another id.`, {
      details: { workflowId, known: known.versionHash, got: versionHash },
    });
  }
  const admitted = runs.admission(workflowId);
  const data = { workflowId, name: definition.name, versionHash, definition, input, levels };
  const { requestId, traceparent, tags } = options;
  core.accept({ type: 'workflow:submit', data }, { source: 'api', requestId, traceparent, tags });
  await admitted;
  return workflowId;
}

/** Makes the functions of a workflow callable; those of a later definition of the same name replace them. */
export function registerFunctions({ providers }: Pick<Booted, 'providers'>, workflow: AnyWorkflow): void {
  const provider = functionProvider(workflow);
  if (provider !== undefined) providers.register(provider);
}
