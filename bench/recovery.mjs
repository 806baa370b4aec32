/**
 * What a start costs after a process was killed in the middle of work: it grows with what was unfinished, and with nothing else.
 *
 * A start is over when all of it is there again and the system admits work. What had begun is tried again from then on, beside
 * what comes meanwhile; when all of that runs again is told as well.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { note, tell } from './figures.mjs';
import { createSystem, defineProvider, loadWorkflow, sqliteJournal } from './library.mjs';

const workflows = 10_000;
const tasks = 10;
const task = (at, method, dependencies) => ({ id: `t${at}`, method: `bench/${method}`, params: { n: 1 }, dependencies });
const chain = (methodOf) => ({
  name: 'chain',
  tasks: Array.from({ length: tasks }, (_, at) => task(at, methodOf(at), at === 0 ? [] : [`t${at - 1}`])),
});
const wide = (methodOf) => ({ name: 'wide', tasks: Array.from({ length: tasks }, (_, at) => task(at, methodOf(at), [])) });

/** What is done by the end is done, what runs then never ends: so many tasks of each workflow have `begun`. */
const cases = [
  { name: 'chains of 10 tasks, none begun', begun: 0, definition: chain(() => 'never') },
  { name: 'chains of 10 tasks, 4 done and the 5th running', begun: 1, definition: chain((at) => (at < 4 ? 'nothing' : 'never')) },
  { name: 'workflows of 10 free tasks, none begun', begun: 0, definition: wide(() => 'never') },
  { name: 'workflows of 10 free tasks, 5 done and 5 running', begun: 5, definition: wide((at) => (at < 5 ? 'nothing' : 'never')) },
  { name: 'workflows of 10 free tasks, 9 done and the last running', begun: 1, definition: wide((at) => (at < 9 ? 'nothing' : 'never')) },
];

const never = (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
const provider = defineProvider({
  protocol: 'bench/v1',
  methods: { 'bench/nothing': { run: ({ n }) => n }, 'bench/never': { run: never } },
});
const pools = { 'bench/v1': { min: 10, max: 10, slots: 10_000 } };
const systemOn = (path, options) =>
  createSystem({ journal: sqliteJournal(path, options), builtins: false, providers: [provider], pools, queue: { capacity: 1_000_000 } });

/** Resolves when so many attempts of tasks that never end have begun. */
function begunOf(system, count) {
  let left = count;
  return new Promise((resolve) => {
    if (left === 0) resolve();
    system.on('task:started', ({ data }) => {
      if (data.method === 'bench/never' && --left === 0) resolve();
    });
  });
}

/** In a process of its own, which is killed as soon as it says that all has begun. */
async function work(path, { definition, begun }) {
  const system = systemOn(path, { durability: 'relaxed' });
  await system.start({ paused: begun === 0 });
  const all = begunOf(system, begun * workflows);
  const workflow = await loadWorkflow(definition);
  for (let at = 0; at < workflows; at += 500) await Promise.all(Array.from({ length: 500 }, () => system.submit(workflow)));
  await all;
  process.send('begun');
}

async function leaveUnfinished(path, at) {
  const child = fork(fileURLToPath(import.meta.url), [String(at), path]);
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`The process that was to be killed ended by itself, with ${code}.`);
    }),
  ]);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function measure(path, { name, begun }) {
  const system = systemOn(path);
  let recovered;
  system.on('system:started', ({ data }) => {
    recovered = data.recovered;
  });
  const again = begunOf(system, begun * workflows);
  const began = process.hrtime.bigint();
  const since = () => Number(process.hrtime.bigint() - began) / 1e9;
  const before = process.cpuUsage();
  await system.start();
  const value = since();
  const { user, system: kernel } = process.cpuUsage(before);
  if (recovered.workflows !== workflows) throw new Error(`Of ${workflows} workflows, ${recovered.workflows} were brought back.`);
  const detail = `${recovered.tasks} tasks had begun; ${((user + kernel) / 1e6).toFixed(2)} s of processor time`;
  tell(`recovery of ${workflows} ${name}`, { value, unit: ' s', atMost: 5, detail });
  await again;
  if (begun > 0) note('  all that had begun runs again', `${since().toFixed(2)} s after the call of start()`);
  await system.stop({ deadlineMs: 0 });
}

async function measureAll() {
  const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-bench-'));
  try {
    for (const [at, each] of cases.entries()) {
      const path = join(directory, `${at}.db`);
      await leaveUnfinished(path, at);
      await measure(path, each);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const [at, path] = process.argv.slice(2);
if (path === undefined) await measureAll();
else await work(path, cases[Number(at)]);
