/** Registers providers, starts and checks them when the machines ask for it, and reports what came of it. */
import { circuitBreakerDefaults } from '../../machines/circuit-breaker.ts';
import type { CircuitOptions, PoolOptions } from '../../machines/events/provider.ts';
import { poolDefaults } from '../../machines/pool.ts';
import type { Executor } from '../providers/executor.ts';
import type { CheckOutcome } from '../providers/lifecycle.ts';
import { type AnyProvider, schemasIn } from '../providers/provider.ts';
import type { Core } from '../system/core.ts';
import type { SchemasOf } from '../workflow/params.ts';

export interface ProviderHost {
  /** Another provider of the same id is replaced; the same one once more is nothing new. */
  register(provider: AnyProvider): void;
  unregister(providerId: string, reason: string): void;
  /** The methods of each protocol that some provider has. */
  known(): ReadonlyMap<string, ReadonlySet<string>>;
  /** What judges the parameters of a method, before anything runs. */
  readonly schemasOf: SchemasOf;
  /** Stops every provider that was registered; never rejects. */
  stopAll(): Promise<void>;
}

export type PoolSettings = Readonly<Record<string, Partial<PoolOptions>>>;

export function hostProviders(core: Core, executor: Executor, pools: PoolSettings): ProviderHost {
  const providers = new Map<string, AnyProvider>();

  const report = (providerId: string, phase: 'start' | 'check', outcome: CheckOutcome): void => {
    core.accept({ type: 'provider:checked', data: { providerId, phase, ...outcome } }, { source: 'executor' });
  };
  core.on('provider:registered', ({ data: { providerId } }) => {
    void executor.start(providerId).then((outcome) => report(providerId, 'start', outcome));
  });
  core.on('provider:health_check', ({ data: { providerId } }) => {
    void executor.check(providerId).then((outcome) => report(providerId, 'check', outcome));
  });

  return {
    register(provider) {
      if (providers.get(provider.id) === provider) return;
      providers.set(provider.id, provider);
      executor.register(provider);
      const { id: providerId, protocol } = provider;
      const data = {
        providerId,
        protocol,
        methods: Object.keys(provider.methods),
        circuit: circuitOf(provider),
        pool: poolOf(provider, pools[protocol]),
      };
      core.accept({ type: 'provider:registered', data }, { source: 'registry' });
    },
    unregister(providerId, reason) {
      const provider = providers.get(providerId);
      if (provider === undefined) return;
      providers.delete(providerId);
      const { protocol, methods } = provider;
      core.accept({ type: 'provider:unregistered', data: { providerId, protocol, methods: Object.keys(methods), reason } }, { source: 'registry' });
      void executor.stop(providerId).then(() => executor.unregister(providerId));
    },
    known() {
      const known = new Map<string, Set<string>>();
      for (const { protocol, methods } of providers.values()) {
        const names = known.get(protocol) ?? new Set();
        for (const method of Object.keys(methods)) names.add(method);
        known.set(protocol, names);
      }
      return known;
    },
    schemasOf: (protocol, method) => schemasIn(providers.values(), protocol, method),
    async stopAll() {
      await Promise.all([...providers.keys()].map((providerId) => executor.stop(providerId)));
    },
  };
}

function circuitOf({ circuit }: AnyProvider): CircuitOptions | null {
  return circuit === false ? null : { scope: 'provider', ...circuitBreakerDefaults, ...circuit };
}

function poolOf({ pool }: AnyProvider, settings: Partial<PoolOptions> | undefined): PoolOptions {
  const merged = { ...poolDefaults, ...pool, ...settings };
  return { ...merged, max: Math.max(merged.max, 1), min: Math.min(merged.min, merged.max) };
}
