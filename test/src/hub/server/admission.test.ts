import { describe, expect, it } from 'vitest';

import { admissionOf, type Caller } from '../../../../src/hub/server/admission.ts';

const caller = (given: Partial<Caller>): Caller => ({ origin: undefined, host: '127.0.0.1:7400', ...given });
const isLetIn = (isOpen: boolean, given: Partial<Caller>, origins: readonly string[] = []): boolean => {
  try {
    admissionOf({ isOpen }, origins)(caller(given));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'AUTHORIZATION_FAILED' });
    return false;
  }
};

describe('whose requests are looked at', () => {
  it.each<[boolean, Partial<Caller>]>([
    [true, {}],
    [true, { site: 'none' }],
    [true, { site: 'same-origin' }],
    [true, { origin: 'https://ops.example.com' }],
    [true, { origin: 'https://ops.example.com', site: 'cross-site' }],
    [false, { origin: 'https://ops.example.com:444' }],
    [false, { origin: 'http://ops.example.com' }],
    [false, { origin: 'null' }],
    [false, { origin: '' }],
    // As Python's client names the hub itself.
    [true, { origin: 'http://127.0.0.1:7400' }],
    [false, { origin: 'http://127.0.0.1:7401' }],
    [false, { origin: 'http://evil.com', host: undefined }],
    [false, { site: 'cross-site' }],
    [false, { site: 'same-site' }],
  ])('is %j for pages: %j', (expected, given) => {
    for (const isOpen of [true, false]) expect(isLetIn(isOpen, given, ['https://ops.example.com'])).toBe(expected);
  });

  it('is nobody without a token whose page was made to look like the hub', () => {
    const rebound = { origin: 'http://evil.example.com:7400', host: 'evil.example.com:7400', site: 'same-origin' };
    expect(isLetIn(true, rebound)).toBe(false);
    expect(isLetIn(false, rebound)).toBe(true);
  });

  it.each<[boolean, Partial<Caller>]>([
    [true, { host: 'localhost:7400' }],
    [true, { host: 'gleitzeit.localhost' }],
    [true, { host: '[::1]' }],
    [true, { host: '127.8.9.1:80' }],
    [true, { host: undefined }],
    [true, { address: '127.0.0.1' }],
    [true, { address: '::1' }],
    [true, { address: '::ffff:127.0.0.1' }],
    [false, { host: 'evil.example.com' }],
    [false, { host: '127.0.0.1.evil.com:7400' }],
    [false, { host: 'localhost.evil.com' }],
    [false, { host: '10.0.0.1' }],
    [false, { host: '[::2]:7400' }],
    [false, { host: '' }],
    [false, { address: '10.0.0.7' }],
    [false, { address: '::ffff:10.0.0.7' }],
    [false, { address: 'fe80::1' }],
  ])('is %j without a token: %j', (expected, given) => {
    expect(isLetIn(true, given)).toBe(expected);
    expect(isLetIn(false, given)).toBe(true);
  });
});
