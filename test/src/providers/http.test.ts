import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createHttpProvider, type HttpOptions } from '../../../src/providers/http.ts';
import { definitionOf, secretsWith } from '../secrets/making.ts';
import { bench, failureOf, resultOf } from './attempts.ts';

/** A pixel: bytes that no text has. */
const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');

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
  '/png': (_request, response) => response.setHeader('content-type', 'image/png').end(png),
  '/bytes': (request, response) => {
    const query = new URL(request.url ?? '', 'http://127.0.0.1').searchParams;
    const type = query.get('type');
    if (type !== null) response.setHeader('content-type', type);
    response.end(Buffer.from(query.get('hex') ?? '', 'hex'));
  },
  '/raw-echo': (request, response) => {
    response.setHeader('content-type', 'application/octet-stream');
    request.pipe(response);
  },
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

describe('the bytes of a response', () => {
  const bytes = (hex: string, type?: string, more: Record<string, unknown> = {}) =>
    request('/bytes', { query: { hex, ...(type !== undefined && { type }) }, ...more });

  it.each([
    ['no type', '67c3bc', undefined, 'gü'],
    ['text', '67c3bc', 'text/plain', 'gü'],
    ['latin 1 by its charset', '67fc', 'text/plain; charset=ISO-8859-1', 'gü'],
    ['a charset in quotes', '67fc', 'text/html; charset="windows-1252"', 'gü'],
    ['UTF-16 by its mark', 'fffe6700fc00', 'text/plain', 'gü'],
    ['UTF-16 by its charset', '6700fc00', 'text/plain;charset=utf-16le', 'gü'],
    ['an image that is XML', '3c7376672f3e', 'image/svg+xml', '<svg/>'],
    ['a mark of UTF-8, which stays', 'efbbbf61', 'text/plain', '\ufeffa'],
  ])('are text: %s', async (_, hex, type, body) => {
    expect(await resultOf(bytes(hex, type))).toMatchObject({ body, bodyEncoding: 'utf8' });
  });

  it.each(['image/png', 'IMAGE/PNG', 'application/octet-stream', 'application/pdf', 'audio/mpeg', 'font/woff2', 'application/epub+zip'])(
    'are base64 where they are %s',
    async (type) => {
      expect(await resultOf(bytes('00ff', type))).toMatchObject({ body: 'AP8=', bodyEncoding: 'base64', json: null });
    },
  );

  it('are given as is asked for', async () => {
    expect(await resultOf(bytes('7b7d', 'application/json', { encoding: 'base64' }))).toMatchObject({ body: 'e30=', json: null });
    expect(await resultOf(bytes('7b7d', 'application/octet-stream', { encoding: 'utf8' }))).toMatchObject({
      body: '{}',
      bodyEncoding: 'utf8',
      json: {},
    });
  });

  it.each([
    ['no UTF-8', '6162ff', 'text/plain', 'is not UTF-8: byte 0xff at offset 2, in line 1. Set `encoding: base64` to have its bytes'],
    ['no UTF-8, on another line', '0a0a61fc', undefined, 'byte 0xfc at offset 3, in line 3'],
    ['half a character', '61c3', 'application/json', 'byte 0xc3 at offset 1'],
    ['what is not in its charset', '61ff', 'text/plain; charset=shift_jis', 'is not in its charset shift_jis'],
    ['an unknown charset', '61', 'text/plain; charset=klingon', 'has the charset "klingon", which is unknown here'],
  ])('are refused where they are %s', async (_, hex, type, message) => {
    expect(await failureOf(bytes(hex, type))).toMatchObject({
      code: 'TASK_RESULT_INVALID',
      retryable: false,
      message: expect.stringContaining(message),
    });
  });

  it('come, and are sent, as they are', async () => {
    const { body } = (await resultOf(request('/png'))) as { readonly body: string };
    expect(Buffer.from(body, 'base64')).toEqual(png);
    expect(await resultOf(request('/raw-echo', { body: { base64: body } }))).toMatchObject({ body, bodyEncoding: 'base64' });
    expect(await failureOf(request('/raw-echo', { body: { base64: 'no base64' } }))).toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
  });
});

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

  it('takes no secret to another origin, in a header that goes along as a rule or in a body', async () => {
    const secrets = secretsWith();
    const http = bench(createHttpProvider({ allowPrivateNetworks: true }), { secrets });
    const sent = (params: object) => http.run({ method: 'http/request', params: secrets.input(definitionOf([]), params) });
    const own = { url: `${base}/elsewhere`, headers: { 'user-agent': 'bot tok-1234', accept: 'application/json', authorization: 'Bearer tok-1234' } };
    const { json } = (await resultOf(sent(own))) as { json: { headers: Record<string, string> } };
    expect([json.headers['user-agent'], json.headers['accept'], json.headers['authorization']]).toEqual([undefined, 'application/json', undefined]);
    expect(await failureOf(sent({ url: `${base}/elsewhere`, json: { password: 'a "pass" word' } }))).toMatchObject({
      code: 'TASK_EXECUTION_FAILED',
      retryable: false,
      message: expect.stringContaining('another origin, and the body of the request holds a secret'),
    });
    expect(await resultOf(sent({ url: `${base}/elsewhere`, json: { plain: 1 } }))).toMatchObject({ json: { body: '{"plain":1}' } });
    const { json: same } = (await resultOf(sent({ ...own, url: `${base}/moved` }))) as { json: { headers: object } };
    expect(Object.keys(same.headers)).toEqual(expect.arrayContaining(['user-agent', 'authorization']));
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
