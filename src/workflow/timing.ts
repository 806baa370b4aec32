/** Times of a workflow file: in seconds, or in milliseconds where the key says so. */
import type { Faults, Path } from './faults.ts';

const msPerSecond = 1_000;

interface Where {
  readonly at: (key: string) => Path;
  readonly faults: Faults;
}

/** The milliseconds that one of two keys says, `key` in seconds or `key` with `Ms`; both are a fault. */
export function millisecondsOf(values: Readonly<Record<string, unknown>>, key: string, { at, faults }: Where): number | undefined {
  const seconds = values[key];
  const ms = values[`${key}Ms`];
  if (seconds !== undefined && ms !== undefined) faults.add(at(`${key}Ms`), 'duplicate_key', `says again what ${at(key).at(-1)} says already`);
  if (typeof ms === 'number') return ms;
  return typeof seconds === 'number' ? seconds * msPerSecond : undefined;
}

/** The timeout that a workflow or a task asks for, within what the policy allows. */
export function timeoutOf(
  values: { readonly timeout?: number | undefined; readonly timeoutMs?: number | undefined },
  where: Where & { readonly longestMs: number },
): number | undefined {
  const ms = millisecondsOf(values, 'timeout', where);
  if (ms === undefined || ms <= where.longestMs) return ms;
  const key = values.timeoutMs === undefined ? 'timeout' : 'timeoutMs';
  where.faults.add(where.at(key), 'limit', `must be at most ${where.longestMs / msPerSecond} seconds, got ${ms / msPerSecond}`);
  return where.longestMs;
}
