/** The provider of a workflow's own functions. */
import { type AnyProvider, makeProvider } from '../providers/provider.ts';
import type { AnyWorkflow } from '../workflow/workflow.ts';

export const functionProtocol = 'function/v1';

/**
 * Makes the provider; nothing where the workflow has no functions of its own.
 *
 * No circuit guards it: what one function does says nothing of another.
 */
export function functionProvider({ definition, functions }: AnyWorkflow): AnyProvider | undefined {
  if (functions.size === 0) return undefined;
  const methods = Object.fromEntries([...functions].map(([method, run]) => [method, { run }]));
  return makeProvider({ id: `function/${definition.name}`, protocol: functionProtocol, methods, circuit: false });
}
