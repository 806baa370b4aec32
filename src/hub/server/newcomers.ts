/**
 * Connections that have not said who they are: so many in all, and so many from one address.
 *
 * One more takes the place of another one, of its own address where that has too many: of one that has said nothing, or else of the
 * one that has been there longest. Those who have said who they are are not among them, and lose nothing to them.
 */
import { isIPv6 } from 'node:net';

export interface NewcomersOptions<One> {
  readonly most: number;
  readonly perAddress: number;
  readonly isSilent: (one: One) => boolean;
  /** Ends a connection; it has been removed already. */
  readonly end: (one: One) => void;
}

export class Newcomers<One> {
  private readonly options: NewcomersOptions<One>;
  /** In the order in which they came, with where from. */
  private readonly addresses = new Map<One, string>();
  private readonly byAddress = new Map<string, Set<One>>();

  constructor(options: NewcomersOptions<One>) {
    this.options = options;
  }

  get size(): number {
    return this.addresses.size;
  }

  add(one: One, from: string | undefined): void {
    const { most, perAddress } = this.options;
    const address = networkOf(from ?? '');
    const neighbours = this.byAddress.get(address);
    if (neighbours !== undefined && neighbours.size >= perAddress) this.endOneOf(neighbours);
    else if (this.addresses.size >= most) this.makeRoom();
    this.addresses.set(one, address);
    this.byAddress.set(address, (this.byAddress.get(address) ?? new Set()).add(one));
  }

  remove(one: One): void {
    const address = this.addresses.get(one);
    if (address === undefined) return;
    this.addresses.delete(one);
    const neighbours = this.byAddress.get(address);
    neighbours?.delete(one);
    if (neighbours?.size === 0) this.byAddress.delete(address);
  }

  /** Ends one of them. @returns whether there was one */
  makeRoom(): boolean {
    return this.endOneOf(this.addresses.keys());
  }

  private endOneOf(ones: Iterable<One>): boolean {
    let chosen: One | undefined;
    for (const one of ones) {
      chosen ??= one;
      if (!this.options.isSilent(one)) continue;
      chosen = one;
      break;
    }
    if (chosen === undefined) return false;
    this.remove(chosen);
    this.options.end(chosen);
    return true;
  }
}

/** What one site has for itself: an address of IPv4, a network of 64 bits of IPv6. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::');
  const [first, last] = [head.split(':').filter(Boolean), tail.split(':').filter(Boolean)];
  const zeros = address.includes('::') ? Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0') : [];
  return [...first, ...zeros, ...last].slice(0, 4).join(':');
}
