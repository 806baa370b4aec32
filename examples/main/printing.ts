/** Prints the report, and one branch of the trace. */
import { renderTrace, type Trace, type TraceNode } from 'gleitzeit';

import type { Row } from './providers.ts';

export interface ReportOutput {
  readonly rows: readonly Row[];
  readonly vocabulary: readonly { readonly word: string; readonly count: number }[];
}

type Column = readonly [heading: string, cell: (row: Row) => string | number];

const columns: readonly Column[] = [
  ['year', (row) => row.year],
  ['title', (row) => row.title],
  ['author', (row) => row.author],
  ['words', (row) => row.words],
  ['sentences', (row) => row.sentences],
  ['ease', (row) => row.readingEase],
  ['longest word', (row) => row.longestWord],
];

export function tableOf(rows: readonly Row[]): string {
  const cells = [columns.map(([heading]) => heading), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => String(line[index]).length)));
  const lines = cells.map((line) =>
    line
      .map((cell, index) => (typeof cell === 'number' ? String(cell).padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}

/** The trace without the tasks that are not named. */
export function branchOf(trace: Trace, taskIds: readonly string[]): string {
  const wanted = new Set(taskIds);
  const prune = ({ event, children }: TraceNode): TraceNode[] => {
    const kept = children.flatMap(prune);
    const { taskId } = event.correlation;
    return taskId === undefined || wanted.has(taskId) ? [{ event, children: kept }] : kept;
  };
  const [root = trace.root] = prune(trace.root);
  return renderTrace({ ...trace, root });
}
