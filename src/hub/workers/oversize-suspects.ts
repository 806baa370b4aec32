/**
 * Which attempts the messages may be reports of that were too large to be read.
 *
 * A message that is not read says nothing, but a worker that is not answered reports again: the attempt is one of those that it
 * holds whenever this happens. So the suspects become fewer as others are reported, and what it was given since is none of them.
 */
import type { Attempt } from '../../providers/attempt.ts';
import { attemptsOf } from '../../runtime/attempt-host.ts';
import type { Core } from '../../system/core.ts';

/** How often the same attempts may be suspected before all of them end: then nothing of that worker gets through any more. */
const mostTimes = 3;

interface Suspicion {
  readonly leaseIds: ReadonlySet<string>;
  readonly times: number;
}

export class OversizeSuspects {
  private readonly core: Core;
  private readonly byWorker = new Map<string, Suspicion>();

  constructor(core: Core) {
    this.core = core;
    core.on('worker:failed', ({ data }) => void this.byWorker.delete(data.workerId));
    core.on('worker:stopped', ({ data }) => void this.byWorker.delete(data.workerId));
  }

  /** The workers of one connection have sent such a message. @returns the attempts that are to end by it */
  narrow(workerIds: readonly string[]): readonly Attempt[] {
    const held = workerIds.flatMap((workerId) => attemptsOf(this.core, workerId));
    const before = workerIds.flatMap((workerId) => this.byWorker.get(workerId) ?? []);
    const still = held.filter(({ leaseId }) => before.some(({ leaseIds }) => leaseIds.has(leaseId)));
    const suspects = still.length > 0 ? still : held;
    const isSame = still.length > 0 && before.reduce((sum, { leaseIds }) => sum + leaseIds.size, 0) === still.length;
    const times = isSame ? Math.max(...before.map((each) => each.times)) + 1 : 1;
    for (const workerId of workerIds) this.byWorker.delete(workerId);
    if (suspects.length <= 1 || times >= mostTimes) return suspects;
    for (const workerId of workerIds) {
      const leaseIds = new Set(suspects.filter((each) => each.workerId === workerId).map(({ leaseId }) => leaseId));
      if (leaseIds.size > 0) this.byWorker.set(workerId, { leaseIds, times });
    }
    return [];
  }
}
