/** The way of a workflow into the system: everything that can be known to be wrong is refused before anything is durable. */
import * as z from 'zod';

import { Complaints } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import { describeValue } from '../thrown.ts';
import { inPortions } from '../work.ts';
import { checkInput } from '../workflow/input.ts';
import { checkingMethods, type KnownMethods } from '../workflow/methods.ts';
import { checkParams } from '../workflow/params.ts';
import { functionProtocol } from '../workflow/task-list.ts';
import { type AnyWorkflow, isWorkflow } from '../workflow/workflow.ts';
import type { Booted } from './boot.ts';
import { functionProvider } from './function-provider.ts';
import { epochOf, instant } from './instant.ts';
import type { SubmitOptions } from './options.ts';
import { refuseWhileHeld } from './storage.ts';

export const idRule = 'a text of 1 to 1024 characters without "/", which stands between the ids of workflow and task';
const text = (rule: string) => z.string({ error: rule }).optional();
const submitShape = z.strictObject(
  {
    input: z.unknown().optional(),
    id: z
      .string({ error: idRule })
      .regex(/^[^/]{1,1024}$/su, { error: idRule })
      .optional(),
    startAt: instant.optional(),
    requestId: text('a text'),
    traceparent: text('a text'),
    tags: z.array(z.string({ error: 'a text' }), { error: 'a list of texts' }).optional(),
  },
  { error: 'a map of options' },
);

/**
 * Submits a workflow.
 *
 * @returns the workflow's id, once it is durable; the same id as before for a repeated submit of the same definition
 * @throws GleitzeitError for what is no workflow, invalid options or input, an unknown protocol or method, an id that stands
 * for another definition, a full queue
 */
export async function submit(booted: Booted, workflow: AnyWorkflow, options: SubmitOptions): Promise<string> {
  checkSubmit(workflow, options);
  const { ids, runs } = booted;
  const { id, ...context } = options;
  const submission = { ...(await checkRunnable(booted, workflow, options.input)), context };
  if (id === undefined) return admit(booted, ids.workflow(), submission);
  return runs.inTurn(id, () => admit(booted, id, submission));
}

/**
 * A workflow as it would run here, and the input that it would run with, their secrets sealed.
 * @throws GleitzeitError for an invalid input, an unknown protocol or method, parameters that their method refuses
 */
export async function checkRunnable(
  { providers, secrets, pace }: Pick<Booted, 'providers' | 'secrets' | 'pace'>,
  workflow: AnyWorkflow,
  given: unknown,
): Promise<Runnable> {
  const input = await checkInput(workflow, given);
  const known = knownWith(providers.known(), workflow);
  const own = providers.own();
  // A large definition takes long to look at, and others go on meanwhile.
  const definition = await inPortions(checkingMethods(workflow, known, own), pace);
  await checkParams({ ...workflow, definition }, providers.schemasOf, pace);
  await inPortions(secrets.sealing(workflow), pace);
  const sealed = secrets.workflow(workflow);
  return {
    workflow: { ...sealed, definition: sealed === workflow ? definition : await inPortions(checkingMethods(sealed, known, own), pace) },
    input: secrets.input(workflow.definition, input),
  };
}

export interface Runnable {
  readonly workflow: AnyWorkflow;
  readonly input: unknown;
}

interface Submission extends Runnable {
  readonly context: Omit<SubmitOptions, 'id'>;
}

async function admit(booted: Booted, workflowId: string, { workflow, input, context }: Submission): Promise<string> {
  const { core, runs, journal } = booted;
  const { definition, versionHash, levels } = workflow;
  const known = await journal.find(workflowId);
  if (known !== undefined && known.versionHash !== versionHash) {
    throw errorOf('WORKFLOW_INVALID_STATE', `The id '${workflowId}' stands for another definition, '${known.name}'. Submit under another id.`, {
      details: { workflowId, known: known.versionHash, got: versionHash },
    });
  }
  if (known === undefined) refuseWhileHeld(core);
  // Only now: a submit that is refused changes nothing of what runs under the same name.
  registerFunctions(booted, workflow);
  if (known !== undefined) return workflowId;
  const admitted = runs.admission(workflowId);
  const { startAt, requestId, traceparent, tags } = context;
  const delay = startAt === undefined ? {} : { startAt: epochOf(startAt) };
  const data = { workflowId, name: definition.name, versionHash, definition, input, levels, ...delay };
  core.accept({ type: 'workflow:submit', data }, { source: 'api', requestId, traceparent, tags });
  await admitted;
  return workflowId;
}

function knownWith(known: KnownMethods, { functions }: AnyWorkflow): KnownMethods {
  if (functions.size === 0) return known;
  return new Map(known).set(functionProtocol, new Set([...(known.get(functionProtocol) ?? []), ...functions.keys()]));
}

/** @throws GleitzeitError INVALID_REQUEST for what is no workflow, INVALID_PARAMS for options that make no sense */
export function checkSubmit(workflow: unknown, options: unknown): void {
  if (!isWorkflow(workflow))
    throw errorOf('INVALID_REQUEST', `submit takes what defineWorkflow() or loadWorkflow() returns, got ${describeValue(workflow)}`);
  const complaints = new Complaints();
  complaints.addAll(submitShape.safeParse(options), { of: options, at: '', known: Object.keys(submitShape.shape) });
  const error = complaints.error(`submit of workflow ${describeValue(workflow.definition.name)}`, 'INVALID_PARAMS');
  if (error !== undefined) throw error;
}

/** Makes the functions of a workflow callable; those of a later definition of the same name replace them. */
export function registerFunctions({ providers }: Pick<Booted, 'providers'>, workflow: AnyWorkflow): void {
  const provider = functionProvider(workflow);
  if (provider !== undefined) providers.register(provider);
}
