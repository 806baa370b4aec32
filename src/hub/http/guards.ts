/** What every request passes first, whoever it is from: how many there may be, and whether its page may ask at all. */
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

import type { HubLimits } from '../protocol/limits.ts';
import type { Admission } from '../server/admission.ts';
import { Visitors } from './visitors.ts';

export interface GuardOptions {
  readonly limits: HubLimits;
  /** Pages of these origins may read the answers, beside those of the hub's own. */
  readonly allowedOrigins: readonly string[];
  /** Looks at whose requests these are, as is done for the sockets. */
  readonly admit: Admission;
}

/** In the order in which they are passed. */
export function guards({ limits, allowedOrigins, admit }: GuardOptions): readonly MiddlewareHandler[] {
  const visitors = new Visitors(limits);
  const check: MiddlewareHandler = async (c, next) => {
    const address = addressOf(c);
    visitors.count(address ?? '');
    admit({ origin: c.req.header('origin'), host: c.req.header('host'), site: c.req.header('sec-fetch-site'), address });
    await next();
  };
  return [check, shared(allowedOrigins)];
}

/** Tells browsers whose pages may read the answers, also for requests that they ask about first. */
function shared(allowedOrigins: readonly string[]): MiddlewareHandler {
  return cors({
    origin: [...allowedOrigins],
    allowMethods: ['GET', 'HEAD', 'POST'],
    allowHeaders: ['Authorization', 'Content-Type'],
    maxAge: 600,
  });
}

/** Unknown behind another server than Node's, whose requests count as one visitor's. */
function addressOf(c: Context): string | undefined {
  const { incoming } = (c.env ?? {}) as Partial<HttpBindings>;
  return incoming?.socket.remoteAddress;
}
