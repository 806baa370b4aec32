/** Readings of this process for the heartbeats of its workers. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Vitals } from '../system/heartbeat-host.ts';

const resolutionMs = 20;

/** @returns reads memory now, and processor and lag since the last reading; and stops measuring */
export function processVitals(): { readonly read: () => Vitals; readonly stop: () => void } {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let cpu = process.cpuUsage();
  let at = process.hrtime.bigint();
  return {
    read() {
      const now = process.hrtime.bigint();
      const used = process.cpuUsage(cpu);
      const elapsedMicros = Number(now - at) / 1_000;
      cpu = process.cpuUsage();
      at = now;
      const lagMs = Number.isFinite(delay.mean) ? Math.max(0, delay.mean / 1e6 - resolutionMs) : 0;
      delay.reset();
      return { memoryBytes: process.memoryUsage.rss(), cpu: elapsedMicros > 0 ? (used.user + used.system) / elapsedMicros : 0, lagMs };
    },
    stop: () => delay.disable(),
  };
}
