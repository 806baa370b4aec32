/** Registers providers, starts and checks them when the machines ask for it, and reports what came of it. */
import { circuitBreakerDefaults } from '../../machines/circuit-breaker.ts';
import type { DataOf, DraftOf } from '../../machines/events/catalogue.ts';
import type { CircuitOptions, PoolOptions } from '../../machines/events/provider.ts';
import { poolDefaults } from '../../machines/pool.ts';
import type { Executor } from '../providers/executor.ts';
import type { CheckOutcome } from '../providers/lifecycle.ts';
import { type AnyProvider, schemasIn } from '../providers/provider.ts';
import type { Core } from '../system/core.ts';
import type { KnownMethods } from '../workflow/methods.ts';
import type { SchemasOf } from '../workflow/params.ts';

export interface ProviderHost {
  /** Another provider of the same id is replaced; the same one once more is nothing new. */
  register(provider: AnyProvider): void;
  unregister(providerId: string, reason: string): void;
  /** Makes known what remote workers of a protocol can run; what was known before stays. It costs as much as is new in it. */
  registerRemote(remote: RemoteProvider): void;
  /** Forgets what no remote worker of a protocol can run any more. */
  unregisterRemote(remote: RemoteProvider): void;
  /** The methods of each protocol that some provider has, here or elsewhere. */
  known(): KnownMethods;
  /** The methods of each protocol that providers of this process have. */
  own(): KnownMethods;
  /** What judges the parameters of a method, before anything runs. */
  readonly schemasOf: SchemasOf;
  /** Stops every provider that was registered; never rejects. */
  stopAll(): Promise<void>;
}

/** What workers outside this process carry out of a protocol, all together. */
export interface RemoteProvider {
  readonly protocol: string;
  readonly methods: readonly string[];
}

/** The id of the provider that stands for all remote workers of a protocol. */
export const remoteProviderId = (protocol: string): string => `remote/${protocol}`;

export type PoolSettings = Readonly<Record<string, Partial<PoolOptions>>>;

export function hostProviders(core: Core, executor: Executor, pools: PoolSettings): ProviderHost {
  const providers = new Map<string, AnyProvider>();
  const remotes = new RemoteProviders();
  const announce = (data: DataOf<'provider:registered'>): void => core.accept({ type: 'provider:registered', data }, { source: 'registry' });
  answerChecks(core, executor, remotes);

  return {
    register(provider) {
      if (providers.get(provider.id) === provider) return;
      providers.set(provider.id, provider);
      executor.register(provider);
      const { id: providerId, protocol } = provider;
      const methods = Object.keys(provider.methods);
      announce({ providerId, protocol, methods, circuit: circuitOf(provider), pool: poolOf(provider, pools[protocol]), remote: false });
    },
    unregister(providerId, reason) {
      const provider = providers.get(providerId);
      if (provider === undefined) return;
      providers.delete(providerId);
      const { protocol, methods } = provider;
      core.accept({ type: 'provider:unregistered', data: { providerId, protocol, methods: Object.keys(methods), reason } }, { source: 'registry' });
      void executor.stop(providerId).then(() => executor.unregister(providerId));
    },
    registerRemote(remote) {
      const draft = remotes.learn(remote);
      if (draft !== undefined) core.accept(draft, { source: 'registry' });
    },
    unregisterRemote(remote) {
      const draft = remotes.forget(remote);
      if (draft !== undefined) core.accept(draft, { source: 'registry' });
    },
    known: () => united([...offersOf(providers.values()), ...remotes.methods]),
    own: () => united(offersOf(providers.values())),
    schemasOf: (protocol, method) => schemasIn(providers.values(), protocol, method),
    async stopAll() {
      await Promise.all([...providers.keys()].map((providerId) => executor.stop(providerId)));
    },
  };
}

type Offered = readonly [protocol: string, methods: Iterable<string>];

function offersOf(providers: Iterable<AnyProvider>): readonly Offered[] {
  return [...providers].map(({ protocol, methods }) => [protocol, Object.keys(methods)]);
}

function united(offers: readonly Offered[]): KnownMethods {
  const known = new Map<string, Set<string>>();
  for (const [protocol, methods] of offers) {
    const its = known.get(protocol) ?? new Set();
    known.set(protocol, its);
    for (const method of methods) its.add(method);
  }
  return known;
}

/** What remote workers can run, and the providers that stand for them: one for each protocol. */
class RemoteProviders {
  /** By protocol; none without a method. */
  readonly methods = new Map<string, Set<string>>();
  private readonly ids = new Set<string>();

  has(providerId: string): boolean {
    return this.ids.has(providerId);
  }

  /** @returns what is new in it, if anything is */
  learn({ protocol, methods: given }: RemoteProvider): DraftOf<'provider:registered' | 'provider:extended'> | undefined {
    const known = this.methods.get(protocol);
    const methods = [...new Set(given)].filter((method) => known?.has(method) !== true);
    if (methods.length === 0) return undefined;
    const providerId = remoteProviderId(protocol);
    const data = { providerId, protocol, methods, circuit: remoteCircuit, remote: true };
    if (known !== undefined) {
      for (const method of methods) known.add(method);
      return { type: 'provider:extended', data };
    }
    this.methods.set(protocol, new Set(methods));
    this.ids.add(providerId);
    return { type: 'provider:registered', data: { ...data, pool: remotePool } };
  }

  /** @returns what there is no more, if there was any of it */
  forget({ protocol, methods: given }: RemoteProvider): DraftOf<'provider:reduced' | 'provider:unregistered'> | undefined {
    const known = this.methods.get(protocol);
    const methods = given.filter((method) => known?.delete(method) === true);
    if (known === undefined || methods.length === 0) return undefined;
    const data = { providerId: remoteProviderId(protocol), protocol, methods, reason: 'no worker offers it any more' };
    if (known.size > 0) return { type: 'provider:reduced', data };
    this.methods.delete(protocol);
    this.ids.delete(data.providerId);
    return { type: 'provider:unregistered', data };
  }
}

/** Each method has a circuit of its own: another one may be carried out by other workers. */
const remoteCircuit = { ...circuitBreakerDefaults, scope: 'method' } as const;
/** No workers of this process are asked for. */
const remotePool = { ...poolDefaults, min: 0, max: 0 } as const;

/** Has providers started and checked when they are to be; what stands for remote workers can always be called: heartbeats say how those are. */
function answerChecks(core: Core, executor: Executor, remotes: RemoteProviders): void {
  const ask = async (providerId: string, phase: 'start' | 'check'): Promise<void> => {
    const outcome: CheckOutcome = remotes.has(providerId) ? { ok: true, durationMs: 0 } : await executor[phase](providerId);
    core.accept({ type: 'provider:checked', data: { providerId, phase, ...outcome } }, { source: 'executor' });
  };
  core.on('provider:registered', ({ data: { providerId } }) => void ask(providerId, 'start'));
  core.on('provider:health_check', ({ data: { providerId } }) => void ask(providerId, 'check'));
}

function circuitOf({ circuit }: AnyProvider): CircuitOptions | null {
  return circuit === false ? null : { scope: 'provider', ...circuitBreakerDefaults, ...circuit };
}

function poolOf({ pool }: AnyProvider, settings: Partial<PoolOptions> | undefined): PoolOptions {
  const merged = { ...poolDefaults, ...pool, ...settings };
  return { ...merged, max: Math.max(merged.max, 1), min: Math.min(merged.min, merged.max) };
}
