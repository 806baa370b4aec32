/** Processes of a campaign: started, heard, and ended with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { nodeArguments } from '../library.mjs';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a script of this folder with a task.
 * @returns once it has said its first line, which is JSON
 */
export async function start(script, task) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [...nodeArguments, file, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const process_ = { pid: child.pid, complaints: '', kill: (signal) => child.kill(signal), ended: once(child, 'close').then(([code]) => code) };
  child.stderr.on('data', (text) => {
    process_.complaints = `${process_.complaints}${text}`.slice(-5_000);
  });
  process_.ended.then(() => running.delete(child));
  const first = once(createInterface({ input: child.stdout }), 'line').then(([line]) => JSON.parse(line));
  const early = process_.ended.then((code) => {
    throw new Error(`${script} ended with ${code} before it was ready: ${process_.complaints}`);
  });
  return Object.assign(process_, { said: await Promise.race([first, early]) });
}
