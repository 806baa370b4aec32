/** What a remote worker offers: its providers, by the protocols that each is one registration. */
import { errorOf } from '../../errors.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { functionProvider } from '../../runtime/function-provider.ts';
import type { RemoteWorkerOptions } from './options.ts';

/** One protocol: a worker of its own, as the hub sees it. */
export interface Offer {
  readonly workerId: string;
  readonly protocol: string;
  /** Which provider carries out which method. */
  readonly providerOf: ReadonlyMap<string, string>;
}

export interface Offers {
  readonly providers: readonly AnyProvider[];
  readonly byProtocol: readonly Offer[];
}

/** @throws GleitzeitError CONFIGURATION_ERROR where there is nothing to offer, or two providers under one id */
export function offersOf({ providers = [], workflows = [] }: RemoteWorkerOptions, name: string): Offers {
  const all = [...new Set([...providers, ...workflows.flatMap((workflow) => functionProvider(workflow) ?? [])])];
  const ids = new Set<string>();
  for (const { id } of all) {
    if (ids.has(id)) throw errorOf('CONFIGURATION_ERROR', `createRemoteWorker: two providers have the id '${id}'.`);
    ids.add(id);
  }
  const byProtocol = new Map<string, Map<string, string>>();
  for (const { id, protocol, methods } of all) {
    const providerOf = byProtocol.get(protocol) ?? new Map<string, string>();
    // As among the providers of a system: the first that has a method carries it out.
    for (const method of Object.keys(methods)) if (!providerOf.has(method)) providerOf.set(method, id);
    if (providerOf.size > 0) byProtocol.set(protocol, providerOf);
  }
  if (byProtocol.size === 0)
    throw errorOf('CONFIGURATION_ERROR', 'createRemoteWorker: there is no method to carry out; give it providers or workflows.');
  const offers = [...byProtocol].map(([protocol, providerOf]) => ({ workerId: `${name}/${protocol}`, protocol, providerOf }));
  return { providers: all, byProtocol: offers };
}
