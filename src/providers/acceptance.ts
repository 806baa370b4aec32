/**
 * What may pass between the system and a handler: parameters that its schema accepts, results that are plain JSON.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { errorOf, fromFailure, toFailure } from '../errors.ts';
import type { AttemptSecrets } from '../secrets/attempt-secrets.ts';
import { copyJson } from './plain-json.ts';
import type { AnyMethod } from './provider.ts';

interface Called {
  readonly taskId: string;
  readonly method: string;
  readonly params?: unknown;
}

/**
 * Checks the parameters of an attempt and gives the handler's own copy of them, opened: what it does to it reaches nobody else.
 * @throws GleitzeitError TASK_VALIDATION_FAILED, and what `secrets` throws that cannot be opened
 */
export async function acceptParams({ taskId, method, params }: Called, { params: schema }: AnyMethod, secrets: AttemptSecrets): Promise<unknown> {
  const copy = copyJson(params ?? {});
  if (!copy.ok)
    throw errorOf('TASK_VALIDATION_FAILED', `The parameters of task "${taskId}" cannot be handed to ${method}: the value ${copy.problem}`);
  const opened = openParams(taskId, copy.value, secrets);
  if (schema === undefined) return opened;
  const checked = await schema['~standard'].validate(opened);
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

/**
 * A result as it is recorded. Tokens are longer than what they stand for.
 * @throws GleitzeitError TASK_RESULT_INVALID
 */
export function sealResult({ taskId, method }: Called, result: unknown, secrets: AttemptSecrets): unknown {
  const sealed = secrets.seal(result);
  if (sealed === result) return result;
  const copy = copyJson(sealed);
  if (copy.ok) return sealed;
  throw errorOf('TASK_RESULT_INVALID', `The result of task "${taskId}" (${method}), its secrets sealed, ${copy.problem}`);
}

function openParams(taskId: string, params: unknown, secrets: AttemptSecrets): unknown {
  try {
    return secrets.open(params);
  } catch (thrown) {
    const failure = toFailure(thrown);
    throw fromFailure({ ...failure, message: `The parameters of task "${taskId}": ${failure.message}` });
  }
}

function sentenceOf(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = issues.slice(0, 5).map((issue) => (issue.path?.length ? `"${pathOf(issue)}": ${issue.message}` : issue.message));
  return shown.join('; ') + (issues.length > shown.length ? `; and ${issues.length - shown.length} more` : '');
}

function pathOf({ path = [] }: StandardSchemaV1.Issue): string {
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
}
