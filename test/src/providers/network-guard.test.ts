import { describe, expect, it } from 'vitest';

import { isAllowedPrivately, isPrivateAddress, publicLookup, refusePrivateHost } from '../../../src/providers/network-guard.ts';

describe('isPrivateAddress', () => {
  it.each([
    '0.0.0.0',
    '10.255.255.255',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.0.3',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.19.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '::10.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
  ])('holds for %s', (address) => expect(isPrivateAddress(address)).toBe(true));

  it.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.128.0.0',
    '126.0.0.1',
    '128.0.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.0.1',
    '223.255.255.255',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
  ])('does not hold for %s', (address) => expect(isPrivateAddress(address)).toBe(false));
});

/** IANA's registries of special-purpose addresses, of 2025: one address of each row, and whether `http/v1` may go there. */
const registry: readonly (readonly [row: string, address: string, isPrivate: boolean])[] = [
  ['0.0.0.0/8 this network', '0.1.2.3', true],
  ['0.0.0.0/32 this host', '0.0.0.0', true],
  ['10.0.0.0/8 private use', '10.1.2.3', true],
  ['100.64.0.0/10 shared', '100.127.255.255', true],
  ['127.0.0.0/8 loopback', '127.1.2.3', true],
  ['169.254.0.0/16 link local', '169.254.1.1', true],
  ['172.16.0.0/12 private use', '172.20.0.1', true],
  ['192.0.0.0/24 IETF protocol assignments', '192.0.0.77', true],
  ['192.0.0.0/29 IPv4 service continuity', '192.0.0.1', true],
  ['192.0.0.8/32 dummy address', '192.0.0.8', true],
  ['192.0.0.9/32 port control anycast', '192.0.0.9', true],
  ['192.0.0.10/32 TURN anycast', '192.0.0.10', true],
  ['192.0.0.170/32 NAT64 discovery', '192.0.0.170', true],
  ['192.0.2.0/24 TEST-NET-1', '192.0.2.1', true],
  ['192.31.196.0/24 AS112, globally reachable', '192.31.196.1', false],
  ['192.52.193.0/24 AMT, globally reachable', '192.52.193.1', false],
  ['192.88.99.0/24 6to4 relay', '192.88.99.1', true],
  ['192.88.99.2/32 6a44 relay', '192.88.99.2', true],
  ['192.168.0.0/16 private use', '192.168.255.255', true],
  ['192.175.48.0/24 AS112, globally reachable', '192.175.48.1', false],
  ['198.18.0.0/15 benchmarking', '198.18.0.1', true],
  ['198.51.100.0/24 TEST-NET-2', '198.51.100.1', true],
  ['203.0.113.0/24 TEST-NET-3', '203.0.113.1', true],
  ['240.0.0.0/4 reserved', '240.0.0.1', true],
  ['255.255.255.255/32 limited broadcast', '255.255.255.255', true],
  ['::1/128 loopback', '::1', true],
  ['::/128 unspecified', '::', true],
  ['::ffff:0:0/96 mapped, to a private address', '::ffff:192.168.0.1', true],
  ['64:ff9b::/96 translated, to a public address', '64:ff9b::808:808', false],
  ['64:ff9b::/96 translated, to a private address', '64:ff9b::a00:1', true],
  ['64:ff9b:1::/48 local translation', '64:ff9b:1::808:808', true],
  ['100::/64 discard only', '100::1', true],
  ['100:0:0:1::/64 dummy prefix', '100:0:0:1::1', true],
  ['2001::/23 IETF protocol assignments', '2001:1ff:ffff::1', true],
  ['2001::/32 Teredo', '2001::1', true],
  ['2001:1::1/128 port control anycast', '2001:1::1', true],
  ['2001:1::2/128 TURN anycast', '2001:1::2', true],
  ['2001:1::3/128 DNS-SD anycast', '2001:1::3', true],
  ['2001:2::/48 benchmarking', '2001:2::1', true],
  ['2001:3::/32 AMT', '2001:3::1', true],
  ['2001:4:112::/48 AS112', '2001:4:112::1', true],
  ['2001:10::/28 ORCHID', '2001:10::1', true],
  ['2001:20::/28 ORCHIDv2', '2001:20::1', true],
  ['2001:30::/28 drone remote id', '2001:30::1', true],
  ['2001:db8::/32 documentation', '2001:db8::1', true],
  ['2002::/16 6to4', '2002:808:808::1', true],
  ['2620:4f:8000::/48 AS112, globally reachable', '2620:4f:8000::1', false],
  ['3fff::/20 documentation', '3fff:fff::1', true],
  ['5f00::/16 segment routing', '5f00::1', true],
  ['fc00::/7 unique local', 'fd12:3456::1', true],
  ['fe80::/10 link local', 'fe80::1', true],
];

describe("IANA's registries of special-purpose addresses", () => {
  it.each(registry)('%s: %s', (_, address, isPrivate) => expect(isPrivateAddress(address)).toBe(isPrivate));

  it.each([
    ['compatible', '::8.8.8.8'],
    ['translated without a NAT64', '::ffff:0:8.8.8.8'],
    ['translated, to a private address', '::ffff:0:10.0.0.1'],
    ['site local', 'fec0::1'],
    ['multicast', 'ff0e::1'],
    ['not allocated', '4000::1'],
    ['not allocated either', 'e000::1'],
  ])('what is %s is no internet: %s', (_, address) => expect(isPrivateAddress(address)).toBe(true));

  it.each(['2001:4860:4860::8888', '2a00:1450::1', '2400:cb00::1', '3ffe::1'])('global unicast is: %s', (address) =>
    expect(isPrivateAddress(address)).toBe(false),
  );
});

describe('refusePrivateHost', () => {
  it.each(['http://127.0.0.1/', 'http://0x7f.1/', 'http://2130706433/', 'http://[::1]:80/', 'http://[::ffff:127.0.0.1]/', 'http://0/'])(
    'refuses %s',
    (url) => {
      expect(() => refusePrivateHost(new URL(url))).toThrow(expect.objectContaining({ code: 'AUTHORIZATION_FAILED', retryable: false }));
    },
  );

  it('lets names and public addresses pass', () => {
    for (const url of ['http://example.org/', 'http://1.1.1.1/', 'http://[2606:4700::1111]/'])
      expect(() => refusePrivateHost(new URL(url))).not.toThrow();
  });
});

describe('publicLookup', () => {
  it('refuses a name that resolves to a private address', async () => {
    const error = await new Promise((resolve) => publicLookup('localhost', {}, resolve));
    expect(error).toMatchObject({
      code: 'AUTHORIZATION_FAILED',
      message: expect.stringMatching(/^"localhost" resolves to (127\.0\.0\.1|::1), a private address/),
    });
  });
});

describe('isAllowedPrivately', () => {
  it.each([
    [true, true],
    [false, false],
    [['localhost'], true],
    [['localhost:8080'], true],
    [['localhost:8081'], false],
    [['host', '127.0.0.1'], false],
  ])('with %j is %s for localhost:8080', (allowed, expected) => {
    expect(isAllowedPrivately(new URL('http://localhost:8080/x'), allowed)).toBe(expected);
  });
});
