/**
 * One exchange over HTTP: a request, the redirects that it meets, and a response of bounded size.
 *
 * Node's modules for it are loaded with the first request, since most workflows make none. They are read from no file: a module
 * of one's own that is loaded late fails where no descriptor is left, and Node keeps that failure for ever.
 */
import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions } from 'node:http';
import type { Readable } from 'node:stream';

import { errorOf } from '../errors.ts';
import { isAllowedPrivately, type PrivateNetworks, publicLookup, refusePrivateHost } from './network-guard.ts';
import { nameOf } from './url-name.ts';

export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Whether a text has a secret in it: that goes to no other origin. */
  readonly holdsSecret: (text: string) => boolean;
  readonly signal: AbortSignal;
  readonly maxRedirects: number;
  readonly maxResponseBytes: number;
  readonly allowPrivateNetworks: PrivateNetworks;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Where the last redirect led. */
  readonly url: URL;
}

/**
 * Sends a request and follows its redirects, each one checked anew.
 * @throws GleitzeitError AUTHORIZATION_FAILED (a private network), TASK_PARAMETER_ERROR (no HTTP), TASK_EXECUTION_FAILED (too many redirects,
 * or one that would take a secret in the body to another origin),
 * TASK_RESULT_INVALID (too long a response); whatever the connection fails with
 */
export async function exchangeHttp(exchange: Exchange): Promise<HttpResponse> {
  let current = exchange;
  for (let redirects = 0; ; redirects++) {
    const response = await send(current);
    const location = isRedirect(response) ? response.headers.location : undefined;
    if (location === undefined) return receive(response, current);
    response.destroy();
    if (redirects >= exchange.maxRedirects) {
      throw errorOf('TASK_EXECUTION_FAILED', `${nameOf(exchange.url)} redirects more than ${exchange.maxRedirects} times`, { retryable: false });
    }
    current = redirected(current, response.statusCode ?? 0, location);
  }
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode);
}

function redirected(from: Exchange, status: number, location: string): Exchange {
  if (!URL.canParse(location, from.url.href))
    throw errorOf('TASK_EXECUTION_FAILED', `${nameOf(from.url)} redirects to "${location}", which is no URL`, { retryable: false });
  const url = new URL(location, from.url);
  // As browsers do: whoever answers "see other", or moved a POST, wants it fetched by GET.
  const becomesGet = (status === 303 && from.method !== 'HEAD') || ((status === 301 || status === 302) && from.method === 'POST');
  const isSameOrigin = url.origin === from.url.origin;
  const isKept = ([name, value]: readonly [string, string]): boolean =>
    !(becomesGet && name.startsWith('content-')) && (isSameOrigin || (saysNothing.has(name) && !from.holdsSecret(value)));
  const headers = Object.fromEntries(Object.entries(from.headers).filter(isKept));
  if (!isSameOrigin && !becomesGet && from.body !== undefined && from.holdsSecret(from.body.toString('utf8'))) {
    throw errorOf(
      'TASK_EXECUTION_FAILED',
      `${nameOf(from.url)} redirects to ${nameOf(url)}, another origin, and the body of the request holds a secret: it is sent nowhere but where the task says. If that is meant, give the task the other URL`,
      { retryable: false },
    );
  }
  return { ...from, url, headers, ...(becomesGet ? { method: 'GET', body: undefined } : {}) };
}

/**
 * Headers that go along to another origin. Services name the header of their key as they like, `x-api-key`, `private-token`, so
 * that nothing is left out by name: only what every client says of itself is kept.
 */
const saysNothing: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-encoding',
  'content-language',
  'content-type',
  'user-agent',
]);

function send({ method, url, headers, body, signal, allowPrivateNetworks }: Exchange): Promise<IncomingMessage> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw errorOf('TASK_PARAMETER_ERROR', `"${nameOf(url)}" is no http or https URL`);
  const isFree = isAllowedPrivately(url, allowPrivateNetworks);
  if (!isFree) refusePrivateHost(url);
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...lengthOf(body) },
    signal,
    // A socket of the shared pool may lead to where only another exchange was allowed to go.
    agent: false,
    ...(isFree ? {} : { lookup: publicLookup }),
  };
  return new Promise((resolve, reject) => {
    const { request: ask } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
    const request = ask(url, options, resolve);
    request.once('error', reject);
    request.end(body);
  });
}

function lengthOf(body: Buffer | undefined): OutgoingHttpHeaders {
  return body === undefined ? {} : { 'content-length': body.length };
}

async function receive(response: IncomingMessage, { url, maxResponseBytes }: Exchange): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Counted after decompression: it is there that a small response becomes a big one.
  for await (const chunk of decompressed(response)) {
    const buffer: Buffer = chunk;
    bytes += buffer.length;
    if (bytes > maxResponseBytes) {
      response.destroy();
      throw errorOf('TASK_RESULT_INVALID', `The response of ${nameOf(url)} is longer than the limit of ${maxResponseBytes} bytes`);
    }
    chunks.push(buffer);
  }
  return { status: response.statusCode ?? 0, headers: headersOf(response), body: Buffer.concat(chunks), url };
}

function decompressed(response: IncomingMessage): Readable {
  const decoder = decoderOf(response.headers['content-encoding']);
  if (decoder === undefined || response.statusCode === 204 || response.statusCode === 304) return response;
  response.once('error', (error) => decoder.destroy(error));
  decoder.once('close', () => response.destroy());
  return response.pipe(decoder);
}

function decoderOf(encoding: string | undefined) {
  const zlib = process.getBuiltinModule('node:zlib');
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    default:
      return undefined;
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]])),
  );
}
