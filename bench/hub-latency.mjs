/** From a submit to its result over the hub, while there is nothing else to do: client, hub and worker in a process each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { note } from './figures.mjs';
import { start } from './processes.mjs';

const times = 1_000;

async function measure(what, options) {
  const hub = await start('./hub-server.mjs', { isLocal: false, ...options });
  const url = await hub.ask('url');
  const worker = await start('./hub-workers-process.mjs', { url, workers: 1, slots: 4, name: 'w' });
  const client = await start('./hub-client-process.mjs', { url });
  await client.ask('rounds', { times: times / 2 });
  const taken = (await client.ask('rounds', { times })).sort((a, b) => a - b);
  note(what, `p50 ${taken[times / 2].toFixed(2)} ms, p99 ${taken[(times * 99) / 100].toFixed(2)} ms, of ${times}`);
  for (const peer of [client, worker, hub]) await peer.end();
}

const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-bench-'));
await measure('from submit to result, journal in memory', {});
await measure('from submit to result, journal on the disk, synced', { path: join(directory, 'hub.db') });
rmSync(directory, { recursive: true });
