/** The last step of loading and of building: a draft becomes a workflow, or an error with all of its faults. */
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { WorkflowDraft } from './draft.ts';
import type { Faults, Locate } from './faults.ts';
import type { WorkflowLimits } from './limits.ts';
import { linkWorkflow } from './link.ts';
import { versionOf } from './version.ts';
import { type FunctionHandler, type Workflow, workflowKind } from './workflow.ts';

export interface Finishing {
  /** What messages call the workflow. */
  readonly subject: string;
  /** Those that were told on the way here. */
  readonly faults: Faults;
  readonly limits: WorkflowLimits;
  readonly locate?: Locate;
  readonly functions?: ReadonlyMap<string, FunctionHandler>;
  readonly inputSchema?: StandardSchemaV1 | undefined;
}

/** @throws GleitzeitError with every fault that was found. */
export function finishWorkflow(draft: WorkflowDraft, { subject, faults, limits, locate, functions = new Map(), inputSchema }: Finishing): Workflow {
  const { definition, levels } = linkWorkflow(draft, faults);
  const versionHash = versionOf(definition, draft, { limits, faults });
  faults.raise(subject, locate);
  const impliedProtocols = new Set(draft.tasks.flatMap(({ task, impliesProtocol }) => (impliesProtocol ? [task.id] : [])));
  const { inputDefaults } = draft;
  return { kind: workflowKind, definition, versionHash, levels, functions, impliedProtocols, inputSchema, inputDefaults, locate };
}
