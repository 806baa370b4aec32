/** `gleitzeit store`: copies a journal, also one that an engine runs on, and puts a copy in its place. */
import type { JournalBackup, JournalRestore } from '../../journal/sqlite/backup.ts';
import { pathOf } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine, print, printJson, say, type Terminal } from '../terminal.ts';
import { count, size } from '../text.ts';

export interface BackupOptions {
  readonly force?: boolean;
  readonly withKey?: boolean;
  readonly json?: boolean;
}

export interface RestoreOptions {
  readonly json?: boolean;
}

export interface StorePaths {
  readonly from: string;
  readonly to: string;
}

export async function backupCommand({ from, to }: StorePaths, options: BackupOptions, terminal: Terminal): Promise<ExitCode> {
  const { backupJournal } = await import('../../journal/sqlite/backup.ts');
  const { force: overwrite = false, withKey = false, json } = options;
  const made = await backupJournal(pathOf({ db: from }), pathOf({ db: to }), { overwrite, withKey });
  if (json === true) printJson(terminal, made);
  else print(terminal, oneLine(`${made.target}: ${size(made.bytes)}, ${holding(made)}; verified.`));
  if (withKey && made.keys.length > 0) say(terminal, `with its key (${made.keys.join(', ')}): whoever has the backup can open the secrets in it`);
  else if (await hasKey(made.path))
    say(terminal, 'without the key of its secrets: keep a copy of the key file elsewhere, or make backups with --with-key');
  return exitCodes.done;
}

export async function restoreCommand({ from, to }: StorePaths, { json }: RestoreOptions, terminal: Terminal): Promise<ExitCode> {
  const { restoreJournal } = await import('../../journal/sqlite/backup.ts');
  const made = await restoreJournal(pathOf({ db: from }), pathOf({ db: to }));
  if (json === true) printJson(terminal, made);
  else {
    print(terminal, oneLine(`${made.path}: ${holding(made)}; verified.`));
    if (made.aside !== undefined) print(terminal, oneLine(`The journal that was there is now ${made.aside}.`));
  }
  return exitCodes.done;
}

function holding({ facts, workflows, lastSeq }: JournalBackup | JournalRestore): string {
  return `${count(facts, 'fact')} of ${count(workflows, 'workflow')}, up to seq ${lastSeq}`;
}

async function hasKey(path: string): Promise<boolean> {
  const { keyFilesOf } = await import('../../secrets/key-file.ts');
  return keyFilesOf(`${path}-key`).length > 0;
}
