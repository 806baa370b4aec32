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
  /** Tells tokens apart, also those of one name; says nothing of the token itself. */
  readonly id: string;
  /** Names whoever holds the token, in logs. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
  /** What its workers may serve. @defaultValue every protocol that is not closed to workers */
  readonly protocols?: ReadonlySet<string>;
}

export interface Access {
  /** Whether everybody may come in, and do everything: there are no tokens. */
  readonly isOpen: boolean;
  /** How many tokens there are that workers may come with; 1 for an open hub, where nobody can be told from anybody else. */
  readonly workerTokens: number;
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
    const everybody: Grant = { id: 'anybody', name: 'anybody', roles: new Set(roles) };
    return { isOpen: true, workerTokens: 1, grantOf: () => everybody };
  }
  const known = tokens.map((each, index) => ({ hash: hashOf(tokenOf(each)), grant: grantFor(each, `token ${index + 1}`) }));
  if (new Set(known.map(({ hash }) => hash.toString('hex'))).size < known.length)
    throw errorOf('CONFIGURATION_ERROR', 'A token stands twice among the tokens of the hub.');
  return {
    isOpen: false,
    workerTokens: known.filter(({ grant }) => grant.roles.has('worker')).length,
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

function grantFor({ roles: given = roles, protocols, name = [...given].join('+') }: TokenGrant, id: string): Grant {
  const unknown = given.filter((role) => !roles.includes(role));
  if (given.length === 0 || unknown.length > 0)
    throw errorOf('CONFIGURATION_ERROR', `The roles of a token must be among ${roles.join(', ')}, got ${describeValue(unknown[0] ?? given)}`);
  if (protocols !== undefined && (!Array.isArray(protocols) || protocols.length === 0 || !protocols.every(isProtocol)))
    throw errorOf('CONFIGURATION_ERROR', `The protocols of a token must be a list of 1 or more such as llm/v1, got ${describeValue(protocols)}`);
  if (protocols !== undefined && !given.includes('worker'))
    throw errorOf('CONFIGURATION_ERROR', `The protocols of a token are those of its workers: ${describeValue(name)} has not the role worker.`);
  return { id, name, roles: new Set(given), ...(protocols !== undefined && { protocols: new Set(protocols) }) };
}

function isProtocol(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
