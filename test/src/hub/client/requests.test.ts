/** What a client asks of a hub whose connections break, which comes and goes, and which says no. */
import { createServer } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { connect } from '../../../../src/hub/client/connect.ts';
import type { ConnectOptions } from '../../../../src/hub/client/options.ts';
import { loadWorkflow } from '../../../../src/workflow/load.ts';
import { silent } from '../../../silent.ts';
import { until } from '../../control/places.ts';
import { type FakeHub, fakeHub } from './fake-hub.ts';

const echo = { name: 'Echo', tasks: [{ id: 'a', method: 'core/echo' }] };

async function clientOf({ url }: Pick<FakeHub, 'url'>, options: Partial<ConnectOptions> = {}) {
  const client = await connect({ url, log: silent, ...options });
  onTestFinished(() => client.close());
  return client;
}

const refusal = (code: string, more: object = {}) => ({ ok: false, error: { code, rpcCode: -1, message: `no: ${code}`, retryable: false, ...more } });
const times = (hub: FakeHub, name: string) => hub.asked.filter((asked) => asked.name === name);

describe('connecting', () => {
  it('refuses options that make no sense before it connects to anything', async () => {
    await expect(connect({ url: 'ftp://somewhere' })).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining('url') });
    await expect(connect({ url: 'http://127.0.0.1:1/path' })).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR' });
    await expect(connect({ url: 'http://127.0.0.1:1', patience: 5 } as never)).rejects.toMatchObject({
      message: expect.stringMatching(/patience.*patienceMs/s),
    });
  });

  it('fails at once with a token that is not right', async () => {
    const hub = await fakeHub(undefined, { token: 'right' });
    await expect(connect({ url: hub.url, token: 'wrong', connectTimeoutMs: 60_000, log: silent })).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      rpcCode: -25005,
      retryable: false,
    });
    await expect((await clientOf(hub, { token: 'right' })).info()).resolves.toMatchObject({ phase: 'running' });
  });

  it('says that nobody listens there, after the time it was given', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const url = `http://127.0.0.1:${port}`;
    await expect(connect({ url, connectTimeoutMs: 50, log: silent })).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      message: expect.stringContaining(url),
      details: { url },
    });
  });

  it('says that what listens there is no hub, or does not answer', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    const other = createServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n')).listen(0, '127.0.0.1');
    onTestFinished(() => void [mute.close(), other.close()]);
    await until(() => mute.listening && other.listening);
    const to = (server: typeof mute) => `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    await expect(connect({ url: to(other), connectTimeoutMs: 50, log: silent })).rejects.toMatchObject({
      code: 'NETWORK_UNREACHABLE',
      message: expect.stringContaining('404'),
    });
    await expect(connect({ url: to(mute), connectTimeoutMs: 50, log: silent })).rejects.toMatchObject({ code: 'CONNECTION_TIMEOUT' });
  });

  it('waits for a hub that is not there yet', async () => {
    const before = await fakeHub();
    await before.close();
    const connecting = connect({ url: before.url, log: silent });
    await fakeHub(undefined, { port: before.port });
    const client = await connecting;
    await client.close();
  });

  it('refuses a hub that speaks another version of the protocol', async () => {
    const hub = await fakeHub(({ name }) => (name === 'hub:info' ? { ok: true, protocolVersion: 99 } : undefined));
    await expect(connect({ url: hub.url, log: silent })).rejects.toMatchObject({
      code: 'PROTOCOL_VERSION_MISMATCH',
      message: expect.stringContaining('99'),
    });
    await until(() => hub.connected().length === 0);
  });
});

describe('what is asked', () => {
  it('is refused with the error that the hub states', async () => {
    const details = { issues: [{ path: 'input.n', rule: 'schema', message: 'must be a number' }] };
    const hub = await fakeHub(({ name }) =>
      name === 'workflow:cancel' ? refusal('INVALID_PARAMS', { rpcCode: -32602, retryable: true, retryAfterMs: 7, details }) : undefined,
    );
    await expect((await clientOf(hub)).cancel('w')).rejects.toMatchObject({
      name: 'GleitzeitError',
      code: 'INVALID_PARAMS',
      rpcCode: -32602,
      message: 'no: INVALID_PARAMS',
      retryable: true,
      retryAfterMs: 7,
      details,
      issues: details.issues,
    });
  });

  it('is asked again when the connection broke before the answer: a submit under the same id', async () => {
    let isDeaf = true;
    const hub = await fakeHub(({ name, data }) => (name === 'workflow:submit' && !isDeaf ? { ok: true, workflowId: data['id'] } : undefined));
    const client = await clientOf(hub);
    const submitted = client.submit(await loadWorkflow(echo), { input: { n: 1 } });
    await until(() => times(hub, 'workflow:submit').length === 1);
    isDeaf = false;
    hub.cut();

    const { id } = await submitted;
    const [first, second] = times(hub, 'workflow:submit');
    expect(second?.connection).not.toBe(first?.connection);
    expect(second?.data).toEqual(first?.data);
    expect(first?.data).toMatchObject({ id, input: { n: 1 }, workflow: { definition: { name: 'Echo' } } });
  });

  it('is asked again of a hub that was started anew, and so is what was asked while there was none', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    const result = client.result('w');
    const status = client.status('w');
    await until(() => hub.asked.length === 3);
    await hub.close();
    const explanation = client.explain('w', 't');
    const next = await fakeHub(
      ({ name, data }) =>
        ({
          'workflow:result': { ok: true, result: 'r' },
          'workflow:status': { ok: true, status: 's' },
          'workflow:explain': { ok: true, explanation: data },
        })[name],
      { port: hub.port },
    );
    expect(await Promise.all([result, status, explanation])).toEqual(['r', 's', { workflowId: 'w', taskId: 't' }]);
    expect(next.asked.map(({ name }) => name).sort()).toEqual(['workflow:explain', 'workflow:result', 'workflow:status']);
  });

  it('waits out a hub that just stops or has too much to do', async () => {
    const answers = [refusal('SYSTEM_SHUTDOWN'), refusal('RATE_LIMIT_EXCEEDED', { retryable: true, retryAfterMs: 1 }), { ok: true, status: 's' }];
    const hub = await fakeHub(({ name }) => (name === 'workflow:status' ? answers.shift() : undefined));
    expect(await (await clientOf(hub)).status('w')).toBe('s');
    expect(times(hub, 'workflow:status')).toHaveLength(3);
  });

  it('is refused in the end by a hub that stays as it is', async () => {
    const hub = await fakeHub(({ name }) => (name === 'workflow:status' ? refusal('SYSTEM_SHUTDOWN') : undefined));
    await expect((await clientOf(hub, { patienceMs: 200 })).status('w')).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
    expect(times(hub, 'workflow:status').length).toBeGreaterThan(1);
  });

  it('is given up when there is no connection for longer than the patience, saying whether it may have been done', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub, { patienceMs: 50 });
    const sent = client.cancel('sent');
    sent.catch(() => undefined);
    await until(() => times(hub, 'workflow:cancel').length === 1);
    await hub.close();
    await expect(sent).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true, message: expect.stringContaining('not known') });
    await expect(client.cancel('never sent')).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE', message: expect.stringContaining('not asked') });
  });

  it('is not sent for ever when it breaks the connection each time', async () => {
    const hub: FakeHub = await fakeHub(({ name }) => {
      if (name === 'workflow:explain') setImmediate(() => hub.cut());
      return undefined;
    });
    const client = await clientOf(hub, { patienceMs: 900 });
    await expect(client.explain('w')).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true });
    await expect(client.info()).resolves.toMatchObject({ phase: 'running' });
  });

  it('is refused when the client is closed, now and later', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    const result = client.result('w');
    result.catch(() => undefined);
    await client.close();
    await expect(result).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
    await expect(client.list()).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
    await until(() => hub.connected().length === 0);
  });

  it('is refused when the token no longer holds at a hub that was started anew', async () => {
    const hub = await fakeHub(undefined, { token: 'old' });
    const client = await clientOf(hub, { token: 'old' });
    const result = client.result('w');
    result.catch(() => undefined);
    await until(() => times(hub, 'workflow:result').length === 1);
    await hub.close();
    await fakeHub(undefined, { port: hub.port, token: 'new' });
    await expect(result).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  });

  it('counts as done where the hub had done it before the connection broke', async () => {
    const repeated = new Map([
      ['workflow:retry', refusal('WORKFLOW_INVALID_STATE', { details: { workflowId: 'w', status: 'running' } })],
      ['schedule:remove', refusal('SCHEDULE_NOT_FOUND')],
    ]);
    const hub = await fakeHub(({ name, connection }) => (connection === 0 ? undefined : repeated.get(name)));
    const client = await clientOf(hub);
    const done = Promise.all([client.retry('w'), client.unschedule('s')]);
    await until(() => hub.asked.length === 3);
    hub.cut();
    expect((await done)[0].id).toBe('w');
    // Asked for the first time, both are faults.
    await expect(client.retry('w')).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    await expect(client.unschedule('s')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
  });

  it('is sent a thousand at a time, and none of it twice', async () => {
    let underWay = 0;
    let most = 0;
    const hub = await fakeHub(({ name }) => {
      if (name !== 'workflow:status') return undefined;
      underWay += 1;
      most = Math.max(most, underWay);
      setImmediate(() => {
        underWay -= 1;
      });
      return { ok: true, status: 's' };
    });
    const client = await clientOf(hub);
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => client.status(`w${n}`)));
    expect(new Set(times(hub, 'workflow:status').map(({ data }) => data['workflowId'])).size).toBe(5_000);
    expect(times(hub, 'workflow:status')).toHaveLength(5_000);
    expect(most).toBeLessThanOrEqual(1_000);
  });
});

describe('a submit', () => {
  it('is refused here for what can be known here', async () => {
    const hub = await fakeHub();
    const client = await clientOf(hub);
    const workflow = await loadWorkflow(echo);
    await expect(client.submit({} as never)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(client.submit(workflow, { id: 'a/b' })).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
    await expect(client.submit(workflow, { input: { text: 'x'.repeat(9 * 2 ** 20) } })).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
    const large = await loadWorkflow({
      name: 'Large',
      tasks: ['a', 'b'].map((id) => ({ id, method: 'core/echo', parameters: { text: 'x'.repeat(7 * 2 ** 20) } })),
    });
    await expect(client.submit(large)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining('Large') });
    expect(times(hub, 'workflow:submit')).toEqual([]);
  });

  it('carries times as numbers, and everything else that a submit says', async () => {
    const hub = await fakeHub(({ name, data }) => (name === 'workflow:submit' ? { ok: true, workflowId: data['id'] } : undefined));
    const options = { id: 'w', startAt: new Date(5_000), tags: ['t'], requestId: 'r', traceparent: 'p' };
    await (await clientOf(hub)).submit(await loadWorkflow(echo), options);
    expect(times(hub, 'workflow:submit')[0]?.data).toMatchObject({ ...options, startAt: 5_000 });
  });
});
