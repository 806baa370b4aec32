/** What a thousand subscribers cost: those who hear nothing, and how long an event takes to all of them. */
import { inTurns, medianOf, note, tell } from './figures.mjs';
import { start } from './processes.mjs';

const subscribers = 1_000;
const bound = 1.1;
const diamonds = 300;

const place = async () => {
  const hub = await start('./hub-server.mjs');
  return { hub, url: await hub.ask('url') };
};
const [without, watched] = [await place(), await place()];
const crowd = await start('./hub-crowd.mjs', { url: watched.url });
await crowd.ask('connect', { count: subscribers, subscription: { types: ['*'], correlationId: 'nobody' } });
for (const { hub } of [without, watched]) await hub.ask('diamonds', { times: 4 * diamonds });
const costOf =
  ({ hub }) =>
  () =>
    hub.ask('diamonds', { times: diamonds });
const costs = await inTurns({ without: costOf(without), watched: costOf(watched) }, 15);
const [bare, loaded] = ['without', 'watched'].map((name) => medianOf(costs[name]));
const detail = `${bare.toFixed(1)} µs a task without subscribers, ${loaded.toFixed(1)} µs with ${subscribers} who watch other workflows`;
tell(`cost per task of ${subscribers} idle subscribers`, { value: loaded / bare, unit: 'x', atMost: bound, detail });
for (const peer of [crowd, watched.hub, without.hub]) await peer.end();

const { hub, url } = await place();
await hub.ask('noteEnds');
const listeners = await start('./hub-crowd.mjs', { url });
await listeners.ask('connect', { count: subscribers, subscription: { types: ['workflow:completed'] } });
const lags = [];
for (let round = 0; round < 30; round++) {
  const [at] = await hub.ask('say', { times: 1 });
  const [{ first, last }] = await listeners.ask('heard', { events: 1, by: subscribers });
  lags.push({ first: first - at, last: last - at });
}
const median = (which) => medianOf(lags.slice(5).map((lag) => lag[which]));
note(
  `one event to ${subscribers} subscribers`,
  `${median('first').toFixed(1)} ms from durable to the first, ${median('last').toFixed(1)} ms to the last`,
);
const events = 200;
for (let round = 0; round < 2; round++) {
  const [at] = await hub.ask('say', { times: events });
  const times = await listeners.ask('heard', { events, by: subscribers });
  const seconds = (Math.max(...times.map(({ last }) => last)) - at) / 1_000;
  if (round === 1) note(`${events} events to each of them`, `${((events * subscribers) / seconds).toFixed(0)} deliveries a second`);
}
for (const peer of [listeners, hub]) await peer.end();
