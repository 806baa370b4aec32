/**
 * Workflows written in code.
 *
 * The function `tasks` is called once, here and now. Each call of its `task` adds a task and gives a typed reference to what
 * the task will result in; where a reference stands in the parameters of another task, that one waits for it. What `tasks`
 * returns becomes the output. The result is the same definition that a file would be loaded into, with its functions beside.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { WorkflowDefinition } from '../../machines/events/definition.ts';
import type { AnyProvider } from '../providers/provider.ts';
import { describeValue } from '../thrown.ts';
import type { TaskBuilder } from './builder-types.ts';
import { Faults } from './faults.ts';
import { finishWorkflow } from './finish.ts';
import type { Jsonified } from './jsonified.ts';
import { type WorkflowLimits, workflowDefaults } from './limits.ts';
import { normaliseSettings } from './normalise.ts';
import { misfitsIn, readPlain } from './plain.ts';
import { refTo, templateOf } from './ref.ts';
import type { Loose, Present, Ref, Resolved } from './ref-types.ts';
import { TaskList } from './task-list.ts';
import type { Workflow } from './workflow.ts';

export interface WorkflowOptions<Providers extends readonly AnyProvider[], Schema, Output> {
  readonly name: string;
  readonly description?: string;
  readonly version?: string;
  /** Checks the input of each run, and gives `input` its type. Any Standard Schema. */
  readonly input?: Schema;
  /** What the input is where a submit does not say. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** The providers whose methods are tasks here; their types are those of the tasks. Without them methods are not checked until the submit. */
  readonly providers?: Providers;
  /** The longest a run may take, in milliseconds. @defaultValue no limit */
  readonly timeoutMs?: number;
  /** @defaultValue `fail_fast` */
  readonly failurePolicy?: WorkflowDefinition['failurePolicy'];
  /** Tasks of a run that are ready, queued or running at the same time at most. */
  readonly maxParallelTasks?: number;
  readonly limits?: Partial<WorkflowLimits>;
  readonly tasks: (task: TaskBuilder<Providers[number]>, input: Ref<Jsonified<SchemaResult<Schema>>>) => Output & Present<Output>;
}

type SchemaResult<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Schema> : Loose;
type SchemaTakes<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferInput<Schema> : Loose;

/**
 * Defines a workflow.
 *
 * @throws GleitzeitError WORKFLOW_VALIDATION_FAILED or WORKFLOW_CIRCULAR_DEPENDENCY, with every fault in `issues`.
 * @example
 * const report = defineWorkflow({
 *   name: 'report',
 *   input: z.object({ text: z.string() }),
 *   providers: [text],
 *   tasks: (task, input) => {
 *     const words = task('words', { method: 'text/words', params: { text: input.text } });
 *     return { words, double: task('double', { run: ({ n }) => n * 2, params: { n: words.count } }) };
 *   },
 * });
 */
export function defineWorkflow<
  const Providers extends readonly AnyProvider[] = readonly [],
  Schema extends StandardSchemaV1 | undefined = undefined,
  Output = unknown,
>(options: WorkflowOptions<Providers, Schema, Output>): Workflow<SchemaTakes<Schema>, Resolved<Output>> {
  const { name, description, version, input: inputSchema, defaults, providers = [], timeoutMs, failurePolicy, maxParallelTasks, tasks } = options;
  const faults = new Faults();
  const limits = { ...workflowDefaults.limits, ...options.limits };
  const list = new TaskList({ workflow: name, providers, faults, limits });
  // The one implementation behind all the signatures that a task can be added by.
  const task = ((id: string, given: object) => list.add(id, given)) as unknown as TaskBuilder<Providers[number]>;
  const output = templateOf(tasks(task, refTo('input')) ?? null, ['output'], faults);
  const { value: input, faults: found } = readPlain(defaults ?? null, workflowDefaults.bounds);
  faults.addAll(found.map((fault) => ({ ...fault, path: ['defaults', ...fault.path] })));
  faults.addAll(misfitsIn({ description, version }, []));
  const settings = { name, description, version, timeoutMs, failurePolicy, maxParallelTasks, output, input };
  const defined = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const draft = normaliseSettings(defined, list.drafts, { faults, limits });
  const workflow = finishWorkflow(draft, { subject: `Workflow ${describeValue(name)}`, faults, limits, functions: list.functions, inputSchema });
  // What input and output are is known to the types alone.
  return workflow as Workflow<SchemaTakes<Schema>, Resolved<Output>>;
}
