/** When deferred work runs: after what is running now, and after timers and I/O have had their share. */
export function deferToEventLoop(act: () => void): void {
  setImmediate(act);
}
