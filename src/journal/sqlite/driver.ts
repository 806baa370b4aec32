/** The driver, loaded when a database is first opened: whoever keeps the journal in memory does not pay for it. */
import { createRequire } from 'node:module';

import type Database from 'better-sqlite3';

let driver: typeof Database | undefined;

export function openDatabase(path: string, options?: Database.Options): Database.Database {
  // The module is what its types say of it.
  driver ??= createRequire(import.meta.url)('better-sqlite3') as typeof Database;
  return new driver(path, options);
}
