/** What a client of a hub is connected with, and the checks of it. */
import * as z from 'zod';

import { Complaints } from '../../complaints.ts';
import { timerMillis, timerMillisFromZero } from '../../milliseconds.ts';
import type { Logger } from '../../runtime/logger.ts';

/** How a hub is reached. */
export interface ConnectOptions {
  /** Where it listens: `http://127.0.0.1:7400`, or `https://…` where TLS ends before it. */
  readonly url: string;
  /** Says who connects. @defaultValue none, which a hub on its own machine may do without */
  readonly token?: string | undefined;
  /** The path that the hub serves its sockets at. @defaultValue `'/socket.io'` */
  readonly path?: string;
  /** How long the first connection may take, tries again included, in milliseconds; a number above 0. @defaultValue `5_000` */
  readonly connectTimeoutMs?: number;
  /**
   * How long a request waits while there is no connection, in milliseconds; a number from 0. What waits at the hub, as for the result
   * of a workflow, may take any time.
   * @defaultValue `60_000`
   */
  readonly patienceMs?: number;
  /** Told of connections that are lost and found, and of what subscribers throw. @defaultValue pino on stderr */
  readonly log?: Logger;
}

export const connectDefaults = { path: '/socket.io', connectTimeoutMs: 5_000, patienceMs: 60_000 } as const;

const isUrl = (given: string): boolean => {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  return url !== undefined && /^(?:https?|wss?):$/.test(url.protocol) && url.pathname === '/' && url.search === '' && url.username === '';
};
const urlRule = 'the address of a hub such as http://127.0.0.1:7400, without a path';
const pathRule = 'a path from the root such as /socket.io';

/** How a hub is reached, by whatever connects to it. */
export const reachShape = {
  url: z.string({ error: urlRule }).refine(isUrl, { error: urlRule }),
  token: z.string({ error: 'a text' }).optional(),
  path: z.string({ error: pathRule }).startsWith('/', { error: pathRule }).optional(),
  connectTimeoutMs: timerMillis.optional(),
  log: z.object({ warn: z.any(), error: z.any() }, { error: 'a log such as one of pino' }).optional(),
};

const shape = z.strictObject(
  {
    ...reachShape,
    patienceMs: timerMillisFromZero.optional(),
  },
  { error: 'a map of options' },
);

/** The names of the options, for the page that describes them. */
export const connectOptionNames: readonly string[] = Object.keys(shape.shape);

/** @throws GleitzeitError CONFIGURATION_ERROR with every option that is not known or makes no sense */
export function checkConnectOptions(options: unknown): asserts options is ConnectOptions {
  const complaints = new Complaints();
  complaints.addAll(shape.safeParse(options), { of: options, at: '', known: connectOptionNames });
  const error = complaints.error('connect', 'CONFIGURATION_ERROR');
  if (error !== undefined) throw error;
}
