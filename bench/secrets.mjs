/** Looking for secrets costs a system that has none next to nothing. */
import { inTurns, medianOf, microsOf, note, tell } from './figures.mjs';
import { createSystem, defineProvider, loadWorkflow } from './library.mjs';
import { diamond, runMany, withSystem } from './workflows.mjs';

/** A few microseconds of a task's fifty, as far as two medians of the very same work can be told apart. */
const bound = 1.15;
const diamonds = 200;

const echo = defineProvider({ protocol: 'echo/v1', methods: { 'echo/echo': { run: (params) => params } } });
const kilobytes = {
  rows: Array.from({ length: 100 }, (_, at) => ({ id: at, name: `row ${at}`, price: at / 7, tags: ['a', 'b'], note: 'x'.repeat(40) })),
};
const payload = (name, more) => ({
  name,
  tasks: ['a', 'b'].map((id) => ({ id, method: 'echo/echo', params: { ...more, data: id === 'a' ? '${input}' : '${a.data}' } })),
});

const workflow = await loadWorkflow(diamond());
const [open, hidden] = await Promise.all([
  loadWorkflow(payload('open', { name: 'n' })),
  loadWorkflow(payload('hidden', { apiKey: 'a secret of mine' })),
]);

await withSystem(
  (without) =>
    withSystem(async (looking) => {
      const costOf = (system) => async () => (await microsOf(() => runMany(system, workflow, { times: diamonds }))) / (5 * diamonds);
      for (const system of [without, looking]) await runMany(system, workflow, { times: 4 * diamonds });
      const costs = await inTurns({ without: costOf(without), looking: costOf(looking) }, 11);
      const [bare, looked] = ['without', 'looking'].map((name) => medianOf(costs[name]));
      const detail = `${bare.toFixed(1)} µs a task with secrets: false, ${looked.toFixed(1)} µs with the names that are looked for`;
      tell('cost per task of looking for secrets where there are none', { value: looked / bare, unit: 'x', atMost: bound, detail });
    }),
  { secrets: false },
);

const systems = await Promise.all(
  [{ secrets: false }, {}].map(async (options) => {
    const system = createSystem({ builtins: false, providers: [echo], ...options });
    await system.start();
    return system;
  }),
);
const [without, looking] = systems;
const runs = 100;
const costOf = (system, which) => async () => {
  const lane = async () => (await system.submit(which, { input: kilobytes })).result();
  return (
    (await microsOf(async () => {
      for (let at = 0; at < runs; at++) await lane();
    })) /
    (2 * runs)
  );
};
const subjects = { without: costOf(without, open), looking: costOf(looking, open), sealing: costOf(looking, hidden) };
for (const subject of Object.values(subjects)) await subject();
const costs = await inTurns(subjects, 9);
const [bare, looked, sealed] = ['without', 'looking', 'sealing'].map((name) => medianOf(costs[name]));
const bytes = JSON.stringify(kilobytes).length;
note(
  `a task with ${(bytes / 1024).toFixed(0)} kB in and out`,
  `${bare.toFixed(0)} µs with secrets: false, ${looked.toFixed(0)} µs looking, ${sealed.toFixed(0)} µs with a secret in each`,
);
await Promise.all(systems.map((system) => system.stop()));
