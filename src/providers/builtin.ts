/** The providers that every system has unless told otherwise. */
import { coreProvider } from './core.ts';
import { createHttpProvider, type HttpOptions } from './http.ts';
import { createProcessProvider, type ProcessProviderOptions } from './process.ts';
import type { AnyProvider } from './provider.ts';
import { createPythonProvider, type PythonProviderOptions } from './python.ts';

/** Options of the built-in providers. */
export interface BuiltinOptions {
  readonly http?: HttpOptions;
  readonly process?: ProcessProviderOptions;
  readonly python?: PythonProviderOptions;
}

/** What the built-in providers carry out, by its protocols. */
export const builtinProtocols: ReadonlySet<string> = new Set(['core/v1', 'http/v1', 'process/v1', 'python/v1']);

/** `core/v1`, `http/v1`, `process/v1` and `python/v1`. */
export function builtinProviders({ http, process, python }: BuiltinOptions = {}): readonly AnyProvider[] {
  return [coreProvider, createHttpProvider(http), createProcessProvider(process), createPythonProvider(python)];
}
