/** Processes of a benchmark: each is asked by the name of what it can do, and is gone with the one that started it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts a script of this folder; `ask(name, data)` resolves with what it answers. */
export async function start(script, task = {}) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(task)], { execArgv: ['--expose-gc'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const waiting = new Map();
  let last = 0;
  child.on('message', ({ id, answer, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new Error(error));
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${script} ended with ${code}`));
  });
  const answerTo = (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  await answerTo(0);
  const ask = (name, data = {}) => {
    const id = ++last;
    child.send({ id, name, data });
    return answerTo(id);
  };
  const end = async () => {
    child.disconnect();
    await once(child, 'exit');
  };
  return { ask, end };
}

/** What the script of such a process begins with. */
export const task = () => JSON.parse(process.argv[2]);

/** Serves what it is asked from now on. */
export function serve(acts) {
  process.on('message', async ({ id, name, data }) => {
    try {
      process.send({ id, answer: await acts[name](data) });
    } catch (thrown) {
      process.send({ id, error: thrown.stack });
    }
  });
  process.on('disconnect', () => process.exit());
  process.send({ id: 0 });
}
