/** Makes the input that a run of a workflow starts with. */
import { isRecord } from '../../machines/policies/json.ts';
import { describeValue } from '../thrown.ts';
import { errorWith, Faults, type Path } from './faults.ts';
import { workflowDefaults } from './limits.ts';
import { readPlain } from './plain.ts';
import type { AnyWorkflow } from './workflow.ts';

/**
 * Adds the workflow's defaults to an input, and checks it by the workflow's schema; gives what the schema makes of it.
 *
 * @throws GleitzeitError INVALID_PARAMS with every fault.
 */
export async function checkInput(workflow: AnyWorkflow, input: unknown): Promise<unknown> {
  const { inputSchema } = workflow;
  const subject = subjectOf(workflow);
  const value = givenInput(workflow, input);
  if (!inputSchema) return value;
  const faults = new Faults();
  try {
    const checked = await inputSchema['~standard'].validate(value);
    if (!checked.issues) return plainInput(checked.value, subject);
    for (const { path = [], message } of checked.issues) faults.add(path.map(stepOf), 'schema', `does not fit the schema: ${message}`);
  } catch (error) {
    if (isOwn(error)) throw error;
    faults.add([], 'schema', `cannot be checked, its schema throws ${describeValue(error instanceof Error ? error.message : error)}`);
  }
  throw inputError(faults, subject);
}

/**
 * An input as it was given, with the workflow's defaults: what its schema makes of it may be another thing each time.
 * @throws GleitzeitError INVALID_PARAMS for what is no JSON, or too much of it
 */
export function givenInput(workflow: AnyWorkflow, input: unknown): unknown {
  const { inputDefaults } = workflow;
  const given = plainInput(input ?? {}, subjectOf(workflow));
  return inputDefaults && isRecord(given) ? { ...inputDefaults, ...given } : given;
}

function subjectOf({ definition }: AnyWorkflow): string {
  return `The input of workflow ${describeValue(definition.name)}`;
}

function plainInput(input: unknown, subject: string): unknown {
  const { value, faults: found } = readPlain(input, workflowDefaults.bounds);
  const faults = new Faults();
  faults.addAll(found);
  const { maxPayloadBytes } = workflowDefaults.limits;
  if (faults.none) {
    const bytes = Buffer.byteLength(JSON.stringify(value));
    if (bytes > maxPayloadBytes) faults.add([], 'payload', `must be at most ${maxPayloadBytes} bytes of JSON, is ${bytes}`);
  }
  if (!faults.none) throw inputError(faults, subject);
  return value;
}

function inputError(faults: Faults, subject: string) {
  const issues = faults.issues('input');
  return errorWith('INVALID_PARAMS', `${subject} is not right: ${issues.map(({ message }) => message).join('; ')}`, issues);
}

function isOwn(error: unknown): boolean {
  return error instanceof Error && error.name === 'GleitzeitError';
}

function stepOf(step: PropertyKey | { readonly key: PropertyKey }): Path[number] {
  const key = typeof step === 'object' ? step.key : step;
  return typeof key === 'symbol' ? String(key) : key;
}
