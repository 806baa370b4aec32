/** A run told in lines, for logs and for screens that cannot be rewritten. Pure: an event becomes a line, or none. */
import type { EventType, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { innermostOf } from '../../../machines/failures.ts';
import { duration, timeText } from '../../duration.ts';
import { withoutTokens } from '../../secrets/token.ts';
import { oneLine } from '../terminal.ts';
import { count } from '../text.ts';
import type { Progress } from './progress.ts';

/** Beyond that many tasks a line for each start and end is noise: failures and every tenth of the way remain. */
const manyTasks = 100;

type Tell = { readonly [Type in EventType]?: (event: Extract<GleitzeitEvent, { type: Type }>) => string };

const told: Tell = {
  'workflow:started': ({ data }) => `started, ${count(data.totalTasks, 'task')}`,
  'workflow:paused': ({ data }) => `paused: ${data.reason}`,
  'workflow:resumed': ({ data }) => `resumed: ${data.reason}`,
  'workflow:failing': ({ data }) => `failing: ${innermostOf(data.error).message}`,
  'workflow:cancelling': ({ data }) => `being cancelled: ${data.reason}`,
  'task:failed': ({ data }) => `${data.taskId} failed in attempt ${data.attempt}: ${innermostOf(data.error).message} (${data.error.code})`,
  'task:retry_scheduled': ({ data }) => `${data.taskId} is tried again in ${duration(data.delayMs)}`,
  'task:retry_exhausted': ({ data }) => `${data.taskId} failed for good after ${count(data.attempts, 'attempt')}`,
  'pool:scaled': ({ data }) => `pool ${data.poolId} goes from ${data.from} to ${count(data.to, 'worker')}: ${data.reason}`,
  'circuit:opened': ({ data, time }) =>
    `circuit ${data.circuit} opened: ${data.reason}${data.retryAt === undefined ? '' : `, tried again in ${duration(data.retryAt - time)}`}`,
  'circuit:half_open': ({ data }) => `circuit ${data.circuit} is half-open: ${count(data.probes, 'probe')}`,
  'circuit:closed': ({ data }) => `circuit ${data.circuit} closed`,
  'provider:unhealthy': ({ data }) => `provider ${data.providerId} is unhealthy`,
  'queue:full': () => 'the queue is full',
};

/** Told of single tasks, where they are few enough. */
const toldOfFew: Tell = {
  'task:started': ({ data }) => `${data.taskId} started${data.attempt > 1 ? `, attempt ${data.attempt}` : ''} (${data.method})`,
  'task:completed': ({ data }) => `${data.taskId} completed in ${duration(data.durationMs)}`,
  'task:cancelled': ({ data }) => `${data.taskId} cancelled: ${data.reason}`,
  // Why a workflow is cancelled is told once, and of it.
  'task:skipped': ({ data }) => `${data.taskId} skipped${data.policy === 'workflow_cancelled' ? '' : `, because of ${data.because}`}`,
  'task:expanded': ({ data }) => `${data.taskId} runs for ${count(data.elements, 'element')}`,
};

/** The line that an event is worth; ask after the progress has taken the event in. */
export function lineOf(event: GleitzeitEvent, progress: Progress): string | undefined {
  const { total, protocols } = progress.view;
  // Every provider has a pool; those that the run does not use are nobody's concern.
  if (event.type === 'pool:scaled' && !protocols.has(event.data.poolId)) return undefined;
  const always = tell(told, event);
  if (always !== undefined) return oneLine(always);
  if (total > manyTasks) return event.type === 'workflow:step_completed' ? shareLine(event.data) : undefined;
  if ('taskId' in event.data && progress.fanOutOf(event.data.taskId ?? '') !== undefined) return undefined;
  const line = tell(toldOfFew, event);
  return line === undefined ? undefined : oneLine(line);
}

function tell(lines: Tell, event: GleitzeitEvent): string | undefined {
  // Each entry is registered under the type whose payload it takes.
  const line = lines[event.type] as ((event: GleitzeitEvent) => string) | undefined;
  return line?.(event);
}

function shareLine({ done, total }: { readonly done: number; readonly total: number }): string | undefined {
  const step = Math.ceil(total / 10);
  return done % step === 0 || done === total ? `${done} of ${count(total, 'task')}` : undefined;
}

/** Any event on one line, for `--watch`. */
export function eventLine({ time, type, severity, source, data }: GleitzeitEvent): string {
  const clock = timeText(time).replace(/^.*T|Z$/g, '');
  return oneLine(`${clock} ${severity.padEnd(8)} ${type} ${source} ${detailsOf(data as Readonly<Record<string, unknown>>)}`);
}

/** Short values only, and secrets as `[sealed]`: parameters and results may be megabytes. */
function detailsOf(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data)
    .map(([key, value]) => [key, typeof value === 'string' ? withoutTokens(value) : value] as const)
    .filter(([, value]) => (typeof value === 'string' && value.length <= 60) || typeof value === 'number' || typeof value === 'boolean')
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}
