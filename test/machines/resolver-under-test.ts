/** A resolver of workflow `w` under test, and what its tests ask of what it states. */
import { dependencyResolverMachine } from '../../machines/dependency-resolver.ts';
import type { DraftOf } from '../../machines/events/catalogue.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import { failure } from '../../machines/failures.ts';
import { submittedOf, taskOf } from './definitions.ts';
import { startMachine } from './harness.ts';
import { completedOf } from './task-ends.ts';

export const words = { workflowId: 'w', reason: 'because', by: 'me' };
export const failing = { workflowId: 'w', error: failure('TASK_EXECUTION_FAILED', 'broke'), failedTaskIds: ['a'] };

export function prepare(definition: WorkflowDefinition, { input = {} as unknown, window = 1_000 } = {}) {
  const submitted = submittedOf(definition, input);
  const resolver = startMachine('resolver', dependencyResolverMachine, { ...submitted, submittedAt: 0, window });
  resolver.hear('workflow:submitted', submitted);
  for (const { id, method, protocol, priority } of definition.tasks)
    resolver.hear('task:submitted', { workflowId: 'w', taskId: id, method, protocol, priority });
  return resolver;
}

export function start(definition: WorkflowDefinition, options: { input?: unknown; window?: number } = {}) {
  const resolver = prepare(definition, options);
  resolver.hear('workflow:started', { workflowId: 'w', totalTasks: definition.tasks.length });
  return resolver;
}

export type Drafts = readonly { readonly type: string; readonly data: unknown }[];
export const idsOf = (drafts: Drafts, type = 'task:ready') =>
  drafts.filter((draft) => draft.type === type).map(({ data }) => (data as { taskId: string }).taskId);
export const readyOf = (drafts: Drafts, taskId: string) =>
  drafts.find((draft): draft is DraftOf<'task:ready'> => draft.type === 'task:ready' && (draft as DraftOf<'task:ready'>).data.taskId === taskId)
    ?.data;

export const lenient = { failurePolicy: 'continue_on_error' } as const;
export const fanOut = (more: Partial<TaskDefinition> = {}) =>
  taskOf('each', { after: ['list'], forEach: { items: '${list.items}' }, params: { v: '${item.v}', i: '${index}' }, ...more });
export const listed = (n: number) => completedOf('list', { result: { items: Array.from({ length: n }, (_, v) => ({ v })) } });
export const element = (index: number) => ({ of: 'each', index });
