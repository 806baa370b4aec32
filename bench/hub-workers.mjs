/** How many tasks a second remote workers do that have nothing to do in them: 16 slots each, in one or two processes. */
import { medianOf, note } from './figures.mjs';
import { start } from './processes.mjs';

const size = 200;
const slots = 16;

async function measure(what, { hub, times = 20 }) {
  for (let round = 0; round < 3; round++) await hub.ask('wide', { size, times, atOnce: 5 });
  const rounds = [];
  for (let round = 0; round < 5; round++) rounds.push(await hub.ask('wide', { size, times, atOnce: 5 }));
  const rate = medianOf(rounds.map(({ perSecond }) => perSecond));
  const best = Math.max(...rounds.map(({ perSecond }) => perSecond));
  const cost = medianOf(rounds.map(({ perSecond, share }) => (share / perSecond) * 1e6));
  note(what, `${rate.toFixed(0)} tasks a second, ${best.toFixed(0)} at best; a task took ${cost.toFixed(0)} µs of the engine's processor`);
}

const local = await start('./hub-server.mjs');
await measure('in this process, for comparison', { hub: local });
await local.end();
for (const [workers, processes] of [
  [1, 1],
  [4, 2],
  [16, 2],
]) {
  const hub = await start('./hub-server.mjs', { isLocal: false });
  const url = await hub.ask('url');
  const each = { url, workers: workers / processes, slots };
  const peers = await Promise.all(Array.from({ length: processes }, (_, at) => start('./hub-workers-process.mjs', { ...each, name: `w${at}` })));
  await measure(`${workers} remote worker${workers === 1 ? '' : 's'} of ${slots} slots in ${processes} process${processes === 1 ? '' : 'es'}`, {
    hub,
  });
  for (const peer of [...peers, hub]) await peer.end();
}
