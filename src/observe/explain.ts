/**
 * Why a task waits, and what would release it: read from the same functions that dispatch decides by.
 */

import { type BackpressureMonitorContext, pressureOf } from '../../machines/backpressure-monitor.ts';
import { fanOutOf, isHeldBack, type ResolverContext, unmetDependencies } from '../../machines/dependency-resolver.ts';
import type { EngineContext } from '../../machines/engine.ts';
import { type MethodRouterContext, unavailabilityOf } from '../../machines/method-router.ts';
import { isoOf } from '../../machines/policies/instants.ts';
import { type QueueContext, whyNotOffered } from '../../machines/queue.ts';
import type { TaskContext } from '../../machines/task.ts';
import type { WorkflowContext } from '../../machines/workflow.ts';
import { duration } from '../duration.ts';
import { methodKey, taskKey } from '../system/addressing.ts';
import type { Core } from '../system/core.ts';
import { reasonsOfPool } from './pool-reasons.ts';
import type { Reason } from './reason.ts';
import { reasonOfStorage } from './storage-fault.ts';

export type { Reason } from './reason.ts';

/** Why one task is not done yet. */
export interface TaskExplanation {
  readonly taskId: string;
  /** The state's name, as in the chart of the task. */
  readonly state: string;
  readonly reasons: readonly Reason[];
}

/** Why a workflow is not done yet. */
export interface Explanation {
  readonly workflowId: string;
  /** The state's name, as in the chart of the workflow. */
  readonly status: string;
  /** The unfinished tasks, in the order of the definition. */
  readonly tasks: readonly TaskExplanation[];
  /** Why the workflow is not admitted yet, where its submit waits for room. */
  readonly admission?: readonly Reason[];
  /** That this is what is recorded and no more, and why, while the journal takes no facts. */
  readonly storage?: Reason;
}

/** Where the actors are found that an explanation follows from; of those that are not there nothing is said. */
export type Explained = Pick<Core, 'snapshot' | 'storageFault' | 'clock'>;

/** Explains the unfinished tasks of a workflow, or the one named; a workflow that has ended has none. */
export function explainWorkflow(core: Explained, workflowId: string, taskId?: string): Explanation {
  const workflow = core.snapshot('workflow', workflowId);
  const resolver = core.snapshot('resolver', workflowId);
  const storage = reasonOfStorage(core);
  if (workflow === undefined || resolver === undefined) return { workflowId, status: 'ended', tasks: [], ...(storage && { storage }) };
  // The snapshots of these components have the contexts of their machines; so too below.
  const context = resolver.context as ResolverContext;
  const status = String(workflow.value);
  const ids = taskId === undefined ? context.definition.tasks.map(({ id }) => id) : [taskId];
  const { startAt } = workflow.context as WorkflowContext;
  const tasks = ids.flatMap((id) => explainTask({ core, workflowId, context, status, startAt }, id) ?? []);
  return { workflowId, status, tasks, ...(storage && { storage }) };
}

/** Explains a submit that waits for room, which the policy `block` has it do; nothing for one that does not. */
export function explainAdmission(core: Explained, workflowId: string): Explanation | undefined {
  // The engine's snapshot has the engine's context.
  const engine = core.snapshot('engine')?.context as EngineContext | undefined;
  if (engine?.waiting.has(workflowId) !== true) return undefined;
  const admission: Reason[] = [];
  if (engine.throttle.queueFull)
    admission.push({ kind: 'queue_full', message: 'the queue holds as many tasks as it may', releasedBy: 'the queue has room again' });
  if (engine.throttle.loadCritical) admission.push({ kind: 'backpressure', message: loadOf(core), releasedBy: 'the load falls below critical' });
  return { workflowId, status: 'waiting for admission', tasks: [], admission };
}

function loadOf(core: Explained): string {
  const monitor = core.snapshot('backpressure', 'system')?.context as BackpressureMonitorContext | undefined;
  const pressure = monitor && pressureOf(monitor);
  return `the load of the system is critical${pressure === undefined || pressure === null ? '' : ` (${pressure.signal}, score ${pressure.score.toFixed(2)})`}`;
}

interface Case {
  readonly core: Explained;
  readonly workflowId: string;
  readonly context: ResolverContext;
  readonly status: string;
  readonly startAt: number | null;
}

function explainTask(about: Case, taskId: string): TaskExplanation | undefined {
  const { core, workflowId, context } = about;
  const task = core.snapshot('task', taskKey(workflowId, taskId));
  if (task !== undefined && task.status === 'active') {
    const state = task.matches('waiting.queued') ? 'queued' : typeof task.value === 'string' ? task.value : 'pending';
    return { taskId, state, reasons: reasonsOfLive(about, state, task.context as TaskContext) };
  }
  if (task !== undefined) return undefined;
  const notStarted = reasonNotStarted(about);
  if (notStarted !== undefined) return { taskId, state: 'pending', reasons: [notStarted] };
  const unmet = unmetDependencies(context, taskId);
  const reasons: Reason[] = unmet.map(({ task: needed, when, status }) => ({
    kind: 'dependency',
    message: `waits for '${needed}', which is ${status}`,
    releasedBy: when === 'success' ? `task '${needed}' completes` : `task '${needed}' ends, in whichever way`,
  }));
  if (isHeldBack(context, taskId)) reasons.push(...heldBack(about));
  return reasons.length === 0 ? undefined : { taskId, state: 'pending', reasons };
}

/** Before its start nothing else of a workflow matters. */
function reasonNotStarted({ core, status, startAt }: Case): Reason | undefined {
  if (status === 'held')
    return { kind: 'workflow_paused', message: 'its workflow was paused before its start', releasedBy: 'the workflow is resumed' };
  if (status !== 'pending' || startAt === null) return undefined;
  return {
    kind: 'start_time',
    message: `its workflow starts at ${isoOf(startAt)}`,
    ...untilTime(startAt, core.clock.wall()),
    releasedBy: 'that time comes',
  };
}

function heldBack({ status }: Case): Reason[] {
  if (status === 'paused') return [{ kind: 'workflow_paused', message: 'its workflow is paused', releasedBy: 'the workflow is resumed' }];
  return [{ kind: 'parallel_limit', message: 'as many tasks of its workflow are under way as may be', releasedBy: 'a task of this workflow ends' }];
}

function reasonsOfLive(about: Case, state: string, task: TaskContext): Reason[] {
  switch (state) {
    case 'running':
      return [
        {
          kind: 'running',
          message: `attempt ${task.attempt} runs on '${task.lease?.workerId ?? '?'}'`,
          ...untilTime(task.startedAt + task.timeoutMs, about.core.clock.now()),
          releasedBy: 'the attempt ends, or its deadline comes',
        },
      ];
    case 'waitingRetry': {
      const until = task.dueAt === null ? undefined : untilTime(task.dueAt, about.core.clock.now());
      return [
        {
          kind: 'retry',
          message: `attempt ${task.attempt} failed (${task.error?.code ?? 'unknown'}); the next one has its time`,
          ...until,
          releasedBy: 'its time comes',
        },
      ];
    }
    case 'failing':
      return [
        {
          kind: 'retry_decision',
          message: `attempt ${task.attempt} failed (${task.error?.code ?? 'unknown'})`,
          releasedBy: 'the retry manager decides',
        },
      ];
    case 'expanded': {
      const fanOut = fanOutOf(about.context, task.taskId);
      const message =
        fanOut === undefined
          ? 'its elements run'
          : `${fanOut.completed + fanOut.failed} of ${fanOut.total} elements have ended, ${fanOut.running} are under way`;
      return [{ kind: 'elements', message, releasedBy: 'all its elements have ended' }];
    }
    default:
      return reasonsOfQueued(about.core, task);
  }
}

function reasonsOfQueued(core: Explained, task: TaskContext): Reason[] {
  const storage = reasonOfStorage(core);
  if (storage !== undefined) return [storage];
  const queue = core.snapshot('queue')?.context as QueueContext | undefined;
  switch (queue && whyNotOffered(queue, task)) {
    case 'held':
      return [
        {
          kind: 'engine_paused',
          message: `nothing is dispatched: ${queue?.heldBecause ?? 'the queue is held'}`,
          releasedBy: 'the engine is resumed',
        },
      ];
    case 'workflow_paused':
      return [{ kind: 'workflow_paused', message: 'its workflow is paused', releasedBy: 'the workflow is resumed' }];
    case 'method_unavailable':
      return [reasonOfMethod(core, task)];
    case 'circuit_probing':
      return [
        {
          kind: 'circuit_probing',
          message: 'the circuit of its provider is half-open and all trial calls are under way',
          releasedBy: 'a trial call ends',
        },
      ];
    case 'behind_others':
      return [
        { kind: 'behind_others', message: `other tasks of '${task.method}' come first`, releasedBy: 'they are claimed' },
        ...reasonsOfPool(core, task),
      ];
    case 'offered':
      return reasonsOfPool(core, task);
    default:
      return [{ kind: 'dispatching', message: 'it is on its way to a worker', releasedBy: 'the worker claims it' }];
  }
}

function reasonOfMethod(core: Explained, { protocol, method }: TaskContext): Reason {
  const context = core.snapshot('methods', methodKey(protocol, method))?.context as MethodRouterContext | undefined;
  const hindrance = context && unavailabilityOf(context);
  const until = hindrance?.until === undefined ? undefined : untilTime(hindrance.until, core.clock.now());
  if (hindrance?.reason === 'circuit_open') {
    return {
      kind: 'circuit_open',
      message: `the circuit of every provider of '${method}' is open`,
      ...until,
      releasedBy: 'a trial call is let through',
    };
  }
  const why = hindrance?.reason ?? 'no_provider';
  return {
    kind: 'method_unavailable',
    message: `no provider of '${method}' can be called (${why})`,
    ...until,
    releasedBy: 'a provider of it is available',
  };
}

function untilTime(until: number, now: number): Pick<Reason, 'until' | 'leftMs'> {
  return { until, leftMs: Math.max(0, until - now) };
}

/** The explanation as lines for people. */
export function renderExplanation({ workflowId, status, tasks, storage, admission = [] }: Explanation): string {
  const lines = [`Workflow ${workflowId} is ${status}.`];
  for (const { message, releasedBy } of admission) lines.push(`  ${message}; released when ${releasedBy}`);
  if (storage !== undefined) lines.push(`  ${storage.message}; released when ${storage.releasedBy}`);
  for (const { taskId, state, reasons } of tasks) {
    lines.push(`  ${taskId} is ${state}`);
    for (const { message, leftMs, releasedBy } of reasons) {
      const time = leftMs === undefined ? '' : ` (in ${duration(leftMs)} at the latest)`;
      lines.push(`    ${message}; released when ${releasedBy}${time}`);
    }
  }
  return lines.join('\n');
}
