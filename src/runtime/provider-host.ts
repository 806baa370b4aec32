/** Registers providers, starts and checks them when the machines ask for it, and reports what came of it. */
import { circuitBreakerDefaults } from '../../machines/circuit-breaker.ts';
import type { DataOf } from '../../machines/events/catalogue.ts';
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
  /** Makes known what remote workers of a protocol can run; what was known before stays. */
  registerRemote(remote: RemoteProvider): void;
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
    registerRemote({ protocol, methods }) {
      if (remotes.learn(protocol, methods)) announce(remotes.registrationOf(protocol));
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

/** What remote workers can run, and the providers that stand for them. */
class RemoteProviders {
  /** By protocol. */
  readonly methods = new Map<string, ReadonlySet<string>>();
  private readonly ids = new Set<string>();

  has(providerId: string): boolean {
    return this.ids.has(providerId);
  }

  /** @returns whether there is anything new in it */
  learn(protocol: string, methods: readonly string[]): boolean {
    const before = this.methods.get(protocol);
    const after = new Set([...(before ?? []), ...methods]);
    this.methods.set(protocol, after);
    this.ids.add(remoteProviderId(protocol));
    return after.size > (before?.size ?? 0);
  }

  /** Each method has a circuit of its own: another one may be carried out by other workers. No workers of this process are asked for. */
  registrationOf(protocol: string): DataOf<'provider:registered'> {
    const methods = [...(this.methods.get(protocol) ?? [])];
    const circuit = { ...circuitBreakerDefaults, scope: 'method' } as const;
    return { providerId: remoteProviderId(protocol), protocol, methods, circuit, pool: { ...poolDefaults, min: 0, max: 0 }, remote: true };
  }
}

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
