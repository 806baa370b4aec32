/** What a task costs must not depend on how many others its workflow has. */
import { inTurns, medianOf, microsOf, note, tell } from './figures.mjs';
import { loadWorkflow } from './library.mjs';
import { chain, forEach, runThrough, wide, withSystem } from './workflows.mjs';

const bound = 1.5;

/** Compares large with small within one warm process; a small run is made as often as one round of it lasts long enough to measure. */
async function compare(what, { make, small, large, rounds, times }) {
  const [ofSmall, ofLarge] = [await loadWorkflow(make(small)), await loadWorkflow(make(large))];
  const costOf = (workflow, size, repeat) => () =>
    withSystem(async (system) => {
      const micros = await microsOf(async () => {
        for (let run = 0; run < repeat; run++) await runThrough(system, workflow);
      });
      return micros / (size * repeat);
    });
  const [one, other] = [costOf(ofSmall, small, times), costOf(ofLarge, large, 1)];
  for (let warm = 0; warm < 3; warm++) await one();
  const costs = await inTurns({ small: one, large: other }, rounds);
  const [cheap, dear] = [medianOf(costs.small), medianOf(costs.large)];
  const detail = `${cheap.toFixed(0)} µs a task at ${small}, ${dear.toFixed(0)} µs at ${large}`;
  tell(`${what} of ${large} against ${small}, cost per task`, { value: dear / cheap, unit: 'x', atMost: bound, detail });
}

note('scaling', 'processor time, medians of rounds taken in turns');
await compare('chain', { make: chain, small: 100, large: 10_000, rounds: 3, times: 20 });
await compare('fan-out', { make: wide, small: 1_000, large: 100_000, rounds: 3, times: 10 });
await compare('for_each', { make: forEach, small: 1_000, large: 100_000, rounds: 3, times: 10 });
