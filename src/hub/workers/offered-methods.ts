/**
 * What the workers of each token offer: bounded by token, and known for as long as some worker offers it, and for a lease longer,
 * so that one that starts anew finds its tasks waiting.
 *
 * A registration costs as much as it names, and no more than its token may spend on it: what others know is not gone over.
 */
import { errorOf } from '../../errors.ts';
import type { RemoteProvider } from '../../runtime/provider-host.ts';
import type { Clock, Timer } from '../../system/clock.ts';
import { describeValue } from '../../thrown.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { Allowance } from '../server/allowance.ts';
import type { Registration } from './enrolled-worker.ts';
import type { Holder } from './worker-line.ts';

export type OfferLimits = Pick<HubLimits, 'workers' | 'methods'>;

export interface OfferedMethodsOptions {
  readonly limits: OfferLimits;
  readonly clock: Pick<Clock, 'now' | 'setTimer'>;
  /** How long a method is known that nobody offers any more, in milliseconds. */
  readonly graceMs: number;
  /** Told of methods that nobody offers any more. */
  readonly onForgotten: (remote: RemoteProvider) => void;
}

/** A method, as far as the workers of one token go. */
interface Offered {
  /** How many of them offer it. */
  workers: number;
  /** When the last one went; only where none is left. */
  idleSince: number;
}

/** What belongs to one token. */
interface Share {
  readonly allowance: Allowance;
  workers: number;
  /** Methods of all its workers, each counted for each of them. */
  offers: number;
  /** By protocol and method. */
  readonly methods: Map<string, Map<string, Offered>>;
  distinct: number;
}

/** Workers that offer everything that their token may, so many of them: what each has of it is kept for each. */
const offersPerMethod = 100;
/** Methods that the registrations of one token may name: so many a second, and so many at once. */
const namedRate = { perSecond: 20_000, burst: 200_000 } as const;

export class OfferedMethods {
  private readonly options: OfferedMethodsOptions;
  /** By token. */
  private readonly shares = new Map<string, Share>();
  private sweeping: Timer | undefined;

  constructor(options: OfferedMethodsOptions) {
    this.options = options;
  }

  /**
   * Takes in what a worker offers, in place of what it offered before.
   * @throws GleitzeitError RESOURCE_EXHAUSTED for more than its token may have, RATE_LIMIT_EXCEEDED for what comes too often
   */
  take(registration: Registration, before: Registration | undefined): void {
    const { holder, protocol, methods } = registration;
    const share = this.shareOf(holder);
    share.allowance.spend(methods.length, this.options.clock.now());
    const others = { workers: share.workers - (before === undefined ? 0 : 1), offers: share.offers - (before?.methods.length ?? 0) };
    const known = share.methods.get(protocol);
    const fresh = methods.reduce((count, method) => count + (known?.has(method) === true ? 0 : 1), 0);
    this.check(holder, { workers: others.workers + 1, offers: others.offers + methods.length, methods: share.distinct + fresh });
    if (before !== undefined) this.release(before);
    const its = known ?? new Map<string, Offered>();
    share.methods.set(protocol, its);
    for (const method of methods) {
      const offered = its.get(method) ?? { workers: 0, idleSince: 0 };
      offered.workers += 1;
      its.set(method, offered);
    }
    share.workers += 1;
    share.offers += methods.length;
    share.distinct += fresh;
  }

  /** Lets go of what a worker offered that has gone. */
  release({ holder, protocol, methods }: Registration): void {
    const share = this.shareOf(holder);
    const now = this.options.clock.now();
    share.workers -= 1;
    share.offers -= methods.length;
    for (const method of methods) {
      const offered = share.methods.get(protocol)?.get(method);
      if (offered === undefined) continue;
      offered.workers -= 1;
      offered.idleSince = now;
    }
    this.sweepLater();
  }

  close(): void {
    this.sweeping?.cancel();
  }

  private shareOf({ id }: Holder): Share {
    const known = this.shares.get(id);
    if (known !== undefined) return known;
    const allowance = new Allowance(namedRate, this.options.clock.now());
    const share: Share = { allowance, workers: 0, offers: 0, methods: new Map(), distinct: 0 };
    // As many as there are tokens.
    this.shares.set(id, share);
    return share;
  }

  private check({ name }: Holder, wanted: { readonly workers: number; readonly offers: number; readonly methods: number }): void {
    const { workers, methods } = this.options.limits;
    const limits = { workers, methods, offers: methods * offersPerMethod };
    for (const what of ['workers', 'methods', 'offers'] as const) {
      if (wanted[what] <= limits[what]) continue;
      const noun = what === 'offers' ? 'methods, each counted for each worker' : what;
      const message = `The workers of one token may be, and have, ${limits[what]} ${noun}; with this one those of ${describeValue(name)} have ${wanted[what]}. Methods count for a lease longer than they are offered. The limits \`workers\` and \`methods\` of createHub say how many.`;
      throw errorOf('RESOURCE_EXHAUSTED', message, { retryable: true });
    }
  }

  private sweepLater(): void {
    const { clock, graceMs } = this.options;
    this.sweeping ??= clock.setTimer(graceMs, () => {
      this.sweeping = undefined;
      this.sweep();
    });
  }

  private sweep(): void {
    const { clock, graceMs, onForgotten } = this.options;
    const due = clock.now() - graceMs;
    const gone = new Map<string, string[]>();
    let isLeft = false;
    for (const share of this.shares.values()) {
      for (const [protocol, its] of share.methods) {
        for (const [method, { workers, idleSince }] of its) {
          if (workers > 0) continue;
          isLeft ||= idleSince > due;
          if (idleSince > due) continue;
          its.delete(method);
          share.distinct -= 1;
          const names = gone.get(protocol);
          if (names === undefined) gone.set(protocol, [method]);
          else names.push(method);
        }
        if (its.size === 0) share.methods.delete(protocol);
      }
    }
    for (const [protocol, methods] of gone) {
      const unknown = methods.filter((method) => !this.isKnown(protocol, method));
      if (unknown.length > 0) onForgotten({ protocol, methods: unknown });
    }
    if (isLeft) this.sweepLater();
  }

  /** Whether the workers of some token offer it, or did a moment ago. */
  private isKnown(protocol: string, method: string): boolean {
    for (const { methods } of this.shares.values()) if (methods.get(protocol)?.has(method) === true) return true;
    return false;
  }
}
