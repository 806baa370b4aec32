/** The same behind a real server, and what nobody would send by fetch. */
import { connect } from 'node:net';

import { describe, expect, it } from 'vitest';

import { hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';
import { json, served } from './place.ts';

/** Writes to a connection of its own, and resolves with everything that came until it was closed. */
function exchange(port: number, ...parts: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8').on('data', (part: string) => {
      heard += part;
    });
    // Reset by the other side is an answer too.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
    for (const part of parts) socket.write(part);
  });
}

const globals = [globalThis.Request, globalThis.Response];

const statusesIn = (heard: string): number[] => [...heard.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

describe('the HTTP of a hub behind a real server', () => {
  it('answers several requests on one connection, and ends it when it is asked to', async () => {
    const { port } = await served();
    const one = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const head = 'HEAD /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const last = 'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect(statusesIn(await exchange(port, one, head, one, last))).toEqual([200, 200, 200, 404]);
  });

  it.each<[string, string, number]>([
    ['a path that is not percent-encoded right', 'GET /api/workflows/%E0%A4%A HTTP/1.1\r\nHost: a', 404],
    ['a path that climbs', 'GET /api/../../etc/passwd HTTP/1.1\r\nHost: a', 404],
    ['a path of NULs', 'GET /api/workflows/%00%00 HTTP/1.1\r\nHost: a', 404],
    ['a method that there is not', 'BREW /healthz HTTP/1.1\r\nHost: a', 400],
    ['a method of others', 'PROPFIND /api/workflows HTTP/1.1\r\nHost: a', 405],
    ['no host', 'GET /healthz HTTP/1.1', 400],
    ['a host that is none', 'GET /healthz HTTP/1.1\r\nHost: [[[', 400],
    ['a host with a path', 'GET /healthz HTTP/1.1\r\nHost: a/b?c', 400],
    ['headers without an end', `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}`, 431],
    ['a token without an end', `GET /api/workflows HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${'x'.repeat(10_000)}`, 401],
    ['no HTTP at all', '\u0016\u0003\u0001\u0002', 400],
  ])('survives %s', async (_, request, status) => {
    const { port } = await served({ tokens: [{ token: 'right' }] });
    const bearing = request.includes('Authorization') ? '' : '\r\nAuthorization: Bearer right';
    const heard = await exchange(port, `${request}${bearing}\r\nConnection: close\r\n\r\n`);
    expect(statusesIn(heard)).toEqual([status]);
    expect(statusesIn(await exchange(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))).toEqual([200]);
  });

  it('refuses a body that is too large while it comes, whether its length was said or not', async () => {
    const { port } = await served({ limits: { ...hubLimitDefaults, messageBytes: 10_000 } });
    const head = 'POST /api/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const said = await exchange(port, `${head}Content-Length: 1000000000\r\n\r\n`, 'x'.repeat(1_000));
    expect(statusesIn(said)).toEqual([413]);
    expect(said).toContain('"code":"RESOURCE_EXHAUSTED"');
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
    const unsaid = await exchange(port, `${head}Transfer-Encoding: chunked\r\n\r\n`, ...Array.from({ length: 8 }, () => chunk));
    expect(statusesIn(unsaid)).toEqual([413]);
  });

  const commands = ['pause', 'resume', 'retry', 'cancel'] as const;
  const chunk = (text: string): string => (text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`);
  const posted = (path: string, headers: string, body = ''): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n${body}`;

  it.each<[string, string, string]>([
    ['no body', '', ''],
    ['a body of no bytes', 'Content-Length: 0\r\n', ''],
    ['no chunk', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ['a map', 'Content-Type: application/json\r\nContent-Length: 2\r\n', '{}'],
    ['a map in chunks', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n', `${chunk('{')}${chunk('}')}0\r\n\r\n`],
    ['a map that is waited for', 'Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n', '{}'],
  ])('takes every command with %s', async (_, headers, body) => {
    const { port, system } = await served();
    const { loadWorkflow } = await import('../../../../src/index.ts');
    const parameters = { times: 1 };
    await (await system.submit(await loadWorkflow({ name: 'f', tasks: [{ id: 'a', method: 'core/fail', parameters }] }), { id: 'f' })).result();
    await system.submit(await loadWorkflow({ name: 's', tasks: [{ id: 'a', method: 'core/sleep', parameters: { ms: 600_000 } }] }), { id: 's' });
    for (const command of commands) {
      const heard = await exchange(port, posted(`/api/workflows/${command === 'retry' ? 'f' : 's'}/${command}`, headers, body));
      expect([command, statusesIn(heard).at(-1), heard.split('\r\n\r\n').at(-1)]).toEqual([command, 200, expect.stringContaining('"ok":true')]);
    }
    expect((await system.result('s')).status).toBe('cancelled');
  });

  it.each<[string, string, string, number]>([
    ['a submit without a body', '', '', 400],
    ['a submit of no chunk', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n', 400],
    ['an expectation that nobody meets', 'Expect: 200-ok\r\n', '', 417],
  ])('refuses %s', async (_, headers, body, status) => {
    const { port } = await served();
    expect(statusesIn(await exchange(port, posted('/api/workflows', headers, body)))).toEqual([status]);
  });

  it('takes a submit in chunks, and one that waits to be asked for', async () => {
    const { port, system } = await served();
    const said = (id: string): string => JSON.stringify({ id, definition: { name: 'x', tasks: [{ id: 'a', method: 'core/echo' }] } });
    const chunks = [...said('chunked')].map(chunk).join('');
    const type = 'Content-Type: application/json\r\n';
    const chunked = await exchange(port, posted('/api/workflows', `${type}Transfer-Encoding: chunked\r\n`, `${chunks}0\r\n\r\n`));
    expect(statusesIn(chunked)).toEqual([202]);
    const body = said('awaited');
    const awaited = await exchange(port, posted('/api/workflows', `${type}Expect: 100-continue\r\nContent-Length: ${body.length}\r\n`, body));
    expect(statusesIn(awaited)).toEqual([100, 202]);
    for (const id of ['chunked', 'awaited']) expect((await system.result(id)).status).toBe('completed');
  });

  it.each(['HEAD', 'PUT', 'DELETE', 'PATCH'])('answers %s of a command in words, whatever body it has', async (method) => {
    const { port } = await served();
    for (const [headers, body] of [
      ['', ''],
      ['Transfer-Encoding: chunked\r\n', `${chunk('{}')}0\r\n\r\n`],
    ] as const) {
      const asked = posted('/api/workflows/x/cancel', headers, body).replace('POST', method);
      expect(statusesIn(await exchange(port, asked))).toEqual([405]);
    }
  });

  it('takes a body up to the limit, however it is cut', async () => {
    const { port, system } = await served();
    const body = JSON.stringify({
      definition: { name: 'Large', tasks: [{ id: 'a', method: 'core/echo', parameters: { text: 'ä'.repeat(200_000) } }] },
      id: 'l',
    });
    const bytes = Buffer.from(body);
    const head = `POST /api/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`;
    const parts = Array.from({ length: Math.ceil(bytes.length / 9_999) }, (_, index) => bytes.subarray(index * 9_999, (index + 1) * 9_999));
    expect(statusesIn(await exchange(port, head, ...parts))).toEqual([202]);
    expect((await system.result('l')).status).toBe('completed');
  });

  it('survives a body that ends before its end', async () => {
    const complaints: string[] = [];
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (_: object, message: string) => complaints.push(message) };
    const { port, system } = await served({ with: { log } });
    await new Promise<void>((gone) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(
          'POST /api/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"definition":',
          () => {
            socket.destroy();
            gone();
          },
        );
      });
    });
    expect(statusesIn(await exchange(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))).toEqual([200]);
    expect(await system.list()).toEqual([]);
    // Whoever goes away is no fault of the hub's.
    expect(complaints).toEqual([]);
  });

  it('is reached by no other name than that of this machine while it has no token', async () => {
    const { port } = await served();
    const asked = (host: string) => exchange(port, `GET /api/workflows HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(statusesIn(await asked('rebound.example.com'))).toEqual([403]);
    for (const host of ['127.0.0.1', `localhost:${port}`, '[::1]:7400']) expect(statusesIn(await asked(host))).toEqual([200]);
  });

  it('says what is wrong with a request that nobody can make an address of, and leaves the globals alone', async () => {
    const { port } = await served();
    expect(await exchange(port, 'GET /healthz HTTP/1.1\r\nHost: a/b?c\r\nConnection: close\r\n\r\n')).toContain('"code":"INVALID_REQUEST"');
    expect([globalThis.Request, globalThis.Response]).toEqual(globals);
  });

  it('refuses what is no UTF-8', async () => {
    const { url } = await served();
    const answer = await fetch(`${url}/api/workflows`, { ...json('{}'), body: Buffer.from('{"definition":{"name":"\xff"}}', 'latin1') });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'PARSE_ERROR' } }]);
  });

  it('tells whoever looks for an answer when nobody is there any more to get it', async () => {
    let [hear, tell] = [(): void => undefined, (): void => undefined];
    const [heard, told] = [new Promise<void>((resolve) => (hear = resolve)), new Promise<void>((resolve) => (tell = resolve))];
    const { url } = await served({
      handle: (_, __, { onGone }) => {
        onGone?.(tell);
        hear();
        return new Promise(() => undefined);
      },
    });
    const impatient = new AbortController();
    const answer = fetch(`${url}/api/workflows/w`, { signal: impatient.signal });
    await heard;
    impatient.abort();
    await expect(answer).rejects.toThrow('aborted');
    await told;
  });

  it('lets nobody wait for the result of a workflow that goes on', async () => {
    const { url, system } = await served();
    await fetch(
      `${url}/api/workflows`,
      json({ definition: { name: 'f', tasks: [{ id: 'a', method: 'core/fail', parameters: { times: 9 } }] }, id: 'f' }),
    );
    await system.result('f');
    const answer = await fetch(`${url}/api/workflows/f`);
    expect(await answer.json()).toMatchObject({ status: { status: 'failed' }, result: { status: 'failed' } });
  });
});
