/**
 * Decides which addresses `http/v1` may connect to: the internet, and of private networks what the configuration allows.
 *
 * A name is checked by the address that the connection is really made to, so that no name can point inside in the meantime.
 */
import type { LookupAddress } from 'node:dns';
import type { BlockList, LookupFunction } from 'node:net';

import { errorOf, type GleitzeitError } from '../errors.ts';

/** IPv4 networks that are no part of the internet: IANA's registry of special-purpose addresses, and what is multicast or reserved. */
const privateIPv4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/**
 * Of IPv6 only this network is the internet (RFC 4291, IANA's registry of address space): what is special outside of it, known today
 * or registered tomorrow, needs no row of its own.
 */
const globalIPv6 = ['2000::', 3] as const;

/** Within it, what IANA's registry of special-purpose addresses takes out; 2001::/23 and 2002::/16 hold forms that carry IPv4 addresses. */
const privateIPv6: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

/** IPv6 networks beyond the global one that lead to the IPv4 address in their last 32 bits: mapped by the system, translated by a NAT64. */
const carriers = ['::ffff:', '64:ff9b::'];

interface Networks {
  readonly own: BlockList;
  readonly global: BlockList;
  readonly carried: BlockList;
}

let made: Networks | undefined;

/** Made with the first request, like the module that they are of. */
function networks(): Networks {
  made ??= makeNetworks();
  return made;
}

function makeNetworks(): Networks {
  const { BlockList } = net();
  const carried = new BlockList();
  for (const carrier of carriers) carried.addSubnet(`${carrier}0.0.0.0`, 96, 'ipv6');
  const global = new BlockList();
  global.addSubnet(...globalIPv6, 'ipv6');
  const own = new BlockList();
  for (const [network, prefix] of privateIPv6) own.addSubnet(network, prefix, 'ipv6');
  for (const [network, prefix] of privateIPv4) {
    own.addSubnet(network, prefix, 'ipv4');
    for (const carrier of carriers) own.addSubnet(`${carrier}${network}`, 96 + prefix, 'ipv6');
  }
  return { own, global, carried };
}

function net(): typeof import('node:net') {
  return process.getBuiltinModule('node:net');
}

export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const { own, global, carried } = networks();
  if (!net().isIPv6(bare)) return own.check(bare, 'ipv4');
  const isOutside = !global.check(bare, 'ipv6') && !carried.check(bare, 'ipv6');
  return isOutside || own.check(bare, 'ipv6');
}

/** Whether private networks may be reached: all of them, none, or some hosts by name, `host` or `host:port`. */
export type PrivateNetworks = boolean | readonly string[];

export function isAllowedPrivately(url: URL, allowed: PrivateNetworks): boolean {
  return typeof allowed === 'boolean' ? allowed : allowed.includes(url.hostname) || allowed.includes(url.host);
}

/**
 * Refuses a URL whose host is itself a private address; names are left to {@link publicLookup}.
 * @throws GleitzeitError AUTHORIZATION_FAILED
 */
export function refusePrivateHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (net().isIP(host) !== 0 && isPrivateAddress(host)) throw refused(url.hostname, host);
}

/** Resolves as `dns.lookup` does, and refuses a name as soon as one of its addresses is private. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  process.getBuiltinModule('node:dns').lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, []);
    const inside = addresses.find(({ address }) => isPrivateAddress(address));
    if (inside !== undefined) return callback(refused(hostname, inside.address), []);
    const [first] = addresses;
    if (options.all || first === undefined) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

function refused(host: string, address: string): GleitzeitError {
  const which = host.includes(address) ? `"${host}" is` : `"${host}" resolves to ${address},`;
  return errorOf(
    'AUTHORIZATION_FAILED',
    `${which} a private address: http/v1 reaches private networks only where its configuration allows them (allowPrivateNetworks)`,
  );
}
