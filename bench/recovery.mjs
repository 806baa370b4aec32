/** What a start costs after an end in the middle of work: it grows with what was unfinished, and with nothing else. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { tell } from './figures.mjs';
import { createSystem, defineProvider, loadWorkflow, sqliteJournal } from './library.mjs';

const workflows = 10_000;
const tasks = 10;
const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-bench-'));
const task = (at, method, dependencies) => ({ id: `t${at}`, method: `bench/${method}`, params: { n: 1 }, dependencies });
const chain = (name, methodOf) => ({ name, tasks: Array.from({ length: tasks }, (_, at) => task(at, methodOf(at), at === 0 ? [] : [`t${at - 1}`])) });
const wide = (name, methodOf) => ({ name, tasks: Array.from({ length: tasks }, (_, at) => task(at, methodOf(at), [])) });

/** Workflows that end in the middle: what is done by then is done, what waits never ends. */
const shapes = {
  'chains of 10 tasks, 4 done and the 5th running': chain('chain', (at) => (at < 4 ? 'nothing' : 'never')),
  'workflows of 10 free tasks, 9 done and the last running': wide('most', (at) => (at < 9 ? 'nothing' : 'never')),
};

const never = (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
const provider = defineProvider({
  protocol: 'bench/v1',
  methods: { 'bench/nothing': { run: ({ n }) => n }, 'bench/never': { run: never } },
});
const pools = { 'bench/v1': { min: 10, max: 10, slots: 1_000 } };
const systemOn = (path, options) =>
  createSystem({ journal: sqliteJournal(path, options), builtins: false, providers: [provider], pools, queue: { capacity: 1_000_000 } });

async function leaveUnfinished(path, definition) {
  const system = systemOn(path, { durability: 'relaxed' });
  await system.start();
  let left = workflows;
  const last = definition.tasks.find(({ method }) => method === 'bench/never')?.id;
  const begun = new Promise((resolve) => {
    system.on('task:started', ({ data }) => {
      if (data.taskId === last && --left === 0) resolve();
    });
  });
  const workflow = await loadWorkflow(definition);
  for (let at = 0; at < workflows; at += 500) await Promise.all(Array.from({ length: 500 }, () => system.submit(workflow)));
  await begun;
  await system.stop({ deadlineMs: 0 });
}

try {
  for (const [at, [name, definition]] of Object.entries(shapes).entries()) {
    const path = join(directory, `${at}.db`);
    await leaveUnfinished(path, definition);
    const system = systemOn(path);
    let recovered;
    system.on('system:started', ({ data }) => {
      recovered = data.recovered;
    });
    const began = process.hrtime.bigint();
    await system.start();
    const value = Number(process.hrtime.bigint() - began) / 1e9;
    if (recovered.workflows !== workflows) throw new Error(`Of ${workflows} workflows, ${recovered.workflows} were brought back.`);
    tell(`recovery of ${workflows} ${name}`, { value, unit: ' s', atMost: 5, detail: `${recovered.tasks} tasks had begun` });
    await system.stop({ deadlineMs: 0 });
  }
} finally {
  rmSync(directory, { recursive: true });
}
