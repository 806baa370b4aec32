/** Remote workers and a hub over loopback, in one process: a cable between them can be cut. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import type { EventType, GleitzeitEvent } from '../../../../machines/events/catalogue.ts';
import { createHub, createRemoteWorker, type HubOptions, type RemoteWorkerOptions } from '../../../../src/hub/index.ts';
import { sqliteJournal } from '../../../../src/journal/sqlite.ts';
import { type AttemptCall, defineProvider } from '../../../../src/providers/provider.ts';
import type { SystemOptions } from '../../../../src/runtime/options.ts';
import { createSystem } from '../../../../src/runtime/system.ts';
import { defineWorkflow } from '../../../../src/workflow/define.ts';
import { silent } from '../../../silent.ts';
import { cableTo } from './cable.ts';

/** A system with its hub; leases are short, since nobody wants to wait for them. */
async function place(options: SystemOptions = {}, hubOptions: Partial<HubOptions> = {}) {
  const system = createSystem({ builtins: false, log: silent, worker: { leaseMs: 1_000, heartbeatMs: 100 }, ...options });
  const events: GleitzeitEvent[] = [];
  system.on('*', (event) => events.push(event));
  await system.start();
  const hub = await createHub({ system, port: 0, tokens: [{ token: 'secret' }, { token: 'watcher', roles: ['observer'] }], ...hubOptions });
  const close = async (): Promise<void> => {
    await system.stop({ deadlineMs: 0 });
    await hub.close({ deadlineMs: 0 });
  };
  onTestFinished(close);
  const of = (type: EventType) => events.filter((event) => event.type === type);
  return { system, hub, of, close };
}

async function worker(options: RemoteWorkerOptions) {
  const made = createRemoteWorker({ token: 'secret', log: silent, ...options });
  onTestFinished(() => made.stop({ deadlineMs: 0 }));
  await made.start();
  return made;
}

interface Call {
  readonly call: AttemptCall;
  readonly by: string;
  readonly succeed: (result?: unknown) => void;
}

/** A provider whose calls wait until they are answered, or aborted. */
function handOperated(by = 'one') {
  const calls: Call[] = [];
  const provider = defineProvider({
    protocol: 'demo/v1',
    methods: {
      'demo/work': {
        run: (_, call) =>
          new Promise<unknown>((succeed, fail) => {
            call.signal.addEventListener('abort', () => fail(call.signal.reason));
            calls.push({ call, by, succeed });
          }),
      },
    },
  });
  return { provider, calls };
}

const work = (...ids: readonly string[]) =>
  defineWorkflow({
    name: 'work',
    tasks: (task) => {
      for (const id of ids) task(id, { method: 'demo/work' });
      return null;
    },
  });

const until = (isSo: () => boolean): Promise<void> => expect.poll(isSo, { timeout: 10_000, interval: 5 }).toBe(true);

/** Connections are tried again only after a while. */
const timeout = { timeout: 20_000 };

describe('a remote worker', () => {
  it('carries out what its providers and workflows have, as the engine itself would', async () => {
    const { system, hub, of } = await place();
    const logged: string[] = [];
    const text = defineProvider({
      protocol: 'text/v1',
      methods: {
        'text/words': {
          params: z.object({ text: z.string() }),
          run: ({ text }, { log, progress, idempotencyKey }) => {
            log('counting');
            progress(0.5, 'half');
            return { words: text.split(' ').length, idempotencyKey };
          },
        },
        'text/picky': { run: () => Promise.reject(Object.assign(new Error('no'), { code: 'TOO_PICKY', retryable: false })) },
      },
    });
    const report = defineWorkflow({
      name: 'report',
      providers: [text],
      failurePolicy: 'continue_on_error',
      tasks: (task) => {
        const words = task('words', { method: 'text/words', params: { text: 'a b c' } });
        task('wrong', { method: 'text/words', params: { text: 7 } as never });
        task('picky', { method: 'text/picky', params: {}, retry: 3 });
        return task('double', { params: { n: words.words }, run: ({ n }) => n * 2 });
      },
    });
    const made = await worker({
      url: hub.url,
      name: 'far',
      providers: [text],
      workflows: [report],
      log: { ...silent, info: (_, message) => logged.push(message) },
    });
    expect(made.workerIds).toEqual(['far/text/v1', 'far/function/v1']);
    // The engine knows the workflow by its form alone: its functions are elsewhere.
    const run = await system.submit({ ...report, functions: new Map() });
    const { tasks } = await run.result();
    expect(tasks).toMatchObject({
      words: { result: { words: 3, idempotencyKey: `${run.id}/words` } },
      wrong: { status: 'failed', error: { code: 'TASK_VALIDATION_FAILED' } },
      picky: { status: 'failed', attempts: 1, error: { code: 'TOO_PICKY', message: 'no' } },
      double: { result: 6 },
    });
    expect([logged, of('attempt:progress').map(({ data }) => data)]).toEqual([
      ['counting'],
      [expect.objectContaining({ taskId: 'words', fraction: 0.5, message: 'half' })],
    ]);
  });

  it('aborts what is cancelled', async () => {
    const { system, hub, of } = await place();
    const { provider, calls } = handOperated();
    await worker({ url: hub.url, providers: [provider] });
    const run = await system.submit(work('a'));
    await until(() => calls.length === 1);
    run.cancel('enough');
    await until(() => calls[0]?.call.signal.aborted === true);
    expect((await run.result()).status).toBe('cancelled');
    expect(of('task:stale_report')).toEqual([]);
  });

  it.each([
    { why: 'the token is wrong', options: { token: 'wrong' }, code: 'AUTHENTICATION_FAILED' },
    { why: 'the token is not for workers', options: { token: 'watcher' }, code: 'AUTHORIZATION_FAILED' },
    { why: 'there is no hub', options: { url: 'http://127.0.0.1:9', connectTimeoutMs: 300 }, code: 'CONNECTION_REFUSED' },
  ])('does not start where $why', async ({ options, code }) => {
    const { hub } = await place();
    await expect(worker({ url: hub.url, providers: [handOperated().provider], ...options })).rejects.toMatchObject({ code });
  });

  it('says what is wrong with what it is made with', () => {
    expect(() => createRemoteWorker({ url: 'nowhere', slots: 0, providers: [{}] } as never)).toThrow(/url[\s\S]*providers\[0\][\s\S]*slots/);
    expect(() => createRemoteWorker({ url: 'http://127.0.0.1:1' })).toThrow(/no method/);
    const { provider } = handOperated();
    expect(() => createRemoteWorker({ url: 'http://127.0.0.1:1', providers: [provider, { ...provider }] })).toThrow(/'demo\/v1'/);
  });

  it('fails to start with a provider that does not', async () => {
    const { hub } = await place();
    const broken = defineProvider({
      protocol: 'demo/v1',
      start: () => Promise.reject(new Error('no key')),
      methods: { 'demo/work': { run: () => 1 } },
    });
    await expect(worker({ url: hub.url, providers: [broken] })).rejects.toMatchObject({ code: 'PROVIDER_INITIALIZATION_FAILED' });
  });
});

describe('a remote worker whose connection breaks', timeout, () => {
  it('runs on, and reports when it is back: each attempt ran once', async () => {
    const { system, hub, of } = await place();
    const cable = await cableTo(hub.port);
    onTestFinished(() => cable.close());
    const { provider, calls } = handOperated();
    const said: string[] = [];
    const say = (_: object, message: string): void => void said.push(message);
    await worker({ url: cable.url, providers: [provider], log: { ...silent, info: say, warn: say } });
    const run = await system.submit(work('a', 'b'));
    await until(() => calls.length === 2);
    cable.cut();
    calls[0]?.succeed('while it was away');
    cable.mend();
    await until(() => of('task:completed').length === 1);
    calls[1]?.succeed('after it was back');
    expect((await run.result()).tasks).toMatchObject({
      a: { result: 'while it was away', attempts: 1 },
      b: { result: 'after it was back', attempts: 1 },
    });
    expect([calls.length, of('task:failed'), of('task:stale_report')]).toEqual([2, [], []]);
    expect([said[0], said.at(-1)]).toEqual(['the connection to the hub is lost; what runs goes on', 'the hub is there again']);
  });

  it('gives up what it runs when its lease is over; that runs elsewhere', async () => {
    const { system, hub, of } = await place();
    const cable = await cableTo(hub.port);
    onTestFinished(() => cable.close());
    const [one, other] = [handOperated('one'), handOperated('other')];
    await worker({ url: cable.url, providers: [one.provider] });
    const run = await system.submit(work('a'));
    await until(() => one.calls.length === 1);
    cable.cut();
    await worker({ url: hub.url, providers: [other.provider] });
    await until(() => one.calls[0]?.call.signal.aborted === true && other.calls.length === 1);
    other.calls[0]?.succeed('elsewhere');
    expect((await run.result()).tasks['a']).toMatchObject({ result: 'elsewhere', attempts: 2 });
    expect(of('task:failed').map(({ data }) => data)).toMatchObject([{ ended: 'lost', lost: 1 }]);
  });
});

describe('a remote worker that leaves', () => {
  it('takes no more, finishes what it runs, and reports it', async () => {
    const { system, hub, of } = await place();
    const { provider, calls } = handOperated();
    const made = await worker({ url: hub.url, providers: [provider], slots: 1 });
    const run = await system.submit(work('a', 'b'));
    await until(() => calls.length === 1);
    const drained = made.drain('enough');
    await until(() => of('worker:draining').length === 1);
    calls[0]?.succeed('its last');
    await Promise.all([drained, made.closed]);
    expect(of('task:completed').map(({ data }) => data)).toMatchObject([{ result: 'its last' }]);
    expect([calls.length, of('worker:stopped').length]).toEqual([1, 1]);
    await until(() => hub.connections().length === 0);
    run.cancel();
  });

  it('gives back what it cannot finish in time: it runs elsewhere at once, and nothing is held against it', async () => {
    const { system, hub, of } = await place({ worker: { leaseMs: 60_000, heartbeatMs: 100 } });
    const [one, other] = [handOperated('one'), handOperated('other')];
    const made = await worker({ url: hub.url, providers: [one.provider], slots: 1 });
    const run = await system.submit(work('a'));
    await until(() => one.calls.length === 1);
    await worker({ url: hub.url, providers: [other.provider] });
    await made.stop({ deadlineMs: 20 });
    expect(one.calls[0]?.call.signal.aborted).toBe(true);
    await until(() => other.calls.length === 1);
    other.calls[0]?.succeed('elsewhere');
    expect((await run.result()).tasks['a']).toMatchObject({ result: 'elsewhere', attempts: 2 });
    expect(of('task:failed').map(({ data }) => data)).toMatchObject([{ ended: 'abandoned', lost: 0 }]);
  });

  it('is told to by a signal', async () => {
    const { hub } = await place();
    const controller = new AbortController();
    const made = await worker({ url: hub.url, providers: [handOperated().provider], signal: controller.signal });
    controller.abort();
    await made.closed;
  });
});

describe('a hub that is restarted', timeout, () => {
  it('finds what runs at its workers, and has none of it run again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-hub-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const journal = () => sqliteJournal(join(folder, 'hub.db'));
    const patient = { leaseMs: 30_000, heartbeatMs: 100 };
    const first = await place({ journal: journal(), worker: patient });
    const { provider, calls } = handOperated();
    const made = await worker({ url: first.hub.url, providers: [provider], slots: 3 });
    const { id } = await first.system.submit(work('a', 'b', 'c'));
    await until(() => calls.length === 3);
    await first.close();
    calls[0]?.succeed('while there was no hub');
    const second = await place({ journal: journal(), worker: patient }, { port: first.hub.port });
    await until(() => second.of('task:completed').length === 1);
    calls[1]?.succeed('after that');
    calls[2]?.succeed('after that');
    const run = await second.system.run(id);
    expect((await run.result()).tasks).toMatchObject({
      a: { result: 'while there was no hub', attempts: 1 },
      b: { result: 'after that', attempts: 1 },
      c: { attempts: 1 },
    });
    expect(calls).toHaveLength(3);
    expect(made.running).toBe(0);
  });

  it('with another journal knows nothing of what ran: its worker lets go of the report, and takes what comes', async () => {
    const first = await place({ worker: { leaseMs: 30_000, heartbeatMs: 100 } });
    const { provider, calls } = handOperated();
    const refused: unknown[] = [];
    const error = (about: object): void => void refused.push(about);
    const made = await worker({ url: first.hub.url, providers: [provider], log: { ...silent, error } });
    await first.system.submit(work('a'));
    await until(() => calls.length === 1);
    await first.close();
    calls[0]?.succeed('while there was no hub');
    const second = await place({}, { port: first.hub.port });
    await until(() => second.of('worker:started').length === 1);
    const run = await second.system.submit(work('b'));
    await until(() => calls.length === 2);
    calls[1]?.succeed('fine');
    expect((await run.result()).tasks['b']).toMatchObject({ result: 'fine', attempts: 1 });
    // It leaves once every report of its is answered.
    await made.drain('enough');
    expect(refused).toEqual([expect.objectContaining({ taskId: 'a', err: expect.objectContaining({ code: 'TASK_NOT_FOUND' }) })]);
    expect(made.running).toBe(0);
  });
});
