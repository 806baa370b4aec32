/**
 * Which values are secret: by the name that they stand under, by where they stand, and by what a user says.
 *
 * A name counts by its last words, however it is written: `apiKey`, `api-key`, `X-Api-Key` and `OPENAI_API_KEY` all end in
 * "api key". What stands below a secret name is secret as well.
 */
import type { JsonPath } from '../../machines/policies/json.ts';
import { mayHoldToken } from './token.ts';

/** What a user says of a value: true for a secret. One that throws counts as true. */
export type IsSecret = (path: JsonPath, value: unknown) => boolean;

/**
 * The names that are secret unless told. Not `token`, `tokens` and `key` alone, which mean other things wherever texts, pages and
 * maps are the matter; only in capitals, as `GITHUB_TOKEN`, a token is one.
 */
export const secretNames = [
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'secret',
  'secrets',
  'credentials',
  'api key',
  'access key',
  'secret key',
  'private key',
  'signing key',
  'encryption key',
  'authorization',
  'cookie',
  'cookies',
  'access token',
  'api token',
  'auth token',
  'bearer token',
  'id token',
  'private token',
  'refresh token',
  'security token',
  'session token',
] as const;

const mostWords = 4;
const inCapitals = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_TOKEN$/;
/** Names that are remembered at the same time: those of a program are few, those of data need not be. */
const mostRemembered = 10_000;

/** Tells secret names from others. */
export class SecretNames {
  private readonly names: ReadonlySet<string>;
  private readonly known = new Map<string, boolean>();

  constructor(more: readonly string[] = []) {
    this.names = new Set([...secretNames, ...more].map((name) => wordsOf(name).join('')));
  }

  has(name: string): boolean {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const found = this.find(name);
    if (this.known.size >= mostRemembered) this.known.clear();
    this.known.set(name, found);
    return found;
  }

  /**
   * Whether a JSON value holds no secret by its names, and no token: said in one look that makes nothing, since that is so of most
   * values there are.
   */
  areAbsentFrom(value: unknown): boolean {
    if (typeof value === 'string') return !mayHoldToken(value);
    if (typeof value !== 'object' || value === null) return true;
    if (Array.isArray(value)) {
      for (const element of value) if (!this.areAbsentFrom(element)) return false;
      return true;
    }
    for (const name of Object.keys(value)) if (this.has(name) || !this.areAbsentFrom(value[name as keyof typeof value])) return false;
    return true;
  }

  private find(name: string): boolean {
    // What is in the name has to be looked at as well.
    if (mayHoldToken(name)) return true;
    // No name of a field is that long; a text that is one must cost nothing.
    if (name.length > 200) return false;
    if (inCapitals.test(name)) return true;
    const words = wordsOf(name);
    for (let from = Math.max(0, words.length - mostWords); from < words.length; from++) if (this.names.has(words.slice(from).join(''))) return true;
    return this.names.has(words.join(''));
  }
}

function wordsOf(name: string): readonly string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
