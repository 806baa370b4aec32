/** The process with the engine and its hub; it measures itself. */
import { createHub } from '../dist/hub.js';
import { collectGarbage, microsOf, settledHeap } from './figures.mjs';
import { createSystem, loadWorkflow, sqliteJournal } from './library.mjs';
import { serve, task } from './processes.mjs';
import { diamond, nothing, runMany, wide } from './workflows.mjs';

const { path, isLocal = true } = task();
const local = isLocal ? { providers: [nothing], pools: { 'bench/v1': { min: 10, max: 10 } } } : {};
const system = createSystem({ builtins: false, ...(path !== undefined && { journal: sqliteJournal(path) }), ...local });
await system.start();
const hub = await createHub({ system, port: 0 });
const five = await loadWorkflow(diamond());
/** When an event was durable, by the clock that all processes of a machine have. */
const committed = [];
const clock = () => performance.timeOrigin + performance.now();

serve({
  url: () => hub.url,
  figures: () => hub.figures(),
  /** Processor time of a task, in microseconds. */
  diamonds: async ({ times }) => (await microsOf(() => runMany(system, five, { times }))) / (5 * times),
  /** Tasks a second by the clock. */
  wide: async ({ size, times, atOnce }) => {
    const workflow = await loadWorkflow(wide(size));
    const began = performance.now();
    const { user, system: kernel } = process.cpuUsage();
    await runMany(system, workflow, { times, atOnce });
    const used = process.cpuUsage({ user, system: kernel });
    const seconds = (performance.now() - began) / 1_000;
    return { perSecond: (size * times) / seconds, share: (used.user + used.system) / 1e6 / seconds };
  },
  memory: async () => {
    const heap = await settledHeap();
    const { rss, external } = process.memoryUsage();
    return { heap: heap + external, rss };
  },
  /** States one event for all who listen to the end of a workflow. */
  noteEnds: () => void system.on('workflow:completed', () => committed.push(clock())),
  say: async ({ times }) => {
    committed.length = 0;
    collectGarbage();
    await runMany(system, five, { times, atOnce: 10 });
    return committed;
  },
});
