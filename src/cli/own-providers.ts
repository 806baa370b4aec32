/** The providers that a command checks by where no engine runs: the built-in ones, and those of `--providers`. */
import type { AnyProvider } from '../providers/provider.ts';

/** @throws GleitzeitError PROVIDER_NOT_FOUND and what else loading throws */
export async function loadedProviders(own: string | undefined): Promise<readonly AnyProvider[]> {
  const [{ builtinProviders }, { loadProviders }] = await Promise.all([import('../providers/builtin.ts'), import('../providers/load.ts')]);
  const loaded = own === undefined ? [] : await loadProviders(own);
  const named = new Set(loaded.map(({ id }) => id));
  return [...builtinProviders({}).filter(({ id }) => !named.has(id)), ...loaded];
}
