/** What hangs: workers from which nothing is heard any more. */
import type { Core } from '../../src/system/core.ts';

/** Keeps the heartbeats of a worker from the system, as a process that hangs would. */
export function silence(core: Core, workerId: string): void {
  const { accept } = core;
  core.accept = (draft, origin) => {
    if (draft.type !== 'worker:heartbeat' || draft.data.workerId !== workerId) accept.call(core, draft, origin);
  };
}
