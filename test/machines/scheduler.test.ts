import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../machines/events/catalogue.ts';
import { catalogue, eventTypes } from '../../machines/events/catalogue.ts';
import { dueTypes } from '../../machines/events/schedule.ts';
import { failure } from '../../machines/failures.ts';
import { dueAtOf, earliestDue, type SchedulerContext, scheduleIds, schedulerDefaults, schedulerMachine } from '../../machines/scheduler.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const route = { method: 'text/words', protocol: 'text/v1' };
const counts = { completed: 1, failed: 0, cancelled: 0, skipped: 0 };
const stats = { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 };
const error = failure('TASK_EXECUTION_FAILED', 'It broke.');

function started(more: Partial<DataOf<'task:started'>> = {}): DataOf<'task:started'> {
  return {
    workflowId: 'w',
    taskId: 't',
    ...route,
    attempt: 1,
    workerId: 'text/v1#1',
    leaseId: 'l1',
    leaseUntil: 30_000,
    remote: false,
    providerId: 'text',
    circuit: null,
    epoch: 0,
    timeoutMs: 300_000,
    idempotencyKey: 'w/t',
    ...more,
  };
}
const completed = (taskId = 't') => ({ workflowId: 'w', taskId, ...route, attempt: 1, result: null, durationMs: 1 });
const failed = { workflowId: 'w', taskId: 't', ...route, attempt: 1, error, durationMs: 1, ended: 'error', lost: 0 } as const;
const cancelled = { workflowId: 'w', taskId: 't', protocol: 'text/v1', reason: 'r', by: 'user', attempts: 1 };
const retry = { workflowId: 'w', taskId: 't', protocol: 'text/v1', attempt: 1, delayMs: 1_000, dueAt: 1_000, maxAttempts: 3, budget: 9 };
const worker = { workerId: 'text/v1#1', poolId: 'text/v1', slots: 1, heartbeatMs: 5_000, remote: false, methods: [], running: 0, leases: [] };
const opened = {
  circuit: 'text',
  providerId: 'text',
  protocol: 'text/v1',
  reason: 'failure_threshold',
  failures: 5,
  epoch: 1,
  retryAt: 60_000,
} as const;
const beat = (leaseUntil: number) => ({
  workerId: 'text/v1#1',
  poolId: 'text/v1',
  running: 1,
  slots: 1,
  leaseUntil,
  memoryBytes: 0,
  cpu: 0,
  lagMs: 0,
});
const request = (scheduleId: string, dueAt: number, everyMs?: number): DataOf<'schedule:request'> => ({
  scheduleId,
  dueAt,
  ...(everyMs === undefined ? {} : { everyMs }),
  event: { type: 'schedule:elapsed', data: { component: 'queue', key: '', timer: scheduleId } },
});
const elapsed = (timer: string) => ({ type: 'schedule:elapsed', data: { component: 'queue', key: '', timer } });
const armed = (dueAt: number | null) => ({ type: 'schedule:armed', data: { dueAt } });

const start = () => startMachine('scheduler', schedulerMachine, {});

const delayed = (startAt: number | undefined): DataOf<'workflow:submitted'> => ({
  workflowId: 'w',
  name: 'n',
  versionHash: 'h',
  definition: { name: 'n', failurePolicy: 'fail_fast', tasks: [] },
  input: {},
  ...(startAt === undefined ? {} : { startAt }),
});

describe('the scheduler', () => {
  it('asks the host for a timer when a time is earlier than the one it waits for, and only then', () => {
    const scheduler = start();
    expect(scheduler.hear('schedule:request', request('a', 500))).toEqual([armed(500)]);
    expect(scheduler.hear('schedule:request', request('b', 900))).toEqual([]);
    expect(scheduler.hear('schedule:request', request('c', 500))).toEqual([]);
    expect(scheduler.hear('schedule:request', request('d', 499))).toEqual([armed(499)]);
    expect(scheduler.state()).toBe('armed');
  });

  it('says everything that is due, in the order of the times, then of the requests, and rearms before it does', () => {
    const scheduler = start();
    for (const [id, dueAt] of [
      ['late', 900],
      ['second', 500],
      ['third', 500],
      ['first', 100],
    ] as const)
      scheduler.hear('schedule:request', request(id, dueAt));
    expect(scheduler.hear('schedule:due', { wallTime: 500 }, { time: 500 })).toEqual([
      armed(900),
      elapsed('first'),
      elapsed('second'),
      elapsed('third'),
    ]);
    expect(scheduler.hear('schedule:due', { wallTime: 900 }, { time: 900 })).toEqual([armed(null), elapsed('late')]);
    expect(scheduler.state()).toBe('idle');
  });

  it('does nothing but rearm when the timer fires early', () => {
    const scheduler = start();
    scheduler.hear('schedule:request', request('a', 500));
    expect(scheduler.hear('schedule:due', { wallTime: 499 }, { time: 499 })).toEqual([armed(500)]);
    expect(scheduler.state()).toBe('armed');
  });

  it('replaces a request by one with the same id', () => {
    const scheduler = start();
    scheduler.hear('schedule:request', request('a', 500));
    scheduler.hear('schedule:request', request('a', 800));
    expect(scheduler.hear('schedule:due', { wallTime: 500 }, { time: 500 })).toEqual([armed(800)]);
  });

  it('forgets what is cancelled, and does not mind a cancel of what is not there', () => {
    const scheduler = start();
    scheduler.hear('schedule:request', request('a', 500));
    expect(scheduler.hear('schedule:cancel', { scheduleId: 'a' })).toEqual([]);
    expect(scheduler.hear('schedule:cancel', { scheduleId: 'a' })).toEqual([]);
    expect(scheduler.hear('schedule:due', { wallTime: 500 }, { time: 500 })).toEqual([armed(null)]);
  });

  it('repeats a recurring request, once for however many of its times have passed', () => {
    const scheduler = start();
    scheduler.hear('schedule:request', request('a', 100, 50));
    expect(scheduler.hear('schedule:due', { wallTime: 100 }, { time: 100 })).toEqual([armed(150), elapsed('a')]);
    expect(scheduler.hear('schedule:due', { wallTime: 330 }, { time: 330 })).toEqual([armed(350), elapsed('a')]);
    expect(scheduler.hear('schedule:due', { wallTime: 350 }, { time: 350 })).toEqual([armed(400), elapsed('a')]);
  });

  it('says that an attempt ran longer than it may', () => {
    const scheduler = start();
    scheduler.hear('task:started', started({ timeoutMs: 1_000 }), { time: 5 });
    expect(dueAtOf(scheduler.context(), scheduleIds.attempt('w', 't'))).toBe(1_005);
    expect(scheduler.hear('schedule:due', { wallTime: 1_005 }, { time: 1_005 })).toEqual([
      armed(null),
      { type: 'task:timeout', data: { workflowId: 'w', taskId: 't', attempt: 1, leaseId: 'l1', workerId: 'text/v1#1', timeoutMs: 1_000 } },
    ]);
  });

  it('says that a lease has expired where no heartbeat renewed it', () => {
    const scheduler = start();
    scheduler.hear('worker:started', worker);
    scheduler.hear('task:started', started());
    scheduler.hear('worker:heartbeat', beat(35_000), { time: 5_000 });
    expect(scheduler.hear('schedule:due', { wallTime: 30_000 }, { time: 30_000 })).toEqual([armed(35_000)]);
    expect(scheduler.hear('schedule:due', { wallTime: 35_000 }, { time: 35_000 })).toEqual([
      armed(null),
      { type: 'worker:heartbeat_missed', data: { workerId: 'text/v1#1', poolId: 'text/v1' } },
      { type: 'task:lease_expired', data: { workflowId: 'w', taskId: 't', attempt: 1, leaseId: 'l1', workerId: 'text/v1#1' } },
    ]);
  });

  it('never takes a lease back by an older heartbeat, and prefers the deadline when both are over', () => {
    const scheduler = start();
    scheduler.hear('worker:started', worker);
    scheduler.hear('task:started', started({ timeoutMs: 50_000 }));
    scheduler.hear('worker:heartbeat', beat(60_000), { time: 29_000 });
    scheduler.hear('worker:heartbeat', beat(40_000), { time: 29_000 });
    expect(scheduler.hear('schedule:due', { wallTime: 45_000 }, { time: 45_000 })).toEqual([armed(50_000)]);
    expect(scheduler.hear('schedule:due', { wallTime: 61_000 }, { time: 61_000 }).map(({ type }) => type)).toEqual([
      'schedule:armed',
      'task:timeout',
      'worker:heartbeat_missed',
    ]);
  });

  it.each([
    ['is completed', (scheduler: ReturnType<typeof start>) => scheduler.hear('task:completed', completed())],
    ['has failed', (scheduler: ReturnType<typeof start>) => scheduler.hear('task:failed', failed)],
    ['is cancelled', (scheduler: ReturnType<typeof start>) => scheduler.hear('task:cancelled', cancelled)],
  ])('expects no more of an attempt once it %s', (_, end) => {
    const scheduler = start();
    scheduler.hear('task:started', started());
    end(scheduler);
    expect(earliestDue(scheduler.context())).toBeNull();
    expect(scheduler.hear('schedule:due', { wallTime: 400_000 }, { time: 400_000 })).toEqual([armed(null)]);
  });

  it('says when a retry is due, unless its task was cancelled', () => {
    const scheduler = start();
    scheduler.hear('task:retry_scheduled', retry);
    scheduler.hear('task:retry_scheduled', { ...retry, taskId: 'u', dueAt: 1_001 });
    expect(dueAtOf(scheduler.context(), scheduleIds.retry('w', 't'))).toBe(1_000);
    scheduler.hear('task:cancelled', cancelled);
    expect(dueAtOf(scheduler.context(), scheduleIds.retry('w', 't'))).toBeNull();
    expect(scheduler.hear('schedule:due', { wallTime: 2_000 }, { time: 2_000 })).toEqual([
      armed(null),
      { type: 'task:retry', data: { workflowId: 'w', taskId: 'u', protocol: 'text/v1', attempt: 1 } },
    ]);
  });

  it('says that a workflow takes too long, where it has a limit and has not ended', () => {
    const scheduler = start();
    for (const workflowId of ['a', 'b', 'c', 'd']) scheduler.hear('workflow:started', { workflowId, totalTasks: 1, timeoutMs: 1_000 });
    expect(scheduler.hear('workflow:started', { workflowId: 'e', totalTasks: 1 })).toEqual([]);
    scheduler.hear('workflow:completed', { workflowId: 'a', durationMs: 1, counts });
    scheduler.hear('workflow:failed', { workflowId: 'b', durationMs: 1, counts, error, failedTaskIds: [] });
    scheduler.hear('workflow:cancelled', { workflowId: 'c', durationMs: 1, counts, reason: 'r', by: 'user' });
    expect(scheduler.hear('schedule:due', { wallTime: 1_000 }, { time: 1_000 })).toEqual([
      armed(null),
      { type: 'workflow:timeout', data: { workflowId: 'd', timeoutMs: 1_000 } },
    ]);
  });

  it('gives a workflow that is retried all of its time again', () => {
    const scheduler = startMachine('scheduler', schedulerMachine, {});
    const retried = { workflowId: 'w', reason: 'r', by: 'b', kept: 1 };
    expect(scheduler.hear('workflow:retried', retried, { time: 5 })).toEqual([]);
    expect(scheduler.hear('workflow:retried', { ...retried, timeoutMs: 100 }, { time: 5 })).toEqual([
      { type: 'schedule:armed', data: { dueAt: 105 } },
    ]);
    expect(scheduler.hear('schedule:due', { wallTime: 105 }, { time: 105 })).toContainEqual({
      type: 'workflow:timeout',
      data: { workflowId: 'w', timeoutMs: 100 },
    });
  });

  it('says when an open circuit may recover, with its latest epoch; never for one that a person closes', () => {
    const scheduler = start();
    scheduler.hear('circuit:opened', opened);
    scheduler.hear('circuit:opened', { ...opened, epoch: 2, retryAt: 120_000 });
    expect(scheduler.hear('schedule:due', { wallTime: 120_000 }, { time: 120_000 })).toEqual([
      armed(null),
      { type: 'circuit:recovery_due', data: { circuit: 'text', epoch: 2 } },
    ]);
    scheduler.hear('circuit:opened', opened);
    const { retryAt: _, ...isolated } = { ...opened, reason: 'isolated' } as const;
    scheduler.hear('circuit:opened', isolated);
    expect(earliestDue(scheduler.context())).toBeNull();
  });

  it('says that a worker was silent for six heartbeats, unless it has left', () => {
    const scheduler = start();
    scheduler.hear('worker:started', worker);
    scheduler.hear('worker:heartbeat', beat(0), { time: 10_000 });
    expect(scheduler.hear('schedule:due', { wallTime: 30_000 }, { time: 30_000 })).toEqual([armed(40_000)]);
    expect(scheduler.hear('schedule:due', { wallTime: 40_000 }, { time: 40_000 })).toContainEqual({
      type: 'worker:heartbeat_missed',
      data: { workerId: 'text/v1#1', poolId: 'text/v1' },
    });
    scheduler.hear('worker:started', worker);
    scheduler.hear('worker:stopped', { workerId: worker.workerId, poolId: worker.poolId, reason: 'r' });
    expect(earliestDue(scheduler.context())).toBeNull();
    scheduler.hear('worker:started', worker);
    scheduler.hear('worker:failed', { workerId: worker.workerId, poolId: worker.poolId, reason: 'r', tasks: [] });
    expect(earliestDue(scheduler.context())).toBeNull();
  });

  it('remembers nothing of a worker that it does not know or that has left', () => {
    const scheduler = start();
    scheduler.hear('worker:heartbeat', beat(1), { time: 1 });
    expect(scheduler.context().pulses.size).toBe(0);
    scheduler.hear('worker:started', worker);
    scheduler.hear('worker:stopped', { workerId: worker.workerId, poolId: worker.poolId, reason: 'r' });
    expect(scheduler.context().pulses.size).toBe(0);
  });

  it('announces what recovery fed it when the engine starts, and fires what is overdue', () => {
    const scheduler = start();
    scheduler.replay('task:retry_scheduled', retry);
    expect(scheduler.state()).toBe('idle');
    expect(earliestDue(scheduler.context())).toBe(1_000);
    expect(scheduler.hear('engine:started', { mode: 'running', stats }, { time: 9_000 })).toEqual([armed(1_000)]);
    expect(scheduler.hear('schedule:due', { wallTime: 9_000 }, { time: 9_000 }).map(({ type }) => type)).toEqual(['schedule:armed', 'task:retry']);
  });

  it('fires nothing once the engine has stopped, keeps its times, and goes on when one starts', () => {
    const scheduler = start();
    scheduler.hear('schedule:request', request('a', 500));
    expect(scheduler.hear('engine:stopped', { mode: 'stopped', stats, reason: 'r' })).toEqual([{ type: 'schedule:stopped', data: {} }]);
    expect(scheduler.state()).toBe('stopped');
    expect(scheduler.hear('schedule:request', request('b', 100))).toEqual([]);
    expect(scheduler.hear('schedule:due', { wallTime: 500 }, { time: 500 })).toEqual([]);
    expect(scheduler.hear('engine:started', { mode: 'running', stats })).toEqual([armed(100)]);
    expect(scheduler.hear('schedule:due', { wallTime: 500 }, { time: 500 })).toEqual([armed(null), elapsed('b'), elapsed('a')]);
  });

  it('does not pile up what was cancelled', () => {
    const scheduler = start();
    for (let index = 0; index < 2_000; index++) {
      scheduler.hear('task:started', started({ taskId: `t${index}` }));
      if (index >= 10) scheduler.hear('task:completed', completed(`t${index - 10}`));
    }
    const { slots, heap } = scheduler.context().agenda;
    expect(slots.size).toBe(10);
    expect(heap.size).toBeLessThan(100);
  });

  it('fires what a sorted list would, whatever is requested and cancelled', () => {
    const step = fc.record({ id: fc.integer({ min: 0, max: 5 }).map(String), at: fc.integer({ min: 1, max: 50 }), cancel: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const scheduler = start();
        let model: { id: string; at: number }[] = [];
        for (const { id, at, cancel } of steps) {
          model = model.filter((entry) => entry.id !== id);
          if (cancel) scheduler.hear('schedule:cancel', { scheduleId: id });
          else scheduler.hear('schedule:request', request(id, at));
          if (!cancel) model.push({ id, at });
        }
        const due = scheduler.hear('schedule:due', { wallTime: 50 }, { time: 50 }).filter(({ type }) => type === 'schedule:elapsed');
        expect(due).toEqual(model.sort((a, b) => a.at - b.at).map(({ id }) => elapsed(id)));
      }),
    );
  });

  it('is the only owner of what may be requested, and owns nothing else but what it says of itself', () => {
    const owned = eventTypes.filter((type) => (catalogue[type].owners as readonly string[]).includes('scheduler'));
    expect([...owned].sort()).toEqual([...dueTypes, 'schedule:armed', 'schedule:stopped'].sort());
  });

  it('gives what runs, and who is to be heard of, the time again in which nothing could begin; and nothing else', () => {
    const scheduler = startMachine('scheduler', schedulerMachine, {});
    scheduler.hear('worker:started', worker);
    scheduler.hear('task:started', started({ timeoutMs: 20_000 }));
    scheduler.hear('schedule:request', request('a', 10_000));
    scheduler.hear('system:storage_resumed', { since: 0, heldMs: 600_000 }, { time: 600_000 });
    expect(dueAtOf(scheduler.context(), scheduleIds.attempt('w', 't'))).toBe(620_000);
    expect(dueAtOf(scheduler.context(), scheduleIds.worker('text/v1#1'))).toBe(630_000);
    expect(dueAtOf(scheduler.context(), 'a')).toBe(10_000);
    expect(scheduler.hear('schedule:due', { wallTime: 600_000 }, { time: 600_000 }).map(({ type }) => type)).toEqual([
      'schedule:armed',
      'schedule:elapsed',
    ]);
    expect(scheduler.hear('schedule:due', { wallTime: 629_999 }, { time: 629_999 }).map(({ type }) => type)).toEqual([
      'schedule:armed',
      'task:timeout',
    ]);
    expect(scheduler.hear('schedule:due', { wallTime: 630_000 }, { time: 630_000 }).map(({ type }) => type)).toEqual([
      'schedule:armed',
      'worker:heartbeat_missed',
    ]);
  });

  it('gives the workers of what goes on elsewhere a whole lease from the start of the engine, and the attempts no more time', () => {
    const scheduler = startMachine('scheduler', schedulerMachine, {});
    scheduler.hear('task:started', started({ timeoutMs: 2_000_000, remote: true }));
    scheduler.hear('schedule:request', request('a', 10_000));
    expect(scheduler.hear('engine:started', { mode: 'running', stats }, { time: 1_000_000 })).toEqual([
      { type: 'schedule:armed', data: { dueAt: 10_000 } },
    ]);
    expect(dueAtOf(scheduler.context(), scheduleIds.attempt('w', 't'))).toBe(1_030_000);
    scheduler.hear('task:started', started({ taskId: 'u', timeoutMs: 20_000, remote: true }));
    scheduler.hear('engine:started', { mode: 'running', stats }, { time: 1_000_000 });
    expect(dueAtOf(scheduler.context(), scheduleIds.attempt('w', 'u'))).toBe(20_000);
  });

  it('renews the lease of what goes on elsewhere only once its worker has said that it runs it', () => {
    const scheduler = startMachine('scheduler', schedulerMachine, {});
    for (const taskId of ['kept', 'lost', 'other']) scheduler.hear('task:started', started({ taskId, leaseId: `of ${taskId}`, remote: true }));
    scheduler.hear('engine:started', { mode: 'running', stats }, { time: 60_000 });
    const leases = ['kept', 'other'].map((taskId) => ({ workflowId: 'w', taskId, leaseId: 'of kept' }));
    scheduler.hear('worker:started', { ...worker, remote: true, leases }, { time: 61_000 });
    scheduler.hear('worker:heartbeat', beat(100_000), { time: 70_000 });
    const due = scheduler.hear('schedule:due', { wallTime: 90_000 }, { time: 90_000 }).filter(({ type }) => type === 'task:lease_expired');
    expect(due.map(({ data }) => (data as { readonly taskId: string }).taskId)).toEqual(['lost', 'other']);
    expect(dueAtOf(scheduler.context(), scheduleIds.attempt('w', 'kept'))).toBe(100_000);
  });

  it('has the default that is documented', () => expect(schedulerDefaults).toEqual({ missedBeats: 6 }));

  it('says when a workflow is to start that was given a time to come, and no other', () => {
    const scheduler = startMachine('scheduler', schedulerMachine, {});
    expect(scheduler.hear('workflow:submitted', delayed(undefined), { time: 5 })).toEqual([]);
    expect(scheduler.hear('workflow:submitted', delayed(50), { time: 90 })).toEqual([
      { type: 'schedule:armed', data: { dueAt: null, wallDueAt: 50 } },
    ]);
    // The time of events is another one.
    expect(scheduler.hear('schedule:due', { wallTime: 49 }, { time: 100 })).toEqual([
      { type: 'schedule:armed', data: { dueAt: null, wallDueAt: 50 } },
    ]);
    const due = { type: 'workflow:start_due', data: { workflowId: 'w' } };
    expect(scheduler.hear('schedule:due', { wallTime: 50 }, { time: 101 })).toEqual([armed(null), due]);
    scheduler.hear('workflow:submitted', delayed(90), { time: 110 });
    scheduler.hear('workflow:cancelled', { workflowId: 'w', durationMs: 0, counts, reason: 'r', by: 'b' }, { time: 110 });
    expect(dueAtOf(scheduler.context(), scheduleIds.workflow('w'))).toBeNull();
  });

  it('keeps times of the wall clock apart from those of events, and one of either under an id', () => {
    const scheduler = startMachine('scheduler', schedulerMachine, {});
    scheduler.hear('schedule:request', request('even', 100));
    expect(scheduler.hear('schedule:request', { ...request('named', 40), wall: true })).toEqual([
      { type: 'schedule:armed', data: { dueAt: 100, wallDueAt: 40 } },
    ]);
    expect(scheduler.hear('schedule:request', { ...request('later', 50), wall: true })).toEqual([]);
    expect(scheduler.hear('schedule:due', { wallTime: 1_000 }, { time: 99 })).toEqual([armed(100), elapsed('named'), elapsed('later')]);
    scheduler.hear('schedule:request', { ...request('even', 2_000), wall: true });
    expect(scheduler.hear('schedule:due', { wallTime: 1_000 }, { time: 100 })).toEqual([
      { type: 'schedule:armed', data: { dueAt: null, wallDueAt: 2_000 } },
    ]);
    scheduler.hear('schedule:request', request('even', 200));
    expect(scheduler.hear('schedule:due', { wallTime: 9_000 }, { time: 100 })).toEqual([armed(200)]);
    scheduler.hear('schedule:cancel', { scheduleId: 'even' });
    expect(earliestDue(scheduler.context())).toBeNull();
  });

  it('has a sound chart: every state reached, every transition taken, nothing moved by others', () => {
    const { retryAt: _, ...isolated } = { ...opened, reason: 'isolated' } as const;
    const {
      visited: _visited,
      states,
      ...faults
    } = explore(schedulerMachine, {
      component: 'scheduler',
      input: {},
      events: [
        eventOf('schedule:request', request('a', 10)),
        eventOf('schedule:request', request('a', 20, 5)),
        eventOf('schedule:cancel', { scheduleId: 'a' }),
        eventOf('task:started', started({ leaseUntil: 15 })),
        eventOf('task:completed', completed()),
        eventOf('task:failed', failed),
        eventOf('task:cancelled', cancelled),
        eventOf('task:retry_scheduled', { ...retry, dueAt: 12 }),
        eventOf('workflow:submitted', delayed(14)),
        eventOf('workflow:submitted', delayed(15)),
        eventOf('workflow:submitted', delayed(undefined)),
        eventOf('workflow:started', { workflowId: 'w', totalTasks: 1, timeoutMs: 11 }),
        eventOf('workflow:retried', { workflowId: 'w', reason: 'r', by: 'b', kept: 0, timeoutMs: 11 }),
        eventOf('workflow:completed', { workflowId: 'w', durationMs: 1, counts }),
        eventOf('workflow:failed', { workflowId: 'w', durationMs: 1, counts, error, failedTaskIds: [] }),
        eventOf('workflow:cancelled', { workflowId: 'w', durationMs: 1, counts, reason: 'r', by: 'user' }),
        eventOf('worker:started', { ...worker, heartbeatMs: 3 }),
        eventOf('worker:heartbeat', beat(18), { time: 2 }),
        eventOf('worker:stopped', { workerId: worker.workerId, poolId: worker.poolId, reason: 'r' }),
        eventOf('worker:failed', { workerId: worker.workerId, poolId: worker.poolId, reason: 'r', tasks: [] }),
        eventOf('circuit:opened', { ...opened, retryAt: 9 }),
        eventOf('circuit:opened', isolated),
        eventOf('system:storage_resumed', { since: 0, heldMs: 5 }),
        eventOf('engine:started', { mode: 'running', stats }),
        eventOf('engine:stopped', { mode: 'stopped', stats, reason: 'r' }),
        eventOf('schedule:due', { wallTime: 16 }, { time: 16 }),
        eventOf('schedule:armed', { dueAt: 20 }),
        eventOf('schedule:armed', { dueAt: null, wallDueAt: 14 }),
        eventOf('schedule:armed', { dueAt: 9 }),
        eventOf('schedule:armed', { dueAt: null }),
        eventOf('schedule:stopped', {}),
      ],
      distinguish: ({ context }) => {
        const { agenda, dates, pulses, armedFor, wallArmedFor } = context as SchedulerContext;
        return [agenda.slots.size, dates.slots.size, pulses.size, armedFor, wallArmedFor];
      },
      limit: 5_000,
    });
    expect(faults).toEqual({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
    expect(states).toBeGreaterThan(20);
  });
});
