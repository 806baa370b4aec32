/** What has ended leaves nothing behind: no actor but the infrastructure, no heap beyond what the journal is told to keep. */
import { megabytes, note, settledHeap, tell } from './figures.mjs';
import { loadWorkflow } from './library.mjs';
import { diamond, forEach, runMany, runThrough, wide, withSystem } from './workflows.mjs';

const boundMb = 20;
const entities = ['workflow', 'resolver', 'task'];

async function compare(what, { make, run }) {
  await withSystem(async (system) => {
    // What is loaded or compiled once is no growth: a small run comes first.
    await runMany(system, await loadWorkflow(diamond()), { times: 200 });
    const before = await settledHeap();
    await run(system, make);
    const growth = megabytes((await settledHeap()) - before);
    const actors = await system.actors();
    const left = entities.reduce((sum, component) => sum + (actors[component] ?? 0), 0);
    tell(`${what}, actors left beside the infrastructure`, { value: left, atMost: 0, detail: JSON.stringify(actors) });
    tell(`${what}, growth of the heap`, { value: growth, unit: ' MB', atMost: boundMb });
  });
}

note('memory', 'after 100,000 finished tasks');
await compare('20,000 diamonds', { make: diamond, run: async (system, make) => runMany(system, await loadWorkflow(make()), { times: 20_000 }) });
await compare('one wide workflow', { make: wide, run: async (system, make) => runThrough(system, await loadWorkflow(make(100_000))) });
await compare('one for_each', { make: forEach, run: async (system, make) => runThrough(system, await loadWorkflow(make(100_000))) });
