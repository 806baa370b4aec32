/**
 * How many requests each address has left.
 *
 * Over plain HTTP nobody is known before the token is looked at, and guesses of tokens have to be counted too.
 */
import type { HubLimits } from '../protocol/limits.ts';
import { Allowance, type Rate } from '../server/allowance.ts';

/** Addresses that are remembered; beyond it, the one that has been away longest begins anew. */
const remembered = 10_000;

export class Visitors {
  private readonly rate: Rate;
  private readonly now: () => number;
  /** In the order of their last visits. */
  private readonly allowances = new Map<string, Allowance>();

  /** @param now - A clock that only goes forward, in milliseconds. */
  constructor({ requestsPerSecond, requestBurst }: HubLimits, now: () => number = () => performance.now()) {
    this.rate = { perSecond: requestsPerSecond, burst: requestBurst };
    this.now = now;
  }

  /** Counts a request. @throws GleitzeitError RATE_LIMIT_EXCEEDED with the time after which there is room again */
  count(address: string): void {
    const now = this.now();
    const allowance = this.allowances.get(address) ?? new Allowance(this.rate, now);
    this.allowances.delete(address);
    this.allowances.set(address, allowance);
    const [longestAway] = this.allowances.size > remembered ? this.allowances.keys() : [];
    if (longestAway !== undefined) this.allowances.delete(longestAway);
    allowance.spend(1, now);
  }
}
