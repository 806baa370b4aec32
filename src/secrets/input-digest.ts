/**
 * What tells whether two submits of one id came with the same input, without a word of what it was.
 *
 * An input with secrets is digested under the key that seals, by a part of it that nothing else uses: a plain hash of a password could
 * be used to guess it. One without stands in the journal as it is, so that a plain hash of it tells nothing more, and needs no key.
 */
import { createHash, createHmac } from 'node:crypto';

import { errorOf } from '../errors.ts';
import { canonicalJson } from '../workflow/version.ts';
import type { KeyRing, SealingKey } from './key.ts';

const plain = 'sha256';
const keyed = 'hmac';

/** The digest of a JSON value without secrets, whatever the order of its keys. */
export function plainDigest(value: unknown): string {
  return `${plain}:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`;
}

/** The digest of a JSON value with secrets, under a key. */
export function keyedDigest(value: unknown, { id, digests }: SealingKey): string {
  return `${keyed}:${id.toString('hex')}:${createHmac('sha256', digests).update(canonicalJson(value)).digest('hex')}`;
}

/**
 * Whether a value has a digest.
 * @throws GleitzeitError CONFIGURATION_ERROR where that is under a key that is not here
 */
export function hasDigest(value: unknown, digest: string, keys: KeyRing | undefined): boolean {
  const [how, id = ''] = digest.split(':', 2);
  if (how === plain) return plainDigest(value) === digest;
  const key = keys?.opening(Buffer.from(id, 'hex'));
  if (key !== undefined) return keyedDigest(value, key) === digest;
  const here = keys === undefined ? 'secrets are turned off' : keys.describe();
  throw errorOf('CONFIGURATION_ERROR', `Whether the input is the same cannot be told: the first one was digested with key ${id}, and ${here}`);
}
