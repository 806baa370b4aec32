/** Processes of the campaign, and what they are asked. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { nodeArguments } from '../library.mjs';

/**
 * Starts a script of this folder.
 * @returns once it has said its first word
 */
export async function start(script, task) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = fork(file, [JSON.stringify(task)], { execArgv: ['--expose-gc', ...nodeArguments], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  child.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-4_000);
  });
  const waiting = new Map();
  let last = 0;
  const ended = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', kill);
    for (const { reject } of waiting.values()) reject(new Error(`${script} ended with ${code ?? signal}: ${said}`));
    waiting.clear();
    return { code, signal, said };
  });
  const answerTo = (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  child.on('message', ({ id, answer }) => {
    waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  const hello = await answerTo(undefined);
  const ask = (what) => {
    const id = ++last;
    child.send({ id, ask: what });
    return answerTo(id);
  };
  return { ...hello, ask, ended, isAlive: () => child.exitCode === null && child.signalCode === null };
}
