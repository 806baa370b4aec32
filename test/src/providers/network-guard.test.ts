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
