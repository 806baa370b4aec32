/** A system that holds a number of tasks which never come to run; asked by its parent, it measures the events of others beside them. */
import { microsOf } from './figures.mjs';
import { defineProvider, loadWorkflow } from './library.mjs';
import { diamond, nothing, runMany, withSystem } from './workflows.mjs';

const wanted = Number(process.argv[2]);
const perWorkflow = 100;
const diamonds = 200;

const never = defineProvider({ protocol: 'held/v1', methods: { 'held/never': { run: () => new Promise(() => undefined) } } });

const options = {
  providers: [nothing, never],
  pools: { 'held/v1': { min: 1, max: 1 }, 'bench/v1': { min: 10, max: 10 } },
  queue: { capacity: 10 * wanted },
};

await withSystem(async (system) => {
  const tasks = Array.from({ length: perWorkflow }, (_, at) => ({ id: `t${at}`, method: 'held/never' }));
  const holding = await loadWorkflow({ name: 'held', tasks });
  for (let size = 0; size < wanted; size += perWorkflow) await system.submit(holding);
  const workflow = await loadWorkflow(diamond());
  await runMany(system, workflow, { times: 5 * diamonds });
  const events = await eventsOf(system, workflow);
  const sum = Object.values(await system.actors()).reduce((total, count) => total + count, 0);
  process.on('message', async () => process.send((await microsOf(() => runMany(system, workflow, { times: diamonds }))) / (events * diamonds)));
  process.send({ live: sum });
  await new Promise(() => undefined);
}, options);

/** How many events one run has, as somebody who watches it counts them. */
async function eventsOf(system, workflow) {
  let count = 0;
  const stop = system.on('*', () => count++);
  await runMany(system, workflow, { times: 20 });
  stop();
  return count / 20;
}
