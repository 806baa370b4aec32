/** Lets the journal remove what the cleaner says is no longer kept, and reports what it removed. */
import type { Core } from '../system/core.ts';
import type { Logger } from './logger.ts';
import { SweepGate } from './sweep-gate.ts';

/** @returns what a sweep and those who have a finished workflow go on keep out of each other's way by */
export function hostCleanup(core: Core, log: Logger): SweepGate {
  const gate = new SweepGate();
  core.on('cleanup:started', (event) => {
    const { scope, olderThan, keep } = event.data;
    const startedAt = core.clock.now();
    const report = (removed: number): void => {
      const data = { scope, removed, durationMs: core.clock.now() - startedAt };
      core.accept({ type: 'cleanup:swept', data }, { source: 'sweeper', cause: event });
    };
    const failed = (error: unknown): void => {
      log.warn({ err: error }, 'finished workflows could not be removed; the next cleanup tries again');
      report(0);
    };
    gate.sweep(() => core.journal.sweep({ olderThan, keep })).then(report, failed);
  });
  return gate;
}
