/** The part of the command line that is about the files of a journal. */
import type { Command } from 'commander';

import type { BackupOptions, RestoreOptions } from './commands/store.ts';
import type { Acting } from './journal-program.ts';

/** Adds the commands on the files of a journal; they are loaded when they are called. */
export function addStoreCommands(program: Command, { settle, terminal }: Acting): void {
  const store = program.command('store').description('copy a journal, also while an engine runs on it, and put a copy back in its place');
  store
    .command('backup')
    .description('make a verified copy of a journal as it is at one moment')
    .argument('<journal>', 'the journal, whoever runs on it')
    .argument('<target>', 'the file of the backup')
    .option('--force', 'replace a backup that stands there')
    .option('--with-key', 'copy the key of its secrets, too: whoever has the backup can then open them')
    .option('--json', 'answer with JSON')
    .action((from: string, to: string, options: BackupOptions) =>
      settle(import('./commands/store.ts').then((it) => it.backupCommand({ from, to }, options, terminal))),
    );
  store
    .command('restore')
    .description('put a backup in the place of a journal that no engine runs on; what was there is put aside')
    .argument('<backup>', 'the file of the backup')
    .argument('<journal>', 'the journal')
    .option('--json', 'answer with JSON')
    .action((from: string, to: string, options: RestoreOptions) =>
      settle(import('./commands/store.ts').then((it) => it.restoreCommand({ from, to }, options, terminal))),
    );
}
