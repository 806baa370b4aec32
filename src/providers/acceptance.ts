/**
 * What may pass between the system and a handler: parameters that its schema accepts, results that are plain JSON.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { errorOf } from '../errors.ts';
import { copyJson } from './plain-json.ts';
import type { AnyMethod } from './provider.ts';

interface Called {
  readonly taskId: string;
  readonly method: string;
  readonly params?: unknown;
}

/**
 * Checks the parameters of an attempt and gives the handler's own copy of them: what it does to it reaches nobody else.
 * @throws GleitzeitError TASK_VALIDATION_FAILED
 */
export async function acceptParams({ taskId, method, params }: Called, { params: schema }: AnyMethod): Promise<unknown> {
  const copy = copyJson(params ?? {});
  if (!copy.ok)
    throw errorOf('TASK_VALIDATION_FAILED', `The parameters of task "${taskId}" cannot be handed to ${method}: the value ${copy.problem}`);
  if (schema === undefined) return copy.value;
  const checked = await schema['~standard'].validate(copy.value);
  if (checked.issues === undefined) return checked.value;
  throw errorOf('TASK_VALIDATION_FAILED', `The parameters of task "${taskId}" do not fit ${method}: ${sentenceOf(checked.issues)}`, {
    details: { issues: checked.issues.map((issue) => ({ path: pathOf(issue), message: issue.message })) },
  });
}

/**
 * Checks what a handler returned and gives the copy that is recorded.
 * @throws GleitzeitError TASK_RESULT_INVALID
 */
export async function acceptResult({ taskId, method }: Called, { result: schema }: AnyMethod, returned: unknown): Promise<unknown> {
  const copy = copyJson(returned);
  if (!copy.ok) throw errorOf('TASK_RESULT_INVALID', `The result of task "${taskId}" (${method}) ${copy.problem}`);
  if (schema === undefined) return copy.value;
  const checked = await schema['~standard'].validate(copy.value);
  if (checked.issues === undefined) return copy.value;
  throw errorOf('TASK_RESULT_INVALID', `The result of task "${taskId}" does not fit ${method}: ${sentenceOf(checked.issues)}`);
}

function sentenceOf(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = issues.slice(0, 5).map((issue) => (issue.path?.length ? `"${pathOf(issue)}": ${issue.message}` : issue.message));
  return shown.join('; ') + (issues.length > shown.length ? `; and ${issues.length - shown.length} more` : '');
}

function pathOf({ path = [] }: StandardSchemaV1.Issue): string {
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
}
