/** What a hub is created with, and the checks of it. */
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { isIP } from 'node:net';
import * as z from 'zod';

import { Complaints } from '../../complaints.ts';
import { errorOf } from '../../errors.ts';
import { timerMillis } from '../../milliseconds.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import { describeValue } from '../../thrown.ts';
import { type HubLimits, hubLimitDefaults } from '../protocol/limits.ts';
import type { TokenGrant } from '../protocol/roles.ts';

/** What a hub is created with. */
export interface HubOptions {
  /** The system that it serves; it runs already, and is not the hub's own: whoever made it stops it. */
  readonly system: GleitzeitSystem;
  /** Where it listens. Beyond this machine only with a token. @defaultValue `'127.0.0.1'` */
  readonly host?: string;
  /** 0 for any that is free. @defaultValue `7400` */
  readonly port?: number;
  /** A server of one's own, for example one that speaks TLS, instead of a host and a port; it is neither started nor closed. */
  readonly server?: HttpServer | HttpsServer;
  /** The path of the sockets. @defaultValue `'/socket.io'` */
  readonly path?: string;
  /** A token that is good for everything. */
  readonly token?: string;
  /** Tokens with their roles. @defaultValue none: who reaches the hub may do everything, which is for this machine only */
  readonly tokens?: readonly TokenGrant[];
  /**
   * Protocols that workers may serve although the engine carries them out itself, such as `python/v1`: the built-in ones, those of the
   * system's own providers, and `function/v1` for the functions of its own workflows. A worker of such a protocol gets its tasks, with
   * their secrets opened, and its reports count.
   * @defaultValue none
   */
  readonly remote?: readonly string[];
  /** Origins whose pages may connect from a browser, such as `https://ops.example.com`. @defaultValue none */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: Partial<HubLimits>;
  /**
   * Whether a workflow that comes in may be a batch, whose tasks follow from the files of a directory of this machine: it tells
   * whoever submits which files there are.
   * @defaultValue `false`
   */
  readonly batches?: boolean;
}

export const hubDefaults = { host: '127.0.0.1', port: 7400, path: '/socket.io' } as const;

const limitRule = 'a whole number from 1';
const limit = z.int({ error: limitRule }).min(1, { error: limitRule }).optional();
const isTime = (name: string): boolean => name.endsWith('Ms');
const limits = Object.fromEntries(Object.keys(hubLimitDefaults).map((name) => [name, isTime(name) ? timerMillis.optional() : limit]));
const originRule = 'a list of origins such as https://ops.example.com';
const protocolsRule = 'a list of protocols such as python/v1';
const portRule = 'a port from 0 to 65535';
const text = (error: string) => z.string({ error }).min(1, { error }).optional();

const shape = z.strictObject(
  {
    system: z.object({}, { error: 'a system' }),
    host: text('the address or name of an interface'),
    port: z.int({ error: portRule }).min(0, { error: portRule }).max(65_535, { error: portRule }).optional(),
    server: z.object({ on: z.any(), listeners: z.any() }, { error: 'a server of node:http or node:https' }).optional(),
    path: z.string({ error: 'a path from the root' }).startsWith('/', { error: 'a path from the root' }).optional(),
    token: text('a text'),
    tokens: z.array(z.object({ token: z.string({ error: 'a text' }) }), { error: 'a list of tokens' }).optional(),
    remote: z.array(z.string({ error: protocolsRule }).min(1, { error: protocolsRule }), { error: protocolsRule }).optional(),
    allowedOrigins: z.array(z.string({ error: originRule }).refine(isOrigin, { error: originRule }), { error: originRule }).optional(),
    limits: z.strictObject(limits, { error: 'a map of limits' }).optional(),
    batches: z.boolean({ error: 'true or false' }).optional(),
  },
  { error: 'a map of options' },
);

/** The names of the options, for the page that describes them. */
export const hubOptionNames: readonly string[] = Object.keys(shape.shape);

/** @throws GleitzeitError CONFIGURATION_ERROR with every option that is not known or makes no sense */
export function checkHubOptions(options: HubOptions): void {
  const complaints = new Complaints();
  const parsed = shape.safeParse(options);
  // A value that is wrong may be a token: what it is stays unsaid.
  complaints.addAll(parsed, { of: { ...options, token: undefined, tokens: undefined }, at: '', known: hubOptionNames });
  if (parsed.success && options.server !== undefined)
    for (const option of ['host', 'port'] as const)
      if (options[option] !== undefined) complaints.add(option, 'left out where there is a server', options[option]);
  const error = complaints.error('createHub', 'CONFIGURATION_ERROR');
  if (error !== undefined) throw error;
}

/** Every token there is. */
export function tokensOf({ token, tokens = [] }: Pick<HubOptions, 'token' | 'tokens'>): readonly TokenGrant[] {
  return token === undefined ? tokens : [{ token }, ...tokens];
}

export function limitsOf({ limits: given = {} }: HubOptions): HubLimits {
  return { ...hubLimitDefaults, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/**
 * Refuses a host beyond this machine without a token. Of a server of one's own the host is not known; without a token, who comes
 * from elsewhere is refused there.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function checkExposure(options: Pick<HubOptions, 'host' | 'token' | 'tokens' | 'server'>): void {
  const { host = hubDefaults.host, server } = options;
  if (server !== undefined || tokensOf(options).length > 0 || isLoopback(host)) return;
  throw errorOf(
    'CONFIGURATION_ERROR',
    `A hub without a token listens on this machine only, got the host ${describeValue(host)}. Give it a token, or 127.0.0.1 as its host.`,
  );
}

/** Whether a host is this machine, seen by itself only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIP(name) === 4) return name.startsWith('127.');
  if (isIP(name) === 6) return name === '::1' || /^::ffff:127\./.test(name);
  return name === 'localhost' || name.endsWith('.localhost');
}

function isOrigin(given: string): boolean {
  return URL.canParse(given) && new URL(given).origin === given;
}
