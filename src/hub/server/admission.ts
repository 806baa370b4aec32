/**
 * Whose requests are looked at, before anybody says who they are.
 *
 * A page in a browser of somebody who may reach the hub must not speak to it in their name: what names an origin is refused unless
 * that is allowed. Without a token there is nothing else that keeps others out, so that only this machine is served, and only by its
 * own name: a page whose name was made to lead here says another one.
 */
import type { IncomingHttpHeaders } from 'node:http';

import { errorOf } from '../../errors.ts';
import { describeValue } from '../../thrown.ts';
import type { Access } from './access.ts';
import { isLoopback } from './options.ts';

/** Where a request comes from, and by which name it reached the hub. */
export interface Caller {
  readonly origin: string | undefined;
  readonly host: string | undefined;
  /** What browsers say of requests that name no origin, such as those of scripts and images. */
  readonly site?: string | undefined;
  /** The address of the other side. */
  readonly address?: string | undefined;
}

/** @throws GleitzeitError AUTHORIZATION_FAILED */
export type Admission = (caller: Caller) => void;

export function admissionOf({ isOpen }: Pick<Access, 'isOpen'>, allowedOrigins: readonly string[]): Admission {
  const allowed = new Set(allowedOrigins);
  return ({ origin, host, site, address }) => {
    const isForeign =
      origin === undefined ? site !== undefined && site !== 'none' && site !== 'same-origin' : !allowed.has(origin) && !isOwn(origin, host);
    if (isForeign)
      throw errorOf('AUTHORIZATION_FAILED', `Pages of ${describeValue(origin ?? site)} may not use this hub: it allows them by allowedOrigins.`);
    if (!isOpen) return;
    if (host !== undefined && !isLoopback(nameOf(host)))
      throw errorOf('AUTHORIZATION_FAILED', `A hub without a token is reached by the name of this machine only, got ${describeValue(host)}`);
    if (address !== undefined && !isLoopback(address))
      throw errorOf('AUTHORIZATION_FAILED', `A hub without a token serves its own machine only, got ${describeValue(address)}`);
  };
}

export function callerOf(headers: IncomingHttpHeaders, address: string | undefined): Caller {
  const { origin, host, 'sec-fetch-site': site } = headers;
  return { origin, host, site: typeof site === 'string' ? site : undefined, address };
}

/**
 * Whether it is the hub's own: clients that are no browser name it too, Python's for one. A page that was made to look so has no
 * token, and where there is none to have it is refused by its host.
 */
function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

/** A host without its port. */
function nameOf(host: string): string {
  return /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(host)?.[1] ?? host;
}
