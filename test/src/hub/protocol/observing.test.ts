import { homedir, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';

import { eventTypes, specOf } from '../../../../machines/events/catalogue.ts';
import { failureSchema } from '../../../../machines/events/payloads.ts';
import { errorOf } from '../../../../src/errors.ts';
import { createRemoteWorker } from '../../../../src/hub/index.ts';
import { wireErrorOf } from '../../../../src/hub/protocol/answers.ts';
import { failureFields } from '../../../../src/hub/protocol/observing.ts';
import { withoutPaths } from '../../../../src/hub/protocol/paths.ts';
import { defineProvider } from '../../../../src/index.ts';
import { silent } from '../../../silent.ts';
import { bearing } from '../http/bearing.ts';
import { ask, connected, heardBy, hubOf, until } from '../server/places.ts';

const here = fileURLToPath(import.meta.url);
const name = 'observing.test.ts';

describe('paths of the machine', () => {
  it.each([
    [`The journal ${tmpdir()}/a b.db is damaged`, `The journal …/a b.db is damaged`],
    [`"${here}" exports no function`, `"…/${name}" exports no function`],
    [`file://${here}:3:5`, `…/${name}:3:5`],
    [`at f (file://${here}:3:5)`, `at f (…/${name}:3:5)`],
    [`ENOENT: no such file, open '${homedir()}/x/y.json'`, `ENOENT: no such file, open '…/y.json'`],
    [`a ${tmpdir()}/x and ${tmpdir()}/y`, 'a …/x and …/y'],
    [`path=${tmpdir()}/x/key`, 'path=…/key'],
    ['C:\\Users\\ada\\jobs.db cannot be read', '…/jobs.db cannot be read'],
  ])('leave nothing but their last part: %s', (text, expected) => expect(withoutPaths(text)).toBe(expected));

  it.each([
    'There is nothing at /api/v2/jobs',
    'https://example.org/tmp/home answered 404',
    'and/or',
    'a / b / c',
    'x/y/z.ts',
    './tmp/x',
    '12/31/2026',
  ])('are not: %s', (text) => expect(withoutPaths(text)).toBe(text));

  it('take linear time', () => {
    const began = performance.now();
    withoutPaths('/tmp/a'.repeat(200_000));
    withoutPaths('/'.repeat(1_000_000));
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('stand in no answer of the hub, whoever asks', () => {
    const error = errorOf('PERSISTENCE_WRITE_FAILED', `The journal ${tmpdir()}/jobs.db is full`, { details: { path: `${tmpdir()}/jobs.db` } });
    expect(JSON.stringify(wireErrorOf(error))).not.toContain(tmpdir());
  });
});

it('every failure in an event stands in a field that observers get without its stack', () => {
  const found = eventTypes.flatMap((type) => {
    const { data } = specOf(type);
    const fields = data instanceof z.ZodObject ? Object.entries(data.shape as Record<string, z.ZodType>) : [];
    return fields.filter(([, field]) => (field instanceof z.ZodOptional ? field.unwrap() : field) === failureSchema).map(([field]) => field);
  });
  expect(found.length).toBeGreaterThan(10);
  expect(found.filter((field) => !(failureFields as readonly string[]).includes(field))).toEqual([]);
});

describe('what failed at a hub', () => {
  const broken = defineProvider({
    protocol: 'broken/v1',
    methods: {
      'broken/do': {
        run: () => {
          const inner = new AggregateError([new Error('one')], `no such file: ${tmpdir()}/orders/7.json`);
          throw new Error('outer', { cause: inner });
        },
      },
      'broken/several': {
        run: () => {
          throw new AggregateError([new Error(`no ${tmpdir()}/a.json`), new TypeError('two')], 'all of them failed');
        },
      },
    },
  });
  const tokens = [
    { token: 'client-token', roles: ['client'] },
    { token: 'observer-token', roles: ['observer'] },
    { token: 'worker-token', roles: ['worker'] },
  ] as const;
  /** A hub whose tasks run in its own process. */
  const near = () => hubOf({ tokens, systemOptions: { providers: [broken] } });
  /** One whose tasks run at a remote worker. */
  const far = async () => {
    const place = await hubOf({ tokens });
    const worker = createRemoteWorker({ url: place.hub.url, token: 'worker-token', providers: [broken], log: silent });
    onTestFinished(() => worker.stop({ deadlineMs: 0 }));
    await worker.start();
    return place;
  };
  const definition = { name: 'w', tasks: [{ id: 'a', method: 'broken/do' }] };

  it.each([
    ['in its process', near],
    ['at a remote worker', far],
  ])(
    '%s is told to clients in full, to observers without where, in events and answers, live and recorded, on sockets and over HTTP',
    async (_, placeOf) => {
      const { hub, system } = await placeOf();
      const as = (token: string) => connected(hub.url, '/engine', { auth: { token } });
      const [client, observer] = [await as('client-token'), await as('observer-token')];
      const [told, shown] = [heardBy(client), heardBy(observer)];
      for (const socket of [client, observer]) await ask(socket, 'subscribe', { types: ['task:*', 'workflow:*'] });
      await ask(client, 'workflow:submit', { definition, id: 'w' });
      await system.result('w').catch(() => undefined);
      await until(() => [told, shown].every((heard) => heard.some((each) => each.name === 'workflow:failed')));
      const later = await as('observer-token');
      const again = heardBy(later);
      await ask(later, 'subscribe', { types: ['task:*', 'workflow:*'], fromSeq: 0 });
      await until(() => again.some((each) => each.name === 'workflow:failed'));
      const answers = async (socket: typeof client, token: string) => [
        ...(await Promise.all(
          ['workflow:result', 'workflow:status', 'workflow:trace', 'workflow:explain'].map((request) => ask(socket, request, { workflowId: 'w' })),
        )),
        await (await fetch(`${hub.url}/api/workflows/w`, bearing(token))).json(),
        await (await fetch(`${hub.url}/api/workflows/w/trace`, bearing(token))).json(),
        await (await fetch(`${hub.url}/metrics`, bearing(token))).text(),
      ];
      const forClient = await answers(client, 'client-token');
      const full = { message: 'outer', stack: expect.stringContaining(name), cause: { message: expect.stringContaining(tmpdir()) } };
      expect(forClient[0]).toMatchObject({ ok: true, result: { error: full, tasks: { a: { error: full } } } });
      expect(forClient[4]).toMatchObject({ ok: true, status: { tasks: { a: { error: full } } }, result: { error: full } });
      expect(JSON.stringify(told)).toContain(name);
      const forObserver = await answers(observer, 'observer-token');
      const bare = { message: 'outer', cause: { message: 'no such file: …/7.json', details: { errors: [{ message: 'one' }] } } };
      expect(forObserver[0]).toMatchObject({ ok: true, result: { error: bare, tasks: { a: { error: bare } } } });
      expect(forObserver[1]).toMatchObject({ ok: true, status: { tasks: { a: { error: bare } } } });
      for (const said of [shown, again, ...forObserver]) {
        expect(JSON.stringify(said)).not.toContain(name);
        expect(JSON.stringify(said)).not.toContain(tmpdir());
      }
      for (const heard of [shown, again]) expect(heard.find((each) => each.name === 'task:failed')?.payload.data).toMatchObject({ error: bare });
    },
  );

  it.each([
    ['in its process', near],
    ['at a remote worker', far],
  ])('%s for several reasons at once says each of them, to observers without the paths', async (_, placeOf) => {
    const { hub, system } = await placeOf();
    const [client, observer] = await Promise.all(
      ['client-token', 'observer-token'].map((token) => connected(hub.url, '/engine', { auth: { token } })),
    );
    await ask(client!, 'workflow:submit', { definition: { name: 'w', tasks: [{ id: 'a', method: 'broken/several' }] }, id: 'w' });
    await system.result('w').catch(() => undefined);
    const errorFor = async (socket: typeof client) => (await ask(socket!, 'workflow:result', { workflowId: 'w' })).result.tasks.a.error;
    const reasons = (path: string) => [{ message: `no ${path}` }, { name: 'TypeError', message: 'two' }];
    const forClient = await errorFor(client);
    expect(forClient).toMatchObject({ message: 'all of them failed', stack: expect.stringContaining(name) });
    expect(forClient.details).toMatchObject({ name: 'AggregateError', errors: reasons(`${tmpdir()}/a.json`) });
    const forObserver = await errorFor(observer);
    expect(forObserver).toMatchObject({ message: 'all of them failed', details: { name: 'AggregateError', errors: reasons('…/a.json') } });
    expect(JSON.stringify(forObserver)).not.toContain(name);
  });
});
