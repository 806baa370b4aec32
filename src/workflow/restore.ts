/**
 * Makes a workflow of a definition that was written down or sent: what loading resulted in somewhere else.
 *
 * Nothing of it is believed. The definition is read as plain JSON within the bounds of a file, held against the schema, and
 * linked anew, so that hash and levels are those that loading would have found.
 */
import * as z from 'zod';

import { workflowDefinitionSchema } from '../../machines/events/definition.ts';
import { Complaints } from '../complaints.ts';
import { describeValue } from '../thrown.ts';
import type { TaskDraft, WorkflowDraft } from './draft.ts';
import { Faults } from './faults.ts';
import { finishWorkflow } from './finish.ts';
import { workflowDefaults } from './limits.ts';
import { readPlain } from './plain.ts';
import type { AnyWorkflow, Workflow } from './workflow.ts';

/** A workflow without what cannot be written down: functions, and places in a file. */
export interface WorkflowRecord {
  readonly definition: Workflow['definition'];
  readonly impliedProtocols: readonly string[];
  readonly inputDefaults?: Readonly<Record<string, unknown>> | undefined;
}

const recordSchema = z.strictObject(
  {
    definition: workflowDefinitionSchema,
    impliedProtocols: z.array(z.string()),
    inputDefaults: z.record(z.string(), z.unknown()).optional(),
  },
  { error: 'a workflow as it is sent' },
);

/** What of a workflow is needed to make it again; one of a file loses nothing by it. */
export function recordOf({ definition, impliedProtocols, inputDefaults }: AnyWorkflow): WorkflowRecord {
  return { definition, impliedProtocols: [...impliedProtocols], ...(inputDefaults !== undefined && { inputDefaults }) };
}

/**
 * Makes the workflow that a record was made of.
 * @throws GleitzeitError INVALID_PARAMS for what is no record, WORKFLOW_VALIDATION_FAILED or WORKFLOW_CIRCULAR_DEPENDENCY
 */
export function restoreWorkflow(given: unknown): Workflow {
  const { value, faults: found } = readPlain(given, workflowDefaults.bounds);
  const faults = new Faults();
  faults.addAll(found);
  faults.raise('The workflow');
  const complaints = new Complaints();
  const parsed = recordSchema.safeParse(value);
  complaints.addAll(parsed, { of: value, at: '', known: Object.keys(recordSchema.shape) });
  const error = complaints.error('The workflow', 'INVALID_PARAMS');
  if (error !== undefined || parsed.data === undefined) throw error;
  const { definition } = parsed.data;
  return finishWorkflow(draftOf(parsed.data), {
    subject: `Workflow ${describeValue(definition.name)}`,
    faults,
    limits: workflowDefaults.limits,
  });
}

function draftOf({ definition: { tasks, ...settings }, impliedProtocols, inputDefaults }: z.infer<typeof recordSchema>): WorkflowDraft {
  const implied = new Set(impliedProtocols);
  const drafts = tasks.map((task, index): TaskDraft => {
    const path = ['tasks', index];
    const dependencies = task.dependencies.map(({ task: on, when }, at) => ({ task: on, when, path: [...path, 'dependencies', at] }));
    return { task: { ...task, dependencies: [] }, dependencies, path, at: (key) => [...path, key], impliesProtocol: implied.has(task.id) };
  });
  return { settings, tasks: drafts, at: (key) => [key], inputDefaults };
}
