/**
 * A small HTTP service that knows author and year of each text, and that breaks down under load as real ones do: once it is
 * overwhelmed it answers 503 or not at all, and it recovers only when it is left alone for a while.
 *
 * What it does depends on the calls it gets, so each run shows the same: whoever keeps calling keeps it down, and whoever
 * stops calling, as a circuit breaker does, gets it back.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Calls that it answers before it breaks down. */
const healthyCalls = 9;
/** How long nobody may call it until it is well again, in milliseconds; longer than the first rest its circuit gives it. */
const restMs = 600;
/** How long a sound answer takes, in milliseconds. */
const answerMs = 60;

export interface CatalogueService {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startCatalogue(): Promise<CatalogueService> {
  const works = JSON.parse(await readFile(new URL('../data/works.json', import.meta.url), 'utf8')) as Record<string, unknown>;
  let calls = 0;
  let refusedAt: number | undefined;
  let isDown = false;
  const send = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = createServer(({ url = '/' }, response) => {
    if (url === '/') return send(response, 200, { works: Object.keys(works).length });
    const now = performance.now();
    calls++;
    isDown = refusedAt === undefined ? calls > healthyCalls : isDown && now - refusedAt < restMs;
    if (isDown) {
      refusedAt = now;
      // Every other call hangs: its caller has to have a timeout.
      if (calls % 2 === 0) send(response, 503, { error: 'overwhelmed' });
      return;
    }
    const work = works[url.replace('/works/', '')];
    setTimeout(() => send(response, work === undefined ? 404 : 200, work ?? { error: 'unknown' }), answerMs);
  });

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has an address with one.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
