/** What is printed of a workflow that has ended. */

import { duration } from '../duration.ts';
import type { TaskResult, WorkflowResult } from '../runtime/result.ts';
import { headlineOf, linesBelow } from './failure-lines.ts';
import { oneLine, print, say, type Terminal } from './terminal.ts';
import { count } from './text.ts';

/** The object of `--json`, with the keys that scripts rely on and no others. */
export function resultJson({ workflowId, name, status, durationMs, output, error, tasks }: WorkflowResult) {
  const entries = Object.entries(tasks).map(
    ([id, { status, attempts, durationMs, result, error }]) => [id, { status, attempts, durationMs, result, error }] as const,
  );
  // Object.fromEntries defines its keys, so that a task named `__proto__` is one like any other.
  return { workflowId, name, status, durationMs, output, error, tasks: Object.fromEntries(entries) };
}

/** Tells how a workflow ended, and prints its data: its output where it defines one, else the result of each task. */
export function tellResult(terminal: Terminal, result: WorkflowResult, { withData }: { readonly withData: boolean }): void {
  const { colors } = terminal;
  const tasks = Object.entries(result.tasks);
  for (const [id, task] of tasks) if (task.status === 'failed') tellFailure(terminal, id, task);
  const mark = { completed: colors.green('✓'), failed: colors.red('✗'), cancelled: colors.yellow('■') }[result.status];
  const because = result.error === undefined ? '' : `: ${headlineOf(result.error)}`;
  say(terminal, `${mark} ${oneLine(result.name)} ${result.status} in ${duration(result.durationMs)}, ${summaryOf(tasks)}${because}`);
  if (withData) printData(terminal, result);
}

function tellFailure(terminal: Terminal, id: string, { attempts, error }: TaskResult): void {
  const { colors } = terminal;
  say(terminal, `${colors.red('✗')} ${oneLine(`${id} failed after ${count(attempts, 'attempt')}: ${headlineOf(error)}`)}`);
  if (error !== undefined) for (const line of linesBelow(error)) say(terminal, colors.dim(`    ${line}`));
}

function summaryOf(tasks: readonly (readonly [string, TaskResult])[]): string {
  const counts = new Map<string, number>();
  for (const [, { status }] of tasks) counts.set(status, (counts.get(status) ?? 0) + 1);
  const parts = [...counts].map(([status, n]) => `${n} ${status}`);
  return `${count(tasks.length, 'task')}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

function printData(terminal: Terminal, { output, tasks }: WorkflowResult): void {
  if (output !== undefined) {
    print(terminal, typeof output === 'string' ? output : JSON.stringify(output, null, 2));
    return;
  }
  for (const [id, { status, result }] of Object.entries(tasks)) {
    if (status === 'completed') print(terminal, `${oneLine(id)}: ${JSON.stringify(result) ?? 'null'}`);
  }
}

/** What whoever submits a run is told that has ended before. */
export function hasEnded(workflowId: string, status: string): string {
  return `Run ${workflowId} has ended already, and is ${status}: nothing was started. For another run, give another --id.`;
}
