/** Keeps the one timer that the scheduler asks for, and tells it when the time has come. */
import type { Timer } from './clock.ts';
import type { Core } from './core.ts';

/** @returns stops the timer; what is due stays with the scheduler */
export function hostTimer(core: Core): () => void {
  let timer: Timer | undefined;
  core.on('schedule:armed', ({ data: { dueAt } }) => {
    timer?.cancel();
    timer = undefined;
    if (dueAt === null) return;
    timer = core.clock.setTimer(Math.max(0, dueAt - core.clock.now()), () => core.accept({ type: 'schedule:due', data: {} }, { source: 'timer' }));
  });
  core.on('schedule:stopped', () => timer?.cancel());
  return () => timer?.cancel();
}
