/**
 * A workflow's definition in its one internal form: what loading a file or building one in code results in, what
 * `workflow:submitted` carries, and what the workflow's machines work from. Plain JSON.
 */
import * as z from 'zod';

import { longestMs } from '../policies/instants.ts';

export const priorities = ['low', 'normal', 'high', 'urgent'] as const;
export const prioritySchema = z.enum(priorities);
/** How urgent a task is. */
export type Priority = (typeof priorities)[number];

/** How often and when a failed attempt is tried again. */
export const retryPolicySchema = z.strictObject({
  /** Attempts in all, the first one included; an integer from 1. */
  maxAttempts: z.int().min(1),
  strategy: z.enum(['exponential', 'linear', 'fixed']),
  /** The delay that the strategy starts from, in milliseconds. */
  baseDelayMs: z.number().min(0).max(longestMs),
  /** The longest delay, in milliseconds, jitter included. */
  maxDelayMs: z.number().min(0).max(longestMs),
  /** How far a delay is spread below its full length: `full` 0 to all, `equal` half to all. */
  jitter: z.enum(['full', 'equal', 'none']),
  /** Error codes that this policy retries or never retries, whatever the error says of itself. */
  retryOn: z.array(z.string()).optional(),
  neverOn: z.array(z.string()).optional(),
});
/** How often, and after which delays, a failed task is tried again. */
export type RetryPolicy = z.infer<typeof retryPolicySchema>;

/** What a task waits for: another task's success, or only its end (`done`). */
export const dependencySchema = z.strictObject({ task: z.string(), when: z.enum(['success', 'done']) });
/** A task that another one waits for, and for what of it. */
export type Dependency = z.infer<typeof dependencySchema>;

/** A dynamic fan-out: the task runs once per element of the list that `items` refers to. */
export const forEachSchema = z.strictObject({
  /** One reference, for example `${list.items}`. */
  items: z.string(),
  /** Elements that run at the same time at most; without it only the workflow's limits hold. */
  concurrency: z.int().min(1).optional(),
  /** Failed elements that the task survives: a count, or a share of the elements (0..1). */
  tolerate: z.union([z.strictObject({ count: z.int().min(0) }), z.strictObject({ ratio: z.number().min(0).max(1) })]).optional(),
});
/** What a task runs over, element by element. */
export type ForEach = z.infer<typeof forEachSchema>;

export const taskDefinitionSchema = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  protocol: z.string(),
  method: z.string(),
  /** May hold references: `${task.path}`, `${input.path}`, `${item}`, `${index}`. */
  params: z.unknown(),
  /** Every dependency by task id, those that follow from references included; no repeats. */
  dependencies: z.array(dependencySchema),
  priority: prioritySchema,
  /** The longest an attempt may run, in milliseconds, from its start. */
  timeoutMs: z.number().positive().max(longestMs),
  retry: retryPolicySchema.optional(),
  forEach: forEachSchema.optional(),
});
/** A task as its workflow defines it. */
export type TaskDefinition = z.infer<typeof taskDefinitionSchema>;

export const workflowDefinitionSchema = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  version: z.string().optional(),
  /** The longest the workflow may take, in milliseconds, from its start. */
  timeoutMs: z.number().positive().max(longestMs).optional(),
  failurePolicy: z.enum(['fail_fast', 'continue_on_error']),
  /** Tasks of this workflow that are ready, queued or running at the same time at most. */
  maxParallelTasks: z.int().min(1).optional(),
  /** In an order in which a task may stand before its dependencies. */
  tasks: z.array(taskDefinitionSchema),
  /** A template of references that becomes the workflow's output. */
  output: z.unknown().optional(),
});
/** A workflow as the system runs it; JSON, whatever it was written in. */
export type WorkflowDefinition = z.infer<typeof workflowDefinitionSchema>;
