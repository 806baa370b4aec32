/**
 * Keeps the one timer that the scheduler asks for, and tells it when a time has come.
 *
 * The time of events comes when the timer fires. The wall clock may be set, and a machine may sleep, while a timer runs: it is looked
 * at time and again, so that a time of it which came suddenly is not waited for until the timer's own end.
 */
import type { Timer } from './clock.ts';
import type { Core } from './core.ts';

/** The longest time without a look at the wall clock, in milliseconds. */
const longestWaitMs = 60_000;

/**
 * @param looked - Called at each look at the clocks: once a minute at least, as long as anything is waited for.
 * @returns stops the timer; what is due stays with the scheduler
 */
export function hostTimer(core: Core, looked: () => void = () => undefined): () => void {
  const { clock } = core;
  let timer: Timer | undefined;
  let wanted = { dueAt: Number.POSITIVE_INFINITY, wallDueAt: Number.POSITIVE_INFINITY };
  const leftMs = (): number => Math.min(wanted.dueAt - clock.now(), wanted.wallDueAt - clock.wall());
  const look = (): void => {
    looked();
    if (leftMs() <= 0) core.accept({ type: 'schedule:due', data: { wallTime: clock.wall() } }, { source: 'timer' });
    else wait();
  };
  const wait = (): void => {
    timer = clock.setTimer(Math.min(Math.max(0, leftMs()), longestWaitMs), look);
  };
  core.on('schedule:armed', ({ data: { dueAt, wallDueAt } }) => {
    timer?.cancel();
    timer = undefined;
    wanted = { dueAt: dueAt ?? Number.POSITIVE_INFINITY, wallDueAt: wallDueAt ?? Number.POSITIVE_INFINITY };
    if (dueAt !== null || wallDueAt !== undefined) wait();
  });
  core.on('schedule:stopped', () => timer?.cancel());
  return () => timer?.cancel();
}
