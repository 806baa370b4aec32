/** A workflow and what a submit or a schedule says of it, as they are sent. */
import { type ErrorCode, failure } from '../../../machines/failures.ts';
import { errorOf, GleitzeitError } from '../../errors.ts';
import { epochOf, type Instant, instant } from '../../runtime/instant.ts';
import type { SubmitOptions } from '../../runtime/options.ts';
import type { ScheduleOptions } from '../../runtime/schedules.ts';
import { checkInput, givenInput } from '../../workflow/input.ts';
import { recordOf } from '../../workflow/restore.ts';
import type { AnyWorkflow } from '../../workflow/workflow.ts';
import { hubLimitDefaults } from '../protocol/limits.ts';
import type { RequestData } from '../protocol/requests.ts';

/** @throws GleitzeitError INVALID_PARAMS for an input that the workflow does not take; RESOURCE_EXHAUSTED for more than a message holds */
export async function submissionOf(workflow: AnyWorkflow, options: SubmitOptions, id: string): Promise<RequestData<'workflow:submit'>> {
  const { startAt, tags, requestId, traceparent, ifKnown } = options;
  return bounded(workflow, {
    ...(await content(workflow, options.input)),
    id,
    ...(ifKnown !== undefined && { ifKnown }),
    ...(startAt !== undefined && { startAt: timeOf(startAt) }),
    ...(tags !== undefined && { tags: [...tags] }),
    ...(requestId !== undefined && { requestId }),
    ...(traceparent !== undefined && { traceparent }),
  });
}

/** @throws GleitzeitError as {@link submissionOf} does */
export async function schedulingOf(workflow: AnyWorkflow, options: ScheduleOptions): Promise<RequestData<'schedule:add'>> {
  const { input, at, startAt, endAt, ...rest } = options;
  return bounded(workflow, {
    ...(await content(workflow, input)),
    ...rest,
    ...(at !== undefined && { at: timeOf(at) }),
    ...(startAt !== undefined && { startAt: timeOf(startAt) }),
    ...(endAt !== undefined && { endAt: timeOf(endAt) }),
  });
}

/** A schema of the input is a function of this process, so the input is checked here; what it makes may be another thing each time. */
async function content(workflow: AnyWorkflow, input: unknown) {
  const record = { workflow: { ...recordOf(workflow) } };
  // Where nothing is given and nothing is made of it, the hub knows the defaults; and of a run that is there, the input it has.
  const given = input === undefined ? {} : { input: givenInput(workflow, input) };
  return { ...record, ...given, ...(workflow.inputSchema !== undefined && { made: await checkInput(workflow, input) }) };
}

/** What is no time is for the hub to refuse, with the rule that it broke. */
function timeOf(given: Instant): number | string {
  return instant.safeParse(given).success ? epochOf(given) : String(given);
}

/** What would break the connection is not sent. */
function bounded<Data extends object>({ definition: { name } }: AnyWorkflow, data: Data): Data {
  const bytes = Buffer.byteLength(JSON.stringify(data));
  // A kilobyte for what is around it.
  if (bytes + 1_024 <= hubLimitDefaults.messageBytes) return data;
  const message = `Workflow '${name}' and its input are ${bytes} bytes of JSON, and a message to a hub may have ${hubLimitDefaults.messageBytes}.`;
  throw errorOf('RESOURCE_EXHAUSTED', message, { retryable: false });
}

const unserved: ReadonlySet<string> = new Set<ErrorCode>(['PROTOCOL_NOT_FOUND', 'METHOD_NOT_FOUND']);

/** The refusal of a workflow whose functions nobody serves at the hub says what to do about it; any other stays as it is. */
export function explainedRefusal(error: GleitzeitError, { definition, functions }: AnyWorkflow): GleitzeitError {
  const { code, details } = error;
  if (functions.size === 0 || !unserved.has(code)) return error;
  const message =
    `${error.message} The tasks of workflow '${definition.name}' that are functions run where their code is: ` +
    'serve them by createRemoteWorker({ url, workflows: [workflow] }).';
  // The set holds codes of the table only.
  return new GleitzeitError(failure(code as ErrorCode, message, { retryable: error.retryable, ...(details !== undefined && { details }) }), {
    cause: error,
  });
}
