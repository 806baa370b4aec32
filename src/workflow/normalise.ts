/** Reads the file form of a workflow into a draft: seconds become milliseconds, shorthands become what they stand for. */
import type { WorkflowDefinition } from '../../machines/events/definition.ts';
import { isRecord } from '../../machines/policies/json.ts';
import { describeValue } from '../thrown.ts';
import { expandBatch, type FindFiles } from './batch.ts';
import type { TaskDraft, WorkflowDraft } from './draft.ts';
import type { Faults } from './faults.ts';
import type { WorkflowLimits } from './limits.ts';
import { readShape, type ShapeRead } from './read-shape.ts';
import { type WorkflowShape, workflowKeys, workflowShape } from './shape.ts';
import { readTask } from './task-draft.ts';
import { timeoutOf } from './timing.ts';

export interface Normalising {
  readonly faults: Faults;
  readonly limits: WorkflowLimits;
}

const workflowMap = { keys: workflowKeys, schema: workflowShape, noun: 'a workflow, which is a map of keys such as name and tasks' } as const;

/** Reads what it can of a workflow, and tells every fault of the rest. `findFiles` lists the files that a batch is about. */
export async function normaliseWorkflow(value: unknown, work: Normalising & { readonly findFiles: FindFiles }): Promise<WorkflowDraft> {
  const { faults } = work;
  const read = readShape(value, workflowMap, { path: [], faults });
  if (!read) return { settings: settingsOf({}, undefined), tasks: [], at: (key) => [key] };
  if (read.values.type === 'batch' || read.values.batch !== undefined) return draftOf(read, await batchTasks(read, work), work);
  if (isRecord(value) && (value['tasks'] ?? null) === null) faults.add([], 'required', 'needs "tasks", a list of tasks');
  if (read.values.template !== undefined) faults.add(read.at('template'), 'batch', 'stands only beside `type: batch`');
  const tasks = (read.values.tasks ?? []).flatMap((task, index) => readTask(task, [...read.at('tasks'), index], work) ?? []);
  return draftOf(read, tasks, work);
}

/** Reads the settings of a workflow whose tasks were read already. */
export function normaliseSettings(value: object, tasks: readonly TaskDraft[], work: Normalising): WorkflowDraft {
  const read = readShape(value, workflowMap, { path: [], faults: work.faults });
  return draftOf(read ?? { values: {}, at: (key) => [key] }, tasks, work);
}

function draftOf({ values, at }: ShapeRead<WorkflowShape>, tasks: readonly TaskDraft[], { faults, limits }: Normalising): WorkflowDraft {
  const timeoutMs = timeoutOf(values, { at, faults, longestMs: limits.maxWorkflowTimeoutMs });
  return { settings: settingsOf(values, timeoutMs), tasks, at, inputDefaults: values.input };
}

function settingsOf(values: Partial<WorkflowShape>, timeoutMs: number | undefined): Omit<WorkflowDefinition, 'tasks'> {
  const { name = 'nameless', description, version, failurePolicy = 'fail_fast', maxParallelTasks, output } = values;
  return {
    name,
    ...(description !== undefined && { description }),
    ...(version !== undefined && { version }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    failurePolicy,
    ...(maxParallelTasks !== undefined && { maxParallelTasks }),
    ...(output !== undefined && { output }),
  };
}

async function batchTasks(
  { values, at }: ShapeRead<WorkflowShape>,
  work: Normalising & { readonly findFiles: FindFiles },
): Promise<readonly TaskDraft[]> {
  const { faults } = work;
  const missing = (['batch', 'template'] as const).filter((key) => values[key] === undefined);
  for (const key of missing) faults.add([], 'required', `needs ${describeValue(key)}, a map, because it is a batch`);
  if (values.tasks !== undefined) faults.add(at('tasks'), 'batch', 'must not stand beside a batch, whose tasks follow from its files');
  if (missing.length > 0) return [];
  const template = at('template');
  const draft = readTask({ id: 'template', ...(values.template as object) }, template, work);
  return draft ? expandBatch(values.batch, { draft, named: values.template as object }, { ...work, path: at('batch') }) : [];
}
