/** One life of an engine: how it is to end, and how it did. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { nodeArguments } from '../library.mjs';

const longestWaitMs = 3_000;
const engine = fileURLToPath(new URL('./engine.mjs', import.meta.url));

/**
 * Runs one life. It ends by a kill after `plan.afterMs`, at `plan.step` of a transaction, at the `plan.count`th `plan.call` to
 * the system of one of its threads; or by itself, without any of them.
 * With `plan.error` that call or step, and `plan.times` of them, fail instead.
 * @returns how it ended, and how far it had come
 */
export function live(plan, { load, longestMs }) {
  const { step, call, count, error, times = 1 } = plan;
  // Where the call or step never comes, it ends at a random moment after all.
  const { afterMs = (step === undefined && call === undefined) || error !== undefined ? undefined : longestWaitMs } = plan;
  const task = { ...load, ...(step && { step: { name: step, count, error, times } }) };
  const node = [process.execPath, ...nodeArguments, engine, JSON.stringify(task)];
  const happens = error === undefined ? `signal=SIGKILL:when=${count}` : `error=${error}:when=${count}..${count + times - 1}`;
  const tamper = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:${happens}`];
  const [command, ...args] = call === undefined ? node : [...tamper, ...node];
  // A group of its own: whoever ends the tracer ends what it traces.
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let isKilledHere = false;
  const kill = () => {
    isKilledHere = true;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  let came = 'begun';
  let said = '';
  child.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-2_000);
  });
  let timer = setTimeout(kill, longestMs);
  createInterface({ input: child.stdout }).on('line', (line) => {
    came = line;
    if (line !== 'loaded' || afterMs === undefined) return;
    clearTimeout(timer);
    timer = setTimeout(kill, afterMs);
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ isKilled: signal === 'SIGKILL' || code === 137, isKilledHere, isDone: came === 'done' && code === 0, came, code, signal, said });
    });
  });
}
