import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { credit, fullRetryBudget, type RetryBudget, refill, retryBudgetDefaults, spend } from '../../../machines/policies/retry-budget.ts';

const anyBudget: fc.Arbitrary<RetryBudget> = fc.record({ tokens: fc.double({ min: -1e4, max: 10, noNaN: true }), at: fc.nat() });

function spendTimes(times: number, time: number): { readonly budget: RetryBudget; readonly waits: readonly number[] } {
  let budget = fullRetryBudget;
  const waits: number[] = [];
  for (let count = 0; count < times; count++) {
    const { tokens, waitMs } = spend(budget, time);
    budget = { tokens, at: time };
    waits.push(waitMs);
  }
  return { budget, waits };
}

describe('the retry budget', () => {
  it('allows 10 retries at once, and puts each further one off by the time of one more token', () => {
    expect(spendTimes(13, 1_000).waits).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200, 300]);
  });

  it('gets a tenth of a token for each completed attempt', () => {
    const { budget } = spendTimes(10, 0);
    const credited = Array.from({ length: 10 }).reduce<RetryBudget>((before) => credit(before, 0), budget);
    expect(credited.tokens).toBeCloseTo(1);
    expect(spend(credited, 0).waitMs).toBeCloseTo(0);
  });

  it('gets tokens with time, never more than it can hold', () => {
    const { budget } = spendTimes(12, 0);
    expect(refill(budget, 200).tokens).toBeCloseTo(0);
    expect(refill(budget, 1_200).tokens).toBeCloseTo(10);
    expect(refill(budget, 1e9).tokens).toBe(retryBudgetDefaults.burst);
    expect(credit({ tokens: retryBudgetDefaults.burst, at: 0 }, 0).tokens).toBe(retryBudgetDefaults.burst);
  });

  it('brings nothing when time runs backwards', () => {
    expect(refill({ tokens: 3, at: 500 }, 400).tokens).toBe(3);
  });

  it('never holds more than its burst, and says exactly when the token of a retry that is put off has come', () => {
    fc.assert(
      fc.property(anyBudget, fc.nat(), (budget, later) => {
        const time = budget.at + later;
        expect(refill(budget, time).tokens).toBeLessThanOrEqual(retryBudgetDefaults.burst);
        const { tokens, waitMs } = spend(budget, time);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        if (waitMs > 0) expect(refill({ tokens, at: time }, time + waitMs).tokens).toBeCloseTo(0, 3);
      }),
    );
  });
});
