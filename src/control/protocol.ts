/**
 * What is said to an engine from outside its process: one request, one answer, each a line of JSON.
 *
 * A request names a command and carries its data. The answer is a value, or a failure as the machines carry it.
 */
import * as z from 'zod';
import { headOf } from '../../machines/policies/text.ts';
import { errorOf, type GleitzeitError } from '../errors.ts';
import { ifKnownRules } from '../runtime/options.ts';

/** Both sides have to be of the same one. */
export const protocolVersion = 1;

/** The longest request or answer, in bytes: room for the largest definition that a file may hold, and its input. */
export const maxLineBytes = 48 * 2 ** 20;

const workflowId = z.string().min(1).max(1_024);
const reason = z.string().max(10_000).optional();
const aboutWorkflow = z.strictObject({ workflowId, reason });

/** The data of each command. */
export const commandShapes = {
  /** Says who answers. */
  hello: z.strictObject({}),
  submit: z.strictObject({
    /** What `recordOf` made of it; looked at where it is made a workflow again. */
    workflow: z.unknown(),
    id: workflowId,
    input: z.unknown().optional(),
    ifKnown: z.enum(ifKnownRules).optional(),
    startAt: z.number().optional(),
  }),
  explain: z.strictObject({ workflowId, taskId: z.string().optional() }),
  cancel: aboutWorkflow,
  pause: aboutWorkflow,
  resume: aboutWorkflow,
  retry: aboutWorkflow,
  schedule: z.strictObject({
    /** As that of `submit`. */
    workflow: z.unknown(),
    /** Those of `system.schedule`, which looks at them. */
    options: z.record(z.string(), z.unknown()),
  }),
  /** Removes what has ended or is damaged. */
  sweep: z.strictObject({ workflowIds: z.array(workflowId).min(1).max(1_000) }),
  unschedule: z.strictObject({ scheduleId: z.string().min(1).max(1_024), reason }),
} as const;

export type CommandName = keyof typeof commandShapes;
export type CommandData<Name extends CommandName> = z.infer<(typeof commandShapes)[Name]>;
/** One command with its data. */
export type ControlRequest = { readonly [Name in CommandName]: { readonly command: Name; readonly data: CommandData<Name> } }[CommandName];

const requestShape = z.strictObject({ version: z.number(), command: z.string(), data: z.unknown() });

const failureShape: z.ZodType<ConstructorParameters<typeof GleitzeitError>[0]> = z.lazy(() =>
  z.object({
    code: z.string(),
    rpcCode: z.number(),
    message: z.string(),
    retryable: z.boolean(),
    retryAfterMs: z.number().exactOptional(),
    details: z.unknown().exactOptional(),
    stack: z.string().exactOptional(),
    cause: failureShape.exactOptional(),
  }),
);
const answerShape = z.union([
  z.strictObject({ ok: z.literal(true), value: z.unknown() }),
  z.strictObject({ ok: z.literal(false), error: failureShape }),
]);
export type Answer = z.infer<typeof answerShape>;

/** @throws GleitzeitError INVALID_REQUEST, INVALID_PARAMS */
export function readRequest(line: string): ControlRequest {
  const parsed = requestShape.safeParse(parse(line, 'INVALID_REQUEST'));
  if (!parsed.success) throw errorOf('INVALID_REQUEST', `That is no request: ${z.prettifyError(parsed.error)}`);
  const { version, command, data } = parsed.data;
  if (version !== protocolVersion) {
    throw errorOf('INVALID_REQUEST', `This engine speaks version ${protocolVersion} of the control protocol, and was spoken to in ${version}.`);
  }
  const shape = Object.hasOwn(commandShapes, command) ? commandShapes[command as CommandName] : undefined;
  if (shape === undefined) throw errorOf('INVALID_REQUEST', `There is no command '${headOf(command, 100)}'.`);
  const checked = shape.safeParse(data);
  if (!checked.success) throw errorOf('INVALID_PARAMS', `The data of '${command}' does not fit: ${z.prettifyError(checked.error)}`);
  // The schema of the command has just accepted its data.
  return { command, data: checked.data } as ControlRequest;
}

/** @throws GleitzeitError INTERNAL_ERROR for what no engine answers */
export function readAnswer(line: string): Answer {
  const parsed = answerShape.safeParse(parse(line, 'INTERNAL_ERROR'));
  if (parsed.success) return parsed.data;
  throw errorOf('INTERNAL_ERROR', `The engine's answer cannot be understood: ${z.prettifyError(parsed.error)}`);
}

export function lineOfRequest({ command, data }: ControlRequest): string {
  return `${JSON.stringify({ version: protocolVersion, command, data })}\n`;
}

export function lineOfAnswer(answer: Answer): string {
  return `${JSON.stringify(answer)}\n`;
}

function parse(line: string, code: 'INVALID_REQUEST' | 'INTERNAL_ERROR'): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (thrown) {
    throw errorOf(code, `That is no line of JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}
