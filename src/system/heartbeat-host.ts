/** Gives a sign of life for the workers of this process, with what the process is worth as a measure. */
import type { WorkerContext } from '../../machines/worker.ts';
import type { Timer } from './clock.ts';
import type { Core } from './core.ts';

/** Readings of the process that the workers share. */
export interface Vitals {
  readonly memoryBytes: number;
  /** Share of one core since the last reading, 0..1 and above. */
  readonly cpu: number;
  /** How late the event loop ran since the last reading, in milliseconds. */
  readonly lagMs: number;
}

export interface HeartbeatOptions {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly vitals: () => Vitals;
}

interface LocalWorker {
  readonly poolId: string;
  readonly slots: number;
}

/** @returns stops the heartbeats */
export function hostHeartbeats(core: Core, { heartbeatMs, leaseMs, vitals }: HeartbeatOptions): () => void {
  const workers = new Map<string, LocalWorker>();
  let timer: Timer | undefined;
  const beat = (): void => {
    timer = undefined;
    if (workers.size === 0) return;
    const readings = vitals();
    const leaseUntil = core.clock.now() + leaseMs;
    for (const [workerId, { poolId, slots }] of workers) {
      // A worker's snapshot has the worker's context.
      const running = (core.snapshot('worker', workerId)?.context as WorkerContext | undefined)?.leases.size ?? 0;
      core.accept(
        { type: 'worker:heartbeat', data: { workerId, poolId, running, slots, leaseUntil, ...readings } },
        { source: `worker/${workerId}` },
      );
    }
    timer = core.clock.setTimer(heartbeatMs, beat);
  };
  core.on('worker:started', ({ data: { workerId, poolId, slots, remote } }) => {
    if (remote) return;
    workers.set(workerId, { poolId, slots });
    timer ??= core.clock.setTimer(heartbeatMs, beat);
  });
  core.on('worker:stopped', ({ data }) => void workers.delete(data.workerId));
  core.on('worker:failed', ({ data }) => void workers.delete(data.workerId));
  return () => timer?.cancel();
}
