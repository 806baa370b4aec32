import { describe, expect, it } from 'vitest';

import { type CircuitBreakerContext, circuitBreakerDefaults, circuitBreakerMachine, recoveryDelay } from '../../machines/circuit-breaker.ts';
import type { DataOf } from '../../machines/events/catalogue.ts';
import { failure } from '../../machines/failures.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const gone = { providerId: 'llm', protocol: 'llm/v1', methods: ['llm/ask'] };
const identity = { circuit: 'llm', providerId: 'llm', protocol: 'llm/v1' };
const attempt = { workflowId: 'w', taskId: 't', method: 'llm/ask', protocol: 'llm/v1', attempt: 1, providerId: 'llm', circuit: 'llm' };
const completed = (epoch: number): DataOf<'task:completed'> => ({ ...attempt, epoch, result: 1, durationMs: 1 });
const failed = (epoch: number, more: Partial<DataOf<'task:failed'>> = {}): DataOf<'task:failed'> => ({
  ...attempt,
  epoch,
  error: failure('TASK_EXECUTION_FAILED', 'no'),
  durationMs: 1,
  ended: 'error',
  lost: 0,
  ...more,
});
const cancelled = (epoch: number): DataOf<'task:cancelled'> => ({
  workflowId: 'w',
  taskId: 't',
  protocol: 'llm/v1',
  reason: 'user',
  by: 'user',
  attempts: 1,
  circuit: 'llm',
  epoch,
});
const providerError = (origin: DataOf<'provider:error'>['origin'], more: Partial<DataOf<'provider:error'>> = {}): DataOf<'provider:error'> => ({
  providerId: 'llm',
  protocol: 'llm/v1',
  error: failure('PROVIDER_UNHEALTHY', 'down'),
  origin,
  ...more,
});
const byHand = { circuit: 'llm', reason: 'maintenance' };

const start = (options: Partial<CircuitBreakerContext> = {}) =>
  startMachine('circuit', circuitBreakerMachine, { ...identity, failureThreshold: 1, successThreshold: 2, recoveryTimeoutMs: 1_000, ...options });

function startHalfOpen(options: Partial<CircuitBreakerContext> = {}) {
  const breaker = start(options);
  breaker.hear('task:failed', failed(0));
  breaker.hear('circuit:recovery_due', { circuit: 'llm', epoch: 1 }, { time: 1_000 });
  return breaker;
}

describe('circuitBreakerMachine', () => {
  it('opens at the threshold, and says so once', () => {
    const breaker = start({ failureThreshold: 2 });

    expect(breaker.hear('task:failed', failed(0))).toEqual([]);
    expect(breaker.hear('task:failed', failed(0), { time: 7 })).toEqual([
      { type: 'circuit:opened', data: { ...identity, reason: 'failure_threshold', failures: 2, epoch: 1, retryAt: 1_007 } },
    ]);
    expect(breaker.state()).toBe('open');
    expect(breaker.context().retryAt).toBe(1_007);
  });

  it('opens after five consecutive failures unless told otherwise', () => {
    const breaker = startMachine('circuit', circuitBreakerMachine, identity);
    for (let n = 1; n < circuitBreakerDefaults.failureThreshold; n++) breaker.hear('task:failed', failed(0));
    expect(breaker.state()).toBe('closed');
    breaker.hear('task:failed', failed(0));
    expect(breaker.state()).toBe('open');
    expect(circuitBreakerDefaults).toEqual({ failureThreshold: 5, successThreshold: 3, recoveryTimeoutMs: 60_000, halfOpenProbes: 1 });
  });

  it('counts consecutive failures only: a success between them starts over', () => {
    const breaker = start({ failureThreshold: 2 });
    breaker.hear('task:failed', failed(0));
    breaker.hear('task:completed', completed(0));
    breaker.hear('task:failed', failed(0));
    expect(breaker.state()).toBe('closed');
  });

  it.each([
    ['a mistake of the caller', failed(0, { error: failure('TASK_PARAMETER_ERROR', 'no') })],
    ['a lost worker', failed(0, { ended: 'lost' })],
    ['a result of another epoch', failed(3)],
  ])('does not count %s', (_what, data) => {
    const breaker = start();
    expect(breaker.hear('task:failed', data)).toEqual([]);
    expect(breaker.context().failures).toBe(0);
  });

  it('counts an attempt that ran out of time once, like any other failure', () => {
    const breaker = start();
    breaker.hear('task:failed', failed(0, { ended: 'timeout', error: failure('TASK_TIMEOUT', 'late') }));
    expect(breaker.state()).toBe('open');
  });

  it.each(['check', 'start', 'worker'] as const)('counts an error of the provider that its %s showed', (origin) => {
    const breaker = start();
    breaker.hear('provider:error', providerError(origin));
    expect(breaker.state()).toBe('open');
  });

  it('leaves errors that an attempt showed to the attempt itself', () => {
    const breaker = start();
    breaker.hear('provider:error', providerError('attempt'));
    expect(breaker.state()).toBe('closed');
  });

  it('counts the error of a method only where it guards that method or the whole provider', () => {
    const circuits = ['llm', 'llm/llm/ask', 'llm/llm/embed'].map((circuit) => {
      const breaker = start({ circuit });
      breaker.hear('provider:error', providerError('check', { method: 'llm/ask' }));
      return breaker.state();
    });
    expect(circuits).toEqual(['open', 'open', 'closed']);
  });

  it('lets the configured number of probes through when its rest is over', () => {
    const breaker = start({ halfOpenProbes: 2 });
    breaker.hear('task:failed', failed(0));
    expect(breaker.hear('circuit:recovery_due', { circuit: 'llm', epoch: 1 })).toEqual([
      { type: 'circuit:half_open', data: { ...identity, epoch: 1, probes: 2, successes: 0 } },
    ]);
    expect(breaker.state()).toBe('halfOpen');
    expect(breaker.context().retryAt).toBeNull();
  });

  it('ignores a recovery that was due in another epoch', () => {
    const breaker = start();
    breaker.hear('task:failed', failed(0));
    expect(breaker.hear('circuit:recovery_due', { circuit: 'llm', epoch: 0 })).toEqual([]);
    expect(breaker.state()).toBe('open');
  });

  it('grants another probe for each success, and closes with the last one that it asks for', () => {
    const breaker = startHalfOpen();
    expect(breaker.hear('task:completed', completed(1))).toEqual([
      { type: 'circuit:half_open', data: { ...identity, epoch: 1, probes: 1, successes: 1 } },
    ]);
    expect(breaker.hear('task:completed', completed(1))).toEqual([{ type: 'circuit:closed', data: { ...identity, epoch: 1, successes: 2 } }]);
    expect(breaker.state()).toBe('closed');
    expect(breaker.context()).toMatchObject({ failures: 0, successes: 0, reopenings: 0, epoch: 1 });
  });

  it('grants the probe again that ended without a verdict', () => {
    const again = [{ type: 'circuit:half_open', data: { ...identity, epoch: 1, probes: 1, successes: 0 } }];
    const breaker = startHalfOpen();
    expect(breaker.hear('task:cancelled', cancelled(1))).toEqual(again);
    expect(breaker.hear('task:failed', failed(1, { ended: 'lost' }))).toEqual(again);
    expect(breaker.hear('task:failed', failed(1, { error: failure('TASK_PARAMETER_ERROR', 'no') }))).toEqual(again);
    expect(breaker.state()).toBe('halfOpen');
  });

  it('is not moved, on trial, by results that began before it opened', () => {
    const breaker = startHalfOpen();
    breaker.hear('task:completed', completed(0));
    breaker.hear('task:failed', failed(0));
    breaker.hear('task:cancelled', cancelled(0));
    expect(breaker.state()).toBe('halfOpen');
    expect(breaker.stated).toHaveLength(2);
  });

  it('reopens on a failed probe, with a longer rest and another epoch', () => {
    const breaker = startHalfOpen();
    expect(breaker.hear('task:failed', failed(1), { time: 1_000 })).toEqual([
      { type: 'circuit:opened', data: { ...identity, reason: 'probe_failed', failures: 1, epoch: 2, retryAt: 3_000 } },
    ]);
    expect(breaker.state()).toBe('open');
  });

  it('reopens, on trial, when a check of the provider fails', () => {
    const breaker = startHalfOpen();
    breaker.hear('provider:error', providerError('check'));
    expect(breaker.state()).toBe('open');
  });

  it.each([
    [0, 1_000],
    [1, 2_000],
    [5, 32_000],
    [6, 32_000],
    [1_000, 32_000],
  ])('rests, after %i failed trials, for %i ms', (reopenings, delay) => {
    expect(recoveryDelay({ recoveryTimeoutMs: 1_000, reopenings })).toBe(delay);
  });

  it('starts again with the shortest rest once it has been closed', () => {
    const breaker = startHalfOpen({ successThreshold: 1 });
    breaker.hear('task:completed', completed(1));
    const [fact] = breaker.hear('task:failed', failed(1), { time: 5_000 });
    expect(fact).toMatchObject({ data: { reason: 'failure_threshold', epoch: 2, retryAt: 6_000 } });
  });

  it('opens by hand without a time to recover, and closes by hand only', () => {
    const breaker = start();
    expect(breaker.hear('circuit:isolate', byHand)).toEqual([
      { type: 'circuit:opened', data: { ...identity, reason: 'isolated', failures: 0, epoch: 1 } },
    ]);
    breaker.hear('circuit:recovery_due', { circuit: 'llm', epoch: 1 });
    expect(breaker.state()).toBe('isolated');
    expect(breaker.hear('circuit:restore', byHand)).toEqual([{ type: 'circuit:closed', data: { ...identity, epoch: 1, successes: 0 } }]);
    expect(breaker.state()).toBe('closed');
  });

  it('can be isolated while it rests and while it is on trial, and a rest or a trial be ended by hand', () => {
    const resting = start();
    resting.hear('task:failed', failed(0));
    resting.hear('circuit:isolate', byHand);
    const onTrial = startHalfOpen();
    onTrial.hear('circuit:isolate', byHand);
    expect([resting.state(), onTrial.state()]).toEqual(['isolated', 'isolated']);

    const opened = start();
    opened.hear('task:failed', failed(0));
    opened.hear('circuit:restore', byHand);
    const tried = startHalfOpen();
    tried.hear('circuit:restore', byHand);
    expect([opened.state(), tried.state()]).toEqual(['closed', 'closed']);
  });

  const started = (recovered: boolean) => ({ providerId: 'llm', protocol: 'llm/v1', recovered });

  it('tries a provider that has recovered at once, however long its rest was to last', () => {
    const breaker = start({ recoveryTimeoutMs: 600_000 });
    breaker.hear('provider:error', providerError('check'));
    expect(breaker.hear('provider:started', started(true))).toEqual([
      { type: 'circuit:half_open', data: { ...identity, epoch: 1, probes: 1, successes: 0 } },
    ]);
    expect(breaker.state()).toBe('halfOpen');
    expect(breaker.hear('circuit:recovery_due', { circuit: 'llm', epoch: 1 })).toEqual([]);
  });

  it('is not moved by the first start of its provider, nor, where a person opened it, by its recovery', () => {
    const resting = start();
    resting.hear('task:failed', failed(0));
    const byPerson = start();
    byPerson.hear('circuit:isolate', byHand);
    expect([resting.hear('provider:started', started(false)), byPerson.hear('provider:started', started(true))]).toEqual([[], []]);
  });

  it('replays to the same state from its facts alone', () => {
    const live = startHalfOpen();
    live.hear('task:completed', completed(1));

    const replayed = start();
    for (const fact of live.stated) replayed.replay(fact.type, fact.data as never);

    expect(replayed.state()).toBe('halfOpen');
    expect(replayed.context()).toEqual(live.context());
  });

  it('goes with what it guards, in whichever state, and says so', () => {
    for (const type of ['provider:unregistered', 'provider:reduced'] as const) {
      for (const it of [start(), startHalfOpen()]) {
        expect(it.hear(type, { ...gone, reason: 'r' })).toEqual([{ type: 'circuit:removed', data: identity }]);
        expect(it.state()).toBe('removed');
      }
    }
  });

  it('reaches every state, takes every transition, and is moved by its own facts only', () => {
    const opened = (reason: DataOf<'circuit:opened'>['reason']) =>
      eventOf('circuit:opened', { ...identity, reason, failures: 1, epoch: 1, retryAt: 1 });
    const { unvisited, untaken, movedByOthers, unhandled, errors } = explore(circuitBreakerMachine, {
      component: 'circuit',
      input: { ...identity, failureThreshold: 2, successThreshold: 2 },
      events: [
        eventOf('task:completed', completed(0)),
        eventOf('task:completed', completed(1)),
        eventOf('task:failed', failed(0)),
        eventOf('task:failed', failed(1)),
        eventOf('task:failed', failed(1, { ended: 'lost' })),
        eventOf('task:cancelled', cancelled(1)),
        eventOf('provider:error', providerError('check')),
        eventOf('provider:error', providerError('attempt')),
        eventOf('circuit:recovery_due', { circuit: 'llm', epoch: 1 }),
        ...[true, false].map((recovered) => eventOf('provider:started', started(recovered))),
        eventOf('circuit:isolate', byHand),
        eventOf('circuit:restore', byHand),
        opened('failure_threshold'),
        opened('isolated'),
        ...[0, 1].map((successes) => eventOf('circuit:half_open', { ...identity, epoch: 1, probes: 1, successes })),
        eventOf('circuit:closed', { ...identity, epoch: 1, successes: 2 }),
        eventOf('provider:unregistered', { ...gone, reason: 'r' }),
        eventOf('provider:reduced', { ...gone, reason: 'r' }),
        eventOf('circuit:removed', identity),
      ],
      distinguish: ({ context }) => [context.epoch, Math.min(context.failures, 2), Math.min(context.reopenings, 2), context.successes],
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
