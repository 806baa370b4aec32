import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../machines/events/catalogue.ts';
import { failure } from '../../machines/failures.ts';
import { methodRouterMachine, unavailabilityOf } from '../../machines/method-router.ts';
import { poolDefaults } from '../../machines/pool.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const route = { protocol: 'llm/v1', method: 'llm/ask' };
const pool = { ...poolDefaults, max: 1 };
const guarded = { scope: 'provider', failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 1, halfOpenProbes: 1 } as const;
const of = (providerId: string) => ({ providerId, protocol: 'llm/v1' });
const registered = (providerId: string, more: Partial<DataOf<'provider:registered'>> = {}): DataOf<'provider:registered'> => ({
  ...of(providerId),
  methods: ['llm/ask'],
  circuit: guarded,
  pool,
  remote: false,
  ...more,
});
const extended = (providerId: string): DataOf<'provider:extended'> => ({ ...of(providerId), methods: ['llm/ask'], circuit: guarded, remote: true });
const gone = (providerId: string) => ({ ...of(providerId), methods: ['llm/ask'], reason: 'gone' });
const startedFact = (providerId: string) => ({ ...of(providerId), recovered: false });
const stopped = (providerId: string) => ({ ...of(providerId), reason: 'stop' });
const degraded = (providerId: string) => ({ ...of(providerId), consecutiveFailures: 3 });
const unhealthy = (providerId: string, retryAt: number) => ({ ...of(providerId), consecutiveFailures: 6, retryAt });
const opened = (circuit: string, epoch: number, retryAt?: number): DataOf<'circuit:opened'> => ({
  ...of('llm'),
  circuit,
  reason: 'failure_threshold',
  failures: 1,
  epoch,
  ...(retryAt === undefined ? {} : { retryAt }),
});
const halfOpen = (epoch: number, successes = 0) => ({ ...of('llm'), circuit: 'llm', epoch, probes: 1, successes });
const closed = (epoch: number) => ({ ...of('llm'), circuit: 'llm', epoch, successes: 3 });
const verdict = (providerId: string, status: 'healthy' | 'degraded') => ({ component: `provider/${providerId}`, status, details: {}, durationMs: 1 });
const available = (providerId: string, circuit: string | null = providerId, epoch = 0) => ({
  type: 'method:available',
  data: { ...route, providerId, circuit, epoch },
});
const unavailable = (reason: DataOf<'method:unavailable'>['reason'], until?: number) => ({
  type: 'method:unavailable',
  data: { ...route, reason, ...(until === undefined ? {} : { until }) },
});

const start = () => startMachine('methods', methodRouterMachine, route);

function serving(...providerIds: readonly string[]) {
  const method = start();
  for (const providerId of providerIds) method.hear('provider:registered', registered(providerId));
  for (const providerId of providerIds) method.hear('provider:started', startedFact(providerId));
  return method;
}

describe('methodRouterMachine', () => {
  it('is unavailable, without saying so, until a provider of the method has started', () => {
    const method = start();
    expect(method.hear('provider:registered', registered('llm'))).toEqual([]);
    expect(method.state()).toEqual({ unavailable: 'noProvider' });
    expect(unavailabilityOf(method.context())).toEqual({ reason: 'no_provider' });
    expect(method.hear('provider:started', startedFact('llm'))).toEqual([available('llm')]);
    expect(method.state()).toBe('available');
    expect(unavailabilityOf(method.context())).toBeNull();
  });

  it.each([
    ['the provider', guarded, 'llm'],
    ['each of its methods', { ...guarded, scope: 'method' }, 'llm/llm/ask'],
    ['nothing', null, null],
  ] as const)('names the circuit where one guards %s', (_what, circuit, expected) => {
    const method = start();
    method.hear('provider:registered', registered('llm', { circuit }));
    expect(method.hear('provider:started', startedFact('llm'))).toEqual([available('llm', expected)]);
  });

  it('says why and until when while the circuit is open, and minds its own circuit only', () => {
    const method = serving('llm');
    expect(method.hear('circuit:opened', opened('llm/llm/embed', 1, 90))).toEqual([]);
    expect(method.hear('circuit:opened', opened('llm', 1, 100))).toEqual([unavailable('circuit_open', 100)]);
    expect(method.state()).toEqual({ unavailable: 'circuitOpen' });
    expect(unavailabilityOf(method.context())).toEqual({ reason: 'circuit_open', until: 100 });
  });

  it('knows no end where a person opened the circuit', () => {
    expect(serving('llm').hear('circuit:opened', opened('llm', 1))).toEqual([unavailable('circuit_open')]);
  });

  it('is available again, at the new epoch, when the circuit is half-open, and says so once', () => {
    const method = serving('llm');
    method.hear('circuit:opened', opened('llm', 1, 100));
    expect(method.hear('circuit:half_open', halfOpen(1))).toEqual([available('llm', 'llm', 1)]);
    expect(method.hear('circuit:half_open', halfOpen(1, 1))).toEqual([]);
    expect(method.hear('circuit:closed', closed(1))).toEqual([]);
  });

  it('is unavailable while its provider is unhealthy, and says so again when there is another date', () => {
    const method = serving('llm');
    expect(method.hear('provider:unhealthy', unhealthy('llm', 10))).toEqual([unavailable('unhealthy', 10)]);
    expect(method.hear('provider:unhealthy', unhealthy('llm', 10))).toEqual([]);
    expect(method.hear('provider:unhealthy', unhealthy('llm', 30))).toEqual([unavailable('unhealthy', 30)]);
    expect(method.state()).toEqual({ unavailable: 'unhealthy' });
    expect(method.hear('provider:started', startedFact('llm'))).toEqual([available('llm')]);
  });

  it('is unavailable while its provider is overloaded, and while it drains', () => {
    const method = serving('llm');
    expect(method.hear('provider:overloaded', { ...of('llm'), until: 20 })).toEqual([unavailable('overloaded', 20)]);
    expect(method.state()).toEqual({ unavailable: 'overloaded' });
    expect(method.hear('provider:stopped', stopped('llm'))).toEqual([unavailable('draining')]);
    expect(method.state()).toEqual({ unavailable: 'draining' });
  });

  it('has no provider any more when the last one is unregistered', () => {
    const method = serving('llm');
    expect(method.hear('provider:unregistered', gone('llm'))).toEqual([unavailable('no_provider')]);
    expect(method.state()).toBe('forgotten');
  });

  it('moves to the next provider in the order of registration, and back', () => {
    const method = serving('llm', 'spare');
    expect(method.stated).toEqual([available('llm')]);
    expect(method.hear('provider:unhealthy', unhealthy('llm', 10))).toEqual([available('spare')]);
    expect(method.hear('provider:started', startedFact('llm'))).toEqual([available('llm')]);
  });

  it('prefers a provider of this process to remote workers, whoever came first: those take what is offered for it as well', () => {
    const method = startMachine('methods', methodRouterMachine, route);
    method.hear('provider:registered', registered('remote', { remote: true }));
    for (const id of ['first', 'second']) method.hear('provider:registered', registered(id));
    expect(method.context().candidates.map(({ providerId }) => providerId)).toEqual(['first', 'second', 'remote']);
    for (const id of ['remote', 'first']) method.hear('provider:started', startedFact(id));
    expect(method.context().said).toMatchObject({ providerId: 'first' });
    method.hear('provider:unhealthy', unhealthy('first', 9));
    expect(method.context().said).toMatchObject({ providerId: 'remote' });
  });

  it('prefers a sound provider to a degraded one, whoever says that it is', () => {
    const method = serving('llm', 'spare');
    expect(method.hear('provider:degraded', degraded('llm'))).toEqual([available('spare')]);
    expect(method.hear('health:check_completed', verdict('llm', 'healthy'))).toEqual([available('llm')]);
    const failed = { component: 'provider/llm', status: 'degraded', error: failure('PROVIDER_UNHEALTHY', 'no'), durationMs: 1 } as const;
    expect(method.hear('health:check_failed', failed)).toEqual([available('spare')]);
    expect(method.hear('provider:degraded', degraded('spare'))).toEqual([available('llm')]);
  });

  it('is not made available by a verdict of the health monitor, nor unavailable', () => {
    const method = serving('llm');
    expect(method.hear('health:check_completed', verdict('llm', 'degraded'))).toEqual([]);
    method.hear('provider:unhealthy', unhealthy('llm', 10));
    expect(method.hear('health:check_completed', verdict('llm', 'healthy'))).toEqual([]);
    expect(method.hear('health:check_completed', { ...verdict('llm', 'healthy'), component: 'engine' })).toEqual([]);
  });

  it('gives the reason of the provider that may be back first', () => {
    const method = serving('llm', 'spare');
    method.hear('circuit:opened', opened('llm', 1, 100));
    expect(method.hear('provider:unhealthy', unhealthy('spare', 50))).toEqual([unavailable('unhealthy', 50)]);
  });

  it('keeps what it knows of the circuit when a provider is registered again, and forgets one that lost the method', () => {
    const method = serving('llm');
    method.hear('circuit:opened', opened('llm', 4, 100));
    expect(method.hear('provider:registered', registered('llm'))).toEqual([]);
    expect(method.hear('circuit:closed', closed(4))).toEqual([available('llm', 'llm', 4)]);
    expect(method.hear('provider:registered', registered('llm', { methods: [] }))).toEqual([unavailable('no_provider')]);
  });

  it('goes on when its provider is registered once more, and waits for the start of one that had stopped', () => {
    const method = serving('llm');
    expect(method.hear('provider:registered', registered('llm'))).toEqual([]);
    method.hear('provider:stopped', stopped('llm'));
    expect(method.hear('provider:registered', registered('llm'))).toEqual([unavailable('no_provider')]);
    expect(method.hear('provider:started', startedFact('llm'))).toEqual([available('llm', 'llm', 0)]);
  });

  it('replays to the same state from its facts alone', () => {
    const live = serving('llm');
    live.hear('circuit:opened', opened('llm', 1, 100));
    const replayed = start();
    for (const fact of live.stated) replayed.replay(fact.type, fact.data as never);
    expect(replayed.state()).toEqual({ unavailable: 'circuitOpen' });
    expect(replayed.context().said).toEqual(live.context().said);
  });

  it('is forgotten with the last provider of it, whatever that was like, and says so', () => {
    const method = serving('llm');
    method.hear('provider:registered', registered('other'));
    expect(method.hear('provider:reduced', gone('llm'))).toEqual([unavailable('no_provider')]);
    expect(method.hear('provider:unregistered', gone('other'))).toEqual([unavailable('no_provider')]);
    expect(method.state()).toBe('forgotten');
  });

  it('is available at once by a provider that takes part already and comes to have it', () => {
    const method = start();
    const circuit = 'far';
    expect(method.hear('provider:extended', { ...extended('far'), circuit: { ...guarded, scope: 'provider' } })).toEqual([
      available('far', circuit, 0),
    ]);
    expect(method.hear('provider:extended', extended('far'))).toEqual([]);
  });

  it('reaches every state, takes every transition, and is moved by its own facts only', () => {
    const { unvisited, untaken, movedByOthers, unhandled, errors } = explore(methodRouterMachine, {
      component: 'methods',
      input: route,
      events: [
        eventOf('provider:registered', registered('llm')),
        eventOf('provider:unregistered', gone('llm')),
        eventOf('provider:reduced', gone('llm')),
        eventOf('provider:extended', extended('llm')),
        eventOf('provider:started', startedFact('llm')),
        eventOf('provider:stopped', stopped('llm')),
        eventOf('provider:degraded', degraded('llm')),
        eventOf('provider:unhealthy', unhealthy('llm', 10)),
        eventOf('provider:overloaded', { ...of('llm'), until: 20 }),
        eventOf('circuit:opened', opened('llm', 1, 100)),
        eventOf('circuit:half_open', halfOpen(1)),
        eventOf('circuit:closed', closed(1)),
        eventOf('health:check_completed', verdict('llm', 'healthy')),
        eventOf('health:check_failed', { component: 'provider/llm', status: 'degraded', error: failure('PROVIDER_UNHEALTHY', 'no'), durationMs: 1 }),
        eventOf('method:available', { ...route, providerId: 'llm', circuit: 'llm', epoch: 0 }),
        ...(['no_provider', 'circuit_open', 'unhealthy', 'overloaded', 'draining'] as const).map((reason) =>
          eventOf('method:unavailable', { ...route, reason }),
        ),
      ],
      distinguish: ({ context }) => context,
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
