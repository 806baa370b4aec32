/**
 * The order of a stop: admission ends and dispatch is held, workers drain until the deadline, the rest is aborted and its
 * leases given back, time stops, the engine says that it has stopped, and the journal is closed.
 */
import { refuseMisfits } from '../complaints.ts';
import { errorOf, type GleitzeitError } from '../errors.ts';
import { durationRule, isDuration } from '../milliseconds.ts';
import { describeValue } from '../thrown.ts';
import type { Booted } from './boot.ts';

/** How long a stop may take, and why it is asked for. */
export interface StopOptions {
  /** How long running attempts may take to finish, in milliseconds; 0 aborts them at once. @defaultValue `30_000` */
  readonly deadlineMs?: number;
  /** @defaultValue `'stop'` */
  readonly reason?: string;
}

export const stopDefaults = { deadlineMs: 30_000, reason: 'stop' } as const;

/** How long the journal may take over its last words, in milliseconds beyond the deadline: one that hangs must not hang the stop. */
const journalGraceMs = 5_000;

/** @throws GleitzeitError INVALID_PARAMS */
export function checkStop({ deadlineMs = stopDefaults.deadlineMs, reason }: StopOptions): void {
  refuseMisfits('stop', { reason });
  if (isDuration(deadlineMs)) return;
  throw errorOf('INVALID_PARAMS', `The deadline of a stop must be ${durationRule}, got ${describeValue(deadlineMs)}`);
}

export async function shutDown(booted: Booted, { deadlineMs = stopDefaults.deadlineMs, reason = stopDefaults.reason }: StopOptions): Promise<void> {
  const { core, attempts, runs, log, silence } = booted;
  const isInTime = await within(core, deadlineMs + journalGraceMs, lastWords(booted, { deadlineMs, reason }));
  if (!isInTime) log.error({ deadlineMs }, 'the journal did not take the last facts in time; what they say is lost');
  attempts.abandon('the system stops');
  silence();
  core.close();
  await release(booted);
  runs.rejectAll(errorOf('SYSTEM_SHUTDOWN', `The system was stopped (${reason}) before the workflow ended.`));
}

async function lastWords(booted: Booted, { deadlineMs, reason }: Required<StopOptions>): Promise<void> {
  const { core, attempts, recovering, damage, silence } = booted;
  recovering.stop();
  damage.stop();
  core.accept({ type: 'system:stop', data: { reason, deadlineMs } }, { source: 'runtime' });
  await core.whenQuiet();
  await drained(booted, deadlineMs);
  attempts.abandon('the system stops');
  silence();
  await core.whenQuiet();
  core.accept({ type: 'engine:halt', data: { reason } }, { source: 'runtime' });
  await core.whenQuiet();
}

/** Ends all that goes on at once: nothing that is stated from here on could be recorded. */
export function giveUp({ silence, attempts, core, runs, damage }: Booted, error: GleitzeitError): void {
  damage.stop();
  silence();
  attempts.abandon('the system failed');
  core.close();
  runs.rejectAll(error);
}

/** Gives back what a system holds, be it stopped or failed: its providers and its journal. Never rejects. */
export async function release({ core, providers, journal, log }: Booted): Promise<void> {
  await providers.stopAll();
  const closed = journal.close().catch((error: unknown) => log.error({ err: error }, 'the journal could not be closed'));
  if (!(await within(core, journalGraceMs, closed))) log.error({}, 'the journal did not close in time');
}

/** Whether something is over before a time has passed. */
async function within({ clock }: Booted['core'], ms: number, act: Promise<void>): Promise<boolean> {
  let timer: { cancel(): void } | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = clock.setTimer(ms, () => resolve(false));
  });
  const isInTime = await Promise.race([act.then(() => true), late]);
  timer?.cancel();
  return isInTime;
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
