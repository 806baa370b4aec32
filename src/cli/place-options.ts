/** The options that name a hub, and which place is meant where there are several. */
import { type Command, Option } from 'commander';
import { readPrivate } from '../private-file.ts';
import type { IfKnown } from '../runtime/options.ts';
import { usageError } from './faults.ts';

/** What of a run that has the id already; written out: to load the options of a system for it would cost every command. */
export function ifKnownOption(): Option {
  const rules = ['same', 'join'] as const satisfies readonly IfKnown[];
  return new Option(
    '--if-known <rule>',
    'of a run that has the --id already: same refuses another definition or input, join takes it as it is',
  ).choices(rules);
}

/** Adds `--hub` and `--token` to a command that also takes `--db`. */
export function withHub(command: Command): Command {
  return withHubOptions(command).hook('preAction', (_, acting) => settlePlace(acting));
}

/** The same for a command that looks at both a journal and a hub. */
export function withHubOptions(command: Command): Command {
  return command
    .addOption(new Option('--hub <url>', 'the hub, for example http://127.0.0.1:7400, instead of a journal').env('GLEITZEIT_HUB'))
    .addOption(new Option('--token <token>', 'the token of the hub; others see it in the list of processes').env('GLEITZEIT_TOKEN'))
    .addOption(tokenFileOption())
    .hook('preAction', (_, acting) => readTokenFile(acting));
}

export function tokenFileOption(): Option {
  return new Option('--token-file <file>', 'a file with the token, which only its owner may read').env('GLEITZEIT_TOKEN_FILE');
}

/** The variable is read by every engine, so that the option stands for what was typed alone. */
export function keyFileOption(): Option {
  return new Option('--key-file <file>', 'a file with the key of the secrets, which only its owner may read (env: GLEITZEIT_KEY_FILE)');
}

/** @throws GleitzeitError CONFIGURATION_ERROR where a token is given in both ways, and for a file that others may use */
export function readTokenFile(command: Command): void {
  const [file, token] = [strengthOf(command, 'tokenFile'), strengthOf(command, 'token')];
  if (file === 0) return;
  if (file === token)
    throw usageError('A token is given by itself and by a file: leave one of --token (GLEITZEIT_TOKEN) and --token-file (GLEITZEIT_TOKEN_FILE).');
  // What was typed counts for more than what the environment says.
  if (token > file) return;
  const path: string = command.getOptionValue('tokenFile');
  command.setOptionValueWithSource('token', readPrivate(path, 'The token file'), command.getOptionValueSource('tokenFile') ?? 'cli');
}

/**
 * Leaves one of journal and hub: what was typed counts for more than what the environment says, and that for more than a default.
 * @throws GleitzeitError CONFIGURATION_ERROR where both were said in the same way
 */
function settlePlace(command: Command): void {
  const [hub, db, token] = [strengthOf(command, 'hub'), strengthOf(command, 'db'), strengthOf(command, 'token')];
  if (token === 2 && hub === 0) throw usageError('--token goes with --hub: it is what the hub is asked with.');
  // One that is set to nothing is not set.
  if (hub === 0) command.setOptionValue('hub', undefined);
  if (hub === 0) return;
  if (hub === 2 && db === 2) throw usageError('--db and --hub name two places: give one of them.');
  if (hub === 1 && db === 1)
    throw usageError('GLEITZEIT_DB and GLEITZEIT_HUB name two places, and both are set: say which is meant by --db or --hub.');
  if (hub > db && strengthOf(command, 'keyFile') > 0)
    throw usageError('--key-file goes with a journal: what a hub is given is sealed there, with the key of its engine.');
  command.setOptionValue(db > hub ? 'hub' : 'db', undefined);
}

/** 0: not said, but by a default. */
function strengthOf(command: Command, name: string): 0 | 1 | 2 {
  const value: unknown = command.getOptionValue(name);
  if (value === undefined || value === '') return 0;
  const source = command.getOptionValueSource(name);
  return source === 'cli' ? 2 : source === 'env' ? 1 : 0;
}
