import { describe, expect, it } from 'vitest';

import { failure } from '../../machines/failures.ts';
import { type HealthContext, healthDefaults, healthMonitorMachine, overallHealth } from '../../machines/health-monitor.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const stats = { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 };
const pool = {
  min: 1,
  max: 4,
  slots: 1,
  scaleUpAt: 0.8,
  scaleDownAt: 0.2,
  scaleUpBy: 2,
  scaleDownBy: 1,
  cooldownMs: 30_000,
  scaleUpCooldownMs: 30_000,
  quarantineMs: 60_000,
};
const registered = (providerId: string, min = 1) => ({
  providerId,
  protocol: 'text/v1',
  methods: ['text/words'],
  circuit: null,
  pool: { ...pool, min },
  remote: false,
});
const unregistered = { providerId: 'a', protocol: 'text/v1', methods: ['text/words'], reason: 'r' };
const unhealthy = (providerId: string) => ({ providerId, protocol: 'text/v1', consecutiveFailures: 6, retryAt: 9 });
const degraded = { providerId: 'a', protocol: 'text/v1', consecutiveFailures: 3 };
const recovered = (providerId: string) => ({ providerId, protocol: 'text/v1', recovered: true });
const checked = (ok: boolean) => ({ providerId: 'a', phase: 'check' as const, ok, durationMs: 4, ...(ok ? {} : { error }) });
const beat = (lagMs = 0) => ({ workerId: 'w', poolId: 'text/v1', running: 0, slots: 1, leaseUntil: 0, memoryBytes: 0, cpu: 0, lagMs });
const lost = { workerId: 'w', poolId: 'text/v1', reason: 'r', tasks: [] };
const error = failure('PROVIDER_UNHEALTHY', 'Down.');
const checkA = { targets: ['provider/a'] };
const typesOf = (drafts: readonly { readonly type: string }[]) => drafts.map(({ type }) => type);

function start(...providers: string[]) {
  const health = startMachine('health', healthMonitorMachine, {});
  for (const provider of providers) health.hear('provider:registered', registered(provider));
  return health;
}

describe('the health monitor', () => {
  it('asks for a check of everything every 30 seconds while the engine runs', () => {
    const health = start();
    expect(health.hear('engine:started', { mode: 'running', stats }, { time: 5 })).toEqual([
      {
        type: 'schedule:request',
        data: { scheduleId: 'health/check', dueAt: 30_005, everyMs: 30_000, event: { type: 'health:check', data: { targets: [] } } },
      },
    ]);
    expect(health.hear('engine:stopped', { mode: 'stopped', stats, reason: 'r' })).toEqual([
      { type: 'schedule:cancel', data: { scheduleId: 'health/check' } },
    ]);
  });

  it('judges the engine and the workers itself and asks every provider', () => {
    const health = start('a');
    expect(health.hear('health:check', { targets: [] })).toEqual([
      { type: 'health:check_started', data: { component: 'engine' } },
      { type: 'health:check_completed', data: { component: 'engine', status: 'healthy', details: { mode: 'running' }, durationMs: 0 } },
      { type: 'health:check_started', data: { component: 'workers' } },
      { type: 'health:check_completed', data: { component: 'workers', status: 'healthy', details: { beats: 0, lost: 0, lagMs: 0 }, durationMs: 0 } },
      { type: 'health:check_started', data: { component: 'provider/a' } },
      { type: 'provider:health_check', data: { providerId: 'a' } },
    ]);
    expect(health.state()).toEqual({ verdict: 'healthy', activity: 'checking' });
  });

  it('takes a good answer for a good verdict, once', () => {
    const health = start('a');
    health.hear('health:check', checkA);
    expect(health.hear('provider:checked', checked(true))).toEqual([
      { type: 'health:check_completed', data: { component: 'provider/a', status: 'healthy', details: {}, durationMs: 4 } },
    ]);
    expect(health.state()).toEqual({ verdict: 'healthy', activity: 'resting' });
    expect(health.hear('provider:checked', checked(true))).toEqual([]);
  });

  it("leaves a provider's start to the provider", () => {
    const health = start('a');
    health.hear('health:check', checkA);
    expect(health.hear('provider:checked', { ...checked(true), phase: 'start' })).toEqual([]);
  });

  it('holds a provider for degraded when a check fails, and for unhealthy after three in a row', () => {
    const health = start('a');
    const seen = [];
    for (const ok of [false, false, true, false, false, false, true]) {
      health.hear('health:check', checkA);
      health.hear('provider:checked', checked(ok));
      seen.push(overallHealth(health.context()));
    }
    expect(seen).toEqual(['degraded', 'degraded', 'healthy', 'degraded', 'degraded', 'unhealthy', 'healthy']);
    expect(health.state()).toEqual({ verdict: 'healthy', activity: 'resting' });
  });

  it('counts a check without an answer as failed when the next one comes', () => {
    const health = start('a');
    health.hear('health:check', checkA, { time: 0 });
    const said = health.hear('health:check', checkA, { time: 30_000 });
    expect(typesOf(said)).toEqual(['health:check_failed', 'health:check_started', 'provider:health_check']);
    expect(said[0]?.data).toMatchObject({ component: 'provider/a', status: 'degraded', error: { code: 'PROVIDER_TIMEOUT' }, durationMs: 30_000 });
    expect(health.state()).toEqual({ verdict: 'degraded', activity: 'checking' });
  });

  it('believes what a provider says of itself, and does not let a failed check improve it', () => {
    const health = start('a');
    health.hear('provider:degraded', degraded);
    expect(overallHealth(health.context())).toBe('degraded');
    health.hear('provider:unhealthy', unhealthy('a'));
    health.hear('health:check', checkA);
    health.hear('provider:checked', checked(false));
    expect(health.state()).toEqual({ verdict: 'unhealthy', activity: 'resting' });
    expect(typesOf(health.hear('provider:started', recovered('a')))).toEqual(['health:check_completed', 'pool:scale_up']);
    expect(health.state()).toEqual({ verdict: 'healthy', activity: 'resting' });
    expect(health.hear('provider:started', recovered('a'))).toEqual([]);
  });

  it('asks the pool of a protocol to shrink when its last provider becomes unhealthy, and to serve again when one recovers', () => {
    const health = start('a', 'b');
    expect(typesOf(health.hear('provider:unhealthy', unhealthy('a')))).toEqual(['health:check_failed']);
    expect(health.hear('provider:unhealthy', unhealthy('b'))[1]).toEqual({
      type: 'pool:scale_down',
      data: { poolId: 'text/v1', target: 1, reason: 'provider/b is unhealthy' },
    });
    expect(typesOf(health.hear('provider:unhealthy', unhealthy('b')))).toEqual(['health:check_failed']);
    expect(health.hear('provider:started', recovered('a'))[1]).toEqual({
      type: 'pool:scale_up',
      data: { poolId: 'text/v1', target: 1, reason: 'provider/a is healthy again' },
    });
  });

  it('asks for one worker at least where the smallest size of a pool is none', () => {
    const health = startMachine('health', healthMonitorMachine, {});
    health.hear('provider:registered', registered('a', 0));
    expect(health.hear('provider:unhealthy', unhealthy('a'))[1]?.data).toMatchObject({ target: 0 });
    expect(health.hear('provider:started', recovered('a'))[1]?.data).toMatchObject({ target: 1 });
  });

  it('says that a paused engine serves less', () => {
    const health = start();
    expect(health.hear('engine:paused', { reason: 'r' })[0]?.data).toMatchObject({ component: 'engine', status: 'degraded' });
    expect(health.hear('health:check', { targets: ['engine'] })[1]?.data).toMatchObject({ status: 'degraded', details: { mode: 'paused' } });
    health.hear('engine:resumed', { reason: 'r' });
    expect(health.state()).toEqual({ verdict: 'healthy', activity: 'resting' });
  });

  it.each([
    ['healthy', [999], 0],
    ['degraded', [1_000, 5], 0],
    ['degraded', [5], 1],
    ['unhealthy', [], 2],
  ] as const)('holds the workers for %s after heartbeats late by %o and %i lost, and then begins anew', (status, lags, losses) => {
    const health = start();
    for (const lagMs of lags) health.hear('worker:heartbeat', beat(lagMs));
    for (let count = 0; count < losses; count++) health.hear('worker:failed', lost);
    expect(health.hear('health:check', { targets: ['workers'] })[1]?.data).toMatchObject({ component: 'workers', status });
    expect(health.context().workers).toEqual({ beats: 0, lost: 0, lagMs: 0 });
    health.hear('health:check', { targets: ['workers'] });
    expect(overallHealth(health.context())).toBe('healthy');
  });

  it('answers for a target that there is not, and does not remember it', () => {
    const health = start();
    expect(health.hear('health:check', { targets: ['provider/nobody'] })[1]?.data).toMatchObject({ error: { code: 'PROVIDER_NOT_FOUND' } });
    expect(health.context().targets.size).toBe(2);
    expect(health.state()).toEqual({ verdict: 'healthy', activity: 'resting' });
  });

  it('forgets a provider that leaves, and ends a check of it that is under way', () => {
    const health = start('a');
    expect(health.hear('provider:unregistered', unregistered)).toEqual([]);
    health.hear('provider:registered', registered('a'));
    health.hear('health:check', checkA);
    expect(typesOf(health.hear('provider:unregistered', unregistered))).toEqual(['health:check_failed']);
    expect(health.state()).toEqual({ verdict: 'healthy', activity: 'resting' });
    expect(health.context().providers.size + health.context().pending.size).toBe(0);
  });

  it('replays to the same verdicts from its facts alone', () => {
    const live = start('a');
    live.hear('provider:unhealthy', unhealthy('a'));
    const replayed = start('a');
    for (const { type, data } of live.stated) if (type.startsWith('health:')) replayed.replay(type, data as never);
    expect(replayed.state()).toEqual(live.state());
    expect(replayed.context()).toEqual(live.context());
  });

  it('has the defaults that are documented', () => expect(healthDefaults).toEqual({ intervalMs: 30_000, unhealthyAfter: 3, laggingMs: 1_000 }));

  it('has a sound chart: every state reached, every transition taken, nothing moved by others', () => {
    const verdict = { component: 'provider/a', details: {}, durationMs: 0 };
    const fault = { error, durationMs: 0 };
    const {
      visited: _visited,
      states: _states,
      ...faults
    } = explore(healthMonitorMachine, {
      component: 'health',
      input: { unhealthyAfter: 2 },
      events: [
        eventOf('engine:started', { mode: 'running', stats }),
        eventOf('engine:stopped', { mode: 'stopped', stats, reason: 'r' }),
        eventOf('engine:paused', { reason: 'r' }),
        eventOf('engine:resumed', { reason: 'r' }),
        eventOf('provider:registered', registered('a')),
        eventOf('provider:unregistered', unregistered),
        eventOf('provider:started', recovered('a')),
        eventOf('provider:degraded', degraded),
        eventOf('provider:unhealthy', unhealthy('a')),
        eventOf('provider:checked', checked(true)),
        eventOf('provider:checked', checked(false)),
        eventOf('worker:heartbeat', beat()),
        eventOf('worker:failed', lost),
        eventOf('health:check', { targets: [] }),
        eventOf('health:check_started', { component: 'provider/a' }),
        eventOf('health:check_started', { component: 'engine' }),
        ...(['healthy', 'degraded', 'unhealthy'] as const).map((status) => eventOf('health:check_completed', { ...verdict, status })),
        ...(['degraded', 'unhealthy'] as const).map((status) => eventOf('health:check_failed', { component: 'provider/a', status, ...fault })),
        eventOf('health:check_failed', { component: 'engine', status: 'degraded', ...fault }),
        eventOf('health:check_completed', { component: 'engine', status: 'healthy', details: {}, durationMs: 0 }),
      ],
      distinguish: ({ context }) => {
        const { targets, pending, engineMode } = context as HealthContext;
        return [targets, pending, engineMode];
      },
      limit: 5_000,
    });
    expect(faults).toEqual({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
  });
});
