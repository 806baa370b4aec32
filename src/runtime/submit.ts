/** The way of a workflow into the system: everything that can be known to be wrong is refused before anything is durable. */
import * as z from 'zod';

import { Complaints } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import type { WorkflowHead } from '../journal/journal.ts';
import { describeValue } from '../thrown.ts';
import { inPortions } from '../work.ts';
import { checkInput, givenInput } from '../workflow/input.ts';
import { checkingMethods, type KnownMethods } from '../workflow/methods.ts';
import { checkParams } from '../workflow/params.ts';
import { functionProtocol } from '../workflow/task-list.ts';
import { type AnyWorkflow, isWorkflow } from '../workflow/workflow.ts';
import type { Booted } from './boot.ts';
import { functionProvider } from './function-provider.ts';
import { epochOf, instant } from './instant.ts';
import { refuseDamaged } from './known-workflow.ts';
import { ifKnownRules, type SubmitOptions } from './options.ts';
import { refuseWhileHeld } from './storage.ts';

/** Not as those that the system makes of them: with a slash for tasks, and with the time of its slot for the run of a schedule. */
const idForm = /^(?!.*@[-+\d]+T[\d:.,]+(?:Z|[-+]\d\d:?\d\d)$)[^/~]+$/su;
const rest = 'without "/" and "~", which does not end in "@" and a time as the ids of the runs of schedules do';

/** The id of a workflow or a schedule, as its user may choose it. */
export function idShape(longest: number) {
  const error = `a text of 1 to ${longest} characters ${rest}`;
  return z.string({ error }).max(longest, { error }).regex(idForm, { error });
}

const text = (rule: string) => z.string({ error: rule }).optional();
const submitShape = z.strictObject(
  {
    input: z.unknown().optional(),
    id: idShape(1_024).optional(),
    ifKnown: z.enum(ifKnownRules, { error: `one of ${ifKnownRules.join(', ')}` }).optional(),
    startAt: instant.optional(),
    requestId: text('a text'),
    traceparent: text('a text'),
    tags: z.array(z.string({ error: 'a text' }), { error: 'a list of texts' }).optional(),
  },
  { error: 'a map of options' },
);

/** A run that was submitted. */
export interface Submitted {
  readonly id: string;
  /** How it stood before, where it was there already. */
  readonly known?: WorkflowHead['status'];
}

/**
 * Submits a workflow.
 *
 * @returns the workflow's id, once it is durable; the same id as before for a repeated submit
 * @throws GleitzeitError for what is no workflow, invalid options or input, an unknown protocol or method, an id that stands
 * for another definition or input, a full queue
 */
export async function submit(booted: Booted, workflow: AnyWorkflow, options: SubmitOptions): Promise<Submitted> {
  checkSubmit(workflow, options);
  const { ids, runs, journal } = booted;
  const { id } = options;
  if (id === undefined) return { id: await admit(booted, ids.workflow(), { workflow, options }) };
  return runs.inTurn(id, async () => {
    const known = await journal.find(id);
    if (known === undefined) return { id: await admit(booted, id, { workflow, options }) };
    refuseDamaged(known);
    await join(booted, known, { workflow, options });
    return { id, known: known.status };
  });
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

interface Submission {
  readonly workflow: AnyWorkflow;
  readonly options: SubmitOptions;
}

async function admit(booted: Booted, workflowId: string, { workflow: given, options }: Submission): Promise<string> {
  const { core, runs, secrets } = booted;
  const { workflow, input } = await checkRunnable(booted, given, options.input);
  refuseWhileHeld(core);
  const inputDigest = secrets.digest(given.definition, givenInput(given, options.input));
  // Only now: a submit that is refused changes nothing of what runs under the same name.
  registerFunctions(booted, workflow);
  const { definition, versionHash, levels } = workflow;
  const admitted = runs.admission(workflowId);
  const { startAt, requestId, traceparent, tags } = options;
  // A time that has passed is no delay.
  const delay = startAt === undefined || epochOf(startAt) <= core.clock.wall() ? {} : { startAt: epochOf(startAt) };
  const data = { workflowId, name: definition.name, versionHash, definition, input, levels, inputDigest, ...delay };
  core.accept({ type: 'workflow:submit', data }, { source: 'api', requestId, traceparent, tags });
  await admitted;
  return workflowId;
}

/** Refuses what is another run than the one that is known, unless it does not matter which one that is. */
async function join(booted: Booted, known: WorkflowHead, { workflow, options }: Submission): Promise<void> {
  const { workflowId } = known;
  const { ifKnown = 'same', input } = options;
  const { versionHash } = booted.secrets.workflow(workflow);
  const isSame = known.versionHash === versionHash;
  if (ifKnown === 'same') {
    if (!isSame) throw anotherRun(known, { what: 'definition', details: { known: known.versionHash, got: versionHash } });
    if (input !== undefined && !(await hasInput(booted, workflowId, givenInput(workflow, input)))) throw anotherRun(known, { what: 'input' });
  }
  // Those of another definition would replace what runs.
  if (isSame) registerFunctions(booted, workflow);
}

/** With every event recorded the command comes before the fact. */
const firstFacts = 3;

/**
 * Whether a run was submitted with an input; so it was where nothing is known of that. Runs of schedules carry no digest and need
 * none: nobody may choose an id as theirs.
 */
async function hasInput({ journal, secrets }: Booted, workflowId: string, given: unknown): Promise<boolean> {
  for (const fact of await journal.read({ workflowId, limit: firstFacts })) {
    if (fact.type === 'workflow:submitted') return fact.data.inputDigest === undefined || secrets.hasDigest(given, fact.data.inputDigest);
  }
  return true;
}

function anotherRun(
  { workflowId, name }: WorkflowHead,
  { what, details = {} }: { readonly what: 'definition' | 'input'; readonly details?: object },
) {
  const was = what === 'definition' ? `another definition, '${name}'` : `a run of '${name}' with another input`;
  const message = `The id '${workflowId}' stands for ${was}. Submit under another id, or with ifKnown: 'join' (--if-known join) for the run that is there.`;
  return errorOf('WORKFLOW_INVALID_STATE', message, { details: { workflowId, ...details } });
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
  const parsed = submitShape.safeParse(options);
  complaints.addAll(parsed, { of: options, at: '', known: Object.keys(submitShape.shape) });
  if (parsed.success) complaints.addMisfits({ ...parsed.data, input: undefined, startAt: undefined });
  const error = complaints.error(`submit of workflow ${describeValue(workflow.definition.name)}`, 'INVALID_PARAMS');
  if (error !== undefined) throw error;
}

/** Makes the functions of a workflow callable; those of a later definition of the same name replace them. */
export function registerFunctions({ providers }: Pick<Booted, 'providers'>, workflow: AnyWorkflow): void {
  const provider = functionProvider(workflow);
  if (provider !== undefined) providers.register(provider);
}
