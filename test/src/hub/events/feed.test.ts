import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { selecting } from '../../../../src/hub/events/selection.ts';
import {
  defineProvider,
  type GleitzeitEvent,
  type GleitzeitSystem,
  type Journal,
  memoryJournal,
  specOf,
  sqliteJournal,
} from '../../../../src/index.ts';
import { finished } from '../../../../src/work.ts';
import { ask, connected, echo, gate, heardBy, hubOf, systemThatRuns, until } from '../server/places.ts';

const recorded = (events: readonly GleitzeitEvent[]) => events.filter(({ type }) => specOf(type).recorded);
const seqs = (events: readonly GleitzeitEvent[]) => events.map(({ seq }) => seq);
const notices = ['subscription:live', 'subscription:behind', 'subscription:cursor', 'connection:closing'];

async function subscribed(url: string, data: object = {}, namespace = '/engine') {
  const socket = await connected(url, namespace);
  const heard = heardBy(socket);
  const answer = await ask(socket, 'subscribe', data);
  return {
    socket,
    heard,
    answer: answer as { readonly ok: boolean; readonly lastSeq: number; readonly error?: { readonly code: string; readonly message: string } },
    events: () => heard.flatMap(({ name, payload }) => (notices.includes(name) ? [] : [payload])),
    said: (name: string) => heard.flatMap((one) => (one.name === name ? [one.payload.seq] : [])),
  };
}

async function run(system: GleitzeitSystem, id: string, value: unknown = 1): Promise<void> {
  const { loadWorkflow } = await import('../../../../src/index.ts');
  await (await system.submit(await loadWorkflow(echo(value)), { id })).result();
}

function onDisk(): Journal {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-hub-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return sqliteJournal(join(folder, 'journal.db'));
}

/** A journal with some of its members in place of its own. */
function journalWith(inner: Journal, own: Partial<Journal>): Journal {
  return new Proxy(inner, {
    get: (target, name) => {
      const member = (Reflect.get(own, name) ?? Reflect.get(target, name)) as unknown;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

describe('events out of a hub', { timeout: 60_000 }, () => {
  it('come under their own names, as they are in the system, in order, and only those of the namespace', async () => {
    const { system, hub } = await hubOf();
    const seen: GleitzeitEvent[] = [];
    system.on('*', (event) => void seen.push(event));
    const engine = await subscribed(hub.url);
    const queue = await subscribed(hub.url, {}, '/queue');
    const pool = await subscribed(hub.url, {}, '/pool');
    await run(system, 'w');
    const isFor = (prefixes: string[]) => seen.filter(({ type }) => prefixes.includes(type.split(':')[0] ?? ''));
    await until(() => engine.events().some(({ type }) => type === 'workflow:completed') && queue.events().length > 1);
    for (const { name, payload } of engine.heard) expect(payload.type).toBe(name);
    const before = engine.events().findIndex(({ type }) => type === 'workflow:completed');
    expect(engine.events().slice(0, before + 1)).toEqual(
      isFor(['engine', 'task', 'attempt', 'workflow', 'schedule', 'cron', 'system', 'cleanup']).slice(0, before + 1),
    );
    expect(queue.events().every(({ type }) => type.startsWith('queue:'))).toBe(true);
    expect(pool.events().some(({ type }) => type === 'worker:busy')).toBe(true);
  });

  it('come only once they are durable', async () => {
    const { provider, open } = gate();
    let isHeld = false;
    let release = (): void => undefined;
    const inner = memoryJournal();
    const journal = journalWith(inner, {
      append: (facts) => {
        if (!isHeld) return inner.append(facts);
        return new Promise<void>((resolve) => {
          release = () => {
            inner.append(facts);
            isHeld = false;
            resolve();
          };
        });
      },
    });
    const { system, hub } = await hubOf({ systemOptions: { journal, providers: [provider] } });
    const client = await subscribed(hub.url, { types: ['workflow:*', 'task:*'] });
    isHeld = true;
    const submitted = ask(client.socket, 'workflow:submit', { definition: { name: 'g', tasks: [{ id: 'a', method: 'gate/wait' }] }, id: 'w' });
    expect(await ask(client.socket, 'hub:info')).toMatchObject({ ok: true });
    expect(client.events()).toEqual([]);
    release();
    expect(await submitted).toMatchObject({ ok: true });
    await until(() => client.events().some(({ type }) => type === 'workflow:submitted'));
    open();
    await system.result('w');
  });

  it.each<[string, object, (event: GleitzeitEvent) => boolean]>([
    ['types', { types: ['task:started', 'task:completed'] }, ({ type }) => type === 'task:started' || type === 'task:completed'],
    ['families', { types: ['workflow:*'] }, ({ type }) => type.startsWith('workflow:')],
    ['an alias', { types: ['dependent:task:ready'] }, ({ type }) => type === 'task:ready'],
    ['a component', { component: 'attempt' }, ({ type }) => type.startsWith('attempt:')],
    ['a severity', { minSeverity: 'info' }, ({ severity }) => severity !== 'debug'],
    ['a workflow', { correlationId: 'b' }, ({ correlation }) => correlation.correlationId === 'b'],
    [
      'a workflow and a type',
      { correlationId: 'b', types: ['task:*'] },
      ({ type, correlation }) => type.startsWith('task:') && correlation.correlationId === 'b',
    ],
    [
      'any of several',
      {
        anyOf: [
          { correlationId: 'a', types: ['task:started'] },
          { correlationId: 'a', types: ['task:completed'] },
          { types: ['workflow:completed'] },
          { correlationId: 'b', types: ['workflow:completed'] },
        ],
      },
      ({ type, correlation }) =>
        type === 'workflow:completed' || (correlation.correlationId === 'a' && ['task:started', 'task:completed'].includes(type)),
    ],
  ])('are those that a subscription selects: %s', async (_, filter, isWanted) => {
    const { system, hub } = await hubOf();
    const seen: GleitzeitEvent[] = [];
    const client = await subscribed(hub.url, filter);
    const all = await subscribed(hub.url);
    system.on('*', (event) => void seen.push(event));
    await run(system, 'a');
    await run(system, 'b');
    await until(() => all.events().filter(({ type }) => type === 'workflow:completed').length === 2);
    const engine = new Set(all.events().map(({ id }) => id));
    const wanted = seen.filter((event) => engine.has(event.id) && isWanted(event));
    expect(wanted.length).toBeGreaterThan(0);
    await until(() => client.events().length >= wanted.length);
    expect(client.events()).toEqual(wanted);
  });

  it.each<[string, object, RegExp]>([
    ['a type that there is not', { types: ['task:complete'] }, /There is no type of event "task:complete".*task:completed/],
    ['a component that there is not', { component: 'nothing' }, /component must be/],
    ['a severity that there is not', { minSeverity: 'bad' }, /minSeverity/],
    ['two ways of saying it', { types: ['*'], anyOf: [{ types: ['*'] }] }, /either a filter or anyOf/],
    ['a number that is none', { fromSeq: -1 }, /fromSeq/],
    ['too many filters', { anyOf: Array.from({ length: 1_001 }, () => ({})) }, /anyOf/],
  ])('are refused for %s', async (_, data, message) => {
    const { hub } = await hubOf();
    const { answer } = await subscribed(hub.url, data);
    expect(answer).toMatchObject({ ok: false, error: { code: 'INVALID_PARAMS' } });
    expect(answer.error?.message).toMatch(message);
  });

  it('follow another subscription once that is made, and none after the last', async () => {
    const { system, hub } = await hubOf();
    const client = await subscribed(hub.url, { types: ['task:completed'] });
    await run(system, 'a');
    await until(() => client.events().length === 1);
    await ask(client.socket, 'subscribe', { types: ['workflow:completed'] });
    expect(hub.figures().subscriptions).toBe(1);
    await run(system, 'b');
    await until(() => client.events().length === 2);
    // One that is refused leaves the one before.
    await ask(client.socket, 'subscribe', { types: ['nothing'] });
    await run(system, 'c');
    await until(() => client.events().length === 3);
    await ask(client.socket, 'subscribe', { types: [] });
    await run(system, 'd');
    await ask(client.socket, 'hub:info');
    expect(client.events().map(({ type }) => type)).toEqual(['task:completed', 'workflow:completed', 'workflow:completed']);
    client.socket.disconnect();
    await until(() => hub.figures().subscriptions === 0);
  });

  it.each([
    ['in memory', () => memoryJournal({ keepFacts: 1_000_000 })],
    ['on disk', onDisk],
  ])('resume from the journal, and go on without a gap or a double: %s', async (_, journalOf) => {
    const journal = journalOf();
    const { system, hub } = await hubOf({ systemOptions: { journal } });
    for (let n = 0; n < 60; n++) await run(system, `before ${n}`);
    // While they resume, more happens.
    const going = (async () => {
      for (let n = 0; n < 60; n++) await run(system, `meanwhile ${n}`);
    })();
    const clients = await Promise.all([0, 1, 17, 400].map(async (fromSeq) => ({ fromSeq, ...(await subscribed(hub.url, { fromSeq })) })));
    const one = await subscribed(hub.url, { fromSeq: 0, anyOf: [{ correlationId: 'before 7' }, { correlationId: 'meanwhile 59' }] });
    await going;
    await run(system, 'last');
    const facts = (await journal.read()).filter(({ type }) => /^(engine|task|attempt|workflow|schedule|cron|system|cleanup):/.test(type));
    for (const { fromSeq, events, said } of clients) {
      const wanted = facts.filter(({ seq }) => seq > fromSeq);
      await until(() => recorded(events()).length >= wanted.length);
      expect(recorded(events())).toEqual(wanted);
      expect(said('subscription:live')).toHaveLength(1);
      expect(said('subscription:behind')).toEqual([]);
    }
    const its = facts.filter(({ correlation }) => ['before 7', 'meanwhile 59'].includes(correlation.correlationId));
    await until(() => recorded(one.events()).length >= its.length);
    expect(recorded(one.events())).toEqual(its);
  });

  it('resume after an event that was not recorded from the last one that was', async () => {
    const { system, hub } = await hubOf();
    await run(system, 'a');
    const client = await subscribed(hub.url, { fromSeq: 1_000_000 });
    expect(client.answer.lastSeq).toBeLessThan(1_000);
    await run(system, 'b');
    await until(() => client.events().some(({ type }) => type === 'workflow:completed'));
    expect(recorded(client.events()).every(({ correlation }) => correlation.correlationId === 'b')).toBe(true);
    expect(recorded(client.events())[0]?.type).toBe('workflow:submitted');
  });

  it('tell a client that hears nothing how far they are', async () => {
    const { createSystem, loadWorkflow } = await import('../../../../src/index.ts');
    const { Feed } = await import('../../../../src/hub/events/feed.ts');
    const { portOf } = await import('../../../../src/runtime/port.ts');
    const system = createSystem({ journal: memoryJournal() });
    await system.start();
    onTestFinished(() => system.stop({ deadlineMs: 0 }));
    const { core, journal, log } = portOf(system);
    const feed = new Feed({ core, journal, log, watch: (handler) => system.on('*', handler) }, { backlogBytes: 1_000, cursorMs: 20 });
    const sent: string[] = [];
    const outlet = {
      hasRoom: () => true,
      send: ({ text }: { readonly text: string }) => void sent.push(text),
      roomSeekers: new Set<() => void>(),
      leave: () => undefined,
    };
    const idle = feed.subscribe({
      namespace: '/health',
      selection: finished(selecting([{ types: ['health:check_failed'] }], '/health')),
      fromSeq: undefined,
      outlet,
    });
    const { since } = idle;
    await (await system.submit(await loadWorkflow(echo()))).result();
    // The first may be sent while the workflow still runs.
    await until(() => sent.at(-1) === `2/health,["subscription:cursor",{"seq":${feed.seq}}]`);
    expect(feed.seq).toBeGreaterThan(since);
    idle.end();
    expect(feed.size).toBe(0);
  });

  it('do not take for durable what is said while the journal takes nothing', async () => {
    const inner = memoryJournal();
    let isFull = false;
    const journal = journalWith(inner, {
      append: (facts) => {
        if (isFull) throw Object.assign(new Error('disk full'), { retryable: true, code: 'PERSISTENCE_WRITE_FAILED' });
        return inner.append(facts);
      },
    });
    const { provider, open } = gate();
    const { system, hub } = await hubOf({ systemOptions: { journal, providers: [provider] } });
    const { loadWorkflow } = await import('../../../../src/index.ts');
    const running = await system.submit(await loadWorkflow({ name: 'g', tasks: [{ id: 'a', method: 'gate/wait' }] }), { id: 'w' });
    const client = await subscribed(hub.url, {});
    await until(() => client.answer.lastSeq > 0);
    isFull = true;
    open();
    await until(() => client.events().some(({ type }) => type === 'system:storage_held'));
    const held = client.events().find(({ type }) => type === 'system:storage_held');
    const late = await subscribed(hub.url, { fromSeq: held?.seq });
    expect(late.answer.lastSeq).toBeLessThan(held?.seq ?? 0);
    isFull = false;
    await running.result();
    for (const { events } of [client, late]) {
      await until(() => events().some(({ type }) => type === 'workflow:completed'));
      const its = recorded(events()).filter(({ correlation }) => correlation.correlationId === 'w');
      expect(its.map(({ type }) => type).slice(-2)).toEqual(['task:completed', 'workflow:completed']);
      expect(new Set(seqs(events())).size).toBe(events().length);
    }
  });

  it('are not in the way of a system that nobody listens to', async () => {
    const { system, hub } = await hubOf();
    const client = await subscribed(hub.url);
    client.socket.disconnect();
    await until(() => hub.connections().length === 0);
    const { portOf } = await import('../../../../src/runtime/port.ts');
    expect(portOf(system).core.router.watched).toBe(false);
  });

  it('leave whoever cannot be told what was recorded, so that it comes again', async () => {
    const inner = memoryJournal();
    let isBroken = false;
    const journal = journalWith(inner, { read: (options) => (isBroken ? Promise.reject(new Error('gone')) : inner.read(options)) });
    const { system, hub } = await hubOf({ systemOptions: { journal } });
    await run(system, 'a');
    isBroken = true;
    const client = await subscribed(hub.url, { fromSeq: 0 });
    await until(() => !client.socket.connected);
    expect(client.heard.at(-1)).toMatchObject({ name: 'connection:closing', payload: { error: { code: 'CONNECTION_LOST', retryable: true } } });
    const other = await connected(hub.url);
    expect(await ask(other, 'hub:info')).toMatchObject({ ok: true });
  });

  it('are whole for one who stops reading, and of no weight meanwhile', async () => {
    const size = 10_000;
    const blob = defineProvider({ protocol: 'blob/v1', methods: { 'blob/make': { run: () => 'x'.repeat(size) } } });
    const journal = onDisk();
    const system = await systemThatRuns({ journal, providers: [blob] });
    const { hub } = await hubOf({ system });
    const { loadWorkflow } = await import('../../../../src/index.ts');
    const { entered } = await import('../server/raw.ts');
    const client = await entered(hub.url);
    client.send('42/engine,1["subscribe",{}]');
    await client.next(/^43\/engine,1\[{"ok":true/);
    client.ws.pause();
    let most = 0;
    const watch = setInterval(() => {
      for (const { bufferedBytes } of hub.connections()) most = Math.max(most, bufferedBytes);
    }, 5);
    const definition = { name: 'blobs', tasks: Array.from({ length: 250 }, (_, n) => ({ id: `t${n}`, method: 'blob/make' })) };
    const workflow = await loadWorkflow(definition);
    for (let n = 0; n < 10; n++) await (await system.submit(workflow, { id: `w${n}` })).result();
    clearInterval(watch);
    expect(most).toBeGreaterThan(100_000);
    expect(most).toBeLessThan(1.2 * 2 ** 20);
    expect(hub.connections()[0]?.bufferedBytes).toBeLessThan(1.2 * 2 ** 20);
    client.ws.resume();
    await client.next(/^42\/engine,\["subscription:live"/);
    const heard = client.heard.flatMap((text) =>
      text.startsWith('42/engine,') ? [JSON.parse(text.slice('42/engine,'.length)) as [string, GleitzeitEvent]] : [],
    );
    expect(heard.filter(([name]) => name === 'subscription:behind')).not.toEqual([]);
    const its = recorded(heard.flatMap(([name, event]) => (name.startsWith('workflow:') || name.startsWith('task:') ? [event] : [])));
    const facts = (await journal.read()).filter(({ type }) => /^(workflow|task):/.test(type));
    expect(its.length).toBe(facts.length);
    expect(its).toEqual(facts);
    expect(JSON.stringify(its).length).toBeGreaterThan(25_000_000);
  });
});
