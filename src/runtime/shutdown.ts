/**
 * The order of a stop: admission ends and dispatch is held, workers drain until the deadline, the rest is aborted and its
 * leases given back, time stops, the engine says that it has stopped, and the journal is closed.
 */
import { errorOf } from '../errors.ts';
import type { Booted } from './boot.ts';

export interface StopOptions {
  /** How long running attempts may take to finish, in milliseconds; 0 aborts them at once. @defaultValue `30_000` */
  readonly deadlineMs?: number;
  /** @defaultValue `'stop'` */
  readonly reason?: string;
}

export const stopDefaults = { deadlineMs: 30_000, reason: 'stop' } as const;

export async function shutDown(booted: Booted, options: StopOptions): Promise<void> {
  const { core, attempts, providers, runs, journal, silence } = booted;
  const { deadlineMs, reason } = { ...stopDefaults, ...options };
  core.accept({ type: 'system:stop', data: { reason, deadlineMs } }, { source: 'api' });
  await core.whenQuiet();
  await drained(booted, deadlineMs);
  attempts.abandon('the system stops');
  silence();
  await core.whenQuiet();
  core.accept({ type: 'engine:halt', data: { reason } }, { source: 'api' });
  await core.whenQuiet();
  core.close();
  await providers.stopAll();
  await journal.close();
  runs.rejectAll(errorOf('SYSTEM_SHUTDOWN', `The system was stopped (${reason}) before the workflow ended.`));
}

/** Resolves when nothing runs any more, or at the deadline. */
function drained({ core, attempts }: Booted, deadlineMs: number): Promise<void> {
  if (attempts.running() === 0 || deadlineMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = core.clock.setTimer(deadlineMs, resolve);
    const look = (): void => {
      if (attempts.running() > 0) return;
      timer.cancel();
      resolve();
    };
    core.on('task:completed', look);
    core.on('task:failed', look);
    core.on('task:cancelled', look);
  });
}
