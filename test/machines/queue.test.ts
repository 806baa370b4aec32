import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { DataOf, EventType } from '../../machines/events/catalogue.ts';
import { priorities } from '../../machines/events/definition.ts';
import { type QueueInput, queueDefaults, queueMachine, whyNotOffered } from '../../machines/queue.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

type Queued = DataOf<'task:queued'>;
const protocol = 'text/v1';
const task = (taskId: string, more: Partial<Queued> = {}): Queued => ({
  workflowId: 'w',
  taskId,
  method: 'text/words',
  protocol,
  priority: 'normal',
  attempt: 1,
  ...more,
});
const served = (more: Partial<DataOf<'method:available'>> = {}): DataOf<'method:available'> => ({
  protocol,
  method: 'text/words',
  providerId: 'text',
  circuit: null,
  epoch: 0,
  ...more,
});
const claim = ({ workflowId, taskId, method, attempt }: Queued, more: Partial<DataOf<'task:claimed'>> = {}): DataOf<'task:claimed'> => ({
  workflowId,
  taskId,
  method,
  protocol,
  attempt,
  workerId: 'text/v1#1',
  leaseId: 'l',
  providerId: 'text',
  circuit: null,
  epoch: 0,
  leaseUntil: 1,
  remote: false,
  ...more,
});
const cancelled = ({ workflowId, taskId }: Queued): DataOf<'task:cancelled'> => ({
  workflowId,
  taskId,
  protocol,
  reason: 'asked',
  by: 'user',
  attempts: 0,
});
const halfOpen = (probes: number, successes = 0, epoch = 1): DataOf<'circuit:half_open'> => ({
  circuit: 'text',
  providerId: 'text',
  protocol,
  epoch,
  probes,
  successes,
});
const pressure = (scope = 'system'): DataOf<'backpressure:high'> => ({
  scope,
  score: 1,
  signals: { depth: 1, oldest: 0, utilization: 0, lag: 0, memory: 0, cpu: 0, overload: 0 },
});
const tick: DataOf<'schedule:elapsed'> = { component: 'queue', key: '', timer: 'metrics' };
const shutdown: DataOf<'system:shutdown'> = { reason: 'asked', deadlineMs: 1, deadlineAt: 1 };

function startQueue(input: QueueInput = {}) {
  const queue = startMachine('queue', queueMachine, input);
  const types = (...wanted: EventType[]) => queue.stated.filter(({ type }) => wanted.includes(type));
  return {
    ...queue,
    types,
    /** The tasks that were offered so far. */
    offers: () => queue.stated.flatMap((fact) => (fact.type === 'task:available' ? [fact.data.taskId] : [])),
    why: (taskId: string, workflowId = 'w') => whyNotOffered(queue.context(), { workflowId, taskId }),
  };
}

describe('the order of the queue', () => {
  it('offers one task per method at a time, in the order of arrival', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    for (const id of ['a', 'b', 'c']) queue.hear('task:queued', task(id));
    expect(queue.offers()).toEqual(['a']);
    queue.hear('task:claimed', claim(task('a')));
    queue.hear('task:claimed', claim(task('b')));
    expect(queue.offers()).toEqual(['a', 'b', 'c']);
  });

  it('replaces what is on offer when a better task arrives', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a'));
    queue.hear('task:queued', task('b', { priority: 'high' }));
    queue.hear('task:queued', task('c', { priority: 'low' }));
    expect(queue.offers()).toEqual(['a', 'b']);
    queue.hear('task:claimed', claim(task('b')));
    queue.hear('task:claimed', claim(task('a')));
    expect(queue.offers()).toEqual(['a', 'b', 'a', 'c']);
  });

  it('lets a task that waited long go before one of a higher priority', () => {
    const queue = startQueue({ ageingMs: 1_000 });
    queue.hear('task:queued', task('low', { priority: 'low' }), { time: 0 });
    queue.hear('task:queued', task('normal', { priority: 'normal' }), { time: 999 });
    queue.hear('task:queued', task('high', { priority: 'high' }), { time: 2_000 });
    queue.hear('method:available', served(), { time: 2_000 });
    for (const id of ['normal', 'low']) queue.hear('task:claimed', claim(task(id)), { time: 2_000 });
    expect(queue.offers()).toEqual(['normal', 'low', 'high']);
  });

  it('keeps the order of arrival when the clock steps back', () => {
    const queue = startQueue();
    queue.hear('task:queued', task('a'), { time: 1_000 });
    queue.hear('task:queued', task('b'), { time: 10 });
    queue.hear('method:available', served(), { time: 10 });
    queue.hear('task:claimed', claim(task('a')), { time: 20 });
    expect(queue.offers()).toEqual(['a', 'b']);
  });

  it('moves a task to the place of its new priority, and says so once', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    for (const id of ['a', 'b']) queue.hear('task:queued', task(id));
    queue.hear('task:set_priority', { workflowId: 'w', taskId: 'b', priority: 'urgent' });
    queue.hear('task:set_priority', { workflowId: 'w', taskId: 'b', priority: 'urgent' });
    queue.hear('task:set_priority', { workflowId: 'w', taskId: 'gone', priority: 'urgent' });
    expect(queue.types('queue:priority_changed').map(({ data }) => data)).toEqual([{ workflowId: 'w', taskId: 'b', from: 'normal', to: 'urgent' }]);
    expect(queue.offers()).toEqual(['a', 'b']);
    expect(queue.why('a')).toBe('behind_others');
  });

  it('offers each method on its own', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a', { method: 'text/count' }));
    queue.hear('task:queued', task('b'));
    expect(queue.offers()).toEqual(['b']);
    queue.hear('method:available', served({ method: 'text/count' }));
    expect(queue.offers()).toEqual(['b', 'a']);
  });
});

describe('leaving the queue', () => {
  it('says how long a claimed task waited', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a', { priority: 'high' }), { time: 100 });
    queue.hear('task:claimed', claim(task('a')), { time: 350 });
    expect(queue.types('queue:task_dequeued').map(({ data }) => data)).toEqual([
      { workflowId: 'w', taskId: 'a', method: 'text/words', protocol, priority: 'high', depth: 0, waitMs: 250, reason: 'claimed' },
    ]);
  });

  it('refuses a claim of a task that does not wait here', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a'));
    queue.hear('task:claimed', claim(task('a')));
    expect(queue.hear('task:claimed', claim(task('a'), { workerId: 'text/v1#2', leaseId: 'second' }))).toEqual([
      { type: 'queue:claim_refused', data: { workflowId: 'w', taskId: 'a', workerId: 'text/v1#2', leaseId: 'second' } },
    ]);
  });

  it('takes a cancelled task out, and offers another in its place or withdraws', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    for (const id of ['a', 'b']) queue.hear('task:queued', task(id));
    queue.hear('task:cancelled', cancelled(task('a')));
    expect(queue.offers()).toEqual(['a', 'b']);
    expect(queue.hear('task:cancelled', cancelled(task('b'))).map(({ type }) => type)).toEqual([
      'queue:task_dequeued',
      'queue:withdrawn',
      'queue:empty',
    ]);
    expect(queue.hear('task:cancelled', cancelled(task('running')))).toEqual([]);
    expect(queue.context().offers.size).toBe(0);
  });

  it('takes a task out that its failing workflow skips', () => {
    const queue = startQueue();
    queue.hear('task:queued', task('a'));
    const skipped = { workflowId: 'w', taskId: 'a', protocol, because: 'b', policy: 'fail_fast' } as const;
    expect(queue.hear('task:skipped', skipped)).toMatchObject([
      { type: 'queue:task_dequeued', data: { reason: 'skipped' } },
      { type: 'queue:empty' },
    ]);
    expect(queue.hear('task:skipped', skipped)).toEqual([]);
  });

  it('queues a task once, however often it is said to be queued', () => {
    const queue = startQueue();
    queue.hear('task:queued', task('a'));
    expect(queue.hear('task:queued', task('a'))).toEqual([]);
    expect(queue.context().depth).toBe(1);
  });
});

describe('what holds tasks back', () => {
  it('offers nothing of a method that is unavailable', () => {
    const queue = startQueue();
    queue.hear('task:queued', task('a'));
    expect([queue.offers(), queue.why('a')]).toEqual([[], 'method_unavailable']);
    queue.hear('method:available', served());
    expect(queue.why('a')).toBe('offered');
    expect(queue.hear('method:unavailable', { protocol, method: 'text/words', reason: 'circuit_open' })).toEqual([
      { type: 'queue:withdrawn', data: { workflowId: 'w', taskId: 'a', protocol, method: 'text/words' } },
    ]);
    queue.hear('method:available', served());
    expect(queue.offers()).toEqual(['a', 'a']);
  });

  it('offers again when another provider, or another epoch, serves the method', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a'));
    expect(queue.hear('method:available', served())).toEqual([]);
    expect(queue.hear('method:available', served({ providerId: 'other', circuit: 'other', epoch: 2 }))[0]).toMatchObject({
      type: 'task:available',
      data: { taskId: 'a', providerId: 'other', circuit: 'other', epoch: 2 },
    });
  });

  it('holds everything while the engine is paused, and goes on with the best', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a'));
    expect(queue.hear('engine:paused', { reason: 'lunch' })).toEqual([
      { type: 'queue:held', data: { reason: 'lunch' } },
      { type: 'queue:withdrawn', data: { workflowId: 'w', taskId: 'a', protocol, method: 'text/words' } },
    ]);
    expect(queue.state()).toEqual({ dispatch: 'held', depth: 'some' });
    queue.hear('task:queued', task('b', { priority: 'high' }));
    expect([queue.offers(), queue.why('b')]).toEqual([['a'], 'held']);
    queue.hear('engine:resumed', { reason: 'back' });
    expect([queue.offers(), queue.state()]).toEqual([['a', 'b'], { dispatch: 'open', depth: 'some' }]);
  });

  it('holds everything when the system stops', () => {
    const queue = startQueue();
    queue.hear('system:shutdown', shutdown);
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a'));
    expect([queue.offers(), queue.context().heldBecause]).toEqual([[], 'asked']);
  });

  it('passes over the tasks of a paused workflow, which keep their places', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a', { workflowId: 'paused' }));
    queue.hear('task:queued', task('b'));
    queue.hear('workflow:paused', { workflowId: 'paused', reason: 'asked' });
    queue.hear('task:queued', task('c', { workflowId: 'paused', priority: 'urgent' }));
    expect([queue.offers(), queue.why('a', 'paused'), queue.why('c', 'paused')]).toEqual([['a', 'b'], 'workflow_paused', 'workflow_paused']);
    queue.hear('task:set_priority', { workflowId: 'paused', taskId: 'c', priority: 'low' });
    queue.hear('workflow:resumed', { workflowId: 'paused', reason: 'asked' });
    queue.hear('task:claimed', claim(task('a', { workflowId: 'paused' })));
    queue.hear('task:claimed', claim(task('b')));
    expect(queue.offers()).toEqual(['a', 'b', 'a', 'b', 'c']);
  });

  it.each(['workflow:completed', 'workflow:failed', 'workflow:cancelled'] as const)('forgets a paused workflow on %s', (type) => {
    const queue = startQueue();
    queue.hear('workflow:paused', { workflowId: 'w', reason: 'asked' });
    const ended = { workflowId: 'w', durationMs: 1, counts: { completed: 0, failed: 0, cancelled: 0, skipped: 0 } };
    queue.hear(type, { ...ended, reason: 'asked', by: 'user', error: { code: 'X', rpcCode: 1, message: 'x', retryable: false }, failedTaskIds: [] });
    expect(queue.context().paused.size).toBe(0);
  });
});

describe('probing a half-open circuit', () => {
  const probing = (probes: number) => {
    const queue = startQueue();
    queue.hear('circuit:half_open', halfOpen(probes));
    queue.hear('method:available', served({ circuit: 'text', epoch: 1 }));
    for (const id of ['a', 'b', 'c']) queue.hear('task:queued', task(id));
    return queue;
  };
  const probe = (taskId: string) => claim(task(taskId), { circuit: 'text', epoch: 1 });

  it('offers as many tasks as the circuit lets through, and the rest wait', () => {
    const queue = probing(1);
    queue.hear('task:claimed', probe('a'));
    expect([queue.offers(), queue.why('b')]).toEqual([['a'], 'circuit_probing']);
    queue.hear('circuit:half_open', halfOpen(1, 1));
    queue.hear('task:claimed', probe('b'));
    expect(queue.offers()).toEqual(['a', 'b']);
  });

  it('lets the waiting ones through when the circuit closes', () => {
    const queue = probing(1);
    queue.hear('task:claimed', probe('a'));
    queue.hear('circuit:closed', { circuit: 'text', providerId: 'text', protocol, epoch: 1, successes: 3 });
    queue.hear('task:claimed', probe('b'));
    expect(queue.offers()).toEqual(['a', 'b', 'c']);
    expect(queue.hear('circuit:closed', { circuit: 'text', providerId: 'text', protocol, epoch: 1, successes: 3 })).toEqual([]);
  });

  it('shares the probes of a circuit among its methods', () => {
    const queue = probing(1);
    queue.hear('task:queued', task('other', { method: 'text/count' }));
    queue.hear('method:available', served({ method: 'text/count', circuit: 'text', epoch: 1 }));
    expect([queue.offers(), queue.why('other')]).toEqual([['a'], 'circuit_probing']);
    for (const id of ['b', 'c', 'a']) queue.hear('task:cancelled', cancelled(task(id)));
    expect(queue.why('other')).toBe('offered');
  });

  it('keeps a probe on offer when a better task arrives', () => {
    const queue = probing(1);
    queue.hear('task:queued', task('urgent', { priority: 'urgent' }));
    queue.hear('circuit:half_open', halfOpen(1, 0));
    expect(queue.offers()).toEqual(['a']);
  });

  it('adds grants of the same opening, and forgets those of an older one', () => {
    const queue = probing(2);
    queue.hear('circuit:half_open', halfOpen(1, 1));
    expect(queue.context().grants.get('text')).toEqual({ epoch: 1, left: 3 });
    queue.hear('circuit:half_open', halfOpen(1, 0, 2));
    expect(queue.context().grants.get('text')).toEqual({ epoch: 2, left: 1 });
  });
});

describe('how much waits', () => {
  it('says on the edge that it is full, and only well below that it has room', () => {
    const queue = startQueue({ capacity: 10 });
    for (let nth = 0; nth < 12; nth++) queue.hear('task:queued', task(`t${nth}`));
    expect(queue.types('queue:full').map(({ data }) => data)).toEqual([{ depth: 10, capacity: 10, policy: 'reject' }]);
    for (let nth = 0; nth < 2; nth++) queue.hear('task:cancelled', cancelled(task(`t${nth}`)));
    expect(queue.types('queue:room')).toEqual([]);
    queue.hear('task:cancelled', cancelled(task('t2')));
    expect(queue.types('queue:room').map(({ data }) => data)).toEqual([{ depth: 9, capacity: 10 }]);
    expect(queue.state()).toEqual({ dispatch: 'open', depth: 'some' });
  });

  it('says on the edge that it is empty, also with room for one task only', () => {
    const queue = startQueue({ capacity: 1 });
    queue.hear('task:queued', task('a'));
    expect(queue.state()).toMatchObject({ depth: 'full' });
    expect(queue.hear('task:cancelled', cancelled(task('a'))).map(({ type }) => type)).toEqual(['queue:task_dequeued', 'queue:room', 'queue:empty']);
    expect(queue.state()).toMatchObject({ depth: 'empty' });
  });

  it('pushes out the youngest of the lowest priority where its policy is to shed', () => {
    const queue = startQueue({ capacity: 3, policy: 'shed' });
    queue.hear('method:available', served());
    queue.hear('task:queued', task('low1', { priority: 'low' }));
    queue.hear('task:queued', task('low2', { priority: 'low' }));
    queue.hear('task:queued', task('high1', { priority: 'high' }));
    queue.hear('task:queued', task('high2', { priority: 'high' }), { time: 10 });
    expect(queue.types('queue:task_shed').map(({ data }) => data)).toEqual([{ workflowId: 'w', taskId: 'low2', capacity: 3 }]);
    expect(queue.types('queue:task_dequeued').map(({ data }) => data)).toMatchObject([{ taskId: 'low2', reason: 'shed', depth: 3, waitMs: 10 }]);
    expect(queue.why('low2')).toBeUndefined();
  });

  it('does not push out a task that goes next, which may be on its way to a worker', () => {
    const queue = startQueue({ capacity: 1, policy: 'shed' });
    queue.hear('method:available', served());
    queue.hear('task:queued', task('a', { priority: 'low' }));
    queue.hear('task:queued', task('b', { method: 'text/count', priority: 'high' }));
    expect(queue.types('queue:task_shed').map(({ data }) => data)).toMatchObject([{ taskId: 'b' }]);
  });

  it('never pushes a task out under another policy', () => {
    const queue = startQueue({ capacity: 1 });
    for (const id of ['a', 'b']) queue.hear('task:queued', task(id));
    expect(queue.types('queue:task_shed')).toEqual([]);
    expect(queue.context().depth).toBe(2);
  });

  it('sheds under critical load as though it were full, until the load is less', () => {
    const queue = startQueue({ policy: 'shed' });
    for (const id of ['a', 'b']) queue.hear('task:queued', task(id));
    queue.hear('backpressure:critical', pressure('text/v1'));
    queue.hear('task:queued', task('c'));
    queue.hear('backpressure:critical', pressure());
    queue.hear('task:queued', task('d'));
    queue.hear('backpressure:high', pressure());
    queue.hear('task:queued', task('e'));
    expect(queue.types('queue:task_shed').map(({ data }) => data)).toEqual([{ workflowId: 'w', taskId: 'd', capacity: 3 }]);
  });

  it('reports while tasks wait, by a timer of its own', () => {
    const queue = startQueue();
    queue.hear('task:queued', task('a', { priority: 'low' }), { time: 500 });
    queue.hear('task:queued', task('b', { priority: 'high' }), { time: 600 });
    expect(queue.types('schedule:request').map(({ data }) => data)).toEqual([
      { scheduleId: 'queue/metrics', dueAt: 1_500, everyMs: 1_000, event: { type: 'schedule:elapsed', data: tick } },
    ]);
    expect(queue.hear('schedule:elapsed', tick, { time: 1_500 })).toEqual([
      {
        type: 'queue:metrics',
        data: { depth: 2, capacity: 100_000, byPriority: { low: 1, normal: 0, high: 1, urgent: 0 }, oldestMs: 1_000, enqueued: 2, dequeued: 0 },
      },
    ]);
    for (const id of ['a', 'b']) queue.hear('task:cancelled', cancelled(task(id)), { time: 1_600 });
    expect(queue.types('schedule:cancel')).toEqual([]);
    expect(queue.hear('schedule:elapsed', tick, { time: 2_500 }).map(({ type }) => type)).toEqual(['queue:metrics', 'schedule:cancel']);
    queue.hear('task:queued', task('c'), { time: 2_600 });
    expect(queue.types('schedule:request')).toHaveLength(2);
  });

  it('does not wind its timer up again for each task that passes through', () => {
    const queue = startQueue();
    queue.hear('method:available', served());
    for (const id of ['a', 'b', 'c']) {
      queue.hear('task:queued', task(id));
      queue.hear('task:claimed', claim(task(id)));
    }
    expect(queue.types('schedule:request', 'schedule:cancel')).toHaveLength(1);
  });

  it('documents the defaults that hold', () => {
    expect(queueDefaults).toEqual({ capacity: 100_000, policy: 'reject', ageingMs: 60_000, metricsMs: 1_000 });
  });
});

describe('the queue as a whole', () => {
  it('replays to the same state from its facts alone', () => {
    const live = startQueue({ capacity: 3 });
    live.hear('engine:paused', { reason: 'lunch' });
    for (const id of ['a', 'b', 'c']) live.hear('task:queued', task(id), { time: 7 });
    live.hear('task:set_priority', { workflowId: 'w', taskId: 'c', priority: 'high' }, { time: 7 });
    live.hear('task:cancelled', cancelled(task('a')), { time: 7 });

    const replayed = startQueue({ capacity: 3 });
    for (const { type, data } of live.stated) {
      if (type !== 'schedule:request') replayed.replay(type, data as never, { time: 7 });
    }
    expect(replayed.state()).toEqual(live.state());
    expect(replayed.snapshot().context).toEqual(live.snapshot().context);
  });

  it('neither loses nor repeats a task, and never offers one that is gone, whatever happens', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const kinds = [
      'queue',
      'queue',
      'claim',
      'claim',
      'cancel',
      'priority',
      'hold',
      'release',
      'pause',
      'resume',
      'available',
      'unavailable',
      'halfOpen',
      'close',
    ] as const;
    const action = fc.record({
      kind: fc.constantFrom(...kinds),
      id: fc.constantFrom(...ids),
      priority: fc.constantFrom(...priorities),
      after: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const queue = startQueue({ ageingMs: 50 });
        const waiting = new Set<string>();
        let time = 0;
        const of = (id: string) => task(id, { workflowId: id < 'd' ? 'w' : 'v', method: id === 'b' || id === 'e' ? 'text/count' : 'text/words' });
        for (const { kind, id, priority, after } of actions) {
          time += after;
          const { workflowId } = of(id);
          if (kind === 'queue') {
            queue.hear('task:queued', { ...of(id), priority }, { time });
            waiting.add(id);
          } else if (kind === 'claim' || kind === 'cancel') {
            const facts =
              kind === 'claim' ? queue.hear('task:claimed', claim(of(id)), { time }) : queue.hear('task:cancelled', cancelled(of(id)), { time });
            expect(facts.some(({ type }) => type === 'queue:task_dequeued')).toBe(waiting.has(id));
            expect(facts.some(({ type }) => type === 'queue:claim_refused')).toBe(kind === 'claim' && !waiting.has(id));
            waiting.delete(id);
          } else if (kind === 'priority') queue.hear('task:set_priority', { workflowId, taskId: id, priority }, { time });
          else if (kind === 'hold') queue.hear('engine:paused', { reason: 'r' }, { time });
          else if (kind === 'release') queue.hear('engine:resumed', { reason: 'r' }, { time });
          else if (kind === 'pause') queue.hear('workflow:paused', { workflowId, reason: 'r' }, { time });
          else if (kind === 'resume') queue.hear('workflow:resumed', { workflowId, reason: 'r' }, { time });
          else if (kind === 'available') queue.hear('method:available', served({ method: of(id).method, circuit: 'text', epoch: 1 }), { time });
          else if (kind === 'unavailable') queue.hear('method:unavailable', { protocol, method: of(id).method, reason: 'unhealthy' }, { time });
          else if (kind === 'halfOpen') queue.hear('circuit:half_open', halfOpen(1), { time });
          else queue.hear('circuit:closed', { circuit: 'text', providerId: 'text', protocol, epoch: 1, successes: 3 }, { time });

          const { depth, offers, routes, lanes, paused, heldBecause, grants } = queue.context();
          expect(depth).toBe(waiting.size);
          const open = [...waiting].filter((one) => queue.why(one, of(one).workflowId) === 'offered');
          expect(open.sort()).toEqual([...offers.values()].map(({ taskId }) => taskId).sort());
          for (const offer of offers.values()) {
            expect(waiting.has(offer.taskId)).toBe(true);
            expect([heldBecause, paused.has(offer.workflowId)]).toEqual([null, false]);
          }
          // Nothing that could be offered is left out.
          if (heldBecause === null && grants.size === 0) expect(offers.size).toBe([...lanes.keys()].filter((lane) => routes.has(lane)).length);
        }
        queue.hear('engine:resumed', { reason: 'end' }, { time });
        queue.hear('circuit:closed', { circuit: 'text', providerId: 'text', protocol, epoch: 1, successes: 3 }, { time });
        for (const workflowId of ['v', 'w']) queue.hear('workflow:resumed', { workflowId, reason: 'end' }, { time });
        for (const method of ['text/words', 'text/count']) queue.hear('method:available', served({ method }), { time });
        const dispatched: string[] = [];
        for (let offer = queue.context().offers.first(); offer !== undefined; offer = queue.context().offers.first()) {
          dispatched.push(offer.taskId);
          queue.hear('task:claimed', claim(of(offer.taskId)), { time });
        }
        expect(dispatched.sort()).toEqual([...waiting].sort());
        expect(queue.state()).toEqual({ dispatch: 'open', depth: 'empty' });
      }),
    );
  });

  it('has no dead end, no transition that nothing takes, and is moved by its own facts only', () => {
    const a = task('a');
    const b = task('b', { workflowId: 'v', priority: 'low' });
    const enqueued = (one: Queued, depth: number) => eventOf('queue:task_enqueued', { ...one, depth });
    const dequeued = (one: Queued, depth: number, reason: 'claimed' | 'cancelled') => {
      const { attempt: _, ...rest } = one;
      return eventOf('queue:task_dequeued', { ...rest, depth, waitMs: 0, reason });
    };
    const ended = { workflowId: 'w', durationMs: 1, counts: { completed: 0, failed: 0, cancelled: 0, skipped: 0 } };
    const report = explore(queueMachine, {
      component: 'queue',
      input: { capacity: 3, policy: 'shed' },
      events: [
        eventOf('task:queued', a),
        eventOf('task:claimed', claim(a)),
        eventOf('task:cancelled', cancelled(a)),
        eventOf('task:skipped', { workflowId: 'w', taskId: 'a', protocol, because: 'b', policy: 'fail_fast' }),
        eventOf('task:set_priority', { workflowId: 'w', taskId: 'a', priority: 'high' }),
        eventOf('method:available', served({ circuit: 'text', epoch: 1 })),
        eventOf('method:unavailable', { protocol, method: 'text/words', reason: 'unhealthy' }),
        eventOf('circuit:half_open', halfOpen(1)),
        eventOf('circuit:closed', { circuit: 'text', providerId: 'text', protocol, epoch: 1, successes: 3 }),
        eventOf('engine:paused', { reason: 'r' }),
        eventOf('engine:resumed', { reason: 'r' }),
        eventOf('system:shutdown', shutdown),
        eventOf('workflow:paused', { workflowId: 'w', reason: 'r' }),
        eventOf('workflow:resumed', { workflowId: 'w', reason: 'r' }),
        eventOf('workflow:completed', ended),
        eventOf('workflow:failed', { ...ended, error: { code: 'X', rpcCode: 1, message: 'x', retryable: false }, failedTaskIds: [] }),
        eventOf('workflow:cancelled', { ...ended, reason: 'r', by: 'b' }),
        ...(['system', protocol] as const).flatMap((scope) => [
          eventOf('backpressure:normal', pressure(scope)),
          eventOf('backpressure:high', pressure(scope)),
          eventOf('backpressure:critical', pressure(scope)),
        ]),
        eventOf('schedule:elapsed', tick),
        enqueued(a, 1),
        enqueued(b, 2),
        enqueued(b, 3),
        enqueued(b, 4),
        dequeued(a, 0, 'claimed'),
        dequeued(a, 1, 'claimed'),
        dequeued(a, 1, 'cancelled'),
        dequeued(b, 3, 'cancelled'),
        eventOf('task:available', { ...a, providerId: 'text', circuit: 'text', epoch: 1 }),
        eventOf('queue:withdrawn', { workflowId: 'w', taskId: 'a', protocol, method: 'text/words' }),
        eventOf('queue:priority_changed', { workflowId: 'w', taskId: 'a', from: 'normal', to: 'high' }),
        eventOf('circuit:removed', { circuit: 'text', providerId: 'text', protocol }),
        eventOf('queue:held', { reason: 'r' }),
        eventOf('queue:released', { reason: 'r' }),
        eventOf('queue:full', { depth: 3, capacity: 3, policy: 'shed' }),
        eventOf('queue:room', { depth: 2, capacity: 3 }),
        eventOf('queue:empty', {}),
      ],
      distinguish: ({ context: { waiting, offers, routes, paused, grants, limit, isReporting } }) => [
        waiting.size,
        routes.size + offers.size,
        paused.size + grants.size,
        limit < 3,
        isReporting,
      ],
      limit: 200_000,
    });

    const { unvisited, untaken, movedByOthers, unhandled, errors } = report;
    expect({ unvisited, untaken, movedByOthers, unhandled, errors }).toEqual({
      unvisited: [],
      untaken: [],
      movedByOthers: [],
      unhandled: [],
      errors: [],
    });
  }, 60_000);
});
