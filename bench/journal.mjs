/** What durability costs: in time, in bytes, in waiting; and what a journal of a million facts still answers in no time. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { medianOf, note, tell } from './figures.mjs';
import { checkJournal, loadWorkflow, memoryJournal, sqliteJournal } from './library.mjs';
import { diamond, runMany, runThrough, wide, withSystem } from './workflows.mjs';

const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-bench-'));
let journals = 0;
const newPath = () => join(directory, `${++journals}.db`);
const five = await loadWorkflow(diamond());
const millisOf = async (act) => {
  const start = process.hrtime.bigint();
  await act();
  return Number(process.hrtime.bigint() - start) / 1e6;
};

const kinds = {
  memory: () => memoryJournal(),
  relaxed: () => sqliteJournal(newPath(), { durability: 'relaxed' }),
  full: () => sqliteJournal(newPath()),
  'full, written inline': () => sqliteJournal(newPath(), { writer: 'inline' }),
};

/** Diamonds one after the other, then many at once. */
async function compareKinds() {
  for (const [name, make] of Object.entries(kinds)) {
    await withSystem(
      async (system) => {
        await runMany(system, five, { times: 400 });
        const alone = [];
        for (let time = 0; time < 200; time++) alone.push(await millisOf(() => runThrough(system, five)));
        alone.sort((a, b) => a - b);
        const delay = monitorEventLoopDelay({ resolution: 1 });
        delay.enable();
        const rates = [];
        for (let round = 0; round < 5; round++) rates.push((5 * 400 * 1e3) / (await millisOf(() => runMany(system, five, { times: 400 }))));
        delay.disable();
        const [p50, p99] = [alone[100], alone[198]].map((millis) => millis.toFixed(1));
        note(name, `${medianOf(rates).toFixed(0)} tasks a second; a diamond alone p50 ${p50} ms, p99 ${p99} ms`);
        const value = delay.percentile(99) / 1e6;
        if (name === 'full') tell('event-loop delay p99 under full load', { value, unit: ' ms', atMost: 20 });
        else note(name, `event-loop delay p99 ${value.toFixed(1)} ms`);
      },
      { journal: make() },
    );
  }
}

async function measureBytes() {
  const sizeOf = async (workflow, { times, tasks, atOnce }) => {
    const path = newPath();
    await withSystem((system) => runMany(system, workflow, { times, atOnce }), { journal: sqliteJournal(path) });
    return statSync(path).size / (times * tasks);
  };
  const most = { unit: ' B', atMost: 1_500 };
  tell('journal bytes per no-op task, diamonds one at a time', { value: await sizeOf(five, { times: 400, tasks: 5, atOnce: 1 }), ...most });
  tell('journal bytes per no-op task, 100 diamonds at a time', { value: await sizeOf(five, { times: 2_000, tasks: 5, atOnce: 100 }), ...most });
  const broad = await loadWorkflow(wide(1_000));
  tell('journal bytes per no-op task, one workflow of 1,000', { value: await sizeOf(broad, { times: 5, tasks: 1_000, atOnce: 1 }), ...most });
}

const factsWanted = 1_000_000;

/** The batches of real diamonds, a hundred at a time. */
async function recordBatches() {
  const batches = [];
  const memory = memoryJournal();
  const recording = Object.assign(Object.create(memory), {
    append(facts) {
      batches.push(facts.filter(({ correlation }) => correlation.workflowId !== undefined));
      memory.append(facts);
      return new Promise((resolve) => setImmediate(resolve));
    },
  });
  for (const method of ['open', 'read', 'find', 'list', 'unfinished', 'sweep', 'close']) recording[method] = (...args) => memory[method](...args);
  await withSystem((system) => runMany(system, five, { times: 1_000, atOnce: 100 }), { journal: recording });
  return batches.filter(({ length }) => length > 0);
}

/** The same again and again under other ids, until there are a million facts. */
async function fillMillion(path) {
  const batches = await recordBatches();
  const lines = batches.map((facts) => JSON.stringify(facts));
  const ids = [...new Set(batches.flat().map(({ correlation }) => correlation.workflowId))];
  const journal = sqliteJournal(path, { durability: 'relaxed' });
  await journal.open();
  let [facts, seq, round] = [0, 0, 0];
  const millis = await millisOf(async () => {
    for (; facts < factsWanted; round++) {
      for (const text of lines) {
        const batch = JSON.parse(text.replaceAll('"wf-', `"wf-${round}-`)).map((fact) => ({ ...fact, seq: ++seq }));
        facts += batch.length;
        await journal.append(batch);
      }
    }
  });
  note(`${facts} facts`, `written in ${(millis / 1e3).toFixed(0)} s, the making of them included`);
  await journal.close();
  return ids.map((id) => id.replace('wf-', `wf-${round - 2}-`));
}

async function measureMillion() {
  const path = newPath();
  const ids = await fillMillion(path);
  note('its file', `${(statSync(path).size / 2 ** 20).toFixed(0)} MB`);
  for (const readOnly of [false, true]) {
    const journal = sqliteJournal(path, { readOnly });
    const value = await millisOf(() => journal.open());
    tell(`opening it${readOnly ? ' to read' : ''}`, { value, unit: ' ms', atMost: 300 });
    const listing = await millisOf(() => journal.unfinished());
    const reading = [];
    // The thread that writes is started by an open, and on few processors takes its share of the first tenths of a second.
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const id of ids.slice(0, 50)) {
      const millis = await millisOf(async () => {
        const [head, facts] = [await journal.find(id), await journal.read({ workflowId: id })];
        if (head === undefined || facts.length !== 14) throw new Error(`Of ${id} there are ${facts.length} facts.`);
      });
      reading.push(millis);
    }
    tell('head and facts of one workflow in it, the slowest of 50', {
      value: Math.max(...reading),
      unit: ' ms',
      atMost: 50,
      detail: `median ${medianOf(reading).toFixed(1)} ms`,
    });
    note('its unfinished workflows', `${listing.toFixed(1)} ms`);
    if (!readOnly) {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      let removed = 0;
      const millis = await millisOf(async () => {
        removed = await journal.sweep({ keep: 60_000 });
      });
      delay.disable();
      note('a sweep', `${removed} workflows in ${millis.toFixed(0)} ms, event-loop delay at most ${(delay.max / 1e6).toFixed(0)} ms`);
    }
    await journal.close();
  }
  const millis = await millisOf(async () => {
    const { damages } = await checkJournal(path);
    if (damages.length > 0) throw new Error(damages[0].message);
  });
  note('a check of everything', `${(millis / 1e3).toFixed(1)} s`);
}

try {
  await compareKinds();
  await measureBytes();
  await measureMillion();
} finally {
  rmSync(directory, { recursive: true });
}
