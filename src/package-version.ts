/** Which version of the package this is. */
import { createRequire } from 'node:module';

export function packageVersion(): string {
  // The package refers to itself by name, from the sources as from the build.
  const { version } = createRequire(import.meta.url)('gleitzeit/package.json') as { readonly version: string };
  return version;
}
