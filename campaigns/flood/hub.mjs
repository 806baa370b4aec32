/** The process that is flooded: an engine on a journal, and its hub. It is measured from outside, and says what it complained of. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';

import { createHub } from '../hub-library.mjs';
import { createSystem, sqliteJournal } from '../library.mjs';

const { path, tokens } = JSON.parse(process.argv[2]);
const complaints = [];
const quiet = () => undefined;
const complain = (...said) =>
  complaints.push(
    said
      .map((each) => each?.err?.stack ?? JSON.stringify(each))
      .join(' ')
      .slice(0, 2_000),
  );
const log = { debug: quiet, info: quiet, warn: complain, error: complain };
process.on('warning', ({ stack }) => complaints.push(stack));

const system = createSystem({ journal: sqliteJournal(path), worker: { leaseMs: 6_000, heartbeatMs: 1_000 }, log });
await system.start();
const hub = await createHub({ system, port: 0, tokens });

const lag = monitorEventLoopDelay({ resolution: 5 });
lag.enable();
let highest = 0;
setInterval(() => {
  highest = Math.max(highest, process.memoryUsage.rss());
}, 100).unref();

/** What is left once everything that can go is gone. */
async function measure() {
  for (let round = 0; round < 4; round++) {
    await wait(30);
    globalThis.gc();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const turns = { p50: lag.percentile(50) / 1e6, p99: lag.percentile(99) / 1e6, longest: lag.max / 1e6 };
  lag.reset();
  return { heap: heapUsed + external, rss, highest: Math.max(highest, rss), turns, ...hub.figures(), actors: await system.actors(), complaints };
}

async function stop() {
  await system.stop({ deadlineMs: 0 });
  await hub.close();
  setImmediate(() => process.exit());
  return {};
}

const answers = { measure, connections: async () => hub.connections(), stop };
process.on('message', async ({ id, ask }) => process.send({ id, answer: await answers[ask]() }));
process.send({ answer: { url: hub.url, port: hub.port } });
