/** What a workflow is held to unless told: the default policy, and the bounds of what is read at all. */
import { maxDepth } from '../json-rules.ts';

/** What may be asked for; each can be set by whoever loads or defines a workflow. */
export interface WorkflowLimits {
  /** The longest timeout that a task may ask for, in milliseconds. */
  readonly maxTaskTimeoutMs: number;
  /** The longest timeout that a workflow may ask for, in milliseconds. */
  readonly maxWorkflowTimeoutMs: number;
  /** The largest parameters of one task, and the largest input, in bytes of JSON. */
  readonly maxPayloadBytes: number;
  /** The largest definition, in bytes of JSON. */
  readonly maxDefinitionBytes: number;
}

/** How much of a document is read before it is refused; none of these is about its meaning. */
export interface ReadingBounds {
  /** The size of a text. */
  readonly maxBytes: number;
  /** Lists and maps inside each other, with aliases written out. */
  readonly maxDepth: number;
  /** Values in all, with aliases written out. */
  readonly maxValues: number;
  /** Values that stand there only by alias. */
  readonly maxAliasValues: number;
}

export const workflowDefaults = {
  /** How long an attempt may run when its task does not say. */
  taskTimeoutMs: 300_000,
  limits: { maxTaskTimeoutMs: 3_600_000, maxWorkflowTimeoutMs: 86_400_000, maxPayloadBytes: 8 * 2 ** 20, maxDefinitionBytes: 128 * 2 ** 20 },
  bounds: { maxBytes: 32 * 2 ** 20, maxDepth, maxValues: 10_000_000, maxAliasValues: 1_000_000 },
} as const satisfies { readonly taskTimeoutMs: number; readonly limits: WorkflowLimits; readonly bounds: ReadingBounds };
