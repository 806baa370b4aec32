import { describe, expect, it } from 'vitest';

import { type HealthStatus, statusAfterFailure, worse, worstOf } from '../../../machines/policies/health.ts';

describe('health', () => {
  it.each([
    ['healthy', 'healthy', 'healthy'],
    ['healthy', 'degraded', 'degraded'],
    ['unhealthy', 'degraded', 'unhealthy'],
  ] as const)('of %s and %s is %s, either way round', (a, b, worst) => {
    expect(worse(a, b)).toBe(worst);
    expect(worse(b, a)).toBe(worst);
  });

  it.each([
    [[], 'healthy'],
    [['healthy', 'degraded'], 'degraded'],
    [['degraded', 'unhealthy', 'healthy'], 'unhealthy'],
  ] as const)('of the whole with %o is %s', (targets: readonly HealthStatus[], worst) => expect(worstOf(targets)).toBe(worst));

  it.each([
    ['healthy', 1, 'degraded'],
    ['degraded', 2, 'degraded'],
    ['degraded', 3, 'unhealthy'],
    ['unhealthy', 1, 'unhealthy'],
  ] as const)('that was %s is, after failure %i of 3, %s', (status, failures, next) => expect(statusAfterFailure(status, failures, 3)).toBe(next));
});
