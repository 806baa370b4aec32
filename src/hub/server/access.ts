/**
 * Who may come in: tokens, and what each is good for.
 *
 * A token is compared by its hash, with all there are and in constant time, so that how long it takes says nothing of them. Tokens
 * are kept as hashes only, and nothing here writes one down.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

import { errorOf, type GleitzeitError } from '../../errors.ts';
import { describeValue } from '../../thrown.ts';
import { type Role, roles, type TokenGrant } from '../protocol/roles.ts';

/** What somebody who came in may do. */
export interface Grant {
  /** Names whoever holds the token, in logs. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
}

export interface Access {
  /** Whether everybody may come in, and do everything: there are no tokens. */
  readonly isOpen: boolean;
  /** What a token is good for; nothing for one that is not known. */
  grantOf(token: string | undefined): Grant | undefined;
}

/** The longest token, in characters. */
const longestToken = 1_024;

/**
 * Makes the check of tokens; without any, everybody has every role, which is for loopback only.
 * @throws GleitzeitError CONFIGURATION_ERROR for a token that is none or stands twice, and for roles that are none
 */
export function accessOf(tokens: readonly TokenGrant[] | undefined): Access {
  if (tokens === undefined || tokens.length === 0) {
    const everybody: Grant = { name: 'anybody', roles: new Set(roles) };
    return { isOpen: true, grantOf: () => everybody };
  }
  const known = tokens.map((each) => ({ hash: hashOf(tokenOf(each)), grant: grantFor(each) }));
  if (new Set(known.map(({ hash }) => hash.toString('hex'))).size < known.length)
    throw errorOf('CONFIGURATION_ERROR', 'A token stands twice among the tokens of the hub.');
  return {
    isOpen: false,
    grantOf(token) {
      if (typeof token !== 'string' || token.length > longestToken) return undefined;
      const given = hashOf(token);
      let found: Grant | undefined;
      // All of them, also after the right one.
      for (const { hash, grant } of known) if (timingSafeEqual(hash, given)) found = grant;
      return found;
    },
  };
}

/** Why somebody without the right token does not come in. */
export function notAuthenticated(): GleitzeitError {
  return errorOf('AUTHENTICATION_FAILED', 'The token is missing or not right.');
}

/** @throws GleitzeitError AUTHORIZATION_FAILED for who has none of the roles */
export function requireRole({ name, roles: held }: Grant, wanted: readonly Role[], what: string): void {
  if (wanted.some((role) => held.has(role))) return;
  throw errorOf('AUTHORIZATION_FAILED', `${what} is for the role ${wanted.join(' or ')}; ${describeValue(name)} has ${[...held].join(', ')}.`);
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function tokenOf({ token }: TokenGrant): string {
  if (typeof token === 'string' && token.length > 0 && token.length <= longestToken) return token;
  // Without the value: it might be one after all.
  throw errorOf('CONFIGURATION_ERROR', `A token of the hub must be a text of 1 to ${longestToken} characters.`);
}

function grantFor({ roles: given = roles, name = [...given].join('+') }: TokenGrant): Grant {
  const unknown = given.filter((role) => !roles.includes(role));
  if (given.length === 0 || unknown.length > 0)
    throw errorOf('CONFIGURATION_ERROR', `The roles of a token must be among ${roles.join(', ')}, got ${describeValue(unknown[0] ?? given)}`);
  return { name, roles: new Set(given) };
}
