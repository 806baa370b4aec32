/**
 * Runs an attempt of each provider while not one descriptor is left, and once more when there are some again.
 *
 * It is run by itself, under a low `ulimit -n`, and prints `{ method: [code, ok] }`: what the first one failed with, and whether the
 * second went well.
 */
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createHttpProvider } from '../../../../src/providers/http.ts';
import { createProcessProvider } from '../../../../src/providers/process.ts';
import { createPythonProvider } from '../../../../src/providers/python.ts';
import { defineThreadProvider } from '../../../../src/providers/worker-threads.ts';
import { bench } from '../attempts.ts';

const threads = defineThreadProvider({
  protocol: 'work/v1',
  module: new URL('../modules/work.ts', import.meta.url),
  threads: 1,
  methods: { 'work/sum': {} },
});
const server = createServer((_, response) => response.end('here')).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

/** Takes every descriptor that there is. @returns gives them back */
function exhaust(): () => void {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    return () => taken.forEach(closeSync);
  }
}

const subjects = [
  { provider: createProcessProvider(), method: 'process/exec', params: { command: 'true' } },
  { provider: createPythonProvider(), method: 'python/execute', params: { code: 'result = 1' } },
  { provider: createHttpProvider({ allowPrivateNetworks: true }), method: 'http/request', params: { url } },
  { provider: threads, method: 'work/sum', params: { upTo: 3 } },
];
const found: Record<string, unknown> = {};
for (const { provider, method, params } of subjects) {
  await provider.start?.();
  const attempts = bench(provider);
  const giveBack = exhaust();
  const first = await attempts.run({ method, params });
  giveBack();
  const second = await attempts.run({ method, params });
  const { error } = { error: undefined, ...first.data };
  found[method] = [error?.code, error?.retryable, second.type === 'attempt:succeeded' ? 'ok' : second.data.error];
}
console.log(JSON.stringify(found));
await threads.stop?.();
server.close();
