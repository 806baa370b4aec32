/** A workflow, ready to be submitted: what loading a file and building one in code both result in. */
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { WorkflowDefinition } from '../../machines/events/definition.ts';
import type { AnyMethod } from '../providers/provider.ts';
import type { Locate } from './faults.ts';

/** A function that is a task; registered with the system under the method of its task. */
export type FunctionHandler = AnyMethod['run'];

/** A workflow that can be submitted, with the types of its input and output. */
export interface Workflow<Input = unknown, Output = unknown> {
  readonly kind: typeof workflowKind;
  readonly definition: WorkflowDefinition;
  /** The same for the same definition, whatever the order of its keys; functions are known by their names only. */
  readonly versionHash: string;
  /** The length of the longest chain of dependencies. */
  readonly levels: number;
  /** The functions that are tasks, by their methods. */
  readonly functions: ReadonlyMap<string, FunctionHandler>;
  /** The tasks that left their protocol to be found by their method. */
  readonly impliedProtocols: ReadonlySet<string>;
  readonly inputSchema?: StandardSchemaV1 | undefined;
  /** What the input is where a submit does not say. */
  readonly inputDefaults?: Readonly<Record<string, unknown>> | undefined;
  /** Where a part of the definition stands in the text that it was read from. */
  readonly locate?: Locate | undefined;
  /** Never there: it only carries the types of input and output. */
  readonly '~types'?: { readonly input: Input; readonly output: Output };
}

/** Any workflow, whatever it takes and gives. */
export type AnyWorkflow = Workflow;

/** What a submit of the workflow takes. */
export type InputOf<W> = W extends Workflow<infer Input, infer _Output> ? Input : never;
/** What a run of the workflow results in. */
export type OutputOf<W> = W extends Workflow<infer _Input, infer Output> ? Output : never;

/** A string and no symbol: a workflow made by another copy of this package is still one. */
export const workflowKind = 'gleitzeit.workflow';

export function isWorkflow(value: unknown): value is Workflow {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === workflowKind;
}
