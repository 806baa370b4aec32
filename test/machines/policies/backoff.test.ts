import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { retryPolicySchema } from '../../../machines/events/definition.ts';
import { type Backoff, backoffMs, retryDefaults } from '../../../machines/policies/backoff.ts';

const backoff = (more: Partial<Backoff> = {}): Backoff => ({
  strategy: 'exponential',
  baseDelayMs: 1_000,
  maxDelayMs: 300_000,
  jitter: 'none',
  ...more,
});

const anyBackoff = fc.record({
  strategy: fc.constantFrom('exponential', 'linear', 'fixed'),
  baseDelayMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
  maxDelayMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
  jitter: fc.constantFrom('full', 'equal', 'none'),
}) as fc.Arbitrary<Backoff>;
const anyAttempt = fc.integer({ min: 1, max: 5_000 });
const anyChance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('retryDefaults', () => {
  it('are those of the vocabulary, and a valid policy', () => {
    expect(retryDefaults).toEqual({ maxAttempts: 3, strategy: 'exponential', baseDelayMs: 1_000, maxDelayMs: 300_000, jitter: 'equal' });
    expect(retryPolicySchema.parse(retryDefaults)).toEqual(retryDefaults);
  });
});

describe('backoffMs', () => {
  it.each([
    ['exponential', 1, 1_000],
    ['exponential', 2, 2_000],
    ['exponential', 9, 256_000],
    ['exponential', 10, 300_000],
    ['exponential', 2_000, 300_000],
    ['linear', 1, 1_000],
    ['linear', 3, 3_000],
    ['linear', 300, 300_000],
    ['linear', 301, 300_000],
    ['fixed', 1, 1_000],
    ['fixed', 50, 1_000],
  ] as const)('waits, with %s delays, after attempt %i for %i ms', (strategy, attempt, expected) => {
    expect(backoffMs(backoff({ strategy }), attempt, 0.5)).toBe(expected);
  });

  it.each([
    ['none', 0, 4_000],
    ['none', 0.9, 4_000],
    ['equal', 0, 2_000],
    ['equal', 0.5, 3_000],
    ['full', 0, 0],
    ['full', 0.5, 2_000],
  ] as const)('spreads a delay of 4 s, with jitter %s at the chance %d, to %i ms', (jitter, chance, expected) => {
    expect(backoffMs(backoff({ jitter }), 3, chance)).toBe(expected);
  });

  it('spreads a delay beyond the cap inside the cap', () => {
    expect(backoffMs(backoff({ jitter: 'equal', maxDelayMs: 1_000 }), 30, 0)).toBe(500);
    expect(backoffMs(backoff({ jitter: 'full', maxDelayMs: 1_000 }), 30, 0.999_999)).toBe(999);
  });

  it('is a whole number between 0 and the cap, whatever the policy', () => {
    fc.assert(
      fc.property(anyBackoff, anyAttempt, anyChance, (policy, attempt, chance) => {
        const delay = backoffMs(policy, attempt, chance);
        return Number.isInteger(delay) && delay >= 0 && delay <= policy.maxDelayMs;
      }),
    );
  });

  it('keeps equal jitter in the upper half, and never shortens from one attempt to the next at the same chance', () => {
    fc.assert(
      fc.property(anyBackoff, anyAttempt, anyChance, (policy, attempt, chance) => {
        const whole = backoffMs({ ...policy, jitter: 'none' }, attempt, chance);
        expect(backoffMs({ ...policy, jitter: 'equal' }, attempt, chance)).toBeGreaterThanOrEqual(Math.floor(whole / 2));
        expect(backoffMs(policy, attempt + 1, chance)).toBeGreaterThanOrEqual(backoffMs(policy, attempt, chance));
      }),
    );
  });
});
