/** How many tasks a second one process does, with nothing to do in them and nothing to survive. */
import { medianOf, note } from './figures.mjs';
import { loadWorkflow } from './library.mjs';
import { diamond, runMany, withSystem } from './workflows.mjs';

const diamonds = 400;
const workflow = await loadWorkflow(diamond());
await withSystem(async (system) => {
  await runMany(system, workflow, { times: 4 * diamonds });
  const rates = [];
  for (let round = 0; round < 9; round++) {
    const start = process.hrtime.bigint();
    await runMany(system, workflow, { times: diamonds });
    rates.push((5 * diamonds * 1e9) / Number(process.hrtime.bigint() - start));
  }
  note('diamonds of five tasks in memory', `${medianOf(rates).toFixed(0)} tasks a second by the clock, ${Math.max(...rates).toFixed(0)} at best`);
});
