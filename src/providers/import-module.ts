/** Imports a module of the user's, TypeScript or JavaScript, whatever this process was started with. */
import { extname } from 'node:path';

export type Exports = Readonly<Record<string, unknown>>;

export async function importModule(href: string): Promise<Exports> {
  if (!isTypeScript(href)) return import(href);
  const { tsImport } = await import('tsx/esm/api');
  return tsImport(href, import.meta.url);
}

export function isTypeScript(path: string): boolean {
  return ['.ts', '.mts', '.cts', '.tsx'].includes(extname(path));
}
