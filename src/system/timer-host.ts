/**
 * Keeps the one timer that the scheduler asks for, and tells it when a time has come.
 *
 * The time of events comes when the timer fires. The wall clock may be set, and a machine may sleep, while a timer runs: it is looked
 * at time and again, so that a time of it which came suddenly is not waited for until the timer's own end.
 *
 * A timer that fires late was kept waiting by something that held the event loop. Whatever arrived meanwhile has not been read yet:
 * the heartbeats of healthy workers, for one, whose leases would be over by the clock. It is read first.
 */
import type { Timer } from './clock.ts';
import type { Core } from './core.ts';

/** The longest time without a look at the wall clock, in milliseconds. */
const longestWaitMs = 60_000;
/**
 * From how late on a timer was kept waiting, how long what arrived meanwhile may take to be read at most, in milliseconds, and how often
 * in a row: where the event loop is always held up, time goes on all the same.
 */
const late = { fromMs: 250, graceMs: 1_000, times: 2 } as const;

/**
 * @param looked - Called at each look at the clocks: once a minute at least, as long as anything is waited for.
 * @returns stops the timer; what is due stays with the scheduler
 */
export function hostTimer(core: Core, looked: () => void = () => undefined): () => void {
  const { clock } = core;
  let timer: Timer | undefined;
  let graces = 0;
  let wanted = { dueAt: Number.POSITIVE_INFINITY, wallDueAt: Number.POSITIVE_INFINITY };
  const leftMs = (): number => Math.min(wanted.dueAt - clock.now(), wanted.wallDueAt - clock.wall());
  const look = (expectedAt: number): void => {
    const lateMs = clock.now() - expectedAt;
    if (lateMs >= late.fromMs && graces < late.times) {
      graces++;
      set(Math.min(lateMs, late.graceMs));
      return;
    }
    graces = 0;
    looked();
    if (leftMs() <= 0) core.accept({ type: 'schedule:due', data: { wallTime: clock.wall() } }, { source: 'timer' });
    else wait();
  };
  const set = (delayMs: number): void => {
    const expectedAt = clock.now() + delayMs;
    timer = clock.setTimer(delayMs, () => look(expectedAt));
  };
  const wait = (): void => set(Math.min(Math.max(0, leftMs()), longestWaitMs));
  core.on('schedule:armed', ({ data: { dueAt, wallDueAt } }) => {
    timer?.cancel();
    timer = undefined;
    wanted = { dueAt: dueAt ?? Number.POSITIVE_INFINITY, wallDueAt: wallDueAt ?? Number.POSITIVE_INFINITY };
    if (dueAt !== null || wallDueAt !== undefined) wait();
  });
  core.on('schedule:stopped', () => timer?.cancel());
  return () => timer?.cancel();
}
