/** The files that SQLite keeps beside a journal. */
import { statSync } from 'node:fs';

/** The write-ahead log: what was committed and is not yet in the file. */
export function logPath(path: string): string {
  return `${path}-wal`;
}

/** Where the connections to a journal agree on what of the log is good; made anew where it is missing. */
export function logIndexPath(path: string): string {
  return `${path}-shm`;
}

/** Whether there is a log with something in it; whoever opens a journal makes an empty one. */
export function hasLog(path: string): boolean {
  return (statSync(logPath(path), { throwIfNoEntry: false })?.size ?? 0) > 0;
}
