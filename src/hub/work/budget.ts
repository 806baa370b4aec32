/**
 * How much of the hub's time the holder of a token may take while others want some too.
 *
 * What counts is work, not messages: a thousand filters, or a list of ten thousand workflows, cost as much as thousands of small
 * requests. Who works alone may take all there is; once somebody else is there, whoever took more than its budget is refused until it
 * has some again.
 */
import { errorOf } from '../../errors.ts';

export interface BudgetLimits {
  /** Milliseconds of work in each second. */
  readonly workPerSecond: number;
  /** Milliseconds of work at once. */
  readonly workBurst: number;
}

interface Account {
  /** What is left, in milliseconds; below 0 for who took more. */
  leftMs: number;
  at: number;
}

/** For how long who did something counts as being there, in milliseconds. */
const presentMs = 1_000;

export class Budgets {
  private readonly limits: BudgetLimits;
  private readonly now: () => number;
  /** Whoever did something lately, in the order in which they did it last. */
  private readonly accounts = new Map<string, Account>();

  /** @param now - In milliseconds. */
  constructor(limits: BudgetLimits, now: () => number) {
    this.limits = limits;
    this.now = now;
  }

  /** How many accounts are kept. */
  get size(): number {
    return this.accounts.size;
  }

  /** Counts work that a holder had done. */
  spend(holder: string, ms: number): void {
    const account = this.accountOf(holder);
    account.leftMs -= ms;
    this.accounts.delete(holder);
    this.accounts.set(holder, account);
    this.forget();
  }

  /** @throws GleitzeitError RATE_LIMIT_EXCEEDED for a holder that took more than its budget, while others are there */
  admit(holder: string): void {
    if (!this.accounts.has(holder)) return;
    const { leftMs } = this.accountOf(holder);
    if (leftMs >= 0 || !this.hasOthers(holder)) return;
    const { workPerSecond } = this.limits;
    const retryAfterMs = Math.ceil((-leftMs / workPerSecond) * 1_000);
    const message = `One token may have ${workPerSecond} ms of the hub's work in a second while others want some, and has had more.`;
    throw errorOf('RATE_LIMIT_EXCEEDED', `${message} Ask for less at once, or later.`, { retryAfterMs });
  }

  private accountOf(holder: string): Account {
    const { workPerSecond, workBurst } = this.limits;
    const at = this.now();
    const account = this.accounts.get(holder) ?? { leftMs: workBurst, at };
    account.leftMs = Math.min(workBurst, account.leftMs + ((at - account.at) / 1_000) * workPerSecond);
    account.at = at;
    return account;
  }

  private hasOthers(holder: string): boolean {
    const since = this.now() - presentMs;
    for (const [other, { at }] of this.accounts) if (other !== holder && at >= since) return true;
    return false;
  }

  /** Whoever has all of its budget again and is not there is not kept. */
  private forget(): void {
    const { workPerSecond, workBurst } = this.limits;
    for (const [holder, { at, leftMs }] of this.accounts) {
      const restedMs = this.now() - at;
      if (restedMs < presentMs || leftMs + (restedMs / 1_000) * workPerSecond < workBurst) return;
      this.accounts.delete(holder);
    }
  }
}
