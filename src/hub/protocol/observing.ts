/**
 * What observers get of failures: what went wrong, and not where. Stacks, tracebacks and the paths of files tell of the engine's
 * machine and of the code that runs there, which is for those who have work done.
 */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { withoutStacks } from '../../../machines/failures.ts';
import type { TaskResult, WorkflowResult } from '../../runtime/result.ts';
import type { WorkflowStatus } from '../../runtime/status.ts';
import { withoutPathsIn } from './paths.ts';

/** Fields of payloads that hold a failure, or text that is made of one. */
export const failureFields = ['error', 'fault', 'summary'] as const;

/** The very same event where it has nothing to hide. */
export function observedEvent(event: GleitzeitEvent): GleitzeitEvent {
  const data = event.data as Readonly<Record<string, unknown>>;
  const told = failureFields.filter((field) => data[field] !== undefined);
  if (told.length === 0) return event;
  const shown = told.map((field) => [field, observed(data[field])] as const);
  // Of a payload only fields are replaced, by others of the same form.
  return { ...event, data: { ...data, ...Object.fromEntries(shown) } } as GleitzeitEvent;
}

export function observedResult(result: WorkflowResult): WorkflowResult {
  const { error, tasks } = result;
  return { ...result, tasks: observedTasks(tasks), ...(error !== undefined && { error: observed(error) }) };
}

export function observedStatus(status: WorkflowStatus): WorkflowStatus {
  return { ...status, tasks: observedTasks(status.tasks) };
}

function observedTasks<Task extends Pick<TaskResult, 'error'>>(tasks: Readonly<Record<string, Task>>): Readonly<Record<string, Task>> {
  if (!Object.values(tasks).some(({ error }) => error !== undefined)) return tasks;
  const entries = Object.entries(tasks).map(([id, task]) => [id, task.error === undefined ? task : { ...task, error: observed(task.error) }]);
  return Object.fromEntries(entries) as Readonly<Record<string, Task>>;
}

function observed<Told>(told: Told): Told {
  // A failure without stacks is a failure still.
  const bare = typeof told === 'object' && told !== null ? (withoutStacks(told as never) as Told) : told;
  return withoutPathsIn(bare);
}
