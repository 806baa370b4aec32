/** Answers that are large, and clients that do not read them. */
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { AnswerBytes } from '../../../../src/hub/http/answer-bytes.ts';
import { hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';
import { createRequestHandlers } from '../../../../src/hub/server/requests.ts';
import { Turnstile } from '../../../../src/hub/turnstile.ts';
import { jsonPieces } from '../../../../src/hub/work/json-pieces.ts';
import { until } from '../server/places.ts';
import { served } from './place.ts';

describe('JSON in pieces', () => {
  it('is what JSON.stringify makes', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => [...jsonPieces(value)].join('') === JSON.stringify(value)));
    const value = { left: undefined, text: 'ä'.repeat(100_000), list: Array.from({ length: 20_000 }, (_, at) => ({ at })) };
    const pieces = [...jsonPieces(value)];
    expect(pieces.join('')).toBe(JSON.stringify(value));
    expect(pieces.length).toBeGreaterThan(5);
  });
});

describe('the bytes of answers', () => {
  it('are given to who reads: who has read nothing for longest is cut off while others wait', async () => {
    let now = 0;
    const bytes = new AnswerBytes({ bytes: 100, stalledMs: 1_000, now: () => now });
    const cut: string[] = [];
    const holders = ['slow', 'slower', 'reader'].map((name) => bytes.holder(() => cut.push(name)));
    const [slow, slower, reader] = holders as [(typeof holders)[0], (typeof holders)[0], (typeof holders)[0]];
    await bytes.take(slower, 40);
    now = 10;
    slow.readAt = now;
    await bytes.take(slow, 40);
    now = 1_005;
    await bytes.take(reader, 50);
    expect([cut, bytes.size]).toEqual([['slower'], 90]);
    bytes.read(reader, 50);
    expect(bytes.size).toBe(40);
  });

  it('are not taken from somebody for the time in which it waited for them', async () => {
    let now = 0;
    const bytes = new AnswerBytes({ bytes: 100, stalledMs: 1_000, patienceMs: 0, now: () => now });
    const cut: string[] = [];
    const early = bytes.holder(() => cut.push('early'));
    now = 60_000;
    await bytes.take(early, 100);
    const next = bytes.holder(() => cut.push('next'));
    await expect(bytes.take(next, 1)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    now += 1_000;
    await bytes.take(next, 1);
    expect(cut).toEqual(['early']);
  });

  it('are refused to who waits too long', async () => {
    const bytes = new AnswerBytes({ bytes: 100, stalledMs: 60_000, patienceMs: 30 });
    await bytes.take(
      bytes.holder(() => undefined),
      1_000,
    );
    await expect(
      bytes.take(
        bytes.holder(() => undefined),
        1,
      ),
    ).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryable: true });
  });
});

const large = {
  name: 'large',
  tasks: Array.from({ length: 24 }, (_, at) => ({ id: `t${at}`, method: 'core/echo', parameters: { text: 'x'.repeat(400_000) } })),
};
const megabyte = 2 ** 20;

async function placeWithLarge(limits: Partial<typeof hubLimitDefaults> | Record<string, number>) {
  const place = await served({ limits: { ...hubLimitDefaults, ...limits } });
  await place.system.start();
  const { loadWorkflow } = await import('../../../../src/index.ts');
  const run = await place.system.submit(await loadWorkflow(large), { id: 'large' });
  await run.result();
  return place;
}

/** Asks, and reads nothing of what it is answered. */
function unread(port: number, path: string, times = 1): Socket {
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(times));
  return socket;
}

describe('a client that does not read', () => {
  it('is cut off after a while', async () => {
    const { port, server } = await placeWithLarge({ unreadMs: 300 });
    const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
    unread(port, '/api/workflows/large/trace');
    await closed;
  });

  it.each(['/api/workflows/large/trace', '/api/workflows/large'])(
    'holds no more than there is room for, and keeps nobody from reading %s',
    async (path) => {
      const { url, port, server } = await placeWithLarge({ answerBytes: 32 * megabyte });
      const sockets = new Set<Socket>();
      server.on('connection', (socket) => sockets.add(socket));
      for (let at = 0; at < 6; at++) unread(port, path, 3);
      await until(() => sockets.size === 6);
      const answer = await fetch(url + path);
      const text = await answer.text();
      expect(text.length).toBeGreaterThan(9 * megabyte);
      expect(JSON.parse(text)).toMatchObject({ ok: true });
      const held = [...sockets].reduce((sum, { destroyed, writableLength }) => sum + (destroyed ? 0 : writableLength), 0);
      expect(held).toBeLessThan(8 * megabyte);
    },
  );
});

describe('the result of a workflow that has ended', () => {
  /** A place whose engine says how often it was asked for a result, and may be made to wait with the answer. */
  async function counted(wait: () => Promise<void> = async () => undefined) {
    const { system } = await placeWithLarge({});
    const handle = createRequestHandlers(system);
    const asked = { results: 0 };
    const place = await served({
      system,
      start: false,
      handle: async (name, data, asker) => {
        if (name === 'workflow:result') asked.results++;
        if (name === 'workflow:result') await wait();
        return handle(name, data, asker);
      },
    });
    return { ...place, asked };
  }

  it('is made once and held once for all who ask while somebody has not read it', async () => {
    const { url, port, server, asked } = await counted();
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket));
    for (let at = 0; at < 40; at++) unread(port, '/api/workflows/large');
    await until(() => [...sockets].filter(({ bytesWritten }) => bytesWritten > 10_000).length === 40);
    expect((await (await fetch(`${url}/api/workflows/large`)).text()).length).toBeGreaterThan(9 * megabyte);
    expect(asked.results).toBe(1);
  });

  it('is made anew once nobody wants it', async () => {
    const { url, asked } = await counted();
    for (let at = 0; at < 2; at++) await (await fetch(`${url}/api/workflows/large`)).text();
    expect(asked.results).toBe(2);
  });

  it('is not withheld from the others by who asked first and went', async () => {
    let letOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letOn = resolve));
    const { url, port, server, asked } = await counted(() => gate);
    const gone = new Promise<void>((resolve) => server.once('connection', (socket) => socket.once('close', () => resolve())));
    const first = unread(port, '/api/workflows/large');
    await until(() => asked.results === 1);
    const answer = fetch(`${url}/api/workflows/large`);
    first.destroy();
    await gone;
    letOn();
    expect(JSON.parse(await (await answer).text())).toMatchObject({ ok: true, result: { status: 'completed' } });
  });

  it('is that of its new end after a retry, whoever has not read the old one', async () => {
    const { url, port, server, system } = await served();
    await system.start();
    const { loadWorkflow } = await import('../../../../src/index.ts');
    const tasks = [
      ...large.tasks,
      { id: 'f', method: 'core/fail', parameters: { times: 1 }, retry: { maxAttempts: 1 }, dependencies: large.tasks.map(({ id }) => id) },
    ];
    await (await system.submit(await loadWorkflow({ name: 'f', tasks }), { id: 'f' })).result();
    const connection = new Promise<Socket>((resolve) => server.once('connection', resolve));
    unread(port, '/api/workflows/f');
    const held = await connection;
    await until(() => held.bytesWritten > 10_000);
    expect(await (await fetch(`${url}/api/workflows/f/retry`, { method: 'POST' })).json()).toMatchObject({ ok: true });
    await system.result('f');
    const { result } = (await (await fetch(`${url}/api/workflows/f`)).json()) as { result: { tasks: { f: { attempts: number } } } };
    expect(result.tasks.f.attempts).toBe(2);
  });
});

describe('a turnstile', () => {
  it('lets each holder in by turns, however many of one wait', async () => {
    const turnstile = new Turnstile(1);
    const leave: (() => void)[] = [];
    const order: string[] = [];
    const pass = (holder: string): Promise<void> =>
      turnstile.run(async () => {
        order.push(holder);
        await new Promise<void>((resolve) => leave.push(resolve));
      }, holder);
    const all = ['a', 'a', 'a', 'b', 'a', 'b'].map(pass);
    for (let at = 0; at < all.length; at++) {
      await until(() => leave.length > at);
      leave[at]?.();
    }
    await Promise.all(all);
    expect(order.join('')).toBe('aababa');
  });
});

describe('a large answer', () => {
  it('is the trace as the system has it', async () => {
    const { url, system } = await placeWithLarge({});
    const { root: _, ...trace } = await system.trace('large');
    expect(await (await fetch(`${url}/api/workflows/large/trace`)).json()).toEqual({ ok: true, trace: JSON.parse(JSON.stringify(trace)) });
    expect((await fetch(`${url}/api/workflows/nobody/trace`)).status).toBe(404);
  });

  it('is only announced to who asks by HEAD, and holds nothing', async () => {
    const { url } = await placeWithLarge({ answerBytes: megabyte });
    for (let at = 0; at < 3; at++) expect((await fetch(`${url}/api/workflows/large/trace`, { method: 'HEAD' })).status).toBe(200);
    expect((await (await fetch(`${url}/api/workflows/large`)).text()).length).toBeGreaterThan(9 * megabyte);
  });
});
