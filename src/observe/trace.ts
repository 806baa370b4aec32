/**
 * The trace of a workflow: everything recorded of it, as a tree of what followed from what.
 *
 * A fact of a task stands below the one before it of the same task; its first one below the end of the last dependency. That a
 * slot became free because another task ended is why it began just then, and `causationId` says so, but it is not what it
 * followed from.
 */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { innermostOf } from '../../machines/failures.ts';

/** An event, and what it caused. */
export interface TraceNode {
  readonly event: GleitzeitEvent;
  readonly children: readonly TraceNode[];
}

/** Everything recorded of a workflow, as a tree of causes. */
export interface Trace {
  readonly workflowId: string;
  readonly name: string;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  readonly root: TraceNode;
  /** All of it by `seq`. */
  readonly events: readonly GleitzeitEvent[];
}

interface Growing {
  readonly event: GleitzeitEvent;
  readonly children: Growing[];
}

/** Builds the trace of one workflow from its facts, of which there is at least the submit. */
export function traceOf(facts: readonly GleitzeitEvent[]): Trace {
  const events = [...facts].sort((a, b) => a.seq - b.seq);
  const [first] = events;
  if (first === undefined) throw new Error('A trace needs at least one fact.');
  const root: Growing = { event: first, children: [] };
  const growth = new Growth(root);
  for (const event of events.slice(1)) growth.add(event);
  const name = first.type === 'workflow:submitted' ? first.data.name : '';
  return { workflowId: first.correlation.correlationId, name, submittedAt: first.time, root, events };
}

class Growth {
  private readonly root: Growing;
  private readonly byId: Map<string, Growing>;
  private readonly lastOfTask = new Map<string, Growing>();
  private readonly dependencies: ReadonlyMap<string, readonly string[]>;
  private lastOfWorkflow: Growing;

  constructor(root: Growing) {
    this.root = root;
    this.lastOfWorkflow = root;
    this.byId = new Map([[root.event.id, root]]);
    const tasks = root.event.type === 'workflow:submitted' ? root.event.data.definition.tasks : [];
    this.dependencies = new Map(tasks.map(({ id, dependencies }) => [id, dependencies.map(({ task }) => task)]));
  }

  add(event: GleitzeitEvent): void {
    const node: Growing = { event, children: [] };
    const { taskId } = event.correlation;
    (taskId === undefined ? this.parentInWorkflow(event) : this.parentOfTask(taskId)).children.push(node);
    this.byId.set(event.id, node);
    if (taskId !== undefined) this.lastOfTask.set(taskId, node);
    else if (event.type === 'workflow:started' || event.type === 'workflow:validated') this.lastOfWorkflow = node;
  }

  private parentInWorkflow({ causationId }: GleitzeitEvent): Growing {
    return (causationId === undefined ? undefined : this.byId.get(causationId)) ?? this.root;
  }

  private parentOfTask(taskId: string): Growing {
    const own = this.lastOfTask.get(taskId) ?? this.lastOfTask.get(fanOutOf(taskId));
    if (own !== undefined) return own;
    let latest: Growing | undefined;
    for (const needed of this.dependencies.get(taskId) ?? []) {
      const end = this.lastOfTask.get(needed);
      if (end !== undefined && (latest === undefined || end.event.seq > latest.event.seq)) latest = end;
    }
    return latest ?? this.lastOfWorkflow;
  }
}

/** The task whose element this is: `each` for `each[3]`. */
function fanOutOf(taskId: string): string {
  const bracket = taskId.lastIndexOf('[');
  return bracket === -1 ? '' : taskId.slice(0, bracket);
}

export interface RenderOptions {
  /** Only these types; what stands below one that is left out moves up. */
  readonly types?: readonly string[];
  /** Without times, for comparison with a written tree. */
  readonly bare?: boolean;
}

/**
 * Draws the trace as lines, as the seed does it: `├── task:started (workflow-123, task-1)`, with the time since the submit.
 * The walk keeps a stack of its own: a chain of 10,000 tasks is a tree 10,000 deep.
 */
export function renderTrace(trace: Trace, { types, bare = false }: RenderOptions = {}): string {
  const shown = types === undefined ? undefined : new Set(types);
  const lines = [`Workflow ${bare ? 'Submission' : `'${trace.name}'`} (correlation_id: ${trace.workflowId})`];
  if (shown !== undefined) {
    const flat = trace.events.filter(({ type }) => shown.has(type));
    for (const [index, event] of flat.entries()) lines.push(`${index === flat.length - 1 ? '└──' : '├──'} ${lineOf(event, trace, bare)}`);
    return lines.join('\n');
  }
  const stack = reversed(trace.root.children, '');
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { node, indent, isLast } = item;
    lines.push(`${indent}${isLast ? '└──' : '├──'} ${lineOf(node.event, trace, bare)}`);
    stack.push(...reversed(node.children, deeper(indent, isLast)));
  }
  return lines.join('\n');
}

/** Indents beyond this are cut: a line that starts past any screen helps nobody. */
const deepestIndent = 80;

function deeper(indent: string, isLast: boolean): string {
  return indent.length >= deepestIndent ? indent : `${indent}${isLast ? '    ' : '│   '}`;
}

interface Pending {
  readonly node: TraceNode;
  readonly indent: string;
  readonly isLast: boolean;
}

function reversed(nodes: readonly TraceNode[], indent: string): Pending[] {
  return nodes.map((node, index) => ({ node, indent, isLast: index === nodes.length - 1 })).reverse();
}

function lineOf(event: GleitzeitEvent, trace: Trace, bare: boolean): string {
  const { taskId } = event.correlation;
  const about = taskId === undefined ? trace.workflowId : `${trace.workflowId}, ${taskId}`;
  if (bare) return `${event.type} (${about})`;
  const attempt = event.correlation.attempt === undefined ? '' : ` #${event.correlation.attempt}`;
  return `${event.type} (${about}${attempt}) +${event.time - trace.submittedAt} ms${remarkOf(event)}`;
}

function remarkOf(event: GleitzeitEvent): string {
  switch (event.type) {
    case 'task:failed':
    case 'task:retry_exhausted':
    case 'workflow:failed':
      return `: ${event.data.error.code} ${innermostOf(event.data.error).message}`;
    case 'task:retry_scheduled':
      return `: again in ${Math.round(event.data.delayMs)} ms`;
    case 'task:cancelled':
    case 'workflow:cancelled':
      return `: ${event.data.reason}`;
    case 'task:skipped':
      return `: ${event.data.policy} (${event.data.because})`;
    default:
      return '';
  }
}
