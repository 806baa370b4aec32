/** What a connected client costs the process of the hub; hub and clients have a process each, and the heap is measured after a collection. */
import { tell } from './figures.mjs';
import { start } from './processes.mjs';

/** In kB: a client is a socket, its buffers and a few objects. */
const boundKb = 50;

for (const [what, subscription] of [
  ['connected client', undefined],
  ['connected client that watches a workflow', { types: ['*'], correlationId: 'nobody' }],
]) {
  const hub = await start('./hub-server.mjs');
  const crowd = await start('./hub-crowd.mjs', { url: await hub.ask('url') });
  // What is compiled and loaded for the first ones is not theirs.
  await crowd.ask('connect', { count: 100, subscription });
  await hub.ask('diamonds', { times: 100 });
  const before = await hub.ask('memory');
  let connected = 0;
  for (const count of [1_000, 5_000]) {
    await crowd.ask('connect', { count: count - connected, subscription });
    connected = count;
    const { heap, rss } = await hub.ask('memory');
    const [heapKb, rssKb] = [(heap - before.heap) / 1024 / count, (rss - before.rss) / 1024 / count];
    const detail = `RSS ${rssKb.toFixed(1)} kB, heap and buffers ${heapKb.toFixed(1)} kB`;
    tell(`memory of a ${what}, of ${count}`, { value: Math.max(heapKb, rssKb), unit: ' kB', atMost: boundKb, detail });
  }
  await crowd.end();
  await hub.end();
}
