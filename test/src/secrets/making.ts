/** Secrets under a key that is the same in every test. */
import type { WorkflowDefinition } from '../../../machines/events/definition.ts';
import { createSecrets, type Secrets, type SecretsOptions, type SecretsSurroundings } from '../../../src/secrets/secrets.ts';

export const key = 'k'.repeat(32);

export function secretsWith(options: SecretsOptions = {}, around: Partial<SecretsSurroundings> = {}): Secrets {
  return createSecrets({ key, ...options }, { definitionOf: () => undefined, onUnopened: () => undefined, ...around });
}

type Whole = WorkflowDefinition['tasks'][number];
type Task = Pick<Whole, 'id'> & { readonly [Key in keyof Whole]?: Exclude<Whole[Key], undefined> };

export function definitionOf(tasks: readonly Task[], output?: unknown): WorkflowDefinition {
  const route = { protocol: 'a/v1', method: 'a/b', params: {}, dependencies: [], priority: 'normal' as const, timeoutMs: 1_000 };
  return { name: 'w', failurePolicy: 'fail_fast', tasks: tasks.map((task) => ({ ...route, ...task })), ...(output !== undefined && { output }) };
}
