/** The cost of routing an event is the number of actors that react, not the number that exist. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { inTurns, medianOf, tell } from './figures.mjs';

const bound = 1.3;
const held = fileURLToPath(new URL('./held-actors.mjs', import.meta.url));

/** A process of its own for each, so that neither pays for collecting the garbage of the other. */
async function systemHolding(actors) {
  const child = fork(held, [String(actors)], { execArgv: ['--expose-gc', '--max-old-space-size=6144'] });
  const answer = async () => (await once(child, 'message'))[0];
  const { live } = await answer();
  const measure = () => {
    child.send('measure');
    return answer();
  };
  return { live, measure, end: () => child.kill() };
}

const [few, many] = [await systemHolding(100), await systemHolding(100_000)];
const costs = await inTurns({ few: few.measure, many: many.measure }, 9);
const [cheap, dear] = [medianOf(costs.few), medianOf(costs.many)];
const detail = `${cheap.toFixed(1)} µs an event with ${few.live} actors, ${dear.toFixed(1)} µs with ${many.live}`;
tell('routing an event among 100,000 live actors against 100', { value: dear / cheap, unit: 'x', atMost: bound, detail });
few.end();
many.end();
