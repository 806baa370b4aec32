import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createHttpProvider, type HttpOptions } from '../../../src/providers/http.ts';
import { bench, failureOf, resultOf } from './attempts.ts';

let server: Server;
let base: string;
/** Called for each request that is left without an answer. */
let onSilence: () => void = () => undefined;

const answers: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
  '/echo': (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
    });
  },
  '/text': (_request, response) => response.end('only text'),
  '/broken-json': (_request, response) => response.setHeader('content-type', 'application/json').end('{'),
  '/gzip': (_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('unpacked')),
  '/bomb': (_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(100_000))),
  '/missing': (_request, response) => response.writeHead(404).end('nothing here'),
  '/denied': (_request, response) => response.writeHead(403).end(),
  '/busy': (_request, response) => response.writeHead(429, { 'retry-after': '7' }).end(),
  '/down': (_request, response) =>
    response.writeHead(503, { date: 'Thu, 01 Jan 1970 00:00:00 GMT', 'retry-after': 'Thu, 01 Jan 1970 00:01:00 GMT' }).end(),
  '/error': (_request, response) => response.writeHead(500).end('oops'),
  '/loop': (_request, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/see-other': (_request, response) => response.writeHead(303, { location: '/echo?from=see-other' }).end(),
  '/moved': (_request, response) => response.writeHead(308, { location: '/echo' }).end(),
  '/elsewhere': (_request, response) =>
    response.writeHead(307, { location: `http://localhost:${(server.address() as AddressInfo).port}/echo` }).end(),
  '/to-file': (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/silence': () => onSilence(),
  '/cut': (request) => request.socket.destroy(),
};

beforeAll(async () => {
  server = createServer((request, response) => answers[(request.url ?? '').replace(/\?.*/, '')]?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function request(path: string, params: Record<string, unknown> = {}, options: HttpOptions = {}) {
  const http = bench(createHttpProvider({ allowPrivateNetworks: true, ...options }));
  return http.run({ method: 'http/request', params: { url: `${base}${path}`, ...params } });
}

describe('http/request', () => {
  it('answers with status, headers, body and parsed JSON', async () => {
    const result = await resultOf(request('/echo'));
    expect(result).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: expect.any(String),
      json: { method: 'GET', url: '/echo', body: '' },
    });
  });

  it('sends method, query, headers and body', async () => {
    const params = { method: 'put', query: { q: 'a b', list: [1, true] }, headers: { 'X-Own': 5 }, body: 'täxt' };
    expect(await resultOf(request('/echo?a=1', params))).toMatchObject({
      json: { method: 'PUT', url: '/echo?a=1&q=a+b&list=1&list=true', headers: { 'x-own': '5', 'content-length': '5' }, body: 'täxt' },
    });
  });

  it('posts JSON', async () => {
    expect(await resultOf(request('/echo', { json: { a: [1] } }))).toMatchObject({
      json: { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":[1]}' },
    });
  });

  it('gives null for a body that is no JSON', async () => {
    expect(await resultOf(request('/text'))).toMatchObject({ body: 'only text', json: null });
    expect(await resultOf(request('/broken-json'))).toMatchObject({ body: '{', json: null });
  });

  it('unpacks what comes compressed', async () => {
    expect(await resultOf(request('/gzip'))).toMatchObject({ body: 'unpacked' });
  });

  it.each([
    ['/missing', { code: 'TASK_EXECUTION_FAILED', retryable: false, details: { status: 404, body: 'nothing here' } }],
    ['/denied', { code: 'AUTHORIZATION_FAILED', retryable: false }],
    ['/busy', { code: 'PROVIDER_OVERLOADED', retryable: true, retryAfterMs: 7_000 }],
    ['/down', { code: 'PROVIDER_OVERLOADED', retryable: true, retryAfterMs: 60_000 }],
    ['/error', { code: 'PROVIDER_NOT_AVAILABLE', retryable: true, details: { status: 500, body: 'oops' } }],
    ['/loop', { code: 'TASK_EXECUTION_FAILED', retryable: false, message: expect.stringContaining('/loop redirects more than 5 times') }],
    ['/to-file', { code: 'TASK_PARAMETER_ERROR', retryable: false }],
    ['/cut', { code: 'CONNECTION_LOST', retryable: true }],
  ])('fails at %s', async (path, expected) => {
    expect(await failureOf(request(path))).toMatchObject(expected);
  });

  it('says nothing of the query in its failures', async () => {
    expect((await failureOf(request('/missing?token=secret'))).message).toBe(`${base}/missing answered 404`);
  });

  it('takes a status as a result where it is asked to', async () => {
    expect(await resultOf(request('/missing', { ok: [404] }))).toMatchObject({ status: 404, body: 'nothing here' });
    expect(await resultOf(request('/error', { ok: 'any' }))).toMatchObject({ status: 500 });
  });

  it('follows redirects as browsers do', async () => {
    expect(await resultOf(request('/see-other', { json: { a: 1 } }))).toMatchObject({
      json: { method: 'GET', url: '/echo?from=see-other', body: '' },
    });
    expect(await resultOf(request('/moved', { body: 'kept' }))).toMatchObject({ json: { method: 'POST', body: 'kept' } });
  });

  it('takes to another origin that it is redirected to only what every client says of itself, whatever a key is called', async () => {
    const said = { accept: 'application/json', 'accept-language': 'de', 'user-agent': 'mine' };
    const own = {
      authorization: 'Bearer x',
      cookie: 'a=b',
      'proxy-authorization': 'Basic x',
      'x-api-key': 'k',
      'private-token': 'k',
      host: 'a.example',
    };
    const { json } = (await resultOf(request('/elsewhere', { headers: { ...said, ...own } }))) as { json: { headers: Record<string, string> } };
    expect(json.headers).toMatchObject(said);
    expect(Object.keys(json.headers).filter((name) => name !== 'host' && name in own)).toEqual([]);
    expect(json.headers['host']).not.toBe('a.example');
  });

  it('keeps every header within an origin', async () => {
    const { json } = (await resultOf(request('/see-other', { headers: { 'x-api-key': 'k' } }))) as { json: { headers: Record<string, string> } };
    expect(json.headers).toMatchObject({ 'x-api-key': 'k' });
  });

  it('bounds the response, unpacked too', async () => {
    expect(await failureOf(request('/bomb', {}, { maxResponseBytes: 1_000 }))).toMatchObject({
      code: 'TASK_RESULT_INVALID',
      message: expect.stringContaining('the limit of 1000 bytes'),
    });
  });

  it('ends after its time limit', async () => {
    expect(await failureOf(request('/silence', { timeoutMs: 20 }))).toMatchObject({
      code: 'PROVIDER_TIMEOUT',
      retryable: true,
      message: expect.stringContaining('20 ms'),
    });
  });

  it('ends when the attempt is aborted', async () => {
    const http = bench(createHttpProvider({ allowPrivateNetworks: true }));
    const reached = new Promise<void>((resolve) => {
      onSilence = resolve;
    });
    const outcome = http.run({ method: 'http/request', params: { url: `${base}/silence` } });
    await reached;
    http.abort();
    expect(await failureOf(outcome)).toMatchObject({ code: 'TASK_CANCELLED' });
  });

  it('reports a refused connection and an unknown host as such', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await failureOf(request('', { url: `http://127.0.0.1:${port}/` }))).toMatchObject({ code: 'CONNECTION_REFUSED', retryable: true });
    expect(await failureOf(request('', { url: 'http://no-such-host.invalid/' }))).toMatchObject({ code: 'NETWORK_UNREACHABLE' });
  });

  it('refuses private networks unless they are allowed, by address and by name, at the start and after a redirect', async () => {
    const refused = { code: 'AUTHORIZATION_FAILED', retryable: false, message: expect.stringContaining('allowPrivateNetworks') };
    const { port } = server.address() as AddressInfo;
    expect(await failureOf(request('/text', {}, { allowPrivateNetworks: false }))).toMatchObject(refused);
    expect(await failureOf(request('', { url: `http://localhost:${port}/text` }, { allowPrivateNetworks: false }))).toMatchObject(refused);
    expect(await failureOf(request('/elsewhere', {}, { allowPrivateNetworks: ['127.0.0.1'] }))).toMatchObject(refused);
    expect(await resultOf(request('/text', {}, { allowPrivateNetworks: [`127.0.0.1:${port}`] }))).toMatchObject({ status: 200 });
  });

  it.each([
    [{ url: 'no url' }, '"url": must be an absolute URL'],
    [{ body: 'a', json: 1 }, 'either body or json, not both'],
    [{ bodi: 'a' }, 'bodi'],
  ])('refuses the parameters %j', async (params, message) => {
    expect(await failureOf(request('/text', params))).toMatchObject({ code: 'TASK_VALIDATION_FAILED', message: expect.stringContaining(message) });
  });
});
