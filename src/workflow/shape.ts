/**
 * The form of a workflow file, key by key. What a key means is decided in `normalise.ts`.
 *
 * Each schema's message says what is expected, so that a fault can be told with what was found instead.
 */
import * as z from 'zod';

import { forEachSchema } from '../../machines/events/definition.ts';
import { longestMs } from '../../machines/policies/instants.ts';
import type { KeyTable } from './keys.ts';

const text = (error: string) => z.string({ error }).min(1, { error });
/** Numbers are names too, as YAML reads `id: 1`. */
const name = (error: string) => z.union([text(error), z.number().transform(String)], { error });
const seconds = (error: string) => z.number({ error }).positive({ error });
const count = (least: number, error: string) => z.int({ error }).min(least, { error });
const anything = z.unknown().optional();

/** What a longest time is asked for with: in seconds, or in milliseconds where the name says so. */
const timeouts = {
  timeout: seconds('a number of seconds above 0').optional(),
  timeoutMs: seconds('a number of milliseconds above 0').optional(),
};

const priorityWords = 'low, normal, high or urgent (or 1 for high, 2 for normal, 3 for low)';
const prioritySchema = z.union([z.enum(['low', 'normal', 'high', 'urgent']), z.literal([1, 2, 3])], { error: priorityWords });

const tolerance = 'a number of elements, or a share of them such as "10%"';
// The internal form stands here too, so that a definition can be loaded again.
const tolerateSchema = z.union([count(0, tolerance), z.string().regex(/^(?:100|\d{1,2})(?:\.\d+)?\s*%$/), forEachSchema.shape.tolerate.unwrap()], {
  error: tolerance,
});
const concurrencySchema = count(1, 'a whole number from 1');

export const retryKeys = {
  maxAttempts: ['attempts'],
  strategy: ['backoff'],
  baseDelay: [],
  baseDelayMs: [],
  maxDelay: [],
  maxDelayMs: [],
  jitter: [],
  retryOn: [],
  neverOn: [],
} as const satisfies KeyTable;

const delay = (unitMs: number, unit: string) => {
  const error = `a number of ${unit} from 0 to ${longestMs / unitMs} (1,000 years)`;
  return z
    .number({ error })
    .min(0, { error })
    .max(longestMs / unitMs, { error })
    .optional();
};
const codes = z.array(text('a list of error codes'), { error: 'a list of error codes' }).optional();
const attempts = 'a whole number of attempts, from 1';
export const retrySchema = z.object({
  maxAttempts: count(1, attempts).optional(),
  strategy: z.enum(['exponential', 'linear', 'fixed'], { error: 'exponential, linear or fixed' }).optional(),
  baseDelay: delay(1_000, 'seconds'),
  baseDelayMs: delay(1, 'milliseconds'),
  maxDelay: delay(1_000, 'seconds'),
  maxDelayMs: delay(1, 'milliseconds'),
  jitter: z.union([z.boolean(), z.enum(['full', 'equal', 'none'])], { error: 'true, false, full, equal or none' }).optional(),
  retryOn: codes,
  neverOn: codes,
});
export type RetryShape = z.infer<typeof retrySchema>;

export const dependencyKeys = { task: [], when: [] } as const satisfies KeyTable;
export const dependencyShape = z.object({
  task: name('the id or name of a task'),
  when: z.enum(['success', 'done'], { error: 'success or done' }).optional(),
});

export const forEachKeys = { items: [], concurrency: [], tolerate: [] } as const satisfies KeyTable;
export const forEachShape = z.object({
  items: text('one reference such as "${list.items}"'),
  concurrency: concurrencySchema.optional(),
  tolerate: tolerateSchema.optional(),
});

export const taskKeys = {
  id: [],
  name: [],
  description: [],
  protocol: [],
  method: [],
  params: ['parameters'],
  dependencies: ['dependsOn'],
  priority: [],
  timeout: [],
  timeoutMs: [],
  retry: [],
  forEach: [],
  concurrency: [],
  tolerate: [],
  metadata: [],
  tags: [],
} as const satisfies KeyTable;

const retryWords = 'true, false, a whole number of attempts from 1, or a map of options';
/** A task, with what stands in `retry`, `dependencies` and `forEach` checked on its own. `metadata`, `tags` and descriptions are for readers. */
export const taskShape = z.object({
  id: name('a text').optional(),
  name: name('a text').optional(),
  description: z.string({ error: 'a text' }).optional(),
  protocol: text('a protocol such as "http/v1"').optional(),
  method: text('a method such as "http/request"'),
  params: z.record(z.string(), z.unknown(), { error: 'a map of parameters' }).optional(),
  dependencies: anything,
  priority: prioritySchema.optional(),
  ...timeouts,
  retry: z.union([z.boolean(), count(1, retryWords), z.record(z.string(), z.unknown())], { error: retryWords }).optional(),
  forEach: anything,
  concurrency: concurrencySchema.optional(),
  tolerate: tolerateSchema.optional(),
  metadata: anything,
  tags: anything,
});
export type TaskShape = z.infer<typeof taskShape>;

export const batchKeys = { directory: ['dir'], pattern: [] } as const satisfies KeyTable;
export const batchShape = z.object({
  directory: text('the path of a directory'),
  pattern: text('a pattern of file names such as "*.txt"').optional(),
});

export const workflowKeys = {
  name: [],
  description: [],
  version: [],
  type: [],
  timeout: [],
  timeoutMs: [],
  failurePolicy: [],
  maxParallelTasks: [],
  input: [],
  output: [],
  tasks: [],
  batch: [],
  template: [],
  metadata: [],
  tags: [],
} as const satisfies KeyTable;

export const workflowShape = z.object({
  name: name('a text that names the workflow'),
  description: z.string({ error: 'a text' }).optional(),
  version: name('a text').optional(),
  type: z.enum(['workflow', 'batch'], { error: 'workflow or batch' }).optional(),
  ...timeouts,
  failurePolicy: z.enum(['fail_fast', 'continue_on_error'], { error: 'fail_fast or continue_on_error' }).optional(),
  maxParallelTasks: count(1, 'a whole number from 1').optional(),
  input: z.record(z.string(), z.unknown(), { error: 'a map of default inputs' }).optional(),
  output: anything,
  tasks: z.array(z.unknown(), { error: 'a list of tasks' }).optional(),
  batch: anything,
  template: anything,
  metadata: anything,
  tags: anything,
});
export type WorkflowShape = z.infer<typeof workflowShape>;
