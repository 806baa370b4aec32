/**
 * Seals single values into tokens, and opens them.
 *
 * AES-256-GCM, with a nonce that follows from the value: so the same value gives the same token under the same key, a definition
 * keeps its hash however often it is submitted, and nobody needs to remember what was sealed. What a token tells without the key:
 * which key it is of, whether two values are the same, and their length, to 16 bytes.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

import { errorOf } from '../errors.ts';
import type { KeyRing, SealingKey } from './key.ts';
import { keyIdBytes, tokenOf, tokensIn, tokenVersion } from './token.ts';

const nonceBytes = 12;
const tagBytes = 16;
/** Values are filled up with blanks, which JSON does not mind, to a multiple of this. */
const step = 16;
const cipher = 'aes-256-gcm';
const context = Buffer.from(tokenVersion);

export class Sealer {
  private readonly keys: KeyRing;

  constructor(keys: KeyRing) {
    this.keys = keys;
  }

  /** The token of a JSON value. @throws GleitzeitError PERSISTENCE_* where a key has to be made first, and cannot */
  seal(value: unknown): string {
    const key = this.keys.sealing();
    const json = Buffer.from(JSON.stringify(value));
    const plain = Buffer.concat([json, Buffer.alloc(step - (json.length % step), ' ')]);
    const nonce = createHmac('sha256', key.nonces).update(plain).digest().subarray(0, nonceBytes);
    const sealing = createCipheriv(cipher, key.encryption, nonce).setAAD(context);
    const sealed = Buffer.concat([sealing.update(plain), sealing.final()]);
    return tokenOf(Buffer.concat([key.id, nonce, sealed, sealing.getAuthTag()]));
  }

  /**
   * Opens every token in a text: a text that is one token becomes its value, of whatever type; inside a longer one stands its text.
   * What was opened is not looked at again.
   * @param found - Told of each value.
   * @throws GleitzeitError CONFIGURATION_ERROR without the right key, PERSISTENCE_INTEGRITY_ERROR for a token that was changed
   */
  open(text: string, found?: (value: unknown) => void): unknown {
    const tokens = tokensIn(text);
    if (tokens.length === 0) return text;
    let opened = '';
    let from = 0;
    for (const { at, length, payload } of tokens) {
      const value = this.unseal(payload);
      found?.(value);
      if (length === text.length) return value;
      opened += text.slice(from, at) + (typeof value === 'string' ? value : JSON.stringify(value));
      from = at + length;
    }
    return opened + text.slice(from);
  }

  private unseal(payload: Buffer): unknown {
    const id = payload.subarray(0, keyIdBytes);
    const key = this.keys.opening(id);
    if (key !== undefined) return unsealed(payload.subarray(keyIdBytes), key);
    throw errorOf('CONFIGURATION_ERROR', `A secret cannot be opened: it was sealed with key ${id.toString('hex')}, and ${this.keys.describe()}`);
  }
}

function unsealed(payload: Buffer, key: SealingKey): unknown {
  try {
    const opening = createDecipheriv(cipher, key.encryption, payload.subarray(0, nonceBytes), { authTagLength: tagBytes });
    opening.setAAD(context);
    opening.setAuthTag(payload.subarray(-tagBytes));
    const plain = Buffer.concat([opening.update(payload.subarray(nonceBytes, -tagBytes)), opening.final()]);
    return JSON.parse(plain.toString('utf8')) as unknown;
  } catch {
    throw errorOf(
      'PERSISTENCE_INTEGRITY_ERROR',
      `A secret cannot be opened: its token was changed after it was sealed with key ${key.id.toString('hex')}.`,
    );
  }
}
