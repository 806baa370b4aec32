/** The provider of a workflow's own functions. */
import { type AnyProvider, makeProvider } from '../providers/provider.ts';
import { functionProtocol } from '../workflow/task-list.ts';
import type { AnyWorkflow } from '../workflow/workflow.ts';

/** Functions wait side by side in one thread: a slot costs nothing but a place, and one that waits for another run must not keep it from running. */
const pool = { slots: 100 } as const;

/** By the functions themselves: a workflow that was completed by its checks is another object with the same ones. */
const made = new WeakMap<AnyWorkflow['functions'], AnyProvider>();

/**
 * Makes the provider, the same for the same workflow; nothing where it has no functions of its own.
 *
 * No circuit guards it: what one function does says nothing of another.
 */
export function functionProvider({ definition, functions }: AnyWorkflow): AnyProvider | undefined {
  if (functions.size === 0) return undefined;
  const known = made.get(functions);
  if (known !== undefined) return known;
  const methods = Object.fromEntries([...functions].map(([method, run]) => [method, { run }]));
  const provider = makeProvider({ id: `function/${definition.name}`, protocol: functionProtocol, methods, circuit: false, pool });
  made.set(functions, provider);
  return provider;
}
