/**
 * The shape of every answer, as it crosses the wire; the compiler holds each against the type that the handlers answer with.
 *
 * Nothing checks answers by these: they are for the description, and for tests of it.
 */
import * as z from 'zod';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { catchUpPolicies, overlapPolicies, scheduleRuleSchema } from '../../../machines/events/cron.ts';
import { headStatuses } from '../../journal/journal.ts';
import type { Reason } from '../../observe/explain.ts';
import type { ErrorInfo } from '../../runtime/result.ts';
import { type Refusal, wireError } from '../protocol/answers.ts';
import type { RequestName, Responses } from '../protocol/requests.ts';
import type { Subscribed } from '../protocol/subscriptions.ts';
import type { WorkerAnswers, WorkerMessageName } from '../protocol/workers.ts';
import { envelope } from './envelope.ts';

const ends = ['completed', 'failed', 'cancelled'] as const;
export const errorInfo = z.object({
  code: z.string(),
  rpcCode: z.int(),
  message: z.string(),
  retryable: z.boolean().exactOptional(),
  retryAfterMs: z.number().min(0).exactOptional(),
  details: z.unknown().exactOptional(),
  /** Not for observers. */
  stack: z.string().exactOptional(),
  get cause(): z.ZodExactOptional<z.ZodType<ErrorInfo>> {
    return (errorInfo as z.ZodType<ErrorInfo>).exactOptional();
  },
});
const epochMs = z.number().describe('Epoch milliseconds.');
const durationMs = z.number().min(0);

const taskFields = {
  attempts: z.int().min(0),
  durationMs: durationMs.exactOptional(),
  result: z.unknown().exactOptional(),
  error: errorInfo.exactOptional(),
};
const taskResult = z.object({ status: z.enum([...ends, 'skipped']), ...taskFields });
const taskStatus = z.object({ status: z.string(), ...taskFields });

export const workflowStatus = z.object({
  workflowId: z.string(),
  name: z.string(),
  status: z.string().describe("The state's name, as in the chart of the workflow."),
  submittedAt: epochMs,
  tasks: z.record(z.string(), taskStatus),
  storage: z.lazy(() => reason).exactOptional(),
});

export const workflowResult = z.object({
  workflowId: z.string(),
  name: z.string(),
  status: z.enum(ends),
  durationMs,
  output: z.unknown().exactOptional(),
  error: errorInfo.exactOptional(),
  tasks: z.record(z.string(), taskResult),
});

const workflowHead = z.object({
  workflowId: z.string(),
  name: z.string(),
  versionHash: z.string(),
  status: z.enum(headStatuses),
  submittedAt: epochMs,
  endedAt: epochMs.exactOptional(),
});

// Of an event only the envelope is looked at here: each type has a schema of its own.
const event = envelope as unknown as z.ZodType<GleitzeitEvent>;
const trace = z.object({ workflowId: z.string(), name: z.string(), submittedAt: epochMs, events: z.array(event) });

export const reason = z.object({
  // For programs; that there may be more kinds one day is part of the protocol.
  kind: z.string() as unknown as z.ZodType<Reason['kind']>,
  message: z.string(),
  until: epochMs.exactOptional(),
  leftMs: durationMs.exactOptional(),
  releasedBy: z.string(),
});
export const explanation = z.object({
  workflowId: z.string(),
  status: z.string(),
  tasks: z.array(z.object({ taskId: z.string(), state: z.string(), reasons: z.array(reason) })),
  admission: z.array(reason).exactOptional(),
  storage: reason.exactOptional(),
});

export const scheduleStatus = z.object({
  id: z.string(),
  workflow: z.string(),
  input: z.unknown(),
  rule: scheduleRuleSchema,
  overlap: z.enum(overlapPolicies),
  catchUp: z.enum(catchUpPolicies),
  createdAt: epochMs,
  nextAt: epochMs.nullable(),
  lastAt: epochMs.nullable(),
  running: z.string().nullable(),
  isBehind: z.boolean(),
});

const standing = z.object({ workflowId: z.string(), status: z.string() });
const nothing = z.object({});

/** What each request is answered with, beside `ok`. */
export const answers = {
  'hub:info': z.object({ version: z.string(), protocolVersion: z.int(), phase: z.string(), lastSeq: z.int() }),
  'workflow:submit': z.object({ workflowId: z.string(), known: z.enum(['running', 'completed', 'failed', 'cancelled']).exactOptional() }),
  'workflow:status': z.object({ status: workflowStatus }),
  'workflow:result': z.object({ result: workflowResult }),
  'workflow:trace': z.object({ trace }),
  'workflow:explain': z.object({ explanation }),
  'workflow:list': z.object({ workflows: z.array(workflowHead) }),
  'workflow:cancel': standing,
  'workflow:pause': standing,
  'workflow:resume': standing,
  'workflow:retry': standing,
  'task:cancel': nothing,
  'task:set_priority': nothing,
  'engine:pause': nothing,
  'engine:resume': nothing,
  'schedule:list': z.object({ schedules: z.array(scheduleStatus) }),
  'schedule:add': z.object({ schedule: scheduleStatus }),
  'schedule:remove': nothing,
} as const satisfies { readonly [Name in RequestName]: z.ZodType<Responses[Name]> };

export const subscribed = z.object({ lastSeq: z.int().min(0) }) satisfies z.ZodType<Subscribed>;

export const refusal = z.object({ ok: z.literal(false), error: wireError }) satisfies z.ZodType<Refusal>;

const report = z.object({ accepted: z.boolean(), reason: z.string().exactOptional() });

/** What each message of a worker is answered with, beside `ok`. */
export const workerAnswers = {
  'worker:register': z.object({ leaseMs: z.number(), heartbeatMs: z.number(), lost: z.array(z.string()), messageBytes: z.int() }),
  'worker:heartbeat': z.object({ lost: z.array(z.string()) }),
  'worker:drain': nothing,
  'attempt:succeeded': report,
  'attempt:failed': report,
  'attempt:progress': nothing,
} as const satisfies { readonly [Name in WorkerMessageName]: z.ZodType<WorkerAnswers[Name]> };
