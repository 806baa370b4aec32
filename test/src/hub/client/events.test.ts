/** What a client hears: one subscription a namespace for all who watch, over connections that break. */
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../../../machines/events/catalogue.ts';
import { connect } from '../../../../src/hub/client/connect.ts';
import { merged } from '../../../../src/hub/client/filters.ts';
import type { Logger } from '../../../../src/runtime/logger.ts';
import { until } from '../../control/places.ts';
import { type FakeHub, fakeHub, sent } from './fake-hub.ts';

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

async function clientOf({ url }: Pick<FakeHub, 'url'>, log = silent) {
  const client = await connect({ url, log });
  onTestFinished(() => client.close());
  return client;
}

const subscriptions = (hub: FakeHub, namespace = '/engine') =>
  hub.asked.filter((asked) => asked.name === 'subscribe' && asked.namespace === namespace);
const wanted = (hub: FakeHub, namespace?: string) => subscriptions(hub, namespace).map(({ data }) => data);
const seqs = (events: readonly GleitzeitEvent[]) => events.map(({ seq }) => seq);
/** Sends an event under its own name, as the hub does. */
const state = (hub: FakeHub, type: GleitzeitEvent['type'], seq: number, correlationId?: string) =>
  hub.send('/engine', type, sent(type, seq, correlationId));

describe('a client', () => {
  it('subscribes to nothing, and connects to no more than it needs, while nobody watches', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    await client.info();
    expect(hub.connected()).toEqual(['/engine']);
    expect(subscriptions(hub)).toEqual([]);

    const stop = client.on('circuit:opened', () => undefined);
    await until(() => wanted(hub, '/pool').length === 1);
    expect(hub.connected()).toEqual(['/engine', '/pool']);
    stop();
    await until(() => hub.connected().length === 1);
    expect(wanted(hub, '/pool')).toEqual([{ types: ['circuit:opened'] }]);
  });

  it('subscribes once for all who watch, anew when they change, and ends it when the last one goes', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    const stops = [client.on('task:*', () => undefined), client.on('task:*', () => undefined), client.on('dependent:task:ready', () => undefined)];
    await client.info();
    expect(wanted(hub)).toEqual([{ anyOf: [{ types: ['task:*'] }, { types: ['task:ready'] }] }]);

    const all = client.events$.subscribe();
    await client.info();
    expect(wanted(hub)[1]).toEqual({ fromSeq: 0 });
    all.unsubscribe();
    for (const stop of stops) stop();
    await client.info();
    expect(wanted(hub).at(-1)).toEqual({ types: [] });
  });

  it('selects by workflow, severity and component where the hub is', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    client.select({ correlationId: 'w', minSeverity: 'error', component: 'task' }).subscribe();
    await client.info();
    expect(wanted(hub)).toEqual([{ component: 'task', correlationId: 'w', minSeverity: 'error' }]);
    expect(hub.connected()).toEqual(['/engine']);
    expect(() => client.select({ types: ['task:compleated'] })).toThrow(/task:completed/);
  });

  it('tells each who watches what he selects, once the hub has answered', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    const [ofW, starts]: [GleitzeitEvent[], GleitzeitEvent[]] = [[], []];
    client.select({ correlationId: 'w' }).subscribe((event) => ofW.push(event));
    client.on('workflow:started', (event) => starts.push(event));
    await client.info();
    state(hub, 'workflow:started', 1);
    state(hub, 'workflow:started', 2, 'v');
    state(hub, 'task:started', 3);
    state(hub, 'task:queued', 4);
    await until(() => ofW.length === 3);
    expect([seqs(ofW), seqs(starts)]).toEqual([
      [1, 3, 4],
      [1, 2],
    ]);
  });

  it('asks for nothing before the hub hears for whoever watches', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    client.events$.subscribe();
    await client.info();
    const order = hub.asked.map(({ namespace, name }) => `${namespace} ${name}`);
    expect(order.slice(1, -1).sort()).toEqual(['/engine subscribe', '/health subscribe', '/pool subscribe', '/queue subscribe']);
    expect(order.at(-1)).toBe('/engine hub:info');
  });

  it('contains what a handler throws, now or later', async () => {
    const said: unknown[] = [];
    const hub = await fakeHub();
    const client = await clientOf(hub, { ...silent, error: (fields) => said.push((fields as { err: Error }).err.message) });
    const heard: GleitzeitEvent[] = [];
    client.on('task:started', () => {
      throw new Error('thrown');
    });
    client.on('task:started', () => Promise.reject(new Error('rejected')));
    client.select({ types: ['task:started'] }).subscribe(() => {
      throw new Error('subscribed');
    });
    client.on('task:started', (event) => heard.push(event));
    await client.info();
    state(hub, 'task:started', 1);
    await until(() => said.length === 3);
    expect(seqs(heard)).toEqual([1]);
    expect(said.sort()).toEqual(['rejected', 'subscribed', 'thrown']);
  });

  it('hears on from where it was when the connection breaks, and tells nobody anything twice', async () => {
    const hub = await fakeHub(({ name, data }) => {
      if (name !== 'subscribe') return undefined;
      // The journal once more, from a little earlier than it was asked for.
      if (data['fromSeq'] === 6) setImmediate(() => [4, 6, 8, 9].map((seq) => state(hub, 'task:started', seq)));
      return { ok: true, lastSeq: data['fromSeq'] === undefined ? 3 : 9 };
    });
    const client = await clientOf(hub);
    const heard: GleitzeitEvent[] = [];
    client.on('task:*', (event) => heard.push(event));
    await client.info();
    state(hub, 'task:started', 4);
    state(hub, 'task:started', 6);
    state(hub, 'task:queued', 7);
    await until(() => heard.length === 3);
    hub.cut();
    await until(() => heard.length === 5);
    expect(wanted(hub)).toEqual([{ types: ['task:*'] }, { types: ['task:*'], fromSeq: 6 }]);
    expect(seqs(heard)).toEqual([4, 6, 7, 8, 9]);
  });

  it('goes on from what the hub says was sent, also where none of it was selected', async () => {
    const hub = await fakeHub(({ name }) => (name === 'subscribe' ? { ok: true, lastSeq: 100 } : undefined));
    const client = await clientOf(hub);
    client.on('workflow:failed', () => undefined);
    await client.info();
    hub.send('/engine', 'subscription:cursor', { seq: 70 });
    hub.send('/engine', 'subscription:cursor', { seq: 250 });
    await client.info();
    hub.cut();
    await until(() => wanted(hub).length === 2);
    expect(wanted(hub)[1]).toEqual({ types: ['workflow:failed'], fromSeq: 250 });
  });

  it('tells who begins to watch nothing of before, though the hub sends it to another', async () => {
    const hub = await fakeHub(({ name, data }) => {
      if (name !== 'subscribe') return undefined;
      if (data['fromSeq'] === 0) setImmediate(() => [1, 2, 3].map((seq) => state(hub, 'task:started', seq)));
      return { ok: true, lastSeq: 2 };
    });
    const client = await clientOf(hub);
    const [fromTheBeginning, fromNow]: [GleitzeitEvent[], GleitzeitEvent[]] = [[], []];
    client.select({ types: ['task:started'] }, { fromSeq: 0 }).subscribe((event) => fromTheBeginning.push(event));
    client.select({ types: ['task:started'] }).subscribe((event) => fromNow.push(event));
    await until(() => fromTheBeginning.length === 3);
    expect([seqs(fromTheBeginning), seqs(fromNow)]).toEqual([[1, 2, 3], [3]]);
  });

  it('begins anew with a hub whose journal is another one', async () => {
    let lastSeq = 500;
    const hub = await fakeHub(({ name }) => (name === 'subscribe' ? { ok: true, lastSeq } : undefined));
    const client = await clientOf(hub);
    const heard: GleitzeitEvent[] = [];
    client.on('task:*', (event) => heard.push(event));
    await client.info();
    lastSeq = 2;
    hub.cut();
    await until(() => wanted(hub).length === 2);
    await client.info();
    state(hub, 'task:started', 3);
    state(hub, 'task:queued', 4);
    await until(() => heard.length === 2);
    expect(seqs(heard)).toEqual([3, 4]);
  });

  it('tells everything recorded by seq, whatever namespaces it comes from', async () => {
    const hub = await fakeHub(({ name, namespace }) => {
      if (name === 'hub:info') return { ok: true, protocolVersion: 1, lastSeq: 5 };
      if (name !== 'subscribe') return undefined;
      setImmediate(() => {
        if (namespace === '/engine') for (const seq of [1, 2, 4, 5]) state(hub, 'task:started', seq);
        if (namespace === '/queue') setTimeout(() => hub.send(namespace, 'queue:priority_changed', sent('queue:priority_changed', 3)), 20);
        setTimeout(() => hub.send(namespace, 'subscription:cursor', { seq: 5 }), namespace === '/queue' ? 40 : 0);
      });
      return { ok: true, lastSeq: 5 };
    });
    const heard: number[] = [];
    const client = await clientOf(hub);
    expect(await client.recorded({}, ({ seq }) => heard.push(seq))).toBe(5);
    expect(heard).toEqual([1, 2, 3, 4, 5]);
    await expect(
      client.recorded({}, () => {
        throw new Error('enough');
      }),
    ).rejects.toThrow('enough');
    await until(() => hub.connected().length === 1);
  });

  it('completes what is watched when it is closed', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    let completed = 0;
    client.events$.subscribe({ complete: () => (completed += 1) });
    client.select({ component: 'task' }).subscribe({ complete: () => (completed += 1) });
    await client.info();
    const reading = client.recorded({}, () => undefined);
    reading.catch(() => undefined);
    await client.close();
    expect(completed).toBe(2);
    await expect(reading).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
    client.events$.subscribe(() => expect.unreachable());
  });
});

describe('several filters as one subscription', () => {
  it.each([
    [[], { types: [] }],
    [[{ types: ['task:*'] }, { types: ['task:*'] }], { types: ['task:*'] }],
    [[{ types: ['task:*'] }, {}], {}],
    [[{ correlationId: 'a' }, { correlationId: 'b' }], { anyOf: [{ correlationId: 'a' }, { correlationId: 'b' }] }],
    [
      [
        { correlationId: 'a', component: 'task' },
        { correlationId: 'b', component: 'task' },
        { correlationId: 'c', component: 'task' },
      ],
      { component: 'task' },
    ],
    [[{ component: 'task' }, { component: 'cron' }, { component: 'workflow' }], {}],
  ])('%j become %j', (filters, expected) => {
    expect(merged(filters, 2)).toEqual(expected);
  });
});
