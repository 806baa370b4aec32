/** The driver, loaded when a database is first opened: whoever keeps the journal in memory does not pay for it. */
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';

import type Database from 'better-sqlite3';

let driver: typeof Database | undefined;
/** The connections of this thread, and some that were closed since. */
const connections = new Set<Database.Database>();

export function openDatabase(path: string, options?: Database.Options): Database.Database {
  // The module is what its types say of it.
  driver ??= createRequire(import.meta.url)('better-sqlite3') as typeof Database;
  const db = new driver(path, options);
  for (const each of connections) if (!each.open) connections.delete(each);
  connections.add(db);
  return db;
}

/**
 * Whether a connection of this thread has the file open. Such a file must not be opened in any other way: the operating system
 * takes all locks of a process on a file away when the process closes the file once, whoever in it had taken them.
 */
export function isOpenHere(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) return false;
  return [...connections].some((db) => {
    const other = db.open ? statSync(db.name, { throwIfNoEntry: false }) : undefined;
    return other?.ino === file.ino && other.dev === file.dev;
  });
}
