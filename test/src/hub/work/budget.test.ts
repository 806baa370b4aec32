import { describe, expect, it } from 'vitest';

import { Budgets } from '../../../../src/hub/work/budget.ts';

function stage() {
  let time = 0;
  const budgets = new Budgets({ workPerSecond: 500, workBurst: 1_000 }, () => time);
  const pass = (ms: number): void => {
    time += ms;
  };
  return { budgets, pass };
}

describe('the budget of a token', () => {
  it('is no limit to who works alone', () => {
    const { budgets } = stage();
    budgets.spend('alone', 60_000);
    expect(() => budgets.admit('alone')).not.toThrow();
  });

  it('holds as soon as somebody else is there, and says when there is some again', () => {
    const { budgets, pass } = stage();
    budgets.spend('greedy', 1_500);
    budgets.spend('modest', 1);
    expect(() => budgets.admit('modest')).not.toThrow();
    expect(() => budgets.admit('greedy')).toThrow(expect.objectContaining({ code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 1_000 }));
    pass(999);
    budgets.spend('modest', 1);
    expect(() => budgets.admit('greedy')).toThrow(/500 ms of the hub's work/);
    pass(2);
    budgets.spend('modest', 1);
    expect(() => budgets.admit('greedy')).not.toThrow();
  });

  it('does not hold any more once the others have gone', () => {
    const { budgets, pass } = stage();
    budgets.spend('modest', 1);
    budgets.spend('greedy', 10_000);
    expect(() => budgets.admit('greedy')).toThrow();
    pass(1_001);
    expect(() => budgets.admit('greedy')).not.toThrow();
  });

  it('is forgotten once it is whole again and nobody is there', () => {
    const { budgets, pass } = stage();
    for (let at = 0; at < 1_000; at++) budgets.spend(`connection ${at}`, 100);
    pass(1_200);
    budgets.spend('last', 1);
    expect(budgets.size).toBe(1);
  });
});
