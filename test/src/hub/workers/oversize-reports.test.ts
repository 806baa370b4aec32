/** Reports that are too large to be read, of workers that do not look at what the hub takes: over real connections. */
import type { Socket } from 'socket.io-client';
import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../../../src/workflow/define.ts';
import { ask, connected, hubOf, until } from '../server/places.ts';

interface Order {
  readonly taskId: string;
  readonly leaseId: string;
  readonly workflowId: string;
  readonly attempt: number;
}

/** More than the limit and what is read beyond it. */
const large = 'x'.repeat(120_000);
const limits = { messageBytes: 20_000 };

const work = (...ids: readonly string[]) =>
  defineWorkflow({
    name: 'work',
    failurePolicy: 'continue_on_error',
    tasks: (task) => {
      for (const id of ids) task(id, { method: 'far/work' });
      return null;
    },
  });

/** A worker of another kind: it reports what it is told to, and again on each connection until that is answered. */
async function careless(url: string, transport: 'websocket' | 'polling' = 'websocket') {
  const held = new Map<string, Order>();
  const lost: string[] = [];
  let socket: Socket | undefined;
  const come = async (): Promise<Socket> => {
    socket = await connected(url, '/pool', { transports: [transport] });
    socket.on('task:execute', (order: Order) => held.set(order.taskId, order));
    const leases = [...held.values()].map(({ leaseId, workflowId, taskId, attempt }) => ({ leaseId, workflowId, taskId, attempt }));
    const answer = await ask(socket, 'worker:register', {
      workerId: 'w',
      protocol: 'far/v1',
      methods: ['far/work'],
      slots: 4,
      instance: 'i',
      leases,
    });
    lost.push(...answer.lost);
    return socket;
  };
  const refOf = (taskId: string) => {
    const { leaseId, workflowId, attempt } = held.get(taskId) as Order;
    return { leaseId, workflowId, attempt, taskId };
  };
  return {
    held,
    lost,
    come,
    refOf,
    /** Reports something that the hub does not read; resolves when the connection has ended by that. */
    async overreport(taskId: string): Promise<void> {
      const ended = new Promise((resolve) => socket?.on('disconnect', resolve));
      socket?.emit('attempt:succeeded', { ...refOf(taskId), result: large });
      await ended;
    },
    report: (taskId: string) => ask(socket as Socket, 'attempt:succeeded', { ...refOf(taskId), result: 1 }),
  };
}

const invalid = {
  status: 'failed',
  attempts: 1,
  error: { code: 'TASK_RESULT_INVALID', message: expect.stringMatching(/larger than the 20000 bytes/) },
};

describe('a report that is too large to be read', () => {
  it.each(['websocket', 'polling'] as const)('over %s ends its attempt at once, where its worker holds no other', async (transport) => {
    const { system, hub } = await hubOf({ limits });
    const worker = await careless(hub.url, transport);
    await worker.come();
    const run = await system.submit(work('a'));
    await until(() => worker.held.size === 1);
    await worker.overreport('a');
    expect((await run.result()).tasks).toMatchObject({ a: invalid });
    await worker.come();
    expect(worker.lost).toEqual([worker.refOf('a').leaseId]);
  });

  it('ends its attempt as soon as the others of its worker are reported, whatever came since', async () => {
    const { system, hub } = await hubOf({ limits });
    const worker = await careless(hub.url);
    await worker.come();
    const run = await system.submit(work('a', 'b'));
    await until(() => worker.held.size === 2);
    await worker.overreport('a');
    await worker.come();
    expect(worker.lost).toEqual([]);
    const later = await system.submit(work('c'));
    await until(() => worker.held.size === 3);
    expect(await worker.report('b')).toMatchObject({ accepted: true });
    await worker.overreport('a');
    expect((await run.result()).tasks).toMatchObject({ a: invalid, b: { status: 'completed' } });
    await worker.come();
    expect(await worker.report('c')).toMatchObject({ accepted: true });
    expect((await later.result()).tasks).toMatchObject({ c: { status: 'completed' } });
  });

  it('ends all attempts that it may be of, once it has come three times', async () => {
    const { system, hub } = await hubOf({ limits });
    const worker = await careless(hub.url);
    await worker.come();
    const run = await system.submit(work('a', 'b'));
    await until(() => worker.held.size === 2);
    for (const taskId of ['a', 'b']) {
      await worker.overreport(taskId);
      await worker.come();
    }
    expect([worker.lost, Object.values((await run.status()).tasks).map(({ status }) => status)]).toEqual([[], ['running', 'running']]);
    await worker.overreport('a');
    expect((await run.result()).tasks).toMatchObject({ a: invalid, b: invalid });
  });

  it('is none where the connection is in another namespace too: it may have been for that', async () => {
    const { system, hub } = await hubOf({ limits });
    const worker = await careless(hub.url);
    const socket = await worker.come();
    const engine = socket.io.socket('/engine');
    engine.connect();
    await until(() => engine.connected);
    const run = await system.submit(work('a'));
    await until(() => worker.held.size === 1);
    await worker.overreport('a');
    await worker.come();
    expect(worker.lost).toEqual([]);
    expect(await worker.report('a')).toMatchObject({ accepted: true });
    expect((await run.result()).tasks).toMatchObject({ a: { status: 'completed' } });
  });
});
