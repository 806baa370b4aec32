import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { failure } from '../../../machines/failures.ts';
import { isOverload, isOwnFault, probeDelay } from '../../../machines/policies/provider-health.ts';

describe('isOwnFault', () => {
  it.each([
    ['PROVIDER_TIMEOUT', 'error', true],
    ['PROVIDER_NOT_AVAILABLE', 'error', true],
    ['NETWORK_UNREACHABLE', 'error', true],
    ['CONNECTION_LOST', 'error', true],
    ['CONNECTION_LOST', 'lost', false],
    ['PROVIDER_OVERLOADED', 'error', false],
    ['RATE_LIMIT_EXCEEDED', 'error', false],
    ['AUTHENTICATION_FAILED', 'error', false],
    ['TASK_EXECUTION_FAILED', 'error', false],
    ['TASK_TIMEOUT', 'timeout', false],
  ] as const)('says of %s, ended by %s: %s', (code, ended, expected) => {
    expect(isOwnFault({ ended, error: failure(code, '') })).toBe(expected);
  });
});

describe('isOverload', () => {
  it('knows the two codes with which a provider asks for rest', () => {
    expect(isOverload(failure('PROVIDER_OVERLOADED', ''))).toBe(true);
    expect(isOverload(failure('RATE_LIMIT_EXCEEDED', ''))).toBe(true);
    expect(isOverload(failure('RESOURCE_EXHAUSTED', ''))).toBe(false);
  });
});

describe('probeDelay', () => {
  it.each([
    [0, 100],
    [1, 200],
    [3, 800],
    [4, 1_000],
    [2_000, 1_000],
  ])('is, after %i checks, %i ms', (probes, delay) => {
    expect(probeDelay({ probeBaseMs: 100, probeMaxMs: 1_000, probes })).toBe(delay);
  });

  it('never shrinks from check to check, and never exceeds its cap', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(100_000), fc.nat(2_000), (probeBaseMs, probeMaxMs, probes) => {
        const delay = probeDelay({ probeBaseMs, probeMaxMs, probes });
        expect(delay).toBeLessThanOrEqual(probeMaxMs);
        expect(probeDelay({ probeBaseMs, probeMaxMs, probes: probes + 1 })).toBeGreaterThanOrEqual(delay);
      }),
    );
  });
});
