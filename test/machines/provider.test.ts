import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../machines/events/catalogue.ts';
import { type ErrorCode, failure } from '../../machines/failures.ts';
import { poolDefaults } from '../../machines/pool.ts';
import { providerDefaults, providerMachine } from '../../machines/provider.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const identity = { providerId: 'llm', protocol: 'llm/v1' };
const input = { ...identity, methods: ['llm/ask'], degradedAfter: 2, unhealthyAfter: 3, probeBaseMs: 1_000, probeMaxMs: 4_000 };
const attempt = { workflowId: 'w', taskId: 't', method: 'llm/ask', protocol: 'llm/v1', attempt: 1, providerId: 'llm', workerId: 'llm/v1#1' };

const completed: DataOf<'task:completed'> = { ...attempt, result: 1, durationMs: 1 };
const failed = (code: ErrorCode, more: Partial<DataOf<'task:failed'>> = {}): DataOf<'task:failed'> => ({
  ...attempt,
  error: failure(code, 'no'),
  durationMs: 1,
  ended: 'error',
  lost: 0,
  ...more,
});
const overload = (retryAfterMs?: number) =>
  failed('PROVIDER_OVERLOADED', { error: failure('PROVIDER_OVERLOADED', 'busy', retryAfterMs === undefined ? {} : { retryAfterMs }) });
const checked = (ok: boolean, phase: 'start' | 'check' = 'check'): DataOf<'provider:checked'> => ({ providerId: 'llm', phase, ok, durationMs: 1 });
const elapsed = (timer: string): DataOf<'schedule:elapsed'> => ({ component: 'provider', key: 'llm', timer });
const request = (timer: string, dueAt: number) => ({
  type: 'schedule:request',
  data: { scheduleId: `provider/llm/${timer}`, dueAt, event: { type: 'schedule:elapsed', data: elapsed(timer) } },
});
const cancel = (timer: string) => ({ type: 'schedule:cancel', data: { scheduleId: `provider/llm/${timer}` } });
const shutdown = { reason: 'stop', deadlineMs: 1, deadlineAt: 1 };
const registered: DataOf<'provider:registered'> = {
  ...identity,
  methods: ['llm/ask', 'llm/embed'],
  circuit: null,
  pool: { ...poolDefaults, max: 1 },
  remote: false,
};

const start = (options: Partial<typeof input> = {}) => startMachine('provider', providerMachine, { ...input, ...options });

function started(options: Partial<typeof input> = {}) {
  const provider = start(options);
  provider.hear('provider:checked', checked(true, 'start'));
  return provider;
}

function unhealthy(time = 0) {
  const provider = started();
  for (let n = 0; n < 3; n++) provider.hear('task:failed', failed('PROVIDER_TIMEOUT'), { time });
  return provider;
}

describe('providerMachine', () => {
  it('is started by the report of its start, and says so', () => {
    const provider = start();
    expect(provider.state()).toBe('starting');
    expect(provider.hear('provider:checked', checked(true, 'start'))).toEqual([
      { type: 'provider:started', data: { ...identity, recovered: false } },
      cancel('probe'),
    ]);
    expect(provider.state()).toBe('started');
  });

  it('says why its start failed, and checks itself again after a while', () => {
    const provider = start();
    const error = failure('CONNECTION_REFUSED', 'nobody there');
    expect(provider.hear('provider:checked', { ...checked(false, 'start'), error }, { time: 5 })).toEqual([
      { type: 'provider:error', data: { ...identity, error, origin: 'start' } },
      request('probe', 1_005),
    ]);
    expect(provider.state()).toBe('starting');

    expect(provider.hear('schedule:elapsed', elapsed('probe'), { time: 1_005 })).toEqual([
      { type: 'provider:health_check', data: { providerId: 'llm' } },
      request('probe', 3_005),
    ]);
    expect(provider.hear('provider:checked', checked(true), { time: 1_010 })[0]).toEqual({
      type: 'provider:started',
      data: { ...identity, recovered: false },
    });
  });

  it('gives a failure that names no error the code of what failed', () => {
    const provider = start();
    const [first] = provider.hear('provider:checked', checked(false, 'start'));
    const [second] = provider.hear('provider:checked', checked(false));
    expect(first).toMatchObject({ data: { error: { code: 'PROVIDER_INITIALIZATION_FAILED' } } });
    expect(second).toMatchObject({ data: { error: { code: 'PROVIDER_UNHEALTHY' }, origin: 'check' } });
  });

  it('is unhealthy when its start keeps failing', () => {
    const provider = start();
    for (let n = 0; n < 3; n++) provider.hear('provider:checked', checked(false, 'start'));
    expect(provider.state()).toBe('unhealthy');
  });

  it('is degraded after several faults in a row, unhealthy after more, and names the worker in which each showed', () => {
    const provider = started();
    const error = {
      type: 'provider:error',
      data: { ...identity, method: 'llm/ask', workerId: 'llm/v1#1', error: failure('PROVIDER_TIMEOUT', 'no'), origin: 'attempt' },
    };

    expect(provider.hear('task:failed', failed('PROVIDER_TIMEOUT'))).toEqual([error]);
    expect(provider.hear('task:failed', failed('PROVIDER_TIMEOUT'))).toEqual([
      error,
      { type: 'provider:degraded', data: { ...identity, consecutiveFailures: 2 } },
    ]);
    expect(provider.state()).toBe('degraded');
    expect(provider.hear('task:failed', failed('PROVIDER_TIMEOUT'), { time: 10 })).toEqual([
      error,
      { type: 'provider:unhealthy', data: { ...identity, consecutiveFailures: 3, retryAt: 1_010 } },
      request('probe', 1_010),
    ]);
    expect(provider.state()).toBe('unhealthy');
  });

  it('counts failed checks like faults of its attempts', () => {
    const provider = started();
    provider.hear('provider:checked', checked(false));
    provider.hear('task:failed', failed('CONNECTION_REFUSED'));
    expect(provider.state()).toBe('degraded');
    provider.hear('provider:checked', checked(false));
    expect(provider.state()).toBe('unhealthy');
  });

  it('keeps the documented thresholds unless told otherwise', () => {
    expect(providerDefaults).toMatchObject({ degradedAfter: 3, unhealthyAfter: 6 });
    const provider = startMachine('provider', providerMachine, { ...identity, methods: [] });
    provider.hear('provider:checked', checked(true, 'start'));
    const states = Array.from({ length: 6 }, () => {
      provider.hear('task:failed', failed('PROVIDER_TIMEOUT'));
      return provider.state();
    });
    expect(states).toEqual(['started', 'started', 'degraded', 'degraded', 'degraded', 'unhealthy']);
  });

  it.each([
    ['what the task did', failed('TASK_EXECUTION_FAILED')],
    ['an attempt that ran too long', failed('TASK_TIMEOUT', { ended: 'timeout' })],
    ['a lost worker', failed('CONNECTION_LOST', { ended: 'lost' })],
  ])('is not blamed for %s', (_what, data) => {
    const provider = started({ degradedAfter: 1 });
    expect(provider.hear('task:failed', data)).toEqual([]);
    expect(provider.state()).toBe('started');
  });

  it.each(['task', 'check'] as const)('begins to count anew after a %s that went well', (what) => {
    const provider = started();
    provider.hear('task:failed', failed('PROVIDER_TIMEOUT'));
    if (what === 'task') provider.hear('task:completed', completed);
    else provider.hear('provider:checked', checked(true));
    provider.hear('task:failed', failed('PROVIDER_TIMEOUT'));
    expect(provider.state()).toBe('started');
  });

  it.each(['task', 'check'] as const)('recovers from being degraded by a %s that went well', (what) => {
    const provider = started({ degradedAfter: 1 });
    provider.hear('task:failed', failed('PROVIDER_TIMEOUT'));
    const facts = what === 'task' ? provider.hear('task:completed', completed) : provider.hear('provider:checked', checked(true));
    expect(facts).toEqual([{ type: 'provider:started', data: { ...identity, recovered: true } }]);
    expect(provider.state()).toBe('started');
  });

  it('is checked again at growing intervals while it is unhealthy, and says when', () => {
    const provider = unhealthy();
    const times = [1_000, 3_000, 7_000, 11_000].map((time, index) => {
      const asked = provider.hear('schedule:elapsed', elapsed('probe'), { time });
      expect(asked[0]?.type).toBe('provider:health_check');
      const [, said] = provider.hear('provider:checked', checked(false), { time: time + 1 });
      const dueAt = provider.context().probeAt;
      expect(asked[1]).toEqual(request('probe', dueAt ?? Number.NaN));
      expect(said).toEqual({ type: 'provider:unhealthy', data: { ...identity, consecutiveFailures: 4 + index, retryAt: dueAt } });
      return dueAt;
    });
    expect(times).toEqual([3_000, 7_000, 11_000, 15_000]);
  });

  it('says once only that it is unhealthy, until there is another date', () => {
    const provider = unhealthy();
    expect(provider.hear('provider:checked', checked(false)).map(({ type }) => type)).toEqual(['provider:error']);
  });

  it('recovers by a check that goes well, and is then as good as new', () => {
    const provider = unhealthy();
    provider.hear('schedule:elapsed', elapsed('probe'), { time: 1_000 });
    expect(provider.hear('provider:checked', checked(true))).toEqual([
      { type: 'provider:started', data: { ...identity, recovered: true } },
      cancel('probe'),
    ]);
    expect(provider.context()).toMatchObject({ failures: 0, probes: 0, probeAt: null, retryAt: null, isBeingChecked: false });
  });

  it('is not trusted again for an attempt that began before, but still shows what went wrong', () => {
    const provider = unhealthy();
    expect(provider.hear('task:completed', completed)).toEqual([]);
    expect(provider.hear('task:failed', failed('PROVIDER_TIMEOUT')).map(({ type }) => type)).toEqual(['provider:error']);
    expect(provider.state()).toBe('unhealthy');
  });

  it('asks for no second check while one is under way, but does not wait for an answer for ever', () => {
    const provider = unhealthy();
    provider.hear('provider:health_check', { providerId: 'llm' });
    expect(provider.hear('schedule:elapsed', elapsed('probe'), { time: 1_000 })).toEqual([request('probe', 3_000)]);
    expect(provider.hear('schedule:elapsed', elapsed('probe'), { time: 3_000 })[0]?.type).toBe('provider:health_check');

    const starting = start();
    starting.hear('provider:health_check', { providerId: 'llm' });
    expect(starting.hear('schedule:elapsed', elapsed('probe'), { time: 1_000 })).toEqual([request('probe', 3_000)]);
  });

  it('rests as long as it asks when it is overloaded, without being blamed', () => {
    const provider = started({ degradedAfter: 1 });
    expect(provider.hear('task:failed', overload(500), { time: 100 })).toEqual([
      { type: 'provider:overloaded', data: { ...identity, until: 600 } },
      request('relief', 600),
    ]);
    expect(provider.state()).toBe('overloaded');
    expect(provider.hear('schedule:elapsed', elapsed('relief'), { time: 600 })).toEqual([
      { type: 'provider:started', data: { ...identity, recovered: true } },
    ]);
    expect(provider.state()).toBe('started');
  });

  it('rests for a second where it does not say for how long, and longer where it asks again', () => {
    const provider = started();
    provider.hear('task:failed', failed('RATE_LIMIT_EXCEEDED'));
    expect(provider.context().overloadedUntil).toBe(1_000);
    expect(provider.hear('task:failed', overload(300), { time: 100 })).toEqual([]);
    provider.hear('task:failed', overload(2_000), { time: 100 });
    expect(provider.hear('schedule:elapsed', elapsed('relief'), { time: 1_000 })).toEqual([]);
    expect(provider.context().overloadedUntil).toBe(2_100);
  });

  it('can become unhealthy while it rests', () => {
    const provider = started();
    provider.hear('task:failed', overload());
    for (let n = 0; n < 2; n++) provider.hear('task:failed', failed('PROVIDER_TIMEOUT'));
    expect(provider.hear('provider:checked', checked(false)).at(-1)).toEqual(cancel('relief'));
    expect(provider.state()).toBe('unhealthy');
    expect(provider.context().overloadedUntil).toBeNull();
  });

  it('stops with the system, whatever it did, and takes its timers with it', () => {
    for (const provider of [start(), started(), unhealthy()]) {
      expect(provider.hear('system:shutdown', shutdown)).toEqual([
        { type: 'provider:stopped', data: { ...identity, reason: 'stop' } },
        cancel('probe'),
        cancel('relief'),
      ]);
      expect(provider.state()).toBe('stopped');
    }
  });

  it('says again that it can be called when it is registered with further methods, and only then', () => {
    const provider = started({ methods: registered.methods });
    expect(provider.hear('provider:registered', registered)).toEqual([]);
    const more = { ...registered, methods: [...registered.methods, 'llm/rank'] };
    expect(provider.hear('provider:registered', more)).toEqual([{ type: 'provider:started', data: { ...identity, recovered: false } }]);
    expect(provider.hear('provider:registered', more)).toEqual([]);
  });

  it('starts again when it is registered again', () => {
    const provider = unhealthy();
    provider.hear('provider:unregistered', { ...identity, methods: [], reason: 'replaced' });
    expect(provider.stated.at(-3)).toEqual({ type: 'provider:stopped', data: { ...identity, reason: 'replaced' } });
    provider.hear('provider:registered', registered);
    expect(provider.state()).toBe('starting');
    expect(provider.context()).toMatchObject({ failures: 0, methods: ['llm/ask', 'llm/embed'] });
  });

  it('replays to the same state from its facts alone', () => {
    const live = unhealthy();
    const replayed = start();
    for (const fact of live.stated) if (!fact.type.startsWith('schedule:')) replayed.replay(fact.type, fact.data as never);
    expect(replayed.state()).toBe('unhealthy');
    expect(replayed.context()).toMatchObject({ retryAt: live.context().retryAt, probeAt: live.context().probeAt });
  });

  it('reaches every state, takes every transition, and is moved by its own facts only, but for being registered again', () => {
    const { unvisited, untaken, movedByOthers, unhandled, errors } = explore(providerMachine, {
      component: 'provider',
      input,
      movedBy: ['provider:registered'],
      events: [
        eventOf('provider:registered', registered),
        eventOf('provider:registered', { ...registered, methods: [...registered.methods, 'llm/rank'] }),
        eventOf('provider:unregistered', { ...identity, methods: [], reason: 'gone' }),
        eventOf('system:shutdown', shutdown),
        eventOf('provider:checked', checked(true)),
        eventOf('provider:checked', checked(false)),
        eventOf('provider:health_check', { providerId: 'llm' }),
        eventOf('task:completed', completed),
        eventOf('task:failed', failed('PROVIDER_TIMEOUT')),
        eventOf('task:failed', overload()),
        eventOf('task:failed', failed('TASK_EXECUTION_FAILED')),
        eventOf('schedule:elapsed', elapsed('probe')),
        eventOf('schedule:elapsed', elapsed('relief'), { time: 9_000 }),
        eventOf('provider:started', { ...identity, recovered: true }),
        eventOf('provider:stopped', { ...identity, reason: 'gone' }),
        eventOf('provider:degraded', { ...identity, consecutiveFailures: 2 }),
        eventOf('provider:unhealthy', { ...identity, consecutiveFailures: 3, retryAt: 1_000 }),
        eventOf('provider:overloaded', { ...identity, until: 500 }),
      ],
      distinguish: ({ context }) => [
        Math.min(context.failures, 3),
        Math.min(context.probes, 1),
        context.isBeingChecked,
        context.probeAt === null,
        context.probeAt === context.retryAt,
      ],
    });
    expect({ unvisited, untaken, movedByOthers, unhandled, errors }).toEqual({
      unvisited: [],
      untaken: [],
      movedByOthers: [],
      unhandled: [],
      errors: [],
    });
  });
});
