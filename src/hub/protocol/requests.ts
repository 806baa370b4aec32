/** What clients and observers ask of the engine, on `/engine`, and the answers. */
import * as z from 'zod';

import { catchUpPolicies, overlapPolicies } from '../../../machines/events/cron.ts';
import { priorities } from '../../../machines/events/definition.ts';
import { longestMs } from '../../../machines/policies/instants.ts';
import { headStatuses, type WorkflowHead } from '../../journal/journal.ts';
import type { Explanation, Reason } from '../../observe/explain.ts';
import type { Trace } from '../../observe/trace.ts';
import { ifKnownRules } from '../../runtime/options.ts';
import type { WorkflowResult } from '../../runtime/result.ts';
import type { ScheduleStatus } from '../../runtime/schedules.ts';
import type { WorkflowStatus } from '../../runtime/status.ts';
import type { Role } from './roles.ts';

const workflowId = z.string().min(1).max(1_024);
const taskId = z.string().min(1).max(1_024);
const reason = z.string().max(10_000).exactOptional();
const about = z.strictObject({ workflowId });
const command = z.strictObject({ workflowId, reason });
const instant = z.union([z.number(), z.string().max(100)]);
/**
 * A workflow comes in the form of a file, as an object or as text (YAML or JSON), or as loading it somewhere else resulted in:
 * exactly one of these.
 */
const workflow = {
  definition: z.record(z.string(), z.unknown()).exactOptional(),
  yaml: z.string().exactOptional(),
  /** What `recordOf` made of a workflow, for `restoreWorkflow` to look at. */
  workflow: z.record(z.string(), z.unknown()).exactOptional(),
};

const reading = ['client', 'observer'] as const satisfies readonly Role[];
const changing = ['client'] as const satisfies readonly Role[];

/** Every request: the shape of its data, and the roles that may make it. */
export const requests = {
  'hub:info': { data: z.strictObject({}), roles: reading },
  'workflow:submit': {
    data: z.strictObject({
      ...workflow,
      input: z.unknown().exactOptional(),
      /** What the client's schema made of the input: what the run starts with; what is compared is the input. */
      made: z.unknown().exactOptional(),
      tags: z.array(z.string().max(1_024)).max(100).exactOptional(),
      /** Names the run: the same id, definition and input once more is the same run. */
      id: workflowId.exactOptional(),
      /** What of a run that has the id already; with `join`, its definition and input are not looked at. */
      ifKnown: z.enum(ifKnownRules).exactOptional(),
      startAt: instant.exactOptional(),
      requestId: z.string().max(1_024).exactOptional(),
      traceparent: z.string().max(200).exactOptional(),
    }),
    roles: changing,
  },
  'workflow:status': { data: z.strictObject({ workflowId, /** As of this event. */ at: z.int().min(0).exactOptional() }), roles: reading },
  /** Answers when the workflow has ended. */
  'workflow:result': { data: about, roles: reading },
  'workflow:trace': { data: about, roles: reading },
  'workflow:explain': { data: z.strictObject({ workflowId, taskId: taskId.exactOptional() }), roles: reading },
  'workflow:list': {
    data: z.strictObject({
      status: z.enum(headStatuses).exactOptional(),
      limit: z.int().min(1).max(10_000).exactOptional(),
    }),
    roles: reading,
  },
  'workflow:cancel': { data: command, roles: changing },
  'workflow:pause': { data: command, roles: changing },
  'workflow:resume': { data: command, roles: changing },
  'workflow:retry': { data: command, roles: changing },
  'task:cancel': { data: z.strictObject({ workflowId, taskId, reason }), roles: changing },
  'task:set_priority': { data: z.strictObject({ workflowId, taskId, priority: z.enum(priorities) }), roles: changing },
  'engine:pause': { data: z.strictObject({ reason }), roles: changing },
  'engine:resume': { data: z.strictObject({ reason }), roles: changing },
  'schedule:list': { data: z.strictObject({}), roles: reading },
  'schedule:add': {
    data: z.strictObject({
      ...workflow,
      id: workflowId,
      input: z.unknown().exactOptional(),
      /** What the client's schema made of the input: what the run starts with; what is compared is the input. */
      made: z.unknown().exactOptional(),
      cron: z.string().max(1_024).exactOptional(),
      timeZone: z.string().max(100).exactOptional(),
      everyMs: z.int().min(1_000).max(longestMs).exactOptional(),
      at: instant.exactOptional(),
      startAt: instant.exactOptional(),
      endAt: instant.exactOptional(),
      overlap: z.enum(overlapPolicies).exactOptional(),
      catchUp: z.enum(catchUpPolicies).exactOptional(),
    }),
    roles: changing,
  },
  'schedule:remove': { data: z.strictObject({ scheduleId: workflowId, reason }), roles: changing },
} as const;

export type RequestName = keyof typeof requests;
export type RequestData<Name extends RequestName> = z.infer<(typeof requests)[Name]['data']>;

/** The requests that bring a workflow. */
export type LoadingName = 'workflow:submit' | 'schedule:add';
const loadingNames: readonly string[] = ['workflow:submit', 'schedule:add'] satisfies readonly LoadingName[];

export function bringsWorkflow(name: string): name is LoadingName {
  return loadingNames.includes(name);
}

/** Where a workflow stands after a command. */
export interface Standing {
  readonly workflowId: string;
  /** The state's name as in the chart of the workflow. */
  readonly status: string;
}

/** What each request is answered with, beside `ok`. */
export interface Responses {
  readonly 'hub:info': { readonly version: string; readonly protocolVersion: number; readonly phase: string; readonly lastSeq: number };
  readonly 'workflow:submit': {
    readonly workflowId: string;
    /** How the run stood before, where it was there already. */
    readonly known?: WorkflowHead['status'];
  };
  readonly 'workflow:status': { readonly status: WorkflowStatus };
  readonly 'workflow:result': { readonly result: WorkflowResult };
  /** Without the tree, which follows from the events, and may be deeper than JSON can be written. */
  readonly 'workflow:trace': { readonly trace: Omit<Trace, 'root'> };
  readonly 'workflow:explain': { readonly explanation: Explanation };
  readonly 'workflow:list': { readonly workflows: readonly WorkflowHead[] };
  readonly 'workflow:cancel': Standing;
  readonly 'workflow:pause': Standing;
  readonly 'workflow:resume': Standing;
  readonly 'workflow:retry': Standing;
  readonly 'task:cancel': Record<never, never>;
  readonly 'task:set_priority': Record<never, never>;
  readonly 'engine:pause': Record<never, never>;
  readonly 'engine:resume': Record<never, never>;
  readonly 'schedule:list': { readonly schedules: readonly ScheduleStatus[] };
  readonly 'schedule:add': { readonly schedule: ScheduleStatus };
  readonly 'schedule:remove': Record<never, never>;
}

/** What every answer says beside, while the journal takes nothing: that it is what is recorded and no more, and why. */
export interface Held {
  readonly storage?: Reason;
}

export const protocolVersion = 1;
