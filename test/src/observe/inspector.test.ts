import { request } from 'node:http';
import { connect, createServer } from 'node:net';

import { createInspector, createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { Map as ImmutableMap } from 'immutable';
import { afterEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { assign, createActor, setup } from 'xstate';

import { circuitBreakerMachine } from '../../../machines/circuit-breaker.ts';
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { protocolVersion } from '../../../src/observe/inspector/messages.ts';
import { type Inspection, type InspectOptions, inspectDefaults, openInspector } from '../../../src/observe/inspector.ts';
import { type Actor, createStatechartActor } from '../../../src/system/actor.ts';
import { Registry } from '../../../src/system/registry.ts';
import type { DeliveryObserver } from '../../../src/system/traffic.ts';
import { eventOf } from '../../machines/harness.ts';

const systemChart = setup({ types: { events: {} as GleitzeitEvent } }).createMachine({
  id: 'system',
  initial: 'running',
  states: { running: { on: { 'task:queued': {} } } },
});

const taskChart = setup({
  types: { context: {} as { queued: number; seen: ImmutableMap<number, string> }, events: {} as GleitzeitEvent },
  actions: { count: assign({ queued: ({ context }) => context.queued + 1 }) },
}).createMachine({
  id: 'task',
  description: 'A task.',
  context: { queued: 0, seen: ImmutableMap([...Array(100_000).keys()].map((key) => [key, 'seen'])) },
  initial: 'waiting',
  states: {
    waiting: { description: 'Waits.', on: { 'task:queued': { actions: 'count' }, 'task:completed': 'completed' } },
    completed: { type: 'final' },
  },
});

/** The part of a system that is inspected: real actors, delivered to as the router does it. */
function inspected() {
  const registry = new Registry();
  const router: { deliveries: DeliveryObserver | undefined; lastSeq: number } = { deliveries: undefined, lastSeq: 0 };
  const settling: { listener?: ((seq: number) => void) | undefined } = {};
  const onSettled = (listener: typeof settling.listener): void => {
    settling.listener = listener;
  };
  const birth = (component: 'system' | 'task', key: string): Actor => {
    const actor = createStatechartActor({ component, key }, component === 'system' ? systemChart : taskChart, undefined);
    registry.add(actor, []);
    return actor;
  };
  const system = birth('system', '');
  const queued = (actor: Actor, source: string, data: object = {}) =>
    deliver(eventOf('task:queued', data as never, { time: 5, id: 'e1', source }), actor);
  const completed = (actor: Actor) => deliver(eventOf('task:completed', {} as never, { time: 7, id: 'e2', source: actor.address }), actor);
  function deliver(event: GleitzeitEvent, actor: Actor): void {
    const before = actor.getSnapshot();
    actor.send(event);
    router.deliveries?.(event, actor, before);
  }
  // All that is stated is durable at once.
  const core = { registry, router, clock: { now: () => 1 }, settledSeq: Number.MAX_SAFE_INTEGER, onSettled };
  return { core, router, registry, system, birth, queued, completed };
}

let open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.reverse()) await close();
  open = [];
});

async function opened(core: Parameters<typeof openInspector>[0], options: InspectOptions = { port: 0 }): Promise<Inspection> {
  const inspection = await openInspector(core, options);
  open.push(() => inspection.stop());
  return inspection;
}

type Told = Record<string, unknown> & {
  type: string;
  sessionId: string;
  sourceId?: string;
  snapshot: { status: string; value: unknown; context: unknown };
};

/** A receiver of another program. */
async function received(port: number, headers: Record<string, string> = {}) {
  const told: Told[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers });
  socket.on('message', (data) => told.push(JSON.parse(String(data)) as Told));
  open.push(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const until = (count: number) => vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(count), { timeout: 2_000 });
  const closed = () => new Promise<number>((resolve) => socket.once('close', resolve));
  return { socket, told, until, closed };
}

function fetched(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; headers: object; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers }, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    asked.on('error', reject).end();
  });
}

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const answer = (isReached: boolean) => () => {
      socket.destroy();
      resolve(isReached);
    };
    socket.once('connect', answer(true)).once('error', answer(false)).once('timeout', answer(false));
  });
}

describe('the messages', () => {
  it('introduce every live actor first, with its chart', async () => {
    const { core, birth } = inspected();
    birth('task', 'w/a');
    const { told, until } = await received((await opened(core)).port);
    await until(2);
    expect(told.map(({ type, name }) => [type, name])).toEqual([
      ['@xstate.actor', 'system'],
      ['@xstate.actor', 'task/w/a'],
    ]);
    const [root, task] = told;
    expect(JSON.parse(String(task?.['definition']))).toEqual({
      id: 'task',
      description: 'A task.',
      initial: 'waiting',
      states: {
        waiting: { description: 'Waits.', on: { 'task:queued': { actions: 'count' }, 'task:completed': 'completed' } },
        completed: { type: 'final' },
      },
    });
    expect(task).toMatchObject({ rootId: root?.sessionId, parentId: root?.sessionId, createdAt: '1', _version: protocolVersion });
    expect(root?.['parentId']).toBeUndefined();
    expect(task?.snapshot).toMatchObject({ status: 'active', value: 'waiting', context: { queued: 0 } });
  });

  it('carry a chart that XState makes a machine of', async () => {
    const { core, registry } = inspected();
    registry.add(
      createStatechartActor({ component: 'circuit', key: 'c' }, circuitBreakerMachine, { circuit: 'c', providerId: 'p', protocol: 'p/v1' }),
      [],
    );
    const { told, until } = await received((await opened(core)).port);
    await until(2);
    const config = JSON.parse(String(told[1]?.['definition']));
    const implementations = { actions: circuitBreakerMachine.implementations.actions, guards: circuitBreakerMachine.implementations.guards };
    const actor = createActor(setup(implementations as never).createMachine({ ...config, context: told[1]?.snapshot.context })).start();
    expect(actor.getSnapshot().value).toEqual(circuitBreakerMachine.config.initial);
    actor.stop();
  });

  it('tell who told whom, then what became of it', async () => {
    const { core, birth, queued } = inspected();
    const task = birth('task', 'w/a');
    const { told, until } = await received((await opened(core)).port);
    await until(2);
    queued(task, 'system', { attempt: 1 });
    queued(task, 'executor');
    await until(7);
    const [root, introduced, ...after] = told;
    expect(after.map(({ type, sourceId, sessionId }) => ({ type, sourceId, sessionId }))).toEqual([
      { type: '@xstate.event', sourceId: root?.sessionId, sessionId: introduced?.sessionId },
      { type: '@xstate.snapshot', sessionId: introduced?.sessionId },
      { type: '@xstate.actor', sessionId: 'executor' },
      { type: '@xstate.event', sourceId: 'executor', sessionId: introduced?.sessionId },
      { type: '@xstate.snapshot', sessionId: introduced?.sessionId },
    ]);
    expect(after[0]).toMatchObject({ event: { type: 'task:queued', data: { attempt: 1 } }, createdAt: '5' });
    expect(after[1]).toMatchObject({ event: { type: 'task:queued' }, snapshot: { context: { queued: 1 } } });
    expect(after[4]).toMatchObject({ snapshot: { context: { queued: 2 } } });
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
  });

  it('are written when they happen, however late they are read', async () => {
    const { core, birth, queued } = inspected();
    const { told, until } = await received((await opened(core)).port);
    await until(1);
    const task = birth('task', 'w/a');
    for (let n = 0; n < 3; n++) queued(task, 'api');
    await until(9);
    // Born while somebody looked on: introduced as it was before its first event.
    expect(
      told
        .slice(1)
        .filter(({ snapshot }) => snapshot)
        .map(({ snapshot }) => (snapshot.context as { queued: number } | undefined)?.queued),
    ).toEqual([0, undefined, 1, 2, 3]);
  });

  it('end with the last state of an actor that ends, and tell its successor at the same address from it', async () => {
    const { core, birth, completed, registry } = inspected();
    const first = birth('task', 'w/a');
    const { told, until } = await received((await opened(core)).port);
    await until(2);
    completed(first);
    await until(4);
    expect(told[3]).toMatchObject({ type: '@xstate.snapshot', snapshot: { status: 'done', value: 'completed' } });
    registry.drop(first);
    completed(birth('task', 'w/a'));
    await until(7);
    expect(told[4]).toMatchObject({ type: '@xstate.actor', name: 'task/w/a', snapshot: { status: 'active' } });
    expect(told[4]?.sessionId).not.toBe(told[1]?.sessionId);
    expect(told[5]).toMatchObject({ sourceId: told[4]?.sessionId, sessionId: told[4]?.sessionId });
  });

  it('name an actor alike for every receiver, and at every connection', async () => {
    const { core, birth } = inspected();
    birth('task', 'w/a');
    const { port } = await opened(core);
    const [one, two] = [await received(port), await received(port)];
    await one.until(2);
    await two.until(2);
    one.socket.close();
    await one.closed();
    const again = await received(port);
    await again.until(2);
    const sessions = [one, two, again].map(({ told }) => told.map(({ sessionId }) => sessionId));
    expect(sessions).toEqual([sessions[0], sessions[0], sessions[0]]);
  });

  it('hold a glance of a huge context and of a huge event', async () => {
    const { core, birth, queued } = inspected();
    const task = birth('task', 'w/a');
    const { told, until } = await received((await opened(core)).port);
    await until(2);
    queued(task, 'api', { result: 'x'.repeat(8 * 1024 * 1024), list: [...Array(100_000).keys()] });
    await until(5);
    for (const message of told) expect(JSON.stringify(message).length).toBeLessThan(150_000);
    expect(told[1]?.snapshot.context).toMatchObject({ seen: { '…': '99950 more' } });
  });

  it('have the fields and the version that the package itself gives them', async () => {
    const own: StatelyInspectionEvent[] = [];
    const inspector = createInspector({ send: (message) => own.push(message) });
    const chart = createActor(setup({}).createMachine({ id: 'chart' }));
    inspector.actor(chart, { status: 'active' });
    inspector.event('task', { type: 'task:queued' }, { source: 'api' });
    inspector.snapshot('task', { status: 'active', context: {} });
    const { core, birth, queued } = inspected();
    const { told, until } = await received((await opened(core)).port);
    queued(birth('task', 'w/a'), 'system');
    await until(4);
    for (const theirs of own) {
      const ours = told.findLast(({ type }) => type === theirs.type);
      expect(Object.keys(ours ?? {}).sort()).toEqual(Object.keys(theirs).sort());
      expect(ours?.['_version']).toBe(theirs._version);
    }
  });
});

describe('a receiver', () => {
  it('of the package itself works', async () => {
    const { core, birth, queued } = inspected();
    const task = birth('task', 'w/a');
    const { port } = await opened(core);
    const told: StatelyInspectionEvent[] = [];
    createWebSocketReceiver({ server: `ws://localhost:${port}` }).subscribe((message) => told.push(message));
    await vi.waitFor(() => expect(told).toHaveLength(2));
    queued(task, 'api');
    await vi.waitFor(() => expect(told.map(({ type }) => type).slice(2)).toEqual(['@xstate.actor', '@xstate.event', '@xstate.snapshot']));
  });

  it('is what attaches the feed, and the last one to leave detaches it', async () => {
    const { core, router } = inspected();
    const { port } = await opened(core);
    expect(router.deliveries).toBeUndefined();
    const [one, two] = [await received(port), await received(port)];
    expect(router.deliveries).toBeDefined();
    one.socket.close();
    await one.closed();
    expect(router.deliveries).toBeDefined();
    two.socket.terminate();
    await vi.waitFor(() => expect(router.deliveries).toBeUndefined());
  });

  it('that does not read misses deliveries, and is told how many when it reads again', async () => {
    const { core, birth, queued, completed } = inspected();
    const [task, ending] = [birth('task', 'w/a'), birth('task', 'w/b')];
    const { port } = await opened(core, { port: 0, bufferEvents: 100 });
    const { socket, told, until } = await received(port);
    await until(3);
    socket.pause();
    for (let n = 0; n < 40; n++) {
      for (let m = 0; m < 50; m++) queued(task, 'api', { result: 'x'.repeat(2_000), n, m });
      await new Promise((resolve) => setImmediate(resolve));
    }
    completed(ending);
    socket.resume();
    const missed = await vi.waitFor(
      () => told.find(({ event }) => (event as { type?: string } | undefined)?.type === 'inspector:dropped') ?? expect.fail(),
      { timeout: 5_000 },
    );
    const seen = told.filter(({ type, event }) => type === '@xstate.event' && (event as { type: string }).type === 'task:queued').length;
    expect(missed['event']).toMatchObject({ data: { deliveries: 2_001 - seen } });
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ type: '@xstate.snapshot', snapshot: { status: 'done' } }));
    queued(task, 'api');
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ snapshot: { context: { queued: 2_001 } } }));
  });

  it('that sends something long is closed; nothing else is disturbed', async () => {
    const { core } = inspected();
    const { port } = await opened(core);
    const [loud, quiet] = [await received(port), await received(port)];
    const closed = loud.closed();
    loud.socket.send('x'.repeat(10_000));
    expect(await closed).toBe(1009);
    expect(quiet.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('is refused where sixteen are connected', async () => {
    const { port } = await opened(inspected().core);
    for (let n = 0; n < 16; n++) await received(port);
    await expect(received(port)).rejects.toThrow('503');
  });
});

describe('the server', () => {
  it('listens on 127.0.0.1 only', async () => {
    const { port, url } = await opened(inspected().core);
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(await reaches('127.0.0.1', port)).toBe(true);
    for (const host of ['127.0.0.2', '::1']) expect(await reaches(host, port)).toBe(false);
  });

  it.each(['https://stately.ai', 'https://www.stately.ai', 'http://localhost:5173', 'http://127.0.0.1:1', 'https://localhost'])(
    'lets a page of %s in',
    async (origin) => {
      const { port } = await opened(inspected().core);
      await (await received(port, { origin })).until(1);
    },
  );

  it.each([
    'https://evil.example',
    'http://stately.ai',
    'https://stately.ai.evil.example',
    'https://evil-stately.ai',
    'http://localhost.evil.example',
    'null',
    'file://',
    '',
  ])('refuses a page of %j', async (origin) => {
    const { core, router } = inspected();
    await expect(received((await opened(core)).port, { origin })).rejects.toThrow('403');
    expect(router.deliveries).toBeUndefined();
  });

  it('refuses a page whose own name was made to resolve to this machine', async () => {
    const { port } = await opened(inspected().core);
    const host = `evil.example:${port}`;
    await expect(received(port, { host })).rejects.toThrow('403');
    await expect(received(port, { host, origin: `http://${host}` })).rejects.toThrow('403');
    expect(await fetched(port, '/', { host })).toMatchObject({ status: 403 });
  });

  it('lets in only the origins that it is given, and its own page', async () => {
    const { port } = await opened(inspected().core, { port: 0, origins: ['https://charts.example'] });
    for (const origin of ['https://charts.example', `http://127.0.0.1:${port}`]) await (await received(port, { origin })).until(1);
    for (const origin of ['https://stately.ai', 'http://localhost:5173']) await expect(received(port, { origin })).rejects.toThrow('403');
  });

  it('offers the page that holds the inspector of stately.ai, and nothing else', async () => {
    const { port } = await opened(inspected().core);
    const host = `localhost:${port}`;
    const page = await fetched(port, '/', { host });
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining('<script src="/bridge.js">') });
    expect(page.headers).toMatchObject({ 'content-security-policy': expect.stringContaining("frame-ancestors 'none'") });
    const script = await fetched(port, '/bridge.js', { host });
    expect(() => new Function(script.text)).not.toThrow();
    expect(await fetched(port, '/other', { host })).toMatchObject({ status: 404 });
  });

  it('says that a port is busy, by a typed error', async () => {
    const { port } = await opened(inspected().core);
    await expect(openInspector(inspected().core, { port })).rejects.toMatchObject({
      code: 'CONFIGURATION_ERROR',
      message: expect.stringContaining(`port ${port}`),
    });
  });

  it('takes another port where its usual one is busy and none was asked for', async () => {
    const blocker = createServer().listen(inspectDefaults.port, '127.0.0.1');
    open.push(() => blocker.close());
    // Whoever holds the port, it is held.
    await new Promise((resolve) => blocker.once('listening', resolve).once('error', resolve));
    const { port } = await opened(inspected().core, {});
    expect(port).not.toBe(inspectDefaults.port);
    await (await received(port)).until(1);
  });

  it.each<InspectOptions>([
    { port: -1 },
    { port: 70_000 },
    { port: 1.5 },
    { bufferEvents: 0 },
    { origins: ['stately.ai'] },
    { origins: ['https://stately.ai/inspect'] },
    { origins: ['*'] },
  ])('refuses the options %j', async (options) => {
    await expect(openInspector(inspected().core, options)).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR' });
  });

  it('sends what waits before it stops, then is gone', async () => {
    const { core, birth, queued, router } = inspected();
    const task = birth('task', 'w/a');
    const inspection = await opened(core);
    const { told, closed } = await received(inspection.port);
    for (let n = 0; n < 500; n++) queued(task, 'api');
    const code = closed();
    await Promise.all([inspection.stop(), inspection.stop()]);
    expect(await code).toBe(1001);
    expect(told.at(-1)).toMatchObject({ snapshot: { context: { queued: 500 } } });
    expect(router.deliveries).toBeUndefined();
    expect(await reaches('127.0.0.1', inspection.port)).toBe(false);
  });

  it('stops also where a receiver does not read, and where a connection says nothing', async () => {
    const { core, birth, queued } = inspected();
    const task = birth('task', 'w/a');
    const inspection = await opened(core);
    const { socket } = await received(inspection.port);
    socket.pause();
    const silent = connect(inspection.port, '127.0.0.1');
    open.push(() => silent.destroy());
    await new Promise((resolve) => silent.once('connect', resolve));
    for (let n = 0; n < 5_000; n++) queued(task, 'api', { result: 'x'.repeat(2_000) });
    await inspection.stop();
    expect((await opened(core, { port: inspection.port })).port).toBe(inspection.port);
  });
});
