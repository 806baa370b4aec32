/** Waits for what processes of their own do: by asking again until the test's own time limit ends it. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export async function appearance(file: string): Promise<string> {
  while (!existsSync(file)) await pause(5);
  return readFileSync(file, 'utf8');
}

export async function hasEnded(pid: number): Promise<void> {
  while (isAlive(pid)) await pause(5);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** Ended, but its new parent has not asked how: nothing of it runs. */
function isZombie(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && readFileSync(stat, 'utf8').includes(') Z ');
}
