import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Socket } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHub } from '../../../../src/hub/server/hub.ts';
import type { HubOptions } from '../../../../src/hub/server/options.ts';
import { createSystem, defineProvider } from '../../../../src/index.ts';
import { ask, clientOf, connected, echo, gate, heardBy, hubOf, refusalOf, systemThatRuns, until } from './places.ts';
import { entered } from './raw.ts';

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing',
    ({ code }: { readonly code: string }) => code,
  );

describe('a hub', { timeout: 30_000 }, () => {
  it('says where it listens, and who is there', async () => {
    const { hub } = await hubOf({
      tokens: [
        { token: 'a', name: 'ann' },
        { token: 'b', roles: ['worker'] },
      ],
    });
    expect(hub.url).toBe(`http://127.0.0.1:${hub.port}`);
    await connected(hub.url, '/engine', { auth: { token: 'a' } });
    await connected(hub.url, '/pool', { auth: { token: 'b' } });
    expect(hub.connections()).toMatchObject([
      { address: '127.0.0.1', transport: 'websocket', namespaces: { '/engine': 'ann' }, pendingRequests: 0 },
      { namespaces: { '/pool': 'worker' } },
    ]);
    expect(hub.figures()).toEqual({ connections: 2, subscriptions: 0, sent: 0, behind: 0, refused: 0 });
    // The names of tokens are told, tokens are not.
    expect(JSON.stringify(hub.connections())).not.toMatch(/"[ab]"/);
  });

  it.each<[string, Partial<HubOptions>, RegExp]>([
    ['protocols that are none', { remote: 'python/v1' as unknown as string[] }, /remote must be a list of protocols/],
    ['an unknown option', { tokem: 'x' } as object, /tokem is not a known option\. Did you mean/],
    ['a port that is none', { port: 70_000 }, /port must be a port from 0 to 65535/],
    ['a limit that is none', { limits: { depth: 0 } }, /limits.depth must be a whole number from 1/],
    ['a limit that there is not', { limits: { breadth: 1 } as object }, /limits.breadth is not a known option/],
    ['an origin that is none', { allowedOrigins: ['ops.example.com'] }, /allowedOrigins/],
    ['a path that is none', { path: 'x' }, /path must be/],
    ['a port beside a server', { server: createServer(), port: 1 }, /port must be left out/],
    ['every interface without a token', { host: '0.0.0.0' }, /without a token listens on this machine only, got the host "0.0.0.0"/],
    ['another interface without a token', { host: '::' }, /without a token/],
    ['a name that may be any', { host: 'example.com' }, /without a token/],
    ['an empty list of tokens', { host: '0.0.0.0', tokens: [] }, /without a token/],
  ])('is not opened with %s', async (_, options, message) => {
    const system = await systemThatRuns();
    const opening = createHub({ system, ...(options.server === undefined && { port: 0 }), ...options });
    await expect(opening).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringMatching(message) });
  });

  it('keeps workers from what it carries out itself, with a token and without one, unless it is opened', async () => {
    const [open, closed] = [
      await hubOf({ remote: ['python/v1'] }),
      await hubOf({ tokens: [{ token: 'gpu', roles: ['worker'], protocols: ['llm/v1'] }] }),
    ];
    const register = (socket: Socket, protocol: string) =>
      ask(socket, 'worker:register', { workerId: protocol, protocol, methods: ['core/echo', 'process/exec'], slots: 1_000 });
    const anybody = await connected(open.hub.url, '/pool');
    const holder = await connected(closed.hub.url, '/pool', { auth: { token: 'gpu' } });
    for (const protocol of ['core/v1', 'http/v1', 'process/v1']) {
      for (const socket of [anybody, holder])
        expect(await register(socket, protocol)).toMatchObject({ ok: false, error: { code: 'AUTHORIZATION_FAILED' } });
    }
    expect(await register(holder, 'other/v1')).toMatchObject({ ok: false, error: { code: 'AUTHORIZATION_FAILED' } });
    expect(await register(anybody, 'python/v1')).toMatchObject({ ok: true });
    expect(await register(holder, 'llm/v1')).toMatchObject({ ok: true });
  });

  it('does not write down a token that is not right', async () => {
    const system = await systemThatRuns();
    const secret = 'hunter2';
    for (const options of [
      { token: [secret] },
      { tokens: [{ token: secret, roles: ['king'] }] },
      { tokens: [secret] },
      { tokens: { token: secret } },
    ]) {
      const refusal = await createHub({ system, port: 0, ...options } as never).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'CONFIGURATION_ERROR' });
      expect(String(refusal) + JSON.stringify(refusal)).not.toContain(secret);
    }
  });

  it('is not opened to a system that does not run, nor where somebody listens already', async () => {
    expect(await codeOf(createHub({ system: createSystem(), port: 0 }))).toBe('SYSTEM_NOT_INITIALIZED');
    expect(await codeOf(createHub({ system: {} as never, port: 0 }))).toBe('INVALID_REQUEST');
    const { hub, system } = await hubOf();
    await expect(createHub({ system, port: hub.port })).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      message: expect.stringContaining('EADDRINUSE'),
    });
  });

  it('listens on every interface with a token', async () => {
    const { hub } = await hubOf({ host: '0.0.0.0', token: 't' });
    await connected(`http://127.0.0.1:${hub.port}`, '/engine', { auth: { token: 't' } });
  });

  it('stands on a server of its user, beside what that does, and leaves it as it was', async () => {
    const server = createServer((_, response) => response.end('mine'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const mine = async (path: string) => (await fetch(url + path)).text();
    const { hub } = await hubOf({ server });
    expect([hub.url, await mine('/'), await mine('/socket.io/other')]).toEqual([url, 'mine', expect.stringContaining('Transport unknown')]);
    const client = await connected(url);
    expect(await ask(client, 'hub:info')).toMatchObject({ ok: true });
    await hub.close();
    await until(() => !client.connected);
    expect([await mine('/'), await mine('/socket.io/?EIO=4&transport=polling')]).toEqual(['mine', 'mine']);
    expect(server.listeners('upgrade')).toEqual([]);
    // And another one can stand there.
    const again = await hubOf({ server });
    expect(await ask(await connected(url), 'hub:info')).toMatchObject({ ok: true });
    await again.hub.close();
  });

  it('serves its own machine only where it stands on a server of others without a token', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    onTestFinished(() => void server.close());
    const { hub } = await hubOf({ server });
    await connected(`http://127.0.0.1:${hub.port}`);
    const { networkInterfaces } = await import('node:os');
    const [outside] = Object.values(networkInterfaces()).flatMap(
      (each) => each?.filter(({ internal, family }) => !internal && family === 'IPv4') ?? [],
    );
    if (outside === undefined) return;
    const refusal = await refusalOf(clientOf(`http://${outside.address}:${hub.port}`));
    expect(refusal.message).toBe('websocket error');
  });

  it('tells everybody that it closes, and takes nobody in any more', async () => {
    const { hub } = await hubOf();
    const clients = await Promise.all([connected(hub.url), connected(hub.url, '/pool'), connected(hub.url, '/health', { transports: ['polling'] })]);
    const heard = clients.map((client) => heardBy(client));
    await Promise.all([hub.close(), hub.close()]);
    await until(() => clients.every(({ connected: isIn }) => !isIn));
    for (const each of heard) expect(each.at(-1)).toMatchObject({ name: 'connection:closing', payload: { error: { code: 'SYSTEM_SHUTDOWN' } } });
    await expect(connected(hub.url)).rejects.toThrow();
  });

  it('lets out what it owes before it closes', async () => {
    const { system, hub } = await hubOf();
    const client = await connected(hub.url);
    const heard = heardBy(client);
    await ask(client, 'subscribe', {});
    await ask(client, 'workflow:submit', {
      definition: {
        name: 'many',
        tasks: Array.from({ length: 200 }, (_, n) => ({ id: `t${n}`, method: 'core/echo', params: { text: 'x'.repeat(5_000) } })),
      },
      id: 'w',
    });
    await system.result('w');
    await system.stop();
    await hub.close({ deadlineMs: 10_000 });
    await until(() => !client.connected);
    expect(heard.map(({ name }) => name).filter((name) => name === 'workflow:completed' || name === 'engine:stopped')).toEqual([
      'workflow:completed',
      'engine:stopped',
    ]);
    expect(heard.filter(({ name }) => name === 'task:completed')).toHaveLength(200);
  });

  it('closes in time although somebody does not read, and refuses a deadline that is none', async () => {
    const blob = defineProvider({ protocol: 'blob/v1', methods: { 'blob/make': { run: () => 'x'.repeat(1_000_000) } } });
    const { system, hub } = await hubOf({ systemOptions: { providers: [blob] } });
    const client = await entered(hub.url);
    client.send('42/engine,1["subscribe",{}]');
    await client.next(/^43/);
    client.ws.pause();
    const other = await connected(hub.url);
    await ask(other, 'workflow:submit', {
      definition: { name: 'b', tasks: Array.from({ length: 30 }, (_, n) => ({ id: `t${n}`, method: 'blob/make' })) },
      id: 'w',
    });
    await system.result('w');
    expect(hub.connections()[0]?.bufferedBytes).toBeGreaterThan(500_000);
    expect(await codeOf(hub.close({ deadlineMs: -1 }))).toBe('INVALID_PARAMS');
    await hub.close({ deadlineMs: 50 });
    expect(hub.connections()).toEqual([]);
  });
});

describe('what is owed to a client that does not read', { timeout: 60_000 }, () => {
  const megabyte = 1_000_000;
  const blob = defineProvider({ protocol: 'blob/v1', methods: { 'blob/make': { run: () => 'x'.repeat(megabyte) } } });
  const definition = { name: 'b', tasks: [{ id: 'a', method: 'blob/make' }] };

  it('is looked up again when it reads, answers too', async () => {
    const { system, hub } = await hubOf({ systemOptions: { providers: [blob] } });
    const client = await entered(hub.url);
    for (let n = 0; n < 20; n++) {
      client.send(`42/engine,${n}["workflow:submit",${JSON.stringify({ definition, id: `w${n}` })}]`);
      await system.result(`w${n}`).catch(() => undefined);
    }
    await client.next(/^43\/engine,19\[{"ok":true/);
    for (let n = 0; n < 20; n++) await system.result(`w${n}`);
    client.ws.pause();
    for (let n = 100; n < 180; n++) client.send(`42/engine,${n}["workflow:result",{"workflowId":"w${n % 20}"}]`);
    for (let n = 180; n < 200; n++) client.send(`42/engine,${n}["workflow:status",{"workflowId":"w${n % 20}"}]`);
    const other = await connected(hub.url);
    await until(() => (hub.connections()[0]?.bufferedBytes ?? 0) > megabyte);
    expect(await ask(other, 'hub:info')).toMatchObject({ ok: true });
    // One message may be as long as a message, and no more than what was under way beside it.
    for (let n = 0; n < 50; n++) {
      expect(hub.connections()[0]?.bufferedBytes).toBeLessThan(4 * megabyte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.ws.resume();
    for (let n = 100; n < 200; n++) await client.next(new RegExp(`^43/engine,${n}\\[{"ok":true`));
    expect(client.heard.filter((text) => text.length > megabyte)).toHaveLength(100);
  });

  it('ends the connection where it goes on asking', async () => {
    const { system, hub } = await hubOf({ systemOptions: { providers: [blob] }, limits: { pendingRequests: 100 } });
    const client = await entered(hub.url);
    const other = await connected(hub.url);
    await ask(other, 'workflow:submit', { definition, id: 'w' });
    await system.result('w');
    client.ws.pause();
    for (let n = 0; n < 2_000; n++) client.send(`42/engine,${n}["workflow:result",{"workflowId":"w"}]`);
    await until(() => hub.connections().length === 1 || hub.connections()[0]?.bufferedBytes === 0, 20_000);
    client.ws.resume();
    await client.closed;
    expect(await ask(other, 'hub:info')).toMatchObject({ ok: true });
  });

  it('waits, bounded, for one who polls, and comes whole when it polls again', async () => {
    const { system, hub } = await hubOf({ systemOptions: { providers: [blob] } });
    const session = `${hub.url}/socket.io/?EIO=4&transport=polling`;
    const poll = async () => (await (await fetch(session + sid)).text()).split('\u001e');
    let sid = '';
    sid = `&sid=${(JSON.parse((await poll())[0]?.slice(1) ?? '') as { readonly sid: string }).sid}`;
    const post = (body: string) => fetch(session + sid, { method: 'POST', body });
    await post('40/engine,{}');
    await poll();
    await post('42/engine,1["subscribe",{"types":["task:completed"]}]');
    expect(await poll()).toEqual([expect.stringMatching(/^43\/engine,1\[{"ok":true/)]);
    const other = await connected(hub.url);
    const many = { name: 'many', tasks: Array.from({ length: 15 }, (_, n) => ({ id: `t${n}`, method: 'blob/make' })) };
    expect(await ask(other, 'workflow:submit', { definition: many, id: 'w' })).toMatchObject({ ok: true });
    await system.result('w');
    expect(hub.connections().find(({ transport }) => transport === 'polling')?.bufferedBytes).toBeLessThan(2.1 * megabyte);
    const heard: string[] = [];
    while (heard.filter((text) => text.startsWith('42/engine,["task:completed"')).length < 15) heard.push(...(await poll()));
    const ids = heard.flatMap((text) => /^42\/engine,\["task:completed".*"taskId":"(t\d+)"/.exec(text)?.[1] ?? []);
    expect(new Set(ids).size).toBe(15);
    expect(ids).toHaveLength(15);
  });
});

describe('a worker at a hub', { timeout: 30_000 }, () => {
  it('gets what it registered for, and what it reports counts', async () => {
    const { system, hub } = await hubOf();
    const worker = await connected(hub.url, '/pool');
    const orders: {
      readonly leaseId: string;
      readonly workflowId: string;
      readonly taskId: string;
      readonly attempt: number;
      readonly params: unknown;
    }[] = [];
    worker.on('task:execute', (order) => orders.push(order));
    const client = await connected(hub.url);
    // It was submitted before there was anybody to run it: that waits for workers to come back.
    const submitted = ask(client, 'workflow:submit', {
      definition: { name: 'r', tasks: [{ id: 'a', method: 'remote/do', params: { n: 1 } }] },
      id: 'w',
    });
    expect(await ask(client, 'hub:info')).toMatchObject({ ok: true });
    const registration = { workerId: 'r1', protocol: 'remote/v1', methods: ['remote/do'], slots: 2 };
    expect(await ask(worker, 'worker:register', registration)).toMatchObject({ ok: true, lost: [] });
    expect(await submitted).toEqual({ ok: true, workflowId: 'w' });
    await until(() => orders.length === 1);
    const { leaseId, workflowId, taskId, attempt, params } = orders[0] ?? { leaseId: '', workflowId: '', taskId: '', attempt: 0, params: null };
    expect(params).toEqual({ n: 1 });
    expect(await ask(worker, 'worker:heartbeat', { leases: [leaseId] })).toEqual({ ok: true, lost: [] });
    expect(await ask(worker, 'attempt:succeeded', { leaseId, workflowId, taskId, attempt, result: 42 })).toEqual({ ok: true, accepted: true });
    expect(await system.result('w')).toMatchObject({ status: 'completed', tasks: { a: { result: 42 } } });
    expect(await ask(worker, 'worker:register', { workerId: 'r1' })).toMatchObject({ ok: false, error: { code: 'INVALID_PARAMS' } });
    expect(await ask(worker, 'workflow:submit', { definition: echo() })).toMatchObject({ ok: false, error: { code: 'METHOD_NOT_FOUND' } });
  });

  it('is nobody to be waited for once the hub closes', async () => {
    const { hub } = await hubOf({ systemOptions: { providers: [gate().provider] } });
    const client = await connected(hub.url);
    const submitted = client.timeout(5_000).emitWithAck('workflow:submit', { definition: { name: 'r', tasks: [{ id: 'a', method: 'remote/do' }] } });
    expect(await ask(client, 'hub:info')).toMatchObject({ ok: true });
    await hub.close();
    expect(await submitted).toMatchObject({ ok: false, error: { code: 'PROTOCOL_NOT_FOUND' } });
  });
});
