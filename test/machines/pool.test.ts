import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { DataOf, EventType } from '../../machines/events/catalogue.ts';
import { priorities } from '../../machines/events/definition.ts';
import { type PoolInput, type PoolState, poolDefaults, poolMachine, whyNotAssigned } from '../../machines/pool.ts';
import { localSkill } from '../../machines/pool-context.ts';
import { takerOf, waitingForLocal } from '../../machines/pool-skills.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

type Offer = DataOf<'task:available'>;
const poolId = 'text/v1';
const offer = (taskId: string, more: Partial<Offer> = {}): Offer => ({
  workflowId: 'w',
  taskId,
  method: 'text/words',
  protocol: poolId,
  priority: 'normal',
  attempt: 1,
  providerId: 'text',
  circuit: 'text',
  epoch: 0,
  ...more,
});
const provider = { providerId: 'text', protocol: poolId };
const up: DataOf<'provider:started'> = { ...provider, recovered: false };
const opened = (circuit = 'text', providerId = 'text'): DataOf<'circuit:opened'> => ({
  circuit,
  providerId,
  protocol: poolId,
  reason: 'failure_threshold',
  failures: 5,
  epoch: 1,
  retryAt: 60_000,
});
const closed: DataOf<'circuit:closed'> = { circuit: 'text', providerId: 'text', protocol: poolId, epoch: 1, successes: 3 };
const load = (workerId: string, change: 'claimed' | 'released', running = 0, slots = 1) => ({ workerId, poolId, running, slots, change });
const started = (workerId: string, slots = 1, more: Partial<DataOf<'worker:started'>> = {}): DataOf<'worker:started'> => ({
  workerId,
  poolId,
  slots,
  heartbeatMs: 5_000,
  remote: false,
  methods: [],
  running: 0,
  leases: [],
  ...more,
});
const far = (...methods: string[]) => ({ remote: true, methods });
const remote = { providerId: 'remote/text/v1', protocol: poolId };
const registered = (more: Partial<DataOf<'provider:registered'>> = {}): DataOf<'provider:registered'> => ({
  ...provider,
  methods: ['text/words'],
  circuit: null,
  pool: poolDefaults,
  remote: false,
  ...more,
});
const ofRemote: DataOf<'provider:registered'> = { ...registered(), ...remote, pool: { ...poolDefaults, min: 0, max: 0 }, remote: true };
const stopped = (workerId: string): DataOf<'worker:stopped'> => ({ workerId, poolId, reason: 'done' });
const failed = (workerId: string, tasks = 0): DataOf<'worker:failed'> => ({
  workerId,
  poolId,
  reason: 'heartbeat missed',
  tasks: Array.from({ length: tasks }, (_, nth) => ({ workflowId: 'w', taskId: `t${nth}`, leaseId: `l${nth}` })),
});
const refused = (taskId: string, workerId: string): DataOf<'worker:refused'> => {
  const { priority: _, ...rest } = offer(taskId);
  return { ...rest, workerId, poolId };
};
const fault = (workerId?: string): DataOf<'provider:error'> => ({
  ...provider,
  ...(workerId !== undefined && { workerId }),
  origin: 'attempt',
  error: { code: 'PROVIDER_TIMEOUT', rpcCode: -30_006, message: 'late', retryable: true },
});
const timer = (name: string): DataOf<'schedule:elapsed'> => ({ component: 'pool', key: poolId, timer: name });
const ask = (direction: 'up' | 'down', target?: number): DataOf<'pool:scale_requested'> => ({
  poolId,
  direction,
  reason: 'pressure',
  evidence: {},
  ...(target !== undefined && { target }),
});
const order = (target: number) => ({ poolId, target, reason: 'asked' });
const shutdown: DataOf<'system:shutdown'> = { reason: 'asked', deadlineMs: 1, deadlineAt: 1 };
const pressure: DataOf<'backpressure:high'> = {
  scope: 'system',
  score: 1,
  signals: { depth: 1, oldest: 0, utilization: 0, lag: 0, memory: 0, cpu: 0, overload: 0 },
};

/** A pool whose new workers start at once, as the router and the workers see to it. */
function startPool(input: Partial<PoolInput> = {}) {
  const pool = startMachine('pool', poolMachine, { poolId, ...poolDefaults, ...input });
  const hear = <Type extends EventType>(type: Type, data: DataOf<Type>, at: { time?: number } = {}) => {
    const facts = pool.hear(type, data, at);
    for (const fact of [...facts]) {
      const newcomers =
        fact.type === 'pool:scaled_up' ? fact.data.workerIds : fact.type === 'pool:worker_quarantined' ? [fact.data.replacementId] : [];
      for (const workerId of newcomers) facts.push(...hear('worker:started', started(workerId, input.slots ?? 1), at));
    }
    return facts;
  };
  return {
    ...pool,
    hear,
    types: (...wanted: EventType[]) => pool.stated.filter(({ type }) => wanted.includes(type)),
    /** Tasks and their workers, in the order in which they were assigned. */
    assigned: () => pool.stated.flatMap((fact) => (fact.type === 'worker:assign' ? [`${fact.data.taskId} → ${fact.data.workerId}`] : [])),
    sizes: () => pool.stated.flatMap((fact) => (fact.type === 'pool:scaled' ? [[fact.data.from, fact.data.to, fact.data.reason]] : [])),
    why: (method = 'text/words') => whyNotAssigned({ value: pool.state() as PoolState, context: pool.context() }, method),
  };
}

function runningPool(input: Partial<PoolInput> = {}) {
  const pool = startPool(input);
  pool.hear('provider:registered', registered());
  pool.hear('provider:started', up);
  return pool;
}

describe('a pool that starts', () => {
  it('makes its minimum of workers when a provider can be called, and takes what was on offer before', () => {
    const pool = startPool({ min: 2 });
    pool.hear('task:available', offer('a'));
    expect([pool.state(), pool.why()]).toEqual(['starting', 'starting']);
    const facts = pool.hear('provider:started', up);
    expect(facts.slice(0, 3)).toEqual([
      { type: 'pool:scaled', data: { poolId, from: 0, to: 2, reason: 'started' } },
      { type: 'pool:scaled_up', data: { poolId, from: 0, to: 2, reason: 'started', slots: 1, workerIds: ['text/v1#1', 'text/v1#2'] } },
      { type: 'pool:metrics', data: { poolId, workers: 2, busy: 0, idle: 2, utilization: 0, waiting: 1, completed: 0, failed: 0 } },
    ]);
    expect([pool.state(), pool.assigned()]).toEqual(['steady', ['a → text/v1#1']]);
  });

  it('makes its first workers as soon as they are needed where its minimum is none', () => {
    const pool = runningPool({ min: 0 });
    expect([pool.state(), pool.context().size]).toEqual(['steady', 0]);
    pool.hear('task:available', offer('a'));
    expect([pool.sizes(), pool.assigned()]).toEqual([[[0, 2, 'load']], ['a → text/v1#1']]);
  });

  it('makes them at its start for what was on offer before', () => {
    const pool = startPool({ min: 0 });
    pool.hear('task:available', offer('a'));
    pool.hear('provider:started', up);
    expect(pool.assigned()).toEqual(['a → text/v1#1']);
  });

  it('refuses to change its size before', () => {
    const pool = startPool();
    pool.hear('pool:scale_requested', ask('up'));
    pool.hear('pool:scale_up', order(3));
    pool.hear('pool:scale_down', order(0));
    expect(pool.types('pool:scale_rejected').map(({ data }) => data)).toEqual([
      { poolId, direction: 'up', reason: 'unneeded', size: 0 },
      { poolId, direction: 'up', reason: 'unneeded', size: 0 },
      { poolId, direction: 'down', reason: 'limit', size: 0 },
    ]);
  });
});

describe('assigning', () => {
  it('gives a task to the least loaded worker, and counts the slot at once', () => {
    const pool = runningPool({ min: 2, max: 2, slots: 2 });
    for (const id of ['a', 'b', 'c', 'd', 'e']) pool.hear('task:available', offer(id));
    expect(pool.assigned()).toEqual(['a → text/v1#1', 'b → text/v1#2', 'c → text/v1#1', 'd → text/v1#2']);
    expect(pool.types('worker:assign')[0]?.data).toEqual({
      workflowId: 'w',
      taskId: 'a',
      workerId: 'text/v1#1',
      method: 'text/words',
      protocol: poolId,
      attempt: 1,
      providerId: 'text',
      circuit: 'text',
      epoch: 0,
    });
    pool.hear('worker:busy', load('text/v1#1', 'claimed', 1, 2));
    expect(pool.context().used).toBe(4);
  });

  it('gives a slot that is given back to what is at hand, by priority and by how long it has been', () => {
    const pool = runningPool({ min: 1, max: 1 });
    pool.hear('task:available', offer('a'));
    pool.hear('task:available', offer('b', { method: 'text/b', priority: 'low' }), { time: 1 });
    pool.hear('task:available', offer('c', { method: 'text/c', priority: 'high' }), { time: 2 });
    pool.hear('task:available', offer('d', { method: 'text/d', priority: 'low' }), { time: 0 });
    for (let nth = 0; nth < 4; nth++) pool.hear('worker:idle', load('text/v1#1', 'released'), { time: 3 });
    expect(pool.assigned().map((one) => one[0])).toEqual(['a', 'c', 'd', 'b']);
    expect(pool.context()).toMatchObject({ used: 0, completed: 4, waitingSince: null });
  });

  it('keeps one offer per method, the newest, until it is withdrawn', () => {
    const pool = runningPool({ max: 1 });
    pool.hear('task:available', offer('a'));
    pool.hear('task:available', offer('b'));
    pool.hear('task:available', offer('c'));
    pool.hear('queue:withdrawn', { workflowId: 'w', taskId: 'b', protocol: poolId, method: 'text/words' });
    expect(pool.why()).toBe('at_limit');
    pool.hear('queue:withdrawn', { workflowId: 'w', taskId: 'c', protocol: poolId, method: 'text/words' });
    expect(pool.why()).toBeUndefined();
    pool.hear('worker:idle', load('text/v1#1', 'released'));
    expect(pool.assigned()).toHaveLength(1);
  });

  it('has nothing at hand when the queue is empty', () => {
    const pool = runningPool({ max: 1 });
    for (const id of ['a', 'b']) pool.hear('task:available', offer(id));
    pool.hear('queue:empty', {});
    expect(pool.context()).toMatchObject({ waitingSince: null });
    expect(pool.context().candidates.size).toBe(0);
  });

  it('passes over a worker that refused, until it gives a slot back', () => {
    const pool = runningPool({ min: 2, max: 2 });
    pool.hear('task:available', offer('a'));
    pool.hear('worker:refused', refused('a', 'text/v1#1'));
    expect(pool.assigned()).toEqual(['a → text/v1#1', 'a → text/v1#2']);
    pool.hear('task:available', offer('b'));
    pool.hear('worker:refused', refused('a', 'text/v1#2'));
    expect(pool.assigned()).toHaveLength(2);
    pool.hear('worker:busy', load('text/v1#1', 'released'));
    expect(pool.assigned().at(-1)).toBe('b → text/v1#1');
    expect(pool.context().used).toBe(1);
  });

  it('gives what was refused to the next free slot, before what came with a high priority', () => {
    const pool = runningPool({ min: 1, max: 1 });
    pool.hear('task:available', offer('a'));
    pool.hear('worker:refused', refused('a', 'text/v1#1'));
    pool.hear('task:available', offer('b', { method: 'text/b', priority: 'high' }));
    pool.hear('worker:busy', load('text/v1#1', 'released'));
    pool.hear('worker:idle', load('text/v1#1', 'released'));
    expect(pool.assigned()).toEqual(['a → text/v1#1', 'a → text/v1#1', 'b → text/v1#1']);
  });

  it('takes in remote workers, and does not replace them', () => {
    const pool = runningPool({ max: 1 });
    pool.hear('worker:started', started('far', 2, far('text/words')));
    for (const id of ['a', 'b', 'c']) pool.hear('task:available', offer(id));
    expect(pool.assigned()).toEqual(['a → text/v1#1', 'b → far', 'c → far']);
    pool.hear('worker:failed', failed('far', 2));
    expect(pool.context()).toMatchObject({ size: 1, slotsInAll: 1, used: 1, failed: 2 });
    expect(pool.sizes()).toHaveLength(1);
  });
});

describe('remote workers', () => {
  /** A pool that remote workers alone made known. */
  function remotePool() {
    const pool = startPool({ min: 0, max: 0 });
    pool.hear('provider:registered', ofRemote);
    pool.hear('provider:started', { ...up, ...remote });
    return pool;
  }
  const forRemote = (taskId: string, more: Partial<Offer> = {}) => offer(taskId, { providerId: remote.providerId, circuit: null, ...more });
  const rich = (workerId: string, slots: number, ...methods: string[]) => started(workerId, slots, far(...methods));

  it('alone take what is offered for them; no worker is made for it', () => {
    const pool = remotePool();
    expect(pool.state()).toBe('steady');
    pool.hear('task:available', forRemote('a'));
    expect([pool.why(), pool.sizes()]).toEqual(['no_remote_worker', []]);
    pool.hear('worker:started', rich('r1', 1, 'text/words'));
    pool.hear('task:available', forRemote('b'));
    expect([pool.why(), pool.assigned(), pool.sizes()]).toEqual(['remote_busy', ['a → r1'], []]);
  });

  it('take what they have the method for, and nothing else', () => {
    const pool = remotePool();
    pool.hear('worker:started', rich('counter', 2, 'text/count', 'text/words'));
    pool.hear('worker:started', rich('speller', 2, 'text/spell'));
    pool.hear('task:available', forRemote('a', { method: 'text/spell' }));
    pool.hear('task:available', forRemote('b', { method: 'text/count' }));
    pool.hear('task:available', forRemote('c', { method: 'text/sing' }));
    expect(pool.assigned()).toEqual(['a → speller', 'b → counter']);
    expect([pool.why('text/sing'), pool.context().candidates.size]).toEqual(['no_remote_worker', 1]);
    pool.hear('worker:idle', load('speller', 'released', 0, 2));
    expect(pool.context().used).toBe(1);
    pool.hear('worker:started', rich('singer', 1, 'text/sing'));
    expect(pool.assigned().at(-1)).toBe('c → singer');
  });

  it('are chosen among each other, and among local ones, by load', () => {
    const pool = runningPool({ max: 1, slots: 2 });
    pool.hear('worker:started', rich('r1', 2, 'text/words'));
    pool.hear('worker:started', rich('r2', 2, 'text/words', 'text/more'));
    for (const id of ['a', 'b', 'c', 'd']) pool.hear('task:available', offer(id));
    expect(pool.assigned()).toEqual(['a → text/v1#1', 'b → r1', 'c → r2', 'd → text/v1#1']);
  });

  it('are given by a slot that comes back the best of what they can run, also after a refusal', () => {
    const pool = runningPool({ max: 1 });
    pool.hear('worker:started', rich('r1', 1, 'text/b'));
    for (const [id, method] of ['text/a', 'text/b', 'text/b', 'text/a'].entries()) pool.hear('task:available', offer(`t${id}`, { method }));
    expect(pool.assigned()).toEqual(['t0 → text/v1#1', 't1 → r1']);
    pool.hear('worker:idle', load('r1', 'released'));
    expect(pool.assigned().at(-1)).toBe('t2 → r1');
    const { priority: _, ...task } = offer('t2', { method: 'text/b' });
    pool.hear('worker:refused', { ...task, workerId: 'r1', poolId });
    pool.hear('worker:busy', load('r1', 'released'));
    expect(pool.assigned().slice(3)).toEqual(['t2 → r1']);
  });

  it('that still run something join with that load', () => {
    const pool = remotePool();
    pool.hear('worker:started', started('r1', 2, { ...far('text/words'), running: 2 }));
    pool.hear('task:available', forRemote('a'));
    expect([pool.assigned(), pool.context().used]).toEqual([[], 2]);
    pool.hear('worker:busy', load('r1', 'released', 1, 2));
    expect(pool.assigned()).toEqual(['a → r1']);
  });

  it('that are free do not keep local ones from being made for what only those can run', () => {
    const pool = runningPool({ max: 2, scaleUpBy: 1 });
    pool.hear('worker:started', rich('r1', 8, 'text/other'));
    pool.hear('task:available', offer('a'));
    pool.hear('task:available', offer('b'));
    expect([pool.sizes().at(-1), pool.assigned()]).toEqual([
      [1, 2, 'load'],
      ['a → text/v1#1', 'b → text/v1#2'],
    ]);
  });

  it('serve together with the local ones of a provider that comes later, which brings its limits', () => {
    const pool = remotePool();
    pool.hear('worker:started', rich('r1', 1, 'text/words'));
    pool.hear('provider:registered', registered({ pool: { ...poolDefaults, min: 2, max: 3 } }));
    expect(pool.sizes()).toEqual([]);
    pool.hear('provider:started', up);
    expect([pool.sizes(), pool.context()]).toMatchObject([[[0, 2, 'started']], { min: 2, max: 3, size: 2 }]);
    for (const id of ['a', 'b', 'c']) pool.hear('task:available', offer(id));
    expect(pool.assigned()).toEqual(['a → r1', 'b → text/v1#1', 'c → text/v1#2']);
    pool.hear('provider:registered', registered({ providerId: 'other', pool: { ...poolDefaults, min: 9, max: 9 } }));
    expect(pool.context().max).toBe(3);
  });

  it('go on while a local provider cannot be called, and do not wake its workers', () => {
    const pool = runningPool({ min: 1 });
    pool.hear('pool:scale_up', order(3));
    pool.hear('provider:registered', ofRemote);
    pool.hear('worker:started', rich('r1', 1, 'text/words'));
    pool.hear('circuit:opened', opened());
    expect([pool.state(), pool.context().size]).toEqual(['shrunk', 1]);
    pool.hear('provider:started', { ...up, ...remote });
    pool.hear('task:available', forRemote('a'));
    expect([pool.state(), pool.context().size, pool.assigned()]).toEqual(['shrunk', 1, ['a → r1']]);
  });
});

describe('the size of a pool', () => {
  it('grows by two when work waits without a free slot, says how it is used, and then cools', () => {
    const pool = runningPool();
    pool.hear('task:available', offer('a'), { time: 100 });
    const facts = pool.hear('task:available', offer('b'), { time: 100 });
    expect(facts.map(({ type }) => type)).toEqual([
      'pool:metrics',
      'pool:scaled',
      'pool:scaled_up',
      'pool:metrics',
      'schedule:request',
      'worker:assign',
    ]);
    expect(facts[0]?.data).toMatchObject({ utilization: 1, waiting: 1, workers: 1, busy: 1, idle: 0 });
    expect(facts[4]?.data).toEqual({
      scheduleId: 'pool/text/v1/cooldown',
      dueAt: 1_100,
      event: { type: 'schedule:elapsed', data: timer('cooldown') },
    });
    expect([pool.state(), pool.context().size]).toEqual(['cooling', 3]);
  });

  it('does not grow while it cools, and looks again after that', () => {
    const pool = runningPool();
    for (const id of ['a', 'b', 'c', 'd']) pool.hear('task:available', offer(id));
    expect([pool.context().size, pool.why()]).toEqual([3, 'cooling']);
    pool.hear('schedule:elapsed', timer('quarantine'), { time: 1_000 });
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 1_000 });
    expect([pool.state(), pool.context().size, pool.assigned().length]).toEqual(['cooling', 5, 4]);
  });

  it('looks for another step up soon, and for a step down only after the whole cooldown', () => {
    const pool = runningPool({ cooldownMs: 20_000, scaleUpCooldownMs: 500 });
    for (const id of ['a', 'b']) pool.hear('task:available', offer(id), { time: 100 });
    expect(pool.types('schedule:request').at(-1)?.data).toMatchObject({ dueAt: 600 });
    for (const id of ['text/v1#1', 'text/v1#2']) pool.hear('worker:idle', load(id, 'released'), { time: 200 });
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 600 });
    expect([pool.state(), pool.context().size]).toEqual(['steady', 3]);
    expect(pool.types('schedule:request').at(-1)?.data).toMatchObject({ dueAt: 20_100 });
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 20_100 });
    expect([pool.state(), pool.context().size]).toEqual(['cooling', 2]);
    expect(pool.types('schedule:request').at(-1)?.data).toMatchObject({ dueAt: 40_100 });
  });

  it('cools after a step up no longer than after a step down', () => {
    const pool = runningPool({ cooldownMs: 100, scaleUpCooldownMs: 500 });
    for (const id of ['a', 'b']) pool.hear('task:available', offer(id), { time: 0 });
    expect(pool.types('schedule:request').at(-1)?.data).toMatchObject({ dueAt: 100 });
  });

  it('grows for what was offered while it started', () => {
    const pool = startPool({ max: 5 });
    for (const [nth, id] of ['a', 'b', 'c'].entries()) pool.hear('task:available', offer(id, { method: `text/${nth}` }));
    pool.hear('provider:started', up);
    expect([pool.sizes(), pool.assigned().length]).toEqual([
      [
        [0, 1, 'started'],
        [1, 3, 'load'],
      ],
      3,
    ]);
  });

  it('grows for what came after all that was offered while it started had a worker', () => {
    const pool = startPool({ max: 5 });
    pool.hear('task:available', offer('a'));
    pool.hear('provider:started', up);
    pool.hear('task:available', offer('b'));
    expect(pool.sizes().at(-1)).toEqual([1, 3, 'load']);
  });

  it('grows for local work also while other work waits for a remote worker', () => {
    const pool = runningPool({ max: 3 });
    pool.hear('provider:registered', ofRemote);
    pool.hear('task:available', offer('far', { method: 'text/far', providerId: remote.providerId, circuit: null }));
    for (const id of ['a', 'b']) pool.hear('task:available', offer(id));
    expect([pool.sizes().at(-1), pool.assigned()]).toEqual([
      [1, 3, 'load'],
      ['a → text/v1#1', 'b → text/v1#2'],
    ]);
  });

  it('says once that work waits, not for every task that does', () => {
    const pool = runningPool({ max: 1 });
    for (const id of ['a', 'b', 'c', 'd']) pool.hear('task:available', offer(id));
    pool.hear('worker:idle', load('text/v1#1', 'released'));
    pool.hear('task:available', offer('e'));
    expect(pool.types('pool:metrics')).toHaveLength(2);
  });

  it('shrinks one by one to its minimum when it is idle, and then asks for no more time', () => {
    const pool = runningPool();
    for (const id of ['a', 'b']) pool.hear('task:available', offer(id));
    for (const id of ['text/v1#1', 'text/v1#2']) pool.hear('worker:idle', load(id, 'released'));
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 30_000 });
    expect(pool.types('pool:scaled_down').map(({ data }) => data)).toEqual([{ poolId, from: 3, to: 2, reason: 'idle', workerIds: ['text/v1#3'] }]);
    pool.hear('worker:stopped', stopped('text/v1#3'));
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 60_000 });
    pool.hear('worker:stopped', stopped('text/v1#2'));
    const requests = pool.types('schedule:request').length;
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 90_000 });
    expect([pool.state(), pool.context().size, pool.types('schedule:request').length - requests]).toEqual(['steady', 1, 0]);
    expect(pool.context().workers.size).toBe(1);
  });

  it('keeps looking while it is busy above its minimum', () => {
    const pool = runningPool({ max: 2 });
    for (const id of ['a', 'b']) pool.hear('task:available', offer(id));
    expect(pool.hear('schedule:elapsed', timer('cooldown'), { time: 5 }).map(({ type }) => type)).toEqual([
      'pool:cooled',
      'pool:metrics',
      'schedule:request',
    ]);
    expect(pool.hear('schedule:elapsed', timer('cooldown'), { time: 9 }).map(({ type }) => type)).toEqual(['pool:metrics', 'schedule:request']);
  });

  it('lets those go first who have least to do', () => {
    const pool = runningPool({ min: 0, max: 3, scaleUpBy: 3 });
    for (const id of ['a', 'b', 'c']) pool.hear('task:available', offer(id));
    pool.hear('worker:idle', load('text/v1#2', 'released'));
    pool.hear('pool:scale_down', order(2));
    expect(pool.types('pool:scaled_down')[0]?.data).toMatchObject({ workerIds: ['text/v1#2'] });
  });

  it.each<[string, 'up' | 'down', string, (pool: ReturnType<typeof runningPool>) => void]>([
    ['nothing waits', 'up', 'unneeded', () => {}],
    ['it is at its minimum', 'down', 'limit', () => {}],
    ['it cools', 'up', 'cooldown', (pool) => pool.hear('pool:scale_up', order(2))],
    [
      'its circuit is open',
      'up',
      'circuit_open',
      (pool) => {
        pool.hear('pool:scale_up', order(2));
        pool.hear('circuit:opened', opened());
      },
    ],
    ['the system stops', 'up', 'draining', (pool) => pool.hear('system:shutdown', shutdown)],
  ])('refuses a request, and says why, when %s', (_, direction, reason, arrange) => {
    const pool = runningPool();
    arrange(pool);
    const { size } = pool.context();
    expect(pool.hear('pool:scale_requested', ask(direction))).toEqual([{ type: 'pool:scale_rejected', data: { poolId, direction, reason, size } }]);
  });

  it('follows a request where its load agrees, no farther than asked', () => {
    const pool = runningPool();
    pool.hear('task:available', offer('a'));
    pool.hear('pool:scale_requested', ask('up', 2));
    expect(pool.sizes().at(-1)).toEqual([1, 2, 'requested']);
    pool.hear('worker:idle', load('text/v1#1', 'released'));
    pool.hear('pool:scale_up', order(4));
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 30_000 });
    pool.hear('schedule:elapsed', timer('cooldown'), { time: 60_000 });
    expect(pool.context().size).toBe(2);
  });

  it('follows an order within its limits whatever its load, also while it cools', () => {
    const pool = runningPool({ max: 4 });
    pool.hear('pool:scale_up', order(9));
    pool.hear('pool:scale_up', order(9));
    pool.hear('pool:scale_down', order(0));
    pool.hear('pool:scale_down', order(0));
    expect(pool.sizes()).toEqual([
      [0, 1, 'started'],
      [1, 4, 'requested'],
      [4, 1, 'requested'],
    ]);
    expect(pool.types('pool:scale_rejected').map(({ data }) => data)).toMatchObject([
      { reason: 'limit', direction: 'up' },
      { reason: 'limit', direction: 'down' },
    ]);
  });

  it('tells those who watch how it is used when they ask or when the load changes', () => {
    const pool = runningPool();
    const before = pool.types('pool:metrics').length;
    pool.hear('backpressure:high', pressure);
    pool.hear('queue:full', { depth: 1, capacity: 1, policy: 'reject' });
    expect(pool.types('pool:metrics').length - before).toBe(2);
  });
});

describe('trouble', () => {
  it('replaces a worker that showed an error of its provider, one at a time', () => {
    const pool = runningPool({ min: 2 });
    expect(pool.hear('provider:error', fault('text/v1#1'), { time: 5 })[0]).toEqual({
      type: 'pool:worker_quarantined',
      data: { poolId, workerId: 'text/v1#1', replacementId: 'text/v1#3', until: 10_005, reason: 'PROVIDER_TIMEOUT', slots: 1 },
    });
    expect([pool.state(), pool.context().size, pool.context().failed]).toEqual(['quarantining', 2, 1]);
    expect(pool.hear('provider:error', fault('text/v1#2'))).toEqual([]);
    pool.hear('task:available', offer('a'));
    pool.hear('task:available', offer('b'));
    expect(pool.assigned()).toEqual(['a → text/v1#2', 'b → text/v1#3']);
    pool.hear('worker:stopped', stopped('text/v1#1'));
    pool.hear('schedule:elapsed', timer('quarantine'), { time: 10_005 });
    expect([pool.state(), pool.context().size]).toEqual(['steady', 2]);
  });

  it('minds no error that did not show in a worker of its own', () => {
    const pool = runningPool();
    expect([...pool.hear('provider:error', fault()), ...pool.hear('provider:error', fault('elsewhere'))]).toEqual([]);
  });

  it('replaces a worker that is lost, and gives its slot to what is at hand', () => {
    const pool = runningPool({ max: 1 });
    for (const id of ['a', 'b']) pool.hear('task:available', offer(id));
    pool.hear('worker:failed', failed('text/v1#1', 1));
    expect([pool.sizes().at(-1), pool.assigned(), pool.state()]).toEqual([[0, 1, 'replace'], ['a → text/v1#1', 'b → text/v1#2'], 'steady']);
    expect(pool.context().failed).toBe(1);
  });

  it('replaces a worker that left by itself only where it is missed', () => {
    const pool = runningPool({ min: 1, max: 2 });
    pool.hear('pool:scale_up', order(2));
    pool.hear('worker:stopped', stopped('text/v1#1'));
    expect(pool.context().size).toBe(1);
    pool.hear('worker:stopped', stopped('text/v1#2'));
    expect([pool.context().size, pool.sizes().at(-1)]).toEqual([1, [0, 1, 'replace']]);
  });

  it('shrinks to its minimum while the circuit is open, and is restored after', () => {
    const pool = runningPool();
    pool.hear('pool:scale_up', order(4));
    pool.hear('circuit:opened', opened());
    expect([pool.state(), pool.context().size]).toEqual(['shrunk', 1]);
    pool.hear('circuit:opened', opened());
    pool.hear('circuit:closed', closed);
    expect([pool.state(), pool.sizes().slice(2)]).toEqual([
      'cooling',
      [
        [4, 1, 'circuit_open'],
        [1, 4, 'restored'],
      ],
    ]);
  });

  it.each([
    ['provider:unhealthy', { ...provider, consecutiveFailures: 6, retryAt: 1 }],
    ['provider:stopped', { ...provider, reason: 'gone' }],
    ['provider:unregistered', { ...provider, methods: [], reason: 'gone' }],
  ] as const)('shrinks on %s too, until the provider is back', (type, data) => {
    const pool = runningPool();
    pool.hear('pool:scale_up', order(3));
    pool.hear(type, data as never);
    expect(pool.state()).toBe('shrunk');
    pool.hear('provider:started', { ...up, recovered: true });
    expect([pool.state(), pool.context().size]).toEqual(['cooling', 3]);
  });

  it('does not shrink while another provider can be called, nor for the circuit of one method', () => {
    const pool = runningPool();
    pool.hear('pool:scale_up', order(3));
    pool.hear('circuit:opened', opened('text/text/words'));
    pool.hear('provider:started', { ...up, providerId: 'other' });
    pool.hear('circuit:opened', opened());
    expect(pool.context().size).toBe(3);
    pool.hear('circuit:opened', opened('other', 'other'));
    expect([pool.state(), pool.context().size]).toEqual(['shrunk', 1]);
  });

  it('has a worker for the probe even where its minimum is none', () => {
    const pool = runningPool({ min: 0 });
    pool.hear('pool:scale_up', order(2));
    pool.hear('circuit:opened', opened());
    for (const id of ['text/v1#1', 'text/v1#2']) pool.hear('worker:stopped', stopped(id));
    pool.hear('task:available', offer('probe'));
    expect([pool.state(), pool.assigned()]).toEqual(['shrunk', ['probe → text/v1#3']]);
    pool.hear('circuit:closed', closed);
    expect(pool.state()).toBe('steady');
  });
});

describe('the end of a pool', () => {
  it('takes nothing more when the system stops, and says when its last worker has gone', () => {
    const pool = runningPool({ min: 2 });
    pool.hear('task:available', offer('a'));
    pool.hear('system:shutdown', shutdown);
    expect([pool.state(), pool.why()]).toEqual(['draining', 'draining']);
    pool.hear('task:available', offer('b'));
    pool.hear('worker:stopped', stopped('text/v1#2'));
    expect(pool.hear('worker:failed', failed('text/v1#1'))).toEqual([{ type: 'pool:stopped', data: { poolId } }]);
    expect([pool.state(), pool.assigned()]).toEqual(['stopped', ['a → text/v1#1']]);
  });

  it('stops at once where it has no workers', () => {
    const pool = startPool();
    pool.hear('system:shutdown', shutdown);
    expect(pool.state()).toBe('stopped');
  });
});

describe('a pool as a whole', () => {
  it('documents the defaults that hold', () => {
    expect(poolDefaults).toEqual({
      min: 1,
      max: 10,
      slots: 1,
      scaleUpAt: 0.8,
      scaleDownAt: 0.2,
      scaleUpBy: 2,
      scaleDownBy: 1,
      cooldownMs: 30_000,
      scaleUpCooldownMs: 1_000,
      quarantineMs: 10_000,
    });
  });

  it('replays its size and state from its own facts', () => {
    const live = startMachine('pool', poolMachine, { poolId, ...poolDefaults });
    live.hear('provider:started', up);
    live.hear('pool:scale_up', order(4));
    live.hear('provider:error', fault('text/v1#1'));
    live.hear('circuit:opened', opened());
    live.hear('circuit:closed', closed);

    const replayed = startMachine('pool', poolMachine, { poolId, ...poolDefaults });
    for (const { type, data } of live.stated) if (type.startsWith('pool:') && type !== 'pool:scaled') replayed.replay(type, data as never);
    expect(replayed.state()).toBe(live.state());
    const { serving: _, ...context } = live.context();
    expect(replayed.context()).toMatchObject({ ...context });
  });

  it('never exceeds its limits, never fills more slots than there are, and leaves nothing at hand while a slot is free', () => {
    const kinds = [
      'offer',
      'offer',
      'offer',
      'release',
      'release',
      'join',
      'withdraw',
      'refuse',
      'fail',
      'stop',
      'fault',
      'open',
      'close',
      'cool',
      'calm',
      'ask',
      'order',
    ] as const;
    const action = fc.record({ kind: fc.constantFrom(...kinds), pick: fc.nat(20), priority: fc.constantFrom(...priorities) });
    const options = fc.record({ min: fc.nat(2), max: fc.integer({ min: 2, max: 5 }), slots: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(options, fc.array(action, { maxLength: 80 }), (limits, actions) => {
        const pool = runningPool(limits);
        pool.hear('provider:registered', ofRemote);
        const running = new Map<string, string[]>();
        let seen = 0;
        let tasks = 0;
        const place = () => {
          for (const fact of pool.stated.slice(seen)) {
            if (fact.type === 'worker:assign') running.set(fact.data.workerId, [...(running.get(fact.data.workerId) ?? []), fact.data.taskId]);
          }
          seen = pool.stated.length;
        };
        for (const { kind, pick, priority } of actions) {
          const workers = [...pool.context().workers.keys()].sort();
          const workerId = workers[pick % Math.max(1, workers.length)] ?? 'none';
          const method = `m${pick % 3}`;
          const ofWorker = running.get(workerId) ?? [];
          const { providerId } = pick > 12 ? remote : provider;
          if (kind === 'offer') pool.hear('task:available', offer(`t${tasks++}`, { method, priority, providerId }));
          else if (kind === 'join') pool.hear('worker:started', started(`r${pick}`, 1 + (pick % 2), far(...(pick % 5 === 0 ? [] : [method, 'm1']))));
          else if (kind === 'release' && ofWorker.length > 0) {
            running.set(workerId, ofWorker.slice(1));
            pool.hear(ofWorker.length === 1 ? 'worker:idle' : 'worker:busy', load(workerId, 'released', ofWorker.length - 1, limits.slots));
          } else if (kind === 'withdraw') {
            const standing = pool.context().candidates.get(method)?.offer;
            if (standing !== undefined) pool.hear('queue:withdrawn', { workflowId: 'w', taskId: standing.taskId, protocol: poolId, method });
          } else if (kind === 'refuse' && ofWorker.length > 0) {
            running.set(workerId, ofWorker.slice(0, -1));
            pool.hear('worker:refused', { ...refused(ofWorker.at(-1) ?? '', workerId), method });
          } else if (kind === 'fail' || (kind === 'stop' && ofWorker.length === 0)) {
            running.delete(workerId);
            pool.hear(kind === 'fail' ? 'worker:failed' : 'worker:stopped', failed(workerId) as never);
          } else if (kind === 'fault') pool.hear('provider:error', fault(workerId));
          else if (kind === 'open') pool.hear('circuit:opened', opened());
          else if (kind === 'close') pool.hear('circuit:closed', closed);
          else if (kind === 'cool') pool.hear('schedule:elapsed', timer('cooldown'));
          else if (kind === 'calm') pool.hear('schedule:elapsed', timer('quarantine'));
          else if (kind === 'ask') pool.hear('pool:scale_requested', ask(pick % 2 === 0 ? 'up' : 'down'));
          else if (kind === 'order') pool.hear(pick % 2 === 0 ? 'pool:scale_up' : 'pool:scale_down', order(pick % 7));
          place();

          const context = pool.context();
          const staying = [...context.workers].filter(([, { status }]) => status !== 'leaving');
          expect(context.size).toBe(staying.filter(([, { skill }]) => skill === localSkill).length);
          expect(context.size).toBeLessThanOrEqual(limits.max);
          expect(context.slotsInAll).toBe(staying.reduce((sum, [, worker]) => sum + worker.slots, 0));
          expect(context.used).toBe(staying.reduce((sum, [, worker]) => sum + worker.running, 0));
          for (const [id, worker] of context.workers) {
            expect(worker.running).toBe((running.get(id) ?? []).length);
            expect(worker.running).toBeLessThanOrEqual(worker.slots);
          }
          for (const { offer: waiting } of context.candidates.values()) expect(takerOf(context, waiting)).toBeUndefined();
          // What waits behind an open circuit, its queue withdraws.
          if (context.size === 0 && pool.state() !== 'shrunk') expect(waitingForLocal(context)).toBe(0);
        }
      }),
    );
  });

  it('has no dead end, no transition that nothing takes, and is moved by its own facts and the shutdown only', () => {
    const scaled = (from: number, to: number, reason: string) => ({ poolId, from, to, reason });
    const walked = (input: { readonly min: number; readonly max: number }, events: ReturnType<typeof explored>) =>
      explore(poolMachine, {
        component: 'pool',
        // Without cooldowns, since no time passes on a walk.
        input: { poolId, ...poolDefaults, cooldownMs: 0, ...input },
        movedBy: ['system:shutdown'],
        events,
        distinguish: ({ context }) => {
          const { workers, candidates, serving, waitingSince, free, sizeBefore, min, remoteProviders } = context;
          const kinds = [...workers.values()].map(({ status, skill }: { status: string; skill: string }) => `${status}${skill}`);
          const counts = [candidates.size, serving.size, min, remoteProviders.size, sizeBefore];
          return [kinds.sort().slice(0, 2), ...counts, waitingSince !== null, free.isEmpty()];
        },
        limit: 300_000,
      });
    const { unvisited, untaken, movedByOthers, unhandled, errors } = walked({ min: 0, max: 2 }, explored(scaled));
    // A pool that began with remote workers, as far as it differs.
    const beginnings: readonly EventType[] = ['provider:registered', 'provider:started', 'provider:unregistered', 'pool:metrics', 'pool:stopped'];
    const late = walked(
      { min: 0, max: 0 },
      explored(scaled).filter(({ type }) => beginnings.includes(type)),
    );
    const never = untaken.filter((transition) => late.untaken.includes(transition));
    expect({ unvisited, never, movedByOthers, unhandled, errors: [...errors, ...late.errors] }).toEqual({
      unvisited: [],
      never: [],
      movedByOthers: [],
      unhandled: [],
      errors: [],
    });
  }, 60_000);
});

function explored(scaled: (from: number, to: number, reason: string) => { poolId: string; from: number; to: number; reason: string }) {
  const id = 'text/v1#1';
  return [
    eventOf('task:available', offer('a')),
    eventOf('queue:withdrawn', { workflowId: 'w', taskId: 'a', protocol: poolId, method: 'text/words' }),
    eventOf('queue:full', { depth: 1, capacity: 1, policy: 'reject' }),
    eventOf('queue:empty', {}),
    eventOf('worker:started', started(id)),
    eventOf('worker:idle', load(id, 'released')),
    eventOf('worker:busy', load(id, 'released', 1)),
    eventOf('worker:busy', load(id, 'claimed', 1)),
    eventOf('worker:refused', refused('a', id)),
    eventOf('worker:stopped', stopped(id)),
    eventOf('worker:failed', failed(id)),
    eventOf('provider:registered', registered()),
    eventOf('provider:registered', ofRemote),
    eventOf('provider:started', { ...up, ...remote }),
    eventOf('provider:started', up),
    eventOf('provider:stopped', { ...provider, reason: 'r' }),
    eventOf('provider:unhealthy', { ...provider, consecutiveFailures: 6, retryAt: 1 }),
    eventOf('provider:unregistered', { ...provider, methods: [], reason: 'r' }),
    eventOf('provider:unregistered', { ...provider, ...remote, methods: [], reason: 'r' }),
    eventOf('provider:error', fault(id)),
    eventOf('circuit:opened', opened()),
    eventOf('circuit:opened', opened('text/m')),
    eventOf('circuit:closed', closed),
    eventOf('circuit:closed', { ...closed, circuit: 'text/m' }),
    eventOf('backpressure:normal', pressure),
    eventOf('backpressure:high', pressure),
    eventOf('backpressure:critical', pressure),
    eventOf('pool:scale_requested', ask('up')),
    eventOf('pool:scale_up', order(2)),
    eventOf('pool:scale_down', order(0)),
    eventOf('schedule:elapsed', timer('cooldown')),
    eventOf('schedule:elapsed', timer('quarantine')),
    eventOf('system:shutdown', shutdown),
    eventOf('pool:scaled_up', { ...scaled(0, 1, 'load'), slots: 1, workerIds: [id] }),
    eventOf('pool:scaled_up', { ...scaled(0, 1, 'replace'), slots: 1, workerIds: [id] }),
    eventOf('pool:scaled_up', { ...scaled(0, 1, 'restored'), slots: 1, workerIds: [id] }),
    eventOf('pool:scaled_down', { ...scaled(1, 0, 'idle'), workerIds: [id] }),
    eventOf('pool:scaled_down', { ...scaled(1, 0, 'circuit_open'), workerIds: [id] }),
    eventOf('pool:cooled', { poolId }),
    eventOf('pool:worker_quarantined', { poolId, workerId: id, replacementId: 'text/v1#2', until: 1, reason: 'r', slots: 1 }),
    eventOf('pool:metrics', { poolId, workers: 0, busy: 0, idle: 0, utilization: 0, waiting: 0, completed: 0, failed: 0 }),
    eventOf('pool:stopped', { poolId }),
  ];
}
