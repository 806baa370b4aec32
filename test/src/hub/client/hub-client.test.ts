/** A client of a real hub: the same as a system of the same process. */
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import { eventTypes, type GleitzeitEvent, specOf } from '../../../../machines/events/catalogue.ts';
import { type ConnectOptions, connect, createHub, createRemoteWorker, type Hub, type HubClient, type HubOptions } from '../../../../src/hub/index.ts';
import { memoryJournal } from '../../../../src/journal/memory.ts';
import { sqliteJournal } from '../../../../src/journal/sqlite.ts';
import type { Gleitzeit } from '../../../../src/runtime/api.ts';
import { createSystem, type GleitzeitSystem } from '../../../../src/runtime/system.ts';
import { defineWorkflow } from '../../../../src/workflow/define.ts';
import { loadWorkflow } from '../../../../src/workflow/load.ts';
import { silent } from '../../../silent.ts';
import { gate, placeForJournal, until } from '../../control/places.ts';
import { cableTo } from '../worker/cable.ts';

type SystemOptions = NonNullable<Parameters<typeof createSystem>[0]>;

const recorded = eventTypes.filter((type) => specOf(type).recorded);

/** A system and its hub, which end with the test. */
async function hubOf(options: SystemOptions = {}, hubOptions: Partial<HubOptions> = {}) {
  const system = createSystem({ log: silent, strict: true, ...options });
  await system.start();
  const hub = await createHub({ system, port: 0, ...hubOptions });
  const close = async (): Promise<void> => {
    await hub.close({ deadlineMs: 0 });
    await system.stop({ deadlineMs: 0 });
  };
  onTestFinished(close);
  return { system, hub, close };
}

async function clientOf({ url }: Pick<Hub, 'url'>, options: Partial<ConnectOptions> = {}): Promise<HubClient> {
  const client = await connect({ url, log: silent, ...options });
  onTestFinished(() => client.close());
  return client;
}

const echo = () => loadWorkflow({ name: 'Echo', input: { n: 1 }, tasks: [{ id: 'a', method: 'core/echo', parameters: { n: '${input.n}' } }] });
const failing = () => loadWorkflow({ name: 'Failing', tasks: [{ id: 'a', method: 'core/fail', parameters: { times: 1 } }] });
const waiting = () =>
  loadWorkflow({
    name: 'Waiting',
    tasks: [
      { id: 'a', method: 'gate/wait' },
      { id: 'b', method: 'gate/wait', dependencies: ['a'] },
    ],
  });

describe('a client and a system', () => {
  it('are the same to whoever takes either', async () => {
    expectTypeOf<GleitzeitSystem>().toExtend<Gleitzeit>();
    expectTypeOf<HubClient>().toExtend<Gleitzeit>();
    const sum = async (gleitzeit: Gleitzeit) => {
      const workflow = await echo();
      const seen: string[] = [];
      const leave = gleitzeit.on('workflow:completed', ({ data }) => seen.push(data.workflowId));
      const run = await gleitzeit.submit(workflow, { id: 'w', input: { n: 5 } });
      const result = await run.result();
      await until(() => seen.length > 0);
      leave();
      const { events } = await gleitzeit.trace('w');
      const view = gleitzeit.at(events.find(({ type }) => type === 'workflow:submitted')?.seq ?? 0);
      return {
        seen,
        result: { ...result, durationMs: 0, tasks: { a: { ...result.tasks['a'], durationMs: 0 } } },
        status: (await gleitzeit.status('w')).status,
        was: (await view.workflow('w')).tasks,
        list: (await gleitzeit.list()).map(({ workflowId, status, versionHash }) => [workflowId, status, versionHash]),
        explained: (await gleitzeit.explain('w')).tasks,
        traced: events.map(({ type }) => type),
        schedules: await gleitzeit.schedules(),
      };
    };
    const { system } = await hubOf();
    const remote = await clientOf((await hubOf()).hub);
    const [here, there] = [await sum(system), await sum(remote)];
    expect(there).toEqual(here);
    expect(there).toMatchObject({
      seen: ['w'],
      result: { status: 'completed', tasks: { a: { result: { n: 5 } } } },
      was: { a: { status: 'pending' } },
    });
  });

  it('refuse with the same errors', async () => {
    const refusals = async (gleitzeit: Gleitzeit) => {
      const nobody = await loadWorkflow({ name: 'Nobody', tasks: [{ id: 'a', method: 'core/ecko' }] });
      // So that it has not ended when it is asked about.
      await gleitzeit.pause();
      await gleitzeit.submit(await echo(), { id: 'w' });
      const tries = [
        gleitzeit.status('none'),
        gleitzeit.run('none'),
        gleitzeit.result('none'),
        gleitzeit.trace('none'),
        gleitzeit.cancel('none'),
        gleitzeit.explain('w', 'none'),
        gleitzeit.unschedule('none'),
        gleitzeit.submit(nobody),
        gleitzeit.submit(await failing(), { id: 'w' }),
        gleitzeit.setPriority('w', 'a', 'soon' as never),
        gleitzeit.schedule(await echo(), { id: 's' }),
      ];
      const errors = await Promise.all(
        tries.map((attempt) =>
          attempt.then(
            () => undefined,
            (error: { code: string; rpcCode: number }) => error,
          ),
        ),
      );
      return errors.map((error) => [error?.code, error?.rpcCode]);
    };
    const { system } = await hubOf();
    // Without the time in which workers may come back, in which such a submit waits.
    const { hub } = await hubOf({ worker: { leaseMs: 500, heartbeatMs: 100 } });
    const there = await refusals(await clientOf(hub));
    expect(there).toEqual(await refusals(system));
    expect(there.map(([code]) => code)).not.toContain(undefined);
  });
});

describe('a client', () => {
  it('commands workflows, tasks and the whole system', async () => {
    const held = gate();
    const { system, hub } = await hubOf({ providers: [held.provider] });
    const client = await clientOf(hub);
    const run = await client.submit(await waiting(), { id: 'w' });
    await until(() => held.calls.includes('a'));
    await run.pause();
    expect((await run.status()).status).toBe('paused');
    await run.resume();
    await client.cancelTask('w', 'a');
    expect(await run.result()).toMatchObject({ status: 'failed', tasks: { a: { status: 'cancelled' } } });

    await client.pause('for the test');
    await client.submit(await echo(), { id: 'later' });
    await until(async () => (await client.explain('later')).tasks[0]?.reasons.some(({ kind }) => kind === 'engine_paused') === true);
    await client.setPriority('later', 'a', 'urgent');
    await client.cancel('later', 'not wanted');
    expect((await system.status('later')).status).toBe('cancelled');
    await client.resume();

    const failed = await client.submit(await failing(), { id: 'f' });
    expect((await failed.result()).status).toBe('failed');
    const retried = await client.retry('f');
    expect(await retried.result()).toMatchObject({ status: 'completed', tasks: { a: { attempts: 2 } } });
  });

  it('schedules, and takes schedules away', async () => {
    const { system, hub } = await hubOf();
    const client = await clientOf(hub);
    const made = await client.schedule(await echo(), { id: 's', everyMs: 60_000, startAt: new Date('2100-01-01T00:00:00Z'), input: { n: 2 } });
    expect(made).toMatchObject({ id: 's', input: { n: 2 }, rule: { everyMs: 60_000 }, nextAt: Date.parse('2100-01-01T00:00:00Z') });
    expect(await client.schedules()).toEqual(await system.schedules());
    await client.unschedule('s');
    expect(await client.schedules()).toEqual([]);
  });

  it('checks the input by a schema of its own, and takes its types with it', async () => {
    const { hub } = await hubOf();
    const client = await clientOf(hub);
    const typed = defineWorkflow({
      name: 'typed',
      input: z.object({ text: z.string().transform((text) => text.toUpperCase()) }),
      tasks: (task, input) => ({ said: task('said', { method: 'core/echo', params: { text: input.text } }) }),
    });
    const run = await client.submit(typed, { input: { text: 'a' } });
    expect((await run.result()).tasks['said']?.result).toEqual({ text: 'A' });
    await expect(client.submit(typed, { input: { text: 1 as never } })).rejects.toMatchObject({ code: 'INVALID_PARAMS', issues: [{ path: 'text' }] });
  });

  it('submits functions that a worker serves, and says how where nobody does', async () => {
    const { hub } = await hubOf({ worker: { leaseMs: 1_000, heartbeatMs: 200 } });
    const client = await clientOf(hub);
    const workflow = defineWorkflow({
      name: 'doubling',
      tasks: (task) => ({ four: task('four', { params: { n: 2 }, run: ({ n }) => n * 2 }) }),
    });
    await expect(client.submit(workflow)).rejects.toMatchObject({
      code: expect.stringMatching(/^(PROTOCOL|METHOD)_NOT_FOUND$/),
      message: expect.stringContaining('createRemoteWorker'),
    });
    const worker = createRemoteWorker({ url: hub.url, workflows: [workflow], log: silent });
    await worker.start();
    onTestFinished(() => worker.stop());
    const { output } = await (await client.submit(workflow)).result();
    expect(output).toEqual({ four: 4 });
  });

  it('may do what its token allows', async () => {
    const tokens = [{ token: 'c' }, { token: 'o', roles: ['observer'] as const }, { token: 'w', roles: ['worker'] as const }];
    const { hub } = await hubOf({}, { tokens });
    const [client, observer] = [await clientOf(hub, { token: 'c' }), await clientOf(hub, { token: 'o' })];
    const seen: GleitzeitEvent[] = [];
    observer.on('workflow:*', (event) => seen.push(event));
    await observer.info();
    const { id } = await client.submit(await echo());
    expect((await observer.result(id)).status).toBe('completed');
    await until(() => seen.some(({ type }) => type === 'workflow:completed'));
    await expect(observer.cancel(id)).rejects.toMatchObject({ code: 'AUTHORIZATION_FAILED', retryable: false });
    for (const token of ['w', 'x', undefined])
      await expect(connect({ url: hub.url, log: silent, ...(token !== undefined && { token }) })).rejects.toMatchObject({
        code: token === 'w' ? 'AUTHORIZATION_FAILED' : 'AUTHENTICATION_FAILED',
      });
  });

  it('hears what a system says, in its order, of all namespaces', async () => {
    const journal = memoryJournal();
    const { system, hub } = await hubOf({ record: 'everything', journal });
    const client = await clientOf(hub);
    const [here, there]: [GleitzeitEvent[], GleitzeitEvent[]] = [[], []];
    client.events$.subscribe((event) => there.push(event));
    await client.info();
    system.events$.subscribe((event) => here.push(event));
    await (await client.submit(await echo())).result();
    await until(() => there.length >= here.length && here.at(-1)?.id === there.at(-1)?.id);
    const first = there.findIndex(({ id }) => id === here[0]?.id);
    expect(there.slice(first)).toEqual(here);

    const read: GleitzeitEvent[] = [];
    await client.recorded({}, (event) => read.push(event));
    const kept = await journal.read({ limit: read.length });
    expect(read.map(({ seq }) => seq)).toEqual(kept.map(({ seq }) => seq));
    expect(read.at(-1)?.seq).toBeGreaterThanOrEqual(here.at(-1)?.seq ?? Number.NaN);
  });
});

describe('a hub that is started anew', { timeout: 20_000 }, () => {
  /** An engine and its hub on a journal that outlives them, at the same address each time. */
  async function eraOf(path: string, port: number, { provider }: Pick<ReturnType<typeof gate>, 'provider'>) {
    return hubOf({ journal: sqliteJournal(path, { writer: 'inline' }), providers: [provider] }, { port });
  }

  it('answers what it was asked before, and no recorded event is missed or told twice', async () => {
    const path = placeForJournal();
    const held = gate();
    const first = await eraOf(path, 0, held);
    const { port } = first.hub;
    const client = await clientOf(first.hub);
    const heard: GleitzeitEvent[] = [];
    client.select({ types: recorded }).subscribe((event) => heard.push(event));
    const run = await client.submit(await waiting());
    const began = heard.find(({ type }) => type === 'workflow:submitted')?.seq ?? Number.NaN;
    const result = run.result();
    await until(() => held.calls.includes('a'));
    await first.close();

    const status = client.status(run.id);
    const second = await eraOf(path, port, held);
    expect((await status).status).toBe('running');
    await second.close();
    const third = await eraOf(path, port, held);
    held.open();
    expect(await result).toMatchObject({ status: 'completed', tasks: { b: { status: 'completed' } } });

    // The last one is not told before it is durable; what came before it came in order.
    const last = (await third.system.trace(run.id)).events.at(-1)?.seq ?? Number.NaN;
    await until(() => (heard.at(-1)?.seq ?? 0) >= last);
    await third.close();
    const journal = sqliteJournal(path, { readOnly: true });
    await journal.open();
    const kept = (await journal.read({ afterSeq: began - 1 })).map(({ seq }) => seq).filter((seq) => seq <= last);
    await journal.close();
    expect(heard.map(({ seq }) => seq).filter((seq) => seq <= last)).toEqual(kept);
  });
});

describe('an input whose schema makes another thing of it each time', () => {
  it('is the same by what was given, and runs with what the schema made', async () => {
    const { system, hub } = await hubOf();
    const client = await clientOf(hub);
    let calls = 0;
    const input = z.object({ v: z.string().transform((v) => `${v} ${++calls}`), at: z.number().default(() => ++calls) });
    const workflow = defineWorkflow({ name: 'odd', input, tasks: (task, { v }) => ({ a: task('a', { method: 'core/echo', params: { v } }) }) });
    const given = { v: 'x' } as never;
    for (const [known, options] of [
      [undefined, { input: given }],
      ['completed', { input: given }],
      ['completed', { input: { v: 'x' } as never }],
    ] as const) {
      const run = await client.submit(workflow, { id: 'odd', ...options });
      expect([run.known, (await run.result()).tasks['a']?.result]).toEqual([known, { v: 'x 1' }]);
    }
    expect((await system.submit(workflow, { id: 'odd', input: given })).known).toBe('completed');
    const other = client.submit(workflow, { id: 'odd', input: { v: 'y' } as never });
    await expect(other).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    for (const place of [client, system, client]) await place.schedule(workflow, { id: 's', everyMs: 3_600_000, input: given });
    const another = client.schedule(workflow, { id: 's', everyMs: 3_600_000, input: { v: 'y' } as never });
    await expect(another).rejects.toMatchObject({ code: 'SCHEDULING_FAILED' });
    // The id of a schedule's run is nobody else's, so that nothing has to be compared there.
    const taken = client.submit(workflow, { id: 's@2026-01-01T00:00:00.000Z', input: given });
    await expect(taken).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
  });
});

describe('a connection that breaks time and again', { timeout: 30_000 }, () => {
  it('makes each submit one run, answers every request, and tells each recorded event once', async () => {
    const journal = memoryJournal({ keepFacts: 1_000_000 });
    const { system, hub } = await hubOf({ journal });
    const cable = await cableTo(hub.port);
    onTestFinished(() => cable.close());
    const client = await clientOf(cable);
    const all: GleitzeitEvent[] = [];
    const others: GleitzeitEvent[][] = [];
    client.events$.subscribe((event) => all.push(event));
    await client.info();
    const { lastSeq } = await client.info();

    let heard = 0;
    let cuts = 0;
    client.on('*', () => {
      heard += 1;
      // In the middle of what is sent and answered, wherever that happens to be.
      if (heard % 200 !== 0) return;
      cuts += 1;
      cable.cut();
      cable.mend();
      const later: GleitzeitEvent[] = [];
      others.push(later);
      client.select({ component: 'workflow' }).subscribe((event) => later.push(event));
    });
    const workflow = await echo();
    const runs = Array.from({ length: 300 }, async (_, n) => (await (await client.submit(workflow, { input: { n } })).result()).workflowId);
    const ids = await Promise.all(runs);
    expect(cuts).toBeGreaterThan(5);
    expect(new Set(ids).size).toBe(300);
    expect((await system.list()).map(({ workflowId }) => workflowId).sort()).toEqual([...ids].sort());

    const kept = (await journal.read({ afterSeq: lastSeq })).map(({ seq }) => seq);
    const told = (events: readonly GleitzeitEvent[]) =>
      events.filter(({ type, seq }) => specOf(type).recorded && seq > lastSeq).map(({ seq }) => seq);
    await until(() => told(all).length >= kept.length);
    expect(told(all)).toEqual(kept);
    // Nor was anybody who began to watch in between.
    for (const later of others) expect(new Set(told(later)).size).toBe(told(later).length);
  });
});
