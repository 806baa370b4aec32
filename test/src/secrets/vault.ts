/** A provider that gives a session for a password, and a workflow that uses it. */
import { type AnyProvider, defineProvider } from '../../../src/index.ts';

export interface Vault {
  readonly provider: AnyProvider;
  /** The parameters of every call. */
  readonly got: readonly unknown[];
}

export function vault({ onUse = () => 'used' }: { readonly onUse?: (params: unknown) => unknown } = {}): Vault {
  const got: unknown[] = [];
  const noting = (answer: (params: unknown) => unknown) => ({
    run: (params: unknown) => {
      got.push(params);
      return answer(params);
    },
  });
  const methods = { 'vault/open': noting(() => ({ accessToken: 's3ss10n-1' })), 'vault/use': noting(onUse) };
  return { provider: defineProvider({ protocol: 'vault/v1', circuit: false, methods }), got };
}

export const login = {
  name: 'login',
  tasks: [
    { id: 'open', method: 'vault/open', parameters: { password: '${input.password}', apiKey: 'ap1k3y-1' } },
    { id: 'use', method: 'vault/use', parameters: { authorization: 'Bearer ${open.accessToken}', apiKey: 'ap1k3y-1' } },
  ],
  output: { session: '${open.accessToken}', used: '${use}' },
};

export const hidden = ['hunter2', 'ap1k3y-1', 's3ss10n-1'] as const;
