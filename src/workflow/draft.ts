/** A workflow on its way from a file or a builder to a definition: its names and references are not looked up yet. */
import type { Dependency, TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import type { Path } from './faults.ts';

export interface DependencyDraft {
  /** The id or name of a task. */
  readonly task: string;
  readonly when: Dependency['when'];
  readonly path: Path;
}

export interface TaskDraft {
  /** All of the task but its dependencies. */
  readonly task: TaskDefinition;
  readonly dependencies: readonly DependencyDraft[];
  readonly path: Path;
  /** The path of a part of the task, as its author spelled it. */
  readonly at: (key: string) => Path;
  /** Whether the protocol was left to be found by the method. */
  readonly impliesProtocol: boolean;
}

export interface WorkflowDraft {
  readonly settings: Omit<WorkflowDefinition, 'tasks'>;
  readonly tasks: readonly TaskDraft[];
  /** The path of a part of the workflow, as its author spelled it. */
  readonly at: (key: string) => Path;
  readonly inputDefaults?: Readonly<Record<string, unknown>> | undefined;
}
