/** Loads providers from a file of the user's: TypeScript or JavaScript, any export that is a provider or a list of them. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { errorOf, toFailure } from '../errors.ts';
import { type Exports, importModule } from './import-module.ts';
import { type AnyProvider, isProvider } from './provider.ts';

/**
 * Loads the providers that a file exports, each once, in the order of its exports' names.
 * @throws GleitzeitError PROVIDER_NOT_FOUND (no such file, no provider in it), PROVIDER_INITIALIZATION_FAILED (it cannot be loaded)
 */
export async function loadProviders(file: string): Promise<readonly AnyProvider[]> {
  const path = resolve(file);
  if (!existsSync(path)) throw errorOf('PROVIDER_NOT_FOUND', `No file of providers at "${path}"`);
  const exported = Object.entries(await importFile(path));
  const found = new Set<AnyProvider>();
  for (const [, value] of exported) for (const each of Array.isArray(value) ? value : [value]) if (isProvider(each)) found.add(each);
  if (found.size > 0) return [...found];
  const names = exported.length === 0 ? 'nothing' : exported.map(([name]) => name).join(', ');
  throw errorOf('PROVIDER_NOT_FOUND', `No provider in "${path}": it exports ${names}, and a provider is what defineProvider() returns`);
}

async function importFile(path: string): Promise<Exports> {
  const { href } = pathToFileURL(path);
  try {
    return withoutWrapping(await importModule(href));
  } catch (thrown) {
    const cause = toFailure(thrown, 'PROVIDER_INITIALIZATION_FAILED');
    throw errorOf('PROVIDER_INITIALIZATION_FAILED', `The file of providers "${path}" cannot be loaded: ${mended(cause.message)}`, { cause });
  }
}

/** A package that is not there is looked for from the file's folder on, wherever the command itself is installed. */
function mended(message: string): string {
  const [missing] = /^Cannot find (?:module|package) '[^'./][^']*'/.exec(message) ?? [];
  return missing === undefined ? message : `${missing}: install it in the folder of the file, or above`;
}

/** A CommonJS module comes with all of its exports once more, under `default`. */
function withoutWrapping(module: Exports): Exports {
  const whole = module['default'];
  const isWrapped = typeof whole === 'object' && whole !== null && !Array.isArray(whole) && !isProvider(whole);
  return isWrapped ? { ...whole, ...module } : module;
}
