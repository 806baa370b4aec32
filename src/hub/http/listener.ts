/** The plain HTTP of a hub as servers of Node take it. */
import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { getRequestListener, RequestError } from '@hono/node-server';

import { errorOf } from '../../errors.ts';
import { wireErrorOf } from '../protocol/answers.ts';
import { createHttpApp, type HttpAppOptions } from './app.ts';
import { statusOf } from './statuses.ts';

/** Makes the listener; it never throws, and leaves the globals of the process alone. */
export function createHttpListener(options: HttpAppOptions): RequestListener {
  const { fetch } = createHttpApp(options);
  // Requests of HTTP/1.1 are what Node's listeners take.
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false, errorHandler: unreadable }) as RequestListener;
  const lines = new WeakMap<Socket, Line>();
  return (request, response) => {
    endUnread(response, options.limits.unreadMs);
    const line = lines.get(request.socket) ?? { length: 0, last: Promise.resolve() };
    lines.set(request.socket, line);
    // Node reads on however many requests wait to be answered.
    if (line.length >= longestLine) request.socket.destroy();
    else enqueue(line, response, () => answer(request, response));
  };
}

/** Requests that came one after another by one connection without waiting for answers: each is looked at when all before it are answered. */
interface Line {
  length: number;
  last: Promise<void>;
}

const longestLine = 100;

function enqueue(line: Line, response: ServerResponse, answer: () => void): void {
  const closed = new Promise<void>((resolve) => {
    response.once('close', () => {
      line.length--;
      resolve();
    });
  });
  if (line.length === 0) answer();
  else
    void line.last.then(() => {
      if (!response.destroyed) answer();
    });
  line.length++;
  line.last = closed;
}

/** Ends a connection whose client reads nothing of its answer for too long. */
function endUnread(response: ServerResponse, ms: number): void {
  response.setTimeout(ms).on('timeout', (socket: Socket) => {
    // Whoever waits for what is still looked up has nothing to read.
    if (socket.writableLength > 0) socket.destroy();
  });
}

/** What is wrong before there is a request to look at: its address, or its host. */
function unreadable(thrown: unknown): Response {
  const isTheirs = thrown instanceof RequestError;
  const error = isTheirs
    ? errorOf('INVALID_REQUEST', `That is no request: ${thrown.message}`)
    : errorOf('INTERNAL_ERROR', 'The hub failed at this request.');
  return Response.json({ ok: false, error: wireErrorOf(error) }, { status: statusOf(error.code) });
}
