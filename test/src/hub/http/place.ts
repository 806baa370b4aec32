/** A running system with its HTTP, on a port of its own or without one. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';

import { createHttpApp, type HttpAppOptions } from '../../../../src/hub/http/app.ts';
import { createHttpListener } from '../../../../src/hub/http/listener.ts';
import { hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';
import type { TokenGrant } from '../../../../src/hub/protocol/roles.ts';
import { accessOf } from '../../../../src/hub/server/access.ts';
import { admissionOf } from '../../../../src/hub/server/admission.ts';
import { createRequestHandlers } from '../../../../src/hub/server/requests.ts';
import type { SystemOptions } from '../../../../src/runtime/options.ts';
import { createSystem } from '../../../../src/runtime/system.ts';

const allowedOrigins = ['https://ops.example.org'];

export interface PlaceOptions extends Partial<HttpAppOptions> {
  readonly tokens?: readonly TokenGrant[];
  readonly with?: SystemOptions;
  readonly start?: boolean;
}

export async function placeOf({ tokens, with: systemOptions, start = true, ...options }: PlaceOptions = {}) {
  const system = options.system ?? createSystem(systemOptions);
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  if (start) await system.start();
  const access = accessOf(tokens);
  const settings: HttpAppOptions = {
    system,
    handle: createRequestHandlers(system),
    access,
    limits: hubLimitDefaults,
    allowedOrigins,
    admit: admissionOf(access, allowedOrigins),
    figures: () => undefined,
    ...options,
  };
  return { system, app: createHttpApp(settings), settings };
}

/** The same behind a real server. */
export async function served(options: PlaceOptions = {}) {
  const { system, settings } = await placeOf(options);
  const server = createServer(createHttpListener(settings));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { system, server, port, url: `http://127.0.0.1:${port}` };
}

/** A POST of JSON. */
export const json = (body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
