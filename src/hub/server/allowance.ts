/** How much somebody may ask for: so much at once, and so much a second over a longer time. A token bucket. */
import { errorOf } from '../../errors.ts';

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export class Allowance {
  private readonly rate: Rate;
  private left: number;
  private at: number;

  /** @param now - In milliseconds. */
  constructor(rate: Rate, now: number) {
    this.rate = rate;
    this.left = rate.burst;
    this.at = now;
  }

  /** @throws GleitzeitError RATE_LIMIT_EXCEEDED when there is not enough left */
  spend(cost: number, now: number): void {
    const { perSecond, burst } = this.rate;
    this.left = Math.min(burst, this.left + (Math.max(0, now - this.at) / 1_000) * perSecond);
    this.at = now;
    if (this.left >= cost) {
      this.left -= cost;
      return;
    }
    const retryAfterMs = Math.ceil(((cost - this.left) / perSecond) * 1_000);
    throw errorOf('RATE_LIMIT_EXCEEDED', `One connection may ask ${perSecond} times a second, and ${burst} times at once.`, { retryAfterMs });
  }
}
