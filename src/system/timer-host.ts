/**
 * Keeps the one timer that the scheduler asks for, and tells it when the time has come.
 *
 * A clock may be set, and a machine may sleep, while a timer runs: it looks at the clock again now and then, so that a time
 * which came suddenly is not waited for until the timer's own end.
 */
import type { Timer } from './clock.ts';
import type { Core } from './core.ts';

/** The longest time without a look at the clock, in milliseconds. */
const longestWaitMs = 60_000;

/** @returns stops the timer; what is due stays with the scheduler */
export function hostTimer(core: Core): () => void {
  let timer: Timer | undefined;
  const waitFor = (dueAt: number): void => {
    const left = Math.max(0, dueAt - core.clock.now());
    timer = core.clock.setTimer(Math.min(left, longestWaitMs), () => {
      if (left <= longestWaitMs || core.clock.now() >= dueAt) core.accept({ type: 'schedule:due', data: {} }, { source: 'timer' });
      else waitFor(dueAt);
    });
  };
  core.on('schedule:armed', ({ data: { dueAt } }) => {
    timer?.cancel();
    timer = undefined;
    if (dueAt !== null) waitFor(dueAt);
  });
  core.on('schedule:stopped', () => timer?.cancel());
  return () => timer?.cancel();
}
