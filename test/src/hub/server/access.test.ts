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
    expect(access.grantOf('watch')).toEqual({ id: 'token 2', name: 'dashboard', roles: new Set(['observer']) });
    expect(access.grantOf('work')?.name).toBe('worker');
    expect(access.grantOf('all')?.roles.size).toBe(3);
    expect(access.workerTokens).toBe(2);
  });

  it('is told apart by token, whatever the name', () => {
    const { grantOf } = accessOf([
      { token: 'one', roles: ['worker'] },
      { token: 'two', roles: ['worker'] },
    ]);
    expect(grantOf('one')).toMatchObject({ name: 'worker' });
    expect(grantOf('two')).toMatchObject({ name: 'worker' });
    expect(grantOf('one')?.id).not.toBe(grantOf('two')?.id);
  });

  it('has the protocols of its token', () => {
    const { grantOf } = accessOf([{ token: 'one', roles: ['worker'], protocols: ['llm/v1'] }]);
    expect(grantOf('one')?.protocols).toEqual(new Set(['llm/v1']));
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
    ['no protocols', [{ token: 'a', roles: ['worker'] as const, protocols: [] }]],
    ['protocols that are none', [{ token: 'secret-token', protocols: 'llm/v1' as unknown as string[] }]],
    ['protocols for no worker', [{ token: 'secret-token', roles: ['client'] as const, protocols: ['llm/v1'] }]],
    ['an unknown role', [{ token: 'secret-token', roles: ['king' as 'client'] }]],
  ])('cannot be said by %s', (_, tokens) => {
    expect(codeOf(() => accessOf(tokens))).toBe('CONFIGURATION_ERROR');
    // What is not right is not written down either.
    expect(() => accessOf(tokens)).not.toThrow('secret-token');
  });
});
