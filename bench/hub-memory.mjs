/** What a connected client costs the process of the hub. */
import { note, tell } from './figures.mjs';
import { start } from './processes.mjs';

/** In kB: a client is a socket, its buffers and a few objects. */
const boundKb = 100;

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
    tell(`memory of a ${what}, of ${count}`, { value: rssKb, unit: ' kB', atMost: boundKb, detail: `RSS; heap ${heapKb.toFixed(1)} kB` });
  }
  await crowd.end();
  await hub.end();
}
note('memory of clients', 'hub and clients in a process each; the heap after a collection');
