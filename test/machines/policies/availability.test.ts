import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Candidate, circuitOf, hindranceOf, hindranceOfAll, learn, serviceOf } from '../../../machines/policies/availability.ts';
import { poolDefaults } from '../../../machines/pool.ts';

const candidate = (providerId: string, more: Partial<Candidate> = {}): Candidate => ({
  providerId,
  remote: false,
  circuit: providerId,
  epoch: 0,
  rest: null,
  standing: 'started',
  until: null,
  ...more,
});

describe('hindranceOf', () => {
  it.each([
    [{}, null],
    [{ standing: 'degraded' }, null],
    [{ standing: 'starting' }, { reason: 'no_provider' }],
    [{ standing: 'stopped' }, { reason: 'draining' }],
    [
      { standing: 'unhealthy', until: 5 },
      { reason: 'unhealthy', until: 5 },
    ],
    [
      { standing: 'overloaded', until: 7 },
      { reason: 'overloaded', until: 7 },
    ],
    [{ rest: { until: 9 } }, { reason: 'circuit_open', until: 9 }],
    [{ rest: { until: null } }, { reason: 'circuit_open' }],
    [
      { standing: 'unhealthy', until: 5, rest: { until: 9 } },
      { reason: 'unhealthy', until: 5 },
    ],
    [
      { standing: 'overloaded', until: 5, rest: { until: 9 } },
      { reason: 'circuit_open', until: 9 },
    ],
  ] as const)('of %o is %o', (more, expected) => {
    expect(hindranceOf(candidate('a', more))).toEqual(expected);
  });
});

describe('serviceOf', () => {
  it('takes the first candidate that can be called, a degraded one only where no sound one can', () => {
    const degraded = candidate('a', { standing: 'degraded' });
    const sound = candidate('b', { epoch: 3 });
    expect(serviceOf([degraded, sound, candidate('c')])).toEqual({ providerId: 'b', circuit: 'b', epoch: 3 });
    expect(serviceOf([candidate('x', { standing: 'stopped' }), degraded])).toMatchObject({ providerId: 'a' });
    expect(serviceOf([candidate('x', { standing: 'stopped' })])).toBeNull();
  });
});

describe('hindranceOfAll', () => {
  it('is that of the candidate that may be back first', () => {
    const resting = candidate('a', { rest: { until: 90 } });
    const unhealthy = candidate('b', { standing: 'unhealthy', until: 40 });
    expect(hindranceOfAll([candidate('c', { standing: 'stopped' }), resting, unhealthy])).toEqual({ reason: 'unhealthy', until: 40 });
    expect(hindranceOfAll([])).toEqual({ reason: 'no_provider' });
    expect(hindranceOfAll([candidate('c', { standing: 'stopped' }), candidate('d', { standing: 'starting' })])).toEqual({ reason: 'draining' });
  });

  it('is there exactly when nobody serves', () => {
    const standing = fc.constantFrom('starting', 'started', 'degraded', 'overloaded', 'unhealthy', 'stopped' as const);
    const until = fc.option(fc.nat());
    const rest = fc.option(fc.record({ until }));
    const any = fc.record({ providerId: fc.string(), remote: fc.boolean(), circuit: fc.option(fc.string()), epoch: fc.nat(), rest, standing, until });
    fc.assert(
      fc.property(fc.array(any), (candidates) => {
        expect(hindranceOfAll(candidates) === null).toBe(serviceOf(candidates) !== null);
      }),
    );
  });
});

describe('circuitOf', () => {
  const pool = { ...poolDefaults, max: 1 };
  const options = { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 1, halfOpenProbes: 1 };
  it.each([
    [null, null],
    [{ scope: 'provider', ...options }, 'llm'],
    [{ scope: 'method', ...options }, 'llm/llm/ask'],
  ] as const)('with options %o is %s', (circuit, expected) => {
    expect(circuitOf({ providerId: 'llm', protocol: 'llm/v1', methods: ['llm/ask'], circuit, pool, remote: false }, 'llm/ask')).toBe(expected);
  });
});

describe('learn', () => {
  it('gives back the same list where an event tells nothing about its candidates', () => {
    const candidates = [candidate('a')];
    const stamp = { id: '1', seq: 1, time: 0, source: 'test', severity: 'info', correlation: { correlationId: '1' } } as const;
    const data = { providerId: 'z', protocol: 'llm/v1', recovered: false };
    expect(learn(candidates, { ...stamp, type: 'provider:started', data }, 'llm/ask')).toBe(candidates);
  });
});
