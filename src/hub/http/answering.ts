/** What every HTTP request is answered with: the same shapes as on the sockets, under a status that fits. */
import type { Context } from 'hono';

import { errorOf, GleitzeitError } from '../../errors.ts';
import { type WireError, wireErrorOf } from '../protocol/answers.ts';
import { statusOf } from './statuses.ts';

/** A refusal whose status its code alone does not tell. */
export class HttpRefusal extends GleitzeitError {
  readonly status: 404 | 405 | 413 | 415;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: HttpRefusal['status'], error: GleitzeitError, headers: HttpRefusal['headers'] = {}) {
    super(error.toJSON());
    this.status = status;
    this.headers = headers;
  }
}

/** Refuses every method but those of a path. */
export function only(...methods: readonly string[]): (c: Context) => never {
  return (c) => {
    throw new HttpRefusal(405, errorOf('INVALID_REQUEST', `${c.req.path} takes ${methods.join(', ')}, and not ${c.req.method}`), {
      Allow: methods.join(', '),
    });
  };
}

export function nothingThere(c: Context): Response {
  return refuse(c, new HttpRefusal(404, errorOf('METHOD_NOT_FOUND', `There is nothing at ${c.req.path}; docs/hub-protocol.md names what there is.`)));
}

/** Answers with what went wrong. Of a fault of our own, whoever asked learns no more than that there was one. */
export function refuse(c: Context, thrown: unknown): Response {
  const isOurs = thrown instanceof GleitzeitError;
  const error = wireErrorOf(isOurs ? thrown : errorOf('INTERNAL_ERROR', 'The hub failed at this request; its log says why.'));
  for (const [name, value] of Object.entries(headersOf(thrown, error))) c.header(name, value);
  return c.json({ ok: false, error }, thrown instanceof HttpRefusal ? thrown.status : statusOf(error.code));
}

function headersOf(thrown: unknown, { code, retryAfterMs }: WireError): Readonly<Record<string, string>> {
  return {
    ...(thrown instanceof HttpRefusal && thrown.headers),
    // RFC 6750 wants the scheme named.
    ...(code === 'AUTHENTICATION_FAILED' && { 'WWW-Authenticate': 'Bearer realm="gleitzeit"' }),
    ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) }),
  };
}
