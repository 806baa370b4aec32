/** Tells what happens, one line an event that matters to people, and counts what the verdict asks for. */
import type { GleitzeitSystem } from 'gleitzeit';

/** What was seen while the job ran. */
export interface Sightings {
  retries: number;
  timeouts: number;
  opened: number;
  halfOpen: number;
  closed: number;
  /** Whether the circuit is closed just now. */
  isClosed: boolean;
  /** Sizes of the catalogue's pool, one after another. */
  sizes: number[];
}

const watched = 'catalogue/v1';

export function narrate(system: GleitzeitSystem, print: (line: string) => void): Sightings {
  const seen: Sightings = { retries: 0, timeouts: 0, opened: 0, halfOpen: 0, closed: 0, isClosed: true, sizes: [] };
  const reasons = new Map<string, string>();
  let startedAt: number | undefined;
  const tell = (time: number, what: string): void => {
    startedAt ??= time;
    print(`${((time - startedAt) / 1_000).toFixed(2).padStart(6)} s  ${what}`);
  };

  system.on('workflow:submitted', ({ time, data }) => tell(time, `workflow  '${data.name}' begins: ${data.definition.tasks.length} tasks`));
  system.on('task:expanded', ({ time, data }) => tell(time, `task      ${data.taskId} runs once for each of ${data.elements} texts`));
  system.on('task:completed', ({ time, data }) => {
    if (data.element === undefined) tell(time, `task      ${data.taskId} completed`);
  });
  system.on('task:failed', ({ data }) => {
    if (data.ended === 'timeout') seen.timeouts++;
    reasons.set(data.taskId, data.ended === 'timeout' ? 'no answer in time' : data.error.message);
  });
  system.on('task:retry_scheduled', ({ time, data }) => {
    seen.retries++;
    tell(time, `retry     ${data.taskId}: ${reasons.get(data.taskId)}; attempt ${data.attempt + 1} in ${Math.round(data.delayMs)} ms`);
  });
  system.on('circuit:opened', ({ time, data }) => {
    seen.opened++;
    seen.isClosed = false;
    const why = data.reason === 'probe_failed' ? 'the probe failed' : `${data.failures} failures in a row`;
    tell(time, `circuit   OPEN: ${why}; nobody calls ${data.providerId} for ${(data.retryAt ?? time) - time} ms`);
  });
  system.on('circuit:half_open', ({ time, data }) => {
    seen.halfOpen++;
    tell(time, `circuit   HALF OPEN: one call on trial${data.successes > 0 ? `, after ${data.successes} that went well` : ''}`);
  });
  system.on('circuit:closed', ({ time }) => {
    seen.closed++;
    seen.isClosed = true;
    tell(time, 'circuit   CLOSED: the service is trusted again');
  });
  system.on('pool:scaled', ({ time, data }) => {
    if (data.poolId !== watched) return;
    seen.sizes.push(data.to);
    const why: Readonly<Record<string, string>> = {
      load: 'work waits',
      idle: 'nothing to do',
      circuit_open: 'circuit open',
      restored: 'circuit closed',
    };
    if (data.from > 0) tell(time, `pool      ${data.from} -> ${data.to} workers: ${why[data.reason] ?? data.reason}`);
  });
  system.on('workflow:completed', ({ time, data }) => tell(time, `workflow  completed in ${(data.durationMs / 1_000).toFixed(2)} s`));
  return seen;
}
