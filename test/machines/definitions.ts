/** Definitions for tests, from no more than what a test is about. */
import type { TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';

/** Makes a task; dependencies are ids, `id?` for one whose end alone is waited for. */
export function taskOf(id: string, { after = [], ...more }: Partial<TaskDefinition> & { readonly after?: readonly string[] } = {}): TaskDefinition {
  const dependencies = after.map((on) =>
    on.endsWith('?') ? { task: on.slice(0, -1), when: 'done' as const } : { task: on, when: 'success' as const },
  );
  return { id, protocol: 'core/v1', method: 'core/echo', params: {}, dependencies, priority: 'normal', timeoutMs: 1_000, ...more };
}

export function definitionOf(tasks: readonly TaskDefinition[], more: Partial<Omit<WorkflowDefinition, 'tasks'>> = {}): WorkflowDefinition {
  return { name: 'sample', failurePolicy: 'fail_fast', tasks: [...tasks], ...more };
}

export function submittedOf(definition: WorkflowDefinition, input: unknown = {}) {
  return { workflowId: 'w', name: definition.name, versionHash: 'h', definition, input };
}
