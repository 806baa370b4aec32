import { describe, expect, it } from 'vitest';

import { accessOf, requireRole } from '../../../../src/hub/server/access.ts';

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
};

describe('who may come in', () => {
  it('is everybody, for everything, where there is no token', () => {
    for (const access of [accessOf(undefined), accessOf([])]) {
      expect(access.isOpen).toBe(true);
      expect([...(access.grantOf(undefined)?.roles ?? [])]).toEqual(['client', 'worker', 'observer']);
    }
  });

  const access = accessOf([{ token: 'all' }, { token: 'watch', roles: ['observer'], name: 'dashboard' }, { token: 'work', roles: ['worker'] }]);

  it('is who has one of the tokens, with its roles and its name', () => {
    expect(access.isOpen).toBe(false);
    expect(access.grantOf('watch')).toEqual({ name: 'dashboard', roles: new Set(['observer']) });
    expect(access.grantOf('work')?.name).toBe('worker');
    expect(access.grantOf('all')?.roles.size).toBe(3);
  });

  it.each([undefined, '', 'al', 'all ', 'ALL', 'x'.repeat(2_000)])('is nobody with %j', (token) => {
    expect(access.grantOf(token)).toBeUndefined();
  });

  it('is refused by role, with who asked and what for', () => {
    const grant = access.grantOf('watch');
    if (grant === undefined) throw new Error('no grant');
    expect(codeOf(() => requireRole(grant, ['client', 'observer'], "'x'"))).toBeUndefined();
    expect(() => requireRole(grant, ['client'], "'workflow:submit'")).toThrow(
      '\'workflow:submit\' is for the role client; "dashboard" has observer.',
    );
    expect(codeOf(() => requireRole(grant, ['client'], "'x'"))).toBe('AUTHORIZATION_FAILED');
  });

  it.each([
    ['an empty token', [{ token: '' }]],
    ['a token that stands twice', [{ token: 'a' }, { token: 'a', roles: ['worker'] as const }]],
    ['no roles', [{ token: 'a', roles: [] }]],
    ['an unknown role', [{ token: 'secret-token', roles: ['king' as 'client'] }]],
  ])('cannot be said by %s', (_, tokens) => {
    expect(codeOf(() => accessOf(tokens))).toBe('CONFIGURATION_ERROR');
    // What is not right is not written down either.
    expect(() => accessOf(tokens)).not.toThrow('secret-token');
  });
});
