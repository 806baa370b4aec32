import { get } from 'node:http';

import { describe, expect, it } from 'vitest';

import { hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';
import { ask, clientOf, connected, echo, hubOf, refusalOf, until } from './places.ts';
import { entered, raw } from './raw.ts';

const tokens = [{ token: 'all' }, { token: 'watch', roles: ['observer'] as const }, { token: 'work', roles: ['worker'] as const }];
const namespaces = ['/engine', '/queue', '/pool', '/health'];
const transports = [['websocket'], ['polling'], ['polling', 'websocket']];

/** What a hub says to a GET with these headers. */
function status(url: string, headers: Record<string, string> = {}): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    }).on('error', reject);
  });
}
const polling = '/socket.io/?EIO=4&transport=polling';

describe('who connects to a hub', { timeout: 30_000 }, () => {
  it.each(transports)('is let in with the token, by %s', async (...names) => {
    const { hub } = await hubOf({ token: 'all' });
    for (const namespace of namespaces) {
      const client = await connected(hub.url, namespace, { auth: { token: 'all' }, transports: names as ['polling'] });
      expect(await ask(client, 'subscribe')).toMatchObject({ ok: true });
    }
    await until(() => hub.connections().every(({ transport }) => transport === names.at(-1)));
  });

  it.each([[undefined], ['wrong'], ['']])('is refused with the token %j', async (token) => {
    const { hub } = await hubOf({ tokens });
    for (const namespace of namespaces) {
      const refusal = await refusalOf(clientOf(hub.url, namespace, token === undefined ? {} : { auth: { token } }));
      expect(refusal.message).toBe('AUTHENTICATION_FAILED');
      expect(refusal.data).toMatchObject({ code: 'AUTHENTICATION_FAILED', rpcCode: -25005, message: 'The token is missing or not right.' });
    }
  });

  it.each([[1], [['all']], [{ token: 'all' }], [null]])('is refused with a token that is no text: %j', async (token) => {
    const { hub } = await hubOf({ tokens });
    expect((await refusalOf(clientOf(hub.url, '/engine', { auth: { token } }))).message).toBe('AUTHENTICATION_FAILED');
  });

  it('is let in only where its role has something to do', async () => {
    const { hub } = await hubOf({ tokens });
    for (const namespace of ['/engine', '/queue', '/health']) {
      const refusal = await refusalOf(clientOf(hub.url, namespace, { auth: { token: 'work' } }));
      expect(refusal.data?.code).toBe('AUTHORIZATION_FAILED');
    }
    const worker = await connected(hub.url, '/pool', { auth: { token: 'work' } });
    expect(await ask(worker, 'subscribe')).toMatchObject({ ok: false, error: { code: 'AUTHORIZATION_FAILED', rpcCode: -25006 } });
    const observer = await connected(hub.url, '/pool', { auth: { token: 'watch' } });
    const registration = { workerId: 'w', protocol: 'p/v1', methods: ['p/m'], slots: 1 };
    expect(await ask(observer, 'worker:register', registration)).toMatchObject({ ok: false, error: { code: 'AUTHORIZATION_FAILED' } });
  });

  it('is told where to go instead of the root', async () => {
    const { hub } = await hubOf();
    for (const namespace of ['/', '/other', '/__proto__']) {
      const refusal = await refusalOf(clientOf(hub.url, namespace));
      expect(refusal.data).toMatchObject({ code: 'INVALID_REQUEST', message: 'The namespaces are /engine, /queue, /pool and /health.' });
    }
  });

  it('is refused when it comes from a page of an origin that is not allowed', async () => {
    const { hub } = await hubOf({ token: 'all', allowedOrigins: ['https://ops.example.com'] });
    expect(await status(hub.url + polling, { origin: 'https://evil.example.com' })).toMatchObject({ status: 403 });
    expect((await status(hub.url + polling, { origin: 'https://evil.example.com' })).text).toContain('AUTHORIZATION_FAILED');
    expect(await status(hub.url + polling, { origin: 'null' })).toMatchObject({ status: 403 });
    // As clients do that are no browser and name an origin all the same.
    expect(await status(hub.url + polling, { origin: hub.url })).toMatchObject({ status: 200 });
    // As a browser asks for scripts and images: without an origin.
    expect(await status(hub.url + polling, { 'sec-fetch-site': 'cross-site' })).toMatchObject({ status: 403 });
    expect(await status(hub.url + polling, { origin: 'https://ops.example.com' })).toMatchObject({ status: 200 });
    await expect(raw(hub.url, { origin: 'https://evil.example.com' })).rejects.toThrow('403');
    expect(hub.figures().refused).toBeGreaterThan(3);
  });

  it('is looked at again with each of its requests', async () => {
    const { hub } = await hubOf();
    const { sid } = JSON.parse((await status(hub.url + polling)).text.slice(1)) as { readonly sid: string };
    expect((await status(`${hub.url}${polling}&sid=${sid}`, { origin: 'https://evil.example.com' })).status).toBe(403);
    await expect(raw(hub.url, { origin: 'https://evil.example.com' }, `&sid=${sid}`)).rejects.toThrow('403');
  });

  it('does not poll by scripts, as any page could', async () => {
    const { hub } = await hubOf();
    expect((await status(`${hub.url}${polling}&j=0`)).status).toBe(400);
  });

  it('reaches a hub without a token by the name of the machine only', async () => {
    const { hub } = await hubOf();
    for (const host of ['evil.example.com', 'evil.example.com:7400', '10.0.0.1', '[2001:db8::1]:80', '127.0.0.1.evil.com'])
      expect(await status(hub.url + polling, { host })).toMatchObject({ status: 403 });
    for (const host of ['127.0.0.1:1', 'localhost', 'LOCALHOST:7400', '[::1]:7400'])
      expect((await status(hub.url + polling, { host })).status).toBe(200);
    const guarded = await hubOf({ token: 'all' });
    expect((await status(guarded.hub.url + polling, { host: 'hub.example.com' })).status).toBe(200);
  });

  it('is one of so many', async () => {
    const { hub } = await hubOf({ limits: { connections: 2 } });
    const first = await connected(hub.url);
    await connected(hub.url);
    const refused = await status(hub.url + polling);
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('RESOURCE_EXHAUSTED');
    first.disconnect();
    await until(() => hub.connections().length === 1);
    await connected(hub.url);
  });

  it('says who it is within a time', async () => {
    const { hub } = await hubOf({ limits: { greetingMs: 100 }, token: 'all' });
    const silent = await raw(hub.url);
    const wrong = await raw(hub.url);
    wrong.send('40/engine,{"token":"wrong"}');
    await wrong.next(/AUTHENTICATION_FAILED/);
    await Promise.all([silent.closed, wrong.closed]);
    const right = await entered(hub.url, '/engine', { token: 'all' });
    right.send('42/engine,1["hub:info",{}]');
    await right.next(/^43\/engine,1\[{"ok":true/);
  });
});

describe('what clients send', { timeout: 60_000 }, () => {
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  it.each<[string, string, string]>([
    ['a message that is not known', '["workflow:nothing",{}]', 'METHOD_NOT_FOUND'],
    ['a message named like a prototype', '["__proto__",{}]', 'METHOD_NOT_FOUND'],
    ['a message named like a member', '["constructor",{}]', 'METHOD_NOT_FOUND'],
    ['a name that Socket.IO keeps for itself', '["disconnect",{}]', 'METHOD_NOT_FOUND'],
    ['another one', '["newListener",{}]', 'METHOD_NOT_FOUND'],
    ['an error', '["error",{}]', 'METHOD_NOT_FOUND'],
    ['an event of the catalogue', '["task:completed",{}]', 'METHOD_NOT_FOUND'],
    ['a message of a worker to the engine', '["worker:register",{}]', 'METHOD_NOT_FOUND'],
    ['data of the wrong kind', '["workflow:status",7]', 'INVALID_PARAMS'],
    ['no data where there must be some', '["workflow:status"]', 'INVALID_PARAMS'],
    ['more than is known', '["workflow:status",{"workflowId":"w","more":1}]', 'INVALID_PARAMS'],
    ['an id as long as a book', `["workflow:status",{"workflowId":"${'x'.repeat(2_000)}"}]`, 'INVALID_PARAMS'],
    ['what is not there', '["workflow:status",{"workflowId":"w"}]', 'WORKFLOW_NOT_FOUND'],
    ['no JSON', '["workflow:status",{]', 'PARSE_ERROR'],
    ['something deep', `["workflow:status",${deep(1_100)}]`, 'INVALID_REQUEST'],
    ['something as deep as can be sent', `["workflow:submit",${deep(500_000)}]`, 'INVALID_REQUEST'],
    ['what has no reason to be large', `["hub:info",{${Array.from({ length: 100_000 }, (_, n) => `"${n}":0`).join()}}]`, 'RESOURCE_EXHAUSTED'],
    ['filters beyond all measure', `["subscribe",{"types":["${'x'.repeat(2 ** 20)}"]}]`, 'RESOURCE_EXHAUSTED'],
    ['the key of prototypes', '["workflow:status",{"__proto__":{"workflowId":"w"}}]', 'INVALID_REQUEST'],
    ['something too large', `["workflow:submit",{"yaml":"${'x'.repeat(hubLimitDefaults.messageBytes)}"}]`, 'RESOURCE_EXHAUSTED'],
    ['a name as long as a book', `["${'x'.repeat(60_000)}",{}]`, 'METHOD_NOT_FOUND'],
  ])('is refused by name, and the next one is served: %s', async (_, text, code) => {
    const { hub } = await hubOf();
    const client = await entered(hub.url);
    client.send(`42/engine,1${text}`);
    client.send(`42/engine,${text}`);
    client.send('42/engine,2["hub:info",{}]');
    const answer = await client.next(/^43\/engine,1\[/);
    const [{ ok, error }] = JSON.parse(answer.slice('43/engine,1'.length)) as [
      { ok: boolean; error: { code: string; rpcCode: number; message: string } },
    ];
    expect({ ok, code: error.code }).toEqual({ ok: false, code });
    expect(error.rpcCode).toBeLessThan(-25_000);
    expect(error.message.length).toBeLessThan(1_000);
    await client.next(/^43\/engine,2\[{"ok":true/);
    // Of a message without a number nothing is said.
    expect(client.heard.filter((heard) => heard.startsWith('43/engine,'))).toHaveLength(2);
  });

  const closing = (code: string) => new RegExp(`^42/engine,\\["connection:closing",\\{"error":\\{"code":"${code}"`);
  it.each<[string, string | Buffer, string]>([
    ['no packet', '4x', 'PARSE_ERROR'],
    ['bytes', Buffer.from('x'), 'INVALID_REQUEST'],
    ['a message to a namespace that it is not in', '42/pool,1["worker:heartbeat",{"leases":[]}]', 'INVALID_REQUEST'],
  ])('ends the connection with a reason: %s', async (_, sent, code) => {
    const { hub } = await hubOf();
    const other = await connected(hub.url);
    const client = await entered(hub.url);
    client.send(sent);
    await client.next(closing(code));
    await client.closed;
    expect(await ask(other, 'hub:info')).toMatchObject({ ok: true });
  });

  it.each<[string, string | Buffer]>([
    ['a message', '42/engine,1["hub:info",{}]'],
    ['a message to the root', '42["hub:info",{}]'],
    ['no packet', '4{'],
    ['bytes', Buffer.from('x')],
    ['the end', '41/engine,'],
  ])('ends a connection that has not said who it is: %s', async (_, sent) => {
    const { hub } = await hubOf({ token: 'all' });
    const client = await raw(hub.url);
    client.send(sent);
    await client.next(/^44\{"message":"(INVALID_REQUEST|PARSE_ERROR)"/);
    await client.closed;
  });

  it.each(['7', '2probe', '5', '1', 'hello', ''])('ends a connection that does not speak Engine.IO: %j', async (sent) => {
    const { hub } = await hubOf();
    const other = await connected(hub.url);
    const client = await raw(hub.url);
    client.send(sent);
    expect(await ask(other, 'hub:info')).toMatchObject({ ok: true });
  });

  it('may be large only once it is known from whom it comes', async () => {
    const { hub } = await hubOf({ token: 'all' });
    const greeting = (size: number) => `40/engine,${JSON.stringify({ token: 'all', more: 'x'.repeat(size) })}`;
    const little = await raw(hub.url);
    little.send(greeting(1_000));
    await little.next(/^40\/engine,/);
    little.send(`42/engine,1["workflow:submit",{"id":"${'x'.repeat(1_000_000)}"}]`);
    await little.next(/^43\/engine,1\[{"ok":false,"error":{"code":"INVALID_PARAMS"/);
    const large = await raw(hub.url);
    large.send(greeting(20_000));
    await large.next(/^44\/engine,{"message":"RESOURCE_EXHAUSTED"/);
    const huge = await raw(hub.url);
    huge.send(greeting(10_000_000));
    await huge.closed;
    const polled = await status(`${hub.url}${polling}`);
    const { sid } = JSON.parse(polled.text.slice(1)) as { readonly sid: string };
    const posted = await fetch(`${hub.url}${polling}&sid=${sid}`, { method: 'POST', body: greeting(200_000) }).catch(() => undefined);
    expect(posted?.status ?? 413).toBe(413);
  });

  it.each(transports)('may be large from who is known, by %s', async (...names) => {
    const { hub } = await hubOf();
    const client = await connected(hub.url, '/engine', { transports: names as ['polling'] });
    expect(await ask(client, 'workflow:submit', { id: 'x'.repeat(5_000_000) })).toMatchObject({
      ok: false,
      error: { code: 'INVALID_PARAMS' },
    });
  });

  it('comes by a WebSocket in place of polling only from who is known', async () => {
    const { hub } = await hubOf({ token: 'all' });
    const { sid } = JSON.parse((await status(hub.url + polling)).text.slice(1)) as { readonly sid: string };
    const session = `${hub.url}${polling}&sid=${sid}`;
    let isOpen = false;
    const upgraded = raw(hub.url, {}, `&sid=${sid}`).then((client) => {
      isOpen = true;
      return client;
    });
    // Another request comes and goes meanwhile, and more than one round of the event loop.
    expect((await fetch(session, { method: 'POST', body: '40/engine,{"token":"wrong"}' })).status).toBe(200);
    expect((await status(session)).text).toContain('AUTHENTICATION_FAILED');
    expect(isOpen).toBe(false);
    await fetch(session, { method: 'POST', body: '40/engine,{"token":"all"}' });
    (await upgraded).send('2probe');
    await (await upgraded).next(/^3probe$/);
  });

  it('is taken at a rate, and who exceeds it is told when to come again', async () => {
    const { hub } = await hubOf({ limits: { requestsPerSecond: 10, requestBurst: 300 } });
    const other = await connected(hub.url);
    const client = await connected(hub.url);
    const answers = await Promise.all(Array.from({ length: 400 }, () => ask(client, 'hub:info')));
    const refused = answers.filter(({ ok }) => !ok);
    expect(refused.length).toBeGreaterThan(150);
    expect(refused[0]).toMatchObject({ error: { code: 'RATE_LIMIT_EXCEEDED', rpcCode: -31005, retryable: true } });
    expect(refused[0].error.retryAfterMs).toBeGreaterThan(0);
    expect(await ask(other, 'hub:info')).toMatchObject({ ok: true });
  });

  it('may wait for so many answers', async () => {
    const { hub } = await hubOf({ limits: { pendingRequests: 3 } });
    const client = await connected(hub.url);
    await ask(client, 'engine:pause');
    await ask(client, 'workflow:submit', { definition: echo(), id: 'w' });
    const waiting = Array.from({ length: 3 }, () => ask(client, 'workflow:result', { workflowId: 'w' }));
    expect(await ask(client, 'hub:info')).toMatchObject({ ok: false, error: { code: 'RESOURCE_EXHAUSTED', retryable: true } });
    const other = await connected(hub.url);
    await ask(other, 'engine:resume');
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ ok: true });
    expect(await ask(client, 'hub:info')).toMatchObject({ ok: true });
  });

  it('is nothing that others notice, however much of it is nonsense', async () => {
    const { hub } = await hubOf();
    const other = await connected(hub.url);
    const client = await entered(hub.url);
    for (let n = 0; n < 20_000; n++)
      client.send(`42/engine,${n}${n % 3 === 0 ? '["x"' : n % 3 === 1 ? '["workflow:cancel",{"__proto__":1}]' : '[[]]'}`);
    await client.next(/^43\/engine,19999\[/);
    expect(client.heard.filter((text) => text.includes('"ok":true'))).toEqual([]);
    expect(await ask(other, 'workflow:submit', { definition: echo(), id: 'w' })).toEqual({ ok: true, workflowId: 'w' });
    expect(await ask(other, 'workflow:result', { workflowId: 'w' })).toMatchObject({ ok: true });
  });
});
