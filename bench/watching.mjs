/** A system that nobody watches pays nothing for watching. */
import { inTurns, medianOf, microsOf, note, tell } from './figures.mjs';
import { loadWorkflow } from './library.mjs';
import { diamond, runMany, withSystem } from './workflows.mjs';

/** Nothing, as far as two medians of the very same work can be told apart. */
const bound = 1.1;
const diamonds = 200;

const workflow = await loadWorkflow(diamond());
const costOf = (system) => async () => (await microsOf(() => runMany(system, workflow, { times: diamonds }))) / (5 * diamonds);

await withSystem((never) =>
  withSystem((once) =>
    withSystem((now) =>
      withSystem(async (counting) => {
        const stop = once.on('*', () => undefined);
        for (const system of [never, once, now, counting]) await runMany(system, workflow, { times: 4 * diamonds });
        stop();
        now.on('*', () => undefined);
        await counting.metrics();
        const subjects = { never: costOf(never), once: costOf(once), now: costOf(now), counting: costOf(counting) };
        const costs = await inTurns(subjects, 11);
        const [bare, after, during, counted] = ['never', 'once', 'now', 'counting'].map((name) => medianOf(costs[name]));
        const detail = `${bare.toFixed(0)} µs a task never watched, ${after.toFixed(0)} µs after a subscriber came and went`;
        tell('cost per task after watching against never watched', { value: after / bare, unit: 'x', atMost: bound, detail });
        note('for comparison', `${during.toFixed(0)} µs while somebody subscribes to everything, ${counted.toFixed(0)} µs while metrics are counted`);
      }),
    ),
  ),
);
