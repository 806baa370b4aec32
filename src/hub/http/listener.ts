/** The plain HTTP of a hub as servers of Node take it. */
import type { RequestListener } from 'node:http';

import { getRequestListener, RequestError } from '@hono/node-server';

import { errorOf } from '../../errors.ts';
import { wireErrorOf } from '../protocol/answers.ts';
import { createHttpApp, type HttpAppOptions } from './app.ts';
import { statusOf } from './statuses.ts';

/** Makes the listener; it never throws, and leaves the globals of the process alone. */
export function createHttpListener(options: HttpAppOptions): RequestListener {
  const { fetch } = createHttpApp(options);
  // Requests of HTTP/1.1 are what Node's listeners take.
  return getRequestListener(fetch, { overrideGlobalObjects: false, errorHandler: unreadable }) as RequestListener;
}

/** What is wrong before there is a request to look at: its address, or its host. */
function unreadable(thrown: unknown): Response {
  const isTheirs = thrown instanceof RequestError;
  const error = isTheirs
    ? errorOf('INVALID_REQUEST', `That is no request: ${thrown.message}`)
    : errorOf('INTERNAL_ERROR', 'The hub failed at this request.');
  return Response.json({ ok: false, error: wireErrorOf(error) }, { status: statusOf(error.code) });
}
