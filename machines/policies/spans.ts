/**
 * Spans: how long tasks waited and ran, and how long the longest chain of tasks in a workflow ran.
 *
 * Only what was watched from its start has a span. A workflow's spans go when it ends.
 */
import { Map as ImmutableMap } from 'immutable';

import type { DataOf, EventOf } from '../events/catalogue.ts';

interface TaskSpan {
  readonly readyAt: number;
  /** When it last entered the queue. */
  readonly queuedAt: number;
  readonly waitMs: number;
  /** Of all attempts that have ended. */
  readonly runMs: number;
  /** How long the chain ran that made it ready. */
  readonly chainMs: number;
  /** The longest chain through one of its elements, where it fans out. */
  readonly elementsMs: number;
}

interface WorkflowSpan {
  /** The tasks under way. */
  readonly tasks: ImmutableMap<string, TaskSpan>;
  /** How long the chain ran that ends with a task, by task. */
  readonly chains: ImmutableMap<string, number>;
  readonly longestMs: number;
}

/** By workflow id. */
export type Spans = ImmutableMap<string, WorkflowSpan>;

const newWorkflow: WorkflowSpan = { tasks: ImmutableMap(), chains: ImmutableMap(), longestMs: 0 };

type TaskEvent = EventOf<'task:ready' | 'task:queued' | 'task:started' | 'task:failed' | 'task:completed'>;
export type SpanEvent = TaskEvent | EventOf<'workflow:started' | 'workflow:completed' | 'workflow:failed' | 'workflow:cancelled'>;

/** The spans after an event. */
export function spanned(spans: Spans, event: SpanEvent): Spans {
  const { workflowId } = event.data;
  if (event.type === 'workflow:started') return spans.set(workflowId, newWorkflow);
  if (event.type === 'workflow:completed' || event.type === 'workflow:failed' || event.type === 'workflow:cancelled') return spans.delete(workflowId);
  const workflow = spans.get(workflowId);
  return workflow === undefined ? spans : spans.set(workflowId, workflowSpanned(workflow, event));
}

/** How long a task took that completes now, or null where its start was not seen. */
export function taskDuration(spans: Spans, { data, time }: EventOf<'task:completed'>): DataOf<'task:duration'> | null {
  const { workflowId, taskId, durationMs } = data;
  const span = spans.get(workflowId)?.tasks.get(taskId);
  return span === undefined ? null : { workflowId, taskId, waitMs: span.waitMs, runMs: span.runMs + durationMs, totalMs: time - span.readyAt };
}

/** How long a workflow took that ends now, or null where its start was not seen. */
export function workflowDuration(
  spans: Spans,
  data: { readonly workflowId: string; readonly durationMs: number },
): DataOf<'workflow:duration'> | null {
  const span = spans.get(data.workflowId);
  return span === undefined ? null : { workflowId: data.workflowId, totalMs: data.durationMs, criticalPathMs: span.longestMs };
}

function workflowSpanned(workflow: WorkflowSpan, event: TaskEvent): WorkflowSpan {
  const { tasks } = workflow;
  const { taskId } = event.data;
  if (event.type === 'task:ready') return { ...workflow, tasks: tasks.set(taskId, readied(workflow, event)) };
  const span = tasks.get(taskId);
  if (span === undefined) return workflow;
  switch (event.type) {
    case 'task:queued':
      return { ...workflow, tasks: tasks.set(taskId, { ...span, queuedAt: event.time }) };
    case 'task:started':
      return { ...workflow, tasks: tasks.set(taskId, { ...span, waitMs: span.waitMs + event.time - span.queuedAt }) };
    case 'task:failed':
      return chained(workflow, event, { ...span, runMs: span.runMs + event.data.durationMs });
    case 'task:completed': {
      const next = chained(workflow, event, { ...span, runMs: span.runMs + event.data.durationMs });
      return { ...next, tasks: next.tasks.delete(taskId) };
    }
  }
}

function readied({ tasks, chains }: WorkflowSpan, { data: { unlockedBy, element }, time }: EventOf<'task:ready'>): TaskSpan {
  const inherited = element === undefined ? undefined : tasks.get(element.of)?.chainMs;
  const chainMs = inherited ?? (unlockedBy === undefined ? 0 : (chains.get(unlockedBy) ?? 0));
  return { readyAt: time, queuedAt: time, waitMs: 0, runMs: 0, chainMs, elementsMs: 0 };
}

/** Notes the chain that ends with a task; of an element with the task that it belongs to, whose own time is that of its elements. */
function chained(workflow: WorkflowSpan, event: EventOf<'task:failed' | 'task:completed'>, span: TaskSpan): WorkflowSpan {
  const { taskId, element } = event.data;
  const chainMs = span.elementsMs > 0 ? span.elementsMs : span.chainMs + span.runMs;
  const longestMs = Math.max(workflow.longestMs, chainMs);
  const tasks = workflow.tasks.set(taskId, span);
  if (element === undefined) return { tasks, chains: workflow.chains.set(taskId, chainMs), longestMs };
  return {
    ...workflow,
    longestMs,
    tasks: tasks.update(element.of, (whole) => whole && { ...whole, elementsMs: Math.max(whole.elementsMs, chainMs) }),
  };
}
