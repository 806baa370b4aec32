/** What a task costs must not depend on how many others its workflow has. */
import { medianOf, microsOf, note, tell } from './figures.mjs';
import { loadWorkflow } from './library.mjs';
import { chain, forEach, runThrough, wide, withSystem } from './workflows.mjs';

const bound = 1.5;

/**
 * Compares large with small within one warm process. Each large run stands between two rounds of small ones and is measured
 * against their mean, so that a slow spell of the machine, which is shorter than they are, counts for both.
 */
async function compare(what, { make, small, large, rounds, times }) {
  const [ofSmall, ofLarge] = [await loadWorkflow(make(small)), await loadWorkflow(make(large))];
  const costOf = (workflow, size, repeat) => () =>
    withSystem(async (system) => {
      const micros = await microsOf(async () => {
        for (let run = 0; run < repeat; run++) await runThrough(system, workflow);
      });
      return micros / (size * repeat);
    });
  const [cheap, dear] = [costOf(ofSmall, small, times), costOf(ofLarge, large, 1)];
  for (let warm = 0; warm < 3; warm++) await cheap();
  const smalls = [await cheap()];
  const larges = [];
  for (let round = 0; round < rounds; round++) {
    larges.push(await dear());
    smalls.push(await cheap());
  }
  const ratios = larges.map((cost, round) => (2 * cost) / (smalls[round] + smalls[round + 1]));
  const detail = `${medianOf(smalls).toFixed(0)} µs a task at ${small}, ${medianOf(larges).toFixed(0)} µs at ${large}`;
  tell(`${what} of ${large} against ${small}, cost per task`, { value: medianOf(ratios), unit: 'x', atMost: bound, detail });
}

note('scaling', 'processor time, medians of rounds taken in turns; the library is warm');
await compare('chain', { make: chain, small: 100, large: 10_000, rounds: 3, times: 50 });
await compare('fan-out', { make: wide, small: 1_000, large: 100_000, rounds: 3, times: 20 });
await compare('for_each', { make: forEach, small: 1_000, large: 100_000, rounds: 3, times: 20 });
