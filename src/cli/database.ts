/** Which journal a command is about, and how it is read: beside whoever owns it, without a trace. */
import type { Journal } from '../journal/journal.ts';
import type { SystemOptions } from '../runtime/options.ts';
import { usageError } from './faults.ts';

/** The options that every command on a journal takes. */
export interface DatabaseOptions {
  /** From `--db`, else from GLEITZEIT_DB, else `./gleitzeit.db`. */
  readonly db: string;
  readonly json?: boolean;
}

export const defaultDatabase = './gleitzeit.db';

/**
 * The path of a journal that outlives the command.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function pathOf({ db }: Pick<DatabaseOptions, 'db'>): string {
  if (db.trim() === '') throw usageError('--db has to be the path of a journal, and is empty.');
  if (db === ':memory:') throw usageError('--db :memory: ends with the command that made it: give the path of a journal.');
  return db;
}

/**
 * The path of a journal that is there: one that is not is not made just to be told that nothing is in it.
 * @throws GleitzeitError CONFIGURATION_ERROR; PERSISTENCE_CONNECTION_FAILED where there is none
 */
export async function pathOfJournal(options: Pick<DatabaseOptions, 'db'>): Promise<string> {
  const path = pathOf(options);
  const { requireJournal, truePath } = await import('../journal/sqlite/connection.ts');
  requireJournal(truePath(path));
  return path;
}

/**
 * The same as {@link pathOf} for `run`, which keeps its journal in memory unless it is told a path.
 * @returns nothing for a journal in memory
 */
export function pathToRunOn(db: string | undefined): string | undefined {
  return db === undefined || db === ':memory:' ? undefined : pathOf({ db });
}

/** What an engine of a command seals with, where `--key-file` says it; it goes before the variables, whose key still opens. */
export function secretsBy(keyFile: string | undefined): Pick<SystemOptions, 'secrets'> {
  return keyFile === undefined ? {} : { secrets: { keyFile } };
}

/** Reads a journal. @throws GleitzeitError PERSISTENCE_* */
export async function reading<Value>(path: string, act: (journal: Journal) => Promise<Value>): Promise<Value> {
  const { sqliteJournal } = await import('../journal/sqlite.ts');
  const journal = sqliteJournal(path, { readOnly: true });
  await journal.open();
  try {
    return await act(journal);
  } finally {
    await journal.close();
  }
}
