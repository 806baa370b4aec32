import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../machines/events/catalogue.ts';
import { freeSlotsOf, workerDefaults, workerMachine } from '../../machines/worker.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const self = { workerId: 'text/v1#1', poolId: 'text/v1' };
const route = { method: 'text/words', protocol: 'text/v1' };
const scaledUp: DataOf<'pool:scaled_up'> = { poolId: 'text/v1', from: 0, to: 1, reason: 'minimum', workerIds: ['text/v1#1'], slots: 2 };
const scaledDown: DataOf<'pool:scaled_down'> = { poolId: 'text/v1', from: 1, to: 0, reason: 'idle', workerIds: ['text/v1#1'] };
const quarantined: DataOf<'pool:worker_quarantined'> = {
  poolId: 'text/v1',
  workerId: 'text/v1#1',
  replacementId: 'text/v1#2',
  until: 9,
  reason: 'error',
  slots: 2,
};
const shutdown: DataOf<'system:shutdown'> = { reason: 'stop', deadlineMs: 1, deadlineAt: 1 };
const drain: DataOf<'worker:drain'> = { workerId: 'text/v1#1', reason: 'asked' };
const missed = self;

const taskOf = (taskId: string) => ({ workflowId: 'w', taskId });
const assign = (taskId: string): DataOf<'worker:assign'> => ({
  ...taskOf(taskId),
  ...route,
  workerId: 'text/v1#1',
  attempt: 1,
  providerId: 'text',
  circuit: 'text',
  epoch: 0,
});
const report = (taskId: string, leaseId: string) => ({ ...taskOf(taskId), attempt: 1, leaseId, workerId: 'text/v1#1' });
const completed = (taskId: string, leaseId: string): DataOf<'task:completed'> => ({ ...report(taskId, leaseId), ...route, result: 1, durationMs: 1 });
const failed = (taskId: string, leaseId: string): DataOf<'task:failed'> => ({
  ...report(taskId, leaseId),
  ...route,
  error: { code: 'X', rpcCode: 1, message: '', retryable: false },
  durationMs: 1,
  ended: 'error',
  lost: 0,
});
const heartbeat: DataOf<'worker:heartbeat'> = { ...self, running: 0, slots: 2, leaseUntil: 0, memoryBytes: 0, cpu: 0, lagMs: 0 };

const claimOf = (taskId: string, leaseId: string): DataOf<'task:claimed'> => ({ ...assign(taskId), leaseId, leaseUntil: 1, remote: true });
const register = (...leaseIds: string[]): DataOf<'worker:register'> => ({
  ...self,
  slots: 2,
  methods: ['text/words'],
  leases: leaseIds.map((leaseId) => claimOf(leaseId.replace('L', 't'), leaseId)),
});
const disown = (...leaseIds: string[]): DataOf<'worker:disown'> => ({ workerId: 'text/v1#1', leaseIds, reason: 'restarted' });

function startWorker(slots = 2) {
  return startMachine('worker', workerMachine, { ...self, ...workerDefaults, slots, methods: null });
}
function idleWorker(slots = 2) {
  const worker = startWorker(slots);
  worker.hear('pool:scaled_up', scaledUp);
  return worker;
}
function remoteWorker(...leaseIds: string[]) {
  const worker = startMachine('worker', workerMachine, { ...self, ...workerDefaults, slots: 2, methods: ['text/words'] });
  worker.hear('worker:register', register(...leaseIds));
  return worker;
}
/** Runs `t0`, `t1`, … under the leases `L0`, `L1`, … */
function busyWorker(running: number, slots = 2) {
  const worker = idleWorker(slots);
  for (let index = 0; index < running; index++) worker.hear('worker:assign', assign(`t${index}`), { id: `L${index}` });
  return worker;
}

describe('workerMachine', () => {
  it('is at work as soon as its pool has made it', () => {
    const worker = startWorker();
    expect(worker.hear('pool:scaled_up', scaledUp)).toEqual([
      { type: 'worker:started', data: { ...self, slots: 2, heartbeatMs: 5_000, remote: false, methods: [], running: 0, leases: [] } },
    ]);
    expect(worker.state()).toBe('idle');
  });

  it('is at work as the replacement of another that is quarantined', () => {
    const worker = startWorker();
    expect(worker.hear('pool:worker_quarantined', { ...quarantined, workerId: 'text/v1#0', replacementId: 'text/v1#1' })).toMatchObject([
      { type: 'worker:started' },
    ]);
  });

  it('claims what it is offered under a lease of 30 s with the id of the offer', () => {
    const worker = idleWorker();
    expect(worker.hear('worker:assign', assign('t0'), { id: 'L0', time: 100 })).toEqual([
      { type: 'task:claimed', data: { ...assign('t0'), leaseId: 'L0', leaseUntil: 30_100, remote: false } },
      { type: 'worker:busy', data: { ...self, running: 1, slots: 2, change: 'claimed' } },
    ]);
    expect(worker.state()).toBe('busy');
    expect(freeSlotsOf(worker.context())).toBe(1);
  });

  it('is full when its last slot is used, and then refuses', () => {
    const worker = busyWorker(2);
    expect(worker.state()).toBe('full');
    expect(worker.hear('worker:assign', assign('t2'))).toEqual([{ type: 'worker:refused', data: { ...assign('t2'), poolId: 'text/v1' } }]);
    expect(freeSlotsOf(worker.context())).toBe(0);
  });

  it('is full at once with a single slot', () => {
    expect(busyWorker(1, 1).state()).toBe('full');
  });

  it('stays busy while it has a free slot among several', () => {
    expect(busyWorker(2, 3).state()).toBe('busy');
  });

  it.each([
    ['task:completed', completed('t0', 'L0')],
    ['task:failed', failed('t0', 'L0')],
    ['task:stale_report', { ...report('t0', 'L0'), reported: 'failed' }],
    ['task:cancelled', { ...taskOf('t0'), protocol: 'text/v1', reason: '', by: '', attempts: 1, workerId: 'text/v1#1', leaseId: 'L0' }],
    ['queue:claim_refused', { ...taskOf('t0'), workerId: 'text/v1#1', leaseId: 'L0' }],
  ] as const)('gives the slot back on %s, once', (type, data) => {
    const worker = busyWorker(2);
    expect(worker.hear(type, data)).toEqual([{ type: 'worker:busy', data: { ...self, running: 1, slots: 2, change: 'released' } }]);
    expect(worker.state()).toBe('busy');
    expect(worker.hear(type, data)).toEqual([]);
  });

  it('is idle when its last lease ends', () => {
    const worker = busyWorker(1);
    expect(worker.hear('task:completed', completed('t0', 'L0'))).toEqual([
      { type: 'worker:idle', data: { ...self, running: 0, slots: 2, change: 'released' } },
    ]);
    expect(worker.state()).toBe('idle');
  });

  it('is idle again from full with a single slot', () => {
    const worker = busyWorker(1, 1);
    worker.hear('task:completed', completed('t0', 'L0'));
    expect(worker.state()).toBe('idle');
  });

  it('keeps its slots when a task without a lease is cancelled', () => {
    const worker = busyWorker(1);
    expect(worker.hear('task:cancelled', { ...taskOf('t0'), protocol: 'text/v1', reason: '', by: '', attempts: 0 })).toEqual([]);
    expect(worker.state()).toBe('busy');
  });

  it.each([
    ['pool:scaled_down', scaledDown, 'idle'],
    ['pool:worker_quarantined', quarantined, 'error'],
    ['worker:drain', drain, 'asked'],
    ['system:shutdown', shutdown, 'stop'],
  ] as const)('leaves on %s: at once when idle, else when what it runs is over', (type, data, reason) => {
    const idle = idleWorker();
    expect(idle.hear(type, data)).toEqual([{ type: 'worker:stopped', data: { ...self, reason } }]);
    expect(idle.state()).toBe('stopped');

    for (const running of [1, 2]) {
      const worker = busyWorker(running);
      expect(worker.hear(type, data)).toEqual([{ type: 'worker:draining', data: { ...self, running, reason } }]);
      expect(worker.state()).toBe('draining');
      expect(worker.hear('worker:assign', assign('t9'))).toMatchObject([{ type: 'worker:refused' }]);
      if (running === 2) worker.hear('task:completed', completed('t1', 'L1'));
      expect(worker.state()).toBe('draining');
      expect(worker.hear('task:completed', completed('t0', 'L0'))).toEqual([{ type: 'worker:stopped', data: { ...self, reason } }]);
      expect(worker.state()).toBe('stopped');
    }
  });

  it('stays when others leave', () => {
    const worker = busyWorker(1);
    expect(worker.hear('pool:scaled_down', { ...scaledDown, workerIds: ['text/v1#7'] })).toEqual([]);
    expect(worker.hear('pool:worker_quarantined', { ...quarantined, workerId: 'text/v1#7' })).toEqual([]);
    expect(worker.state()).toBe('busy');
  });

  it('is lost when nothing is heard of it, with its leases, and tells on the provider that it ran', () => {
    const worker = busyWorker(1);
    expect(worker.hear('worker:heartbeat_missed', missed, { time: 30_000 })).toMatchObject([
      { type: 'worker:failed', data: { ...self, tasks: [{ ...taskOf('t0'), leaseId: 'L0' }] } },
      { type: 'provider:error', data: { providerId: 'text', ...route, workerId: 'text/v1#1', origin: 'worker', error: { code: 'CONNECTION_LOST' } } },
    ]);
    expect(worker.state()).toBe('failed');
  });

  it('is lost without blaming a provider when it ran nothing', () => {
    const worker = idleWorker();
    expect(worker.hear('worker:heartbeat_missed', missed, { time: 30_000 })).toEqual([
      { type: 'worker:failed', data: { ...self, reason: 'heartbeat missed', tasks: [] } },
    ]);
  });

  it('is not lost while it is heard of', () => {
    const worker = busyWorker(1);
    worker.hear('worker:heartbeat', heartbeat, { time: 26_000 });
    expect(worker.hear('worker:heartbeat_missed', missed, { time: 30_000 })).toEqual([]);
    expect(worker.state()).toBe('busy');
  });

  it('of another process registers itself, and says what it can run', () => {
    const worker = remoteWorker();
    expect(worker.stated).toEqual([
      { type: 'worker:started', data: { ...self, slots: 2, heartbeatMs: 5_000, remote: true, methods: ['text/words'], running: 0, leases: [] } },
    ]);
    expect(worker.hear('worker:assign', assign('t0'))).toMatchObject([{ type: 'task:claimed', data: { remote: true } }, { type: 'worker:busy' }]);
  });

  it.each([
    [1, 'busy'],
    [2, 'full'],
    [3, 'full'],
  ])('of another process that still runs %i attempts holds their leases, and is %s', (running, state) => {
    const worker = remoteWorker(...Array.from({ length: running }, (_, index) => `L${index}`));
    expect(worker.stated).toMatchObject([{ type: 'worker:started', data: { running } }]);
    expect(worker.stated[0]?.data).toMatchObject({ leases: [{ ...taskOf('t0'), leaseId: 'L0' }, ...Array(running - 1).fill({})] });
    expect(worker.state()).toBe(state);
    expect(worker.hear('task:completed', completed('t0', 'L0'))).toMatchObject([{ data: { running: running - 1, change: 'released' } }]);
  });

  it('is not made anew by a worker that registers once more', () => {
    const worker = remoteWorker('L0');
    expect(worker.hear('worker:register', register('L1'))).toEqual([]);
    expect(worker.context().leases.keySeq().toArray()).toEqual(['L0']);
  });

  it('says of each lease that it is told not to run that it is lost, and gives its slot back', () => {
    const worker = remoteWorker('L0', 'L1');
    expect(worker.hear('worker:disown', disown('L1', 'L7', 'L0'))).toEqual([
      { type: 'worker:lease_lost', data: { ...self, ...taskOf('t1'), attempt: 1, leaseId: 'L1', reason: 'restarted' } },
      { type: 'worker:busy', data: { ...self, running: 1, slots: 2, change: 'released' } },
      { type: 'worker:lease_lost', data: { ...self, ...taskOf('t0'), attempt: 1, leaseId: 'L0', reason: 'restarted' } },
      { type: 'worker:idle', data: { ...self, running: 0, slots: 2, change: 'released' } },
    ]);
    expect(worker.state()).toBe('idle');
  });

  it('of another process is lost like any other, and that says nothing of the provider', () => {
    const worker = remoteWorker('L0');
    expect(worker.hear('worker:heartbeat_missed', missed, { time: 30_000 })).toEqual([
      { type: 'worker:failed', data: { ...self, reason: 'heartbeat missed', tasks: [{ ...taskOf('t0'), leaseId: 'L0' }] } },
    ]);
  });

  it('replays to the same state from its own facts alone', () => {
    const live = busyWorker(2);
    live.hear('task:completed', completed('t1', 'L1'));
    live.hear('worker:drain', drain);
    const replayed = startWorker();
    for (const { type, data } of live.stated) replayed.replay(type, data as never);
    expect(replayed.state()).toBe('draining');
    expect(replayed.state()).toBe(live.state());
  });

  it('moves by its own facts only, and handles everything everywhere', () => {
    const load = { ...self, slots: 2 };
    const walked = (methods: readonly string[] | null) =>
      explore(workerMachine, {
        component: 'worker',
        input: { ...self, ...workerDefaults, slots: 2, methods },
        events: [
          eventOf('pool:scaled_up', scaledUp),
          eventOf('pool:scaled_down', scaledDown),
          eventOf('pool:worker_quarantined', quarantined),
          eventOf('pool:worker_quarantined', { ...quarantined, workerId: 'text/v1#0', replacementId: 'text/v1#1' }),
          eventOf('system:shutdown', shutdown),
          eventOf('worker:drain', drain),
          eventOf('worker:heartbeat', heartbeat),
          eventOf('worker:heartbeat_missed', missed, { time: 30_000 }),
          eventOf('worker:assign', assign('t0')),
          eventOf('task:claimed', claimOf('t0', 'L0')),
          eventOf('task:completed', completed('t0', 'L0')),
          eventOf('task:failed', failed('t0', 'L0')),
          eventOf('task:stale_report', { ...report('t0', 'L0'), reported: 'failed' }),
          eventOf('task:cancelled', { ...taskOf('t0'), protocol: 'text/v1', reason: '', by: '', attempts: 1, leaseId: 'L0' }),
          eventOf('queue:claim_refused', { ...taskOf('t0'), workerId: 'text/v1#1', leaseId: 'L0' }),
          eventOf('worker:register', register('L0')),
          eventOf('worker:register', register()),
          eventOf('worker:disown', disown('L0')),
          eventOf('worker:lease_lost', { ...self, ...taskOf('t0'), attempt: 1, leaseId: 'L0', reason: 'restarted' }),
          ...[0, 1, 2].map((running) => eventOf('worker:started', { ...load, heartbeatMs: 5_000, remote: true, methods: [], running, leases: [] })),
          eventOf('worker:idle', { ...load, running: 0, change: 'released' }),
          eventOf('worker:busy', { ...load, running: 1, change: 'claimed' }),
          eventOf('worker:busy', { ...load, running: 2, change: 'claimed' }),
          eventOf('worker:draining', { ...self, running: 1, reason: 'asked' }),
          eventOf('worker:stopped', { ...self, reason: 'asked' }),
          eventOf('worker:failed', { ...self, reason: 'heartbeat missed', tasks: [] }),
        ],
        distinguish: ({ context }) => [context.leases.keySeq().toArray(), context.heardAt, context.leaving],
      });
    const [local, remote] = [walked(null), walked(['text/words'])];
    for (const found of [local, remote]) expect(found).toMatchObject({ unvisited: [], movedByOthers: [], unhandled: [], errors: [] });
    expect(local.untaken.filter((transition) => remote.untaken.includes(transition))).toEqual([]);
  });
});
