/** The live picture of a run: a bar, one line per running task, pool sizes and circuit states. Pure: a view becomes lines. */

import { duration } from '../../duration.ts';
import type { Colors } from '../terminal.ts';
import { oneLine } from '../terminal.ts';
import { bar, count, cut } from '../text.ts';
import type { CircuitView, ProgressView, RunningTask } from './progress.ts';

export interface FrameOptions {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Of the screen, in characters. */
  readonly columns: number;
  readonly rows: number;
  readonly colors: Colors;
}

const barWidth = 24;
/** Lines beside those of tasks, and one that stays free so that the frame never scrolls. */
const fixedLines = 5;
const fewestTaskLines = 3;

/** The lines of one frame, none of them wider than the screen. */
export function frameOf(view: ProgressView, options: FrameOptions): readonly string[] {
  const { columns, rows, colors } = options;
  const line = (text: string) => cut(oneLine(text), columns - 1);
  const room = Math.max(fewestTaskLines, rows - fixedLines);
  const tasks = taskLines(view, options.now, room);
  const pools = poolsOf(view);
  const circuits = circuitsOf(view, options.now);
  return [
    colors.bold(line(headOf(view, options))),
    ...tasks.map(line),
    ...(pools === '' ? [] : [colors.dim(line(`  pools     ${pools}`))]),
    ...(circuits === '' ? [] : [(isTroubled(view) ? colors.yellow : colors.dim)(line(`  circuits  ${circuits}`))]),
  ];
}

function headOf(view: ProgressView, { name, now }: FrameOptions): string {
  const { done, total, ended, startedAt, isPaused } = view;
  const share = total === 0 ? 0 : (done + fractionOf(view)) / total;
  const bad = [
    ended.failed > 0 ? `${ended.failed} failed` : '',
    ended.cancelled > 0 ? `${ended.cancelled} cancelled` : '',
    ended.skipped > 0 ? `${ended.skipped} skipped` : '',
  ];
  const parts = [
    `${done}/${total}`,
    ...bad.filter(Boolean),
    startedAt === undefined ? 'starting' : duration(Math.max(0, now - startedAt)),
    isPaused ? 'paused' : '',
  ];
  return `${name}  ${bar(share, barWidth)}  ${parts.filter(Boolean).join('  ')}`;
}

/** What running fan-outs add to the bar: each is one task, however many elements it has. */
function fractionOf({ fanOuts }: ProgressView): number {
  let sum = 0;
  for (const { total, done } of fanOuts.values()) sum += total === 0 ? 0 : done / total;
  return sum;
}

function taskLines(view: ProgressView, now: number, room: number): string[] {
  const lines: string[] = [];
  for (const [taskId, { done, total }] of view.fanOuts) lines.push(`  ▸ ${taskId}  ${done} of ${count(total, 'element')}`);
  for (const task of view.running.values()) {
    // One more than fits tells that something is left out; a fan-out may run thousands.
    if (lines.length > room) break;
    lines.push(`  ● ${runningLine(task, now)}`);
  }
  for (const { taskId, dueAt } of view.retrying.values()) {
    if (lines.length > room) break;
    lines.push(`  ↻ ${taskId}  again in ${duration(Math.max(0, dueAt - now))}`);
  }
  const all = view.fanOuts.size + view.running.size + view.retrying.size;
  return all <= room ? lines : [...lines.slice(0, room - 1), `  … and ${all - room + 1} more`];
}

function runningLine({ taskId, method, attempt, startedAt, fraction, message }: RunningTask, now: number): string {
  const parts = [
    taskId,
    method,
    attempt > 1 ? `attempt ${attempt}` : undefined,
    fraction === undefined ? undefined : `${Math.floor(fraction * 100)} %`,
    message,
    duration(Math.max(0, now - startedAt)),
  ];
  return parts.filter((part) => part !== undefined).join('  ');
}

function poolsOf({ pools, protocols }: ProgressView): string {
  return [...pools]
    .filter(([poolId]) => protocols.has(poolId))
    .map(([poolId, { workers, running }]) => `${poolId} ${count(workers, 'worker')}, ${running} running`)
    .join(' · ');
}

function circuitsOf({ circuits, protocols }: ProgressView, now: number): string {
  return [...circuits]
    .filter(([, { protocol, state }]) => state !== 'closed' || protocols.has(protocol))
    .map(([circuit, view]) => `${circuit} ${stateOf(view, now)}`)
    .join(' · ');
}

function stateOf({ state, retryAt }: CircuitView, now: number): string {
  return retryAt === undefined ? state : `${state}, tried again in ${duration(Math.max(0, retryAt - now))}`;
}

const isTroubled = ({ circuits }: ProgressView) => [...circuits.values()].some(({ state }) => state !== 'closed');
