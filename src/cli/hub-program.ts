/** The part of the command line that is about a hub: an engine that clients and workers in other processes reach. */
import { type Command, Option } from 'commander';

import type { AsyncApiOptions } from './commands/asyncapi.ts';
import type { ServeOptions } from './commands/serve.ts';
import type { WorkerOptions } from './commands/worker.ts';
import { defaultDatabase } from './database.ts';
import type { Acting } from './journal-program.ts';
import { keyFileOption, readTokenFile, tokenFileOption } from './place-options.ts';

/** Adds the commands of a hub; each is loaded when it is called. */
export function addHubCommands(program: Command, acting: Acting): void {
  addServe(program, acting);
  addWorker(program, acting);
  addAsyncApi(program, acting);
}

function addServe(program: Command, { settle, terminal }: Acting): void {
  program
    .command('serve')
    .description('run an engine that clients and workers reach over the network, until Ctrl-C or SIGTERM')
    .option('--host <host>', 'the address to listen on; beyond this machine only with a token', '127.0.0.1')
    .option('--port <port>', 'the port to listen on; 0 is any that is free', '7400')
    .addOption(new Option('--db <path>', 'the journal; :memory: ends with the process').env('GLEITZEIT_DB').default(defaultDatabase))
    .addOption(new Option('--token <token>', 'what clients and workers have to bring; others see it in the list of processes').env('GLEITZEIT_TOKEN'))
    .addOption(tokenFileOption())
    .hook('preAction', (_, acting) => readTokenFile(acting))
    .option('--tokens <file>', 'a JSON file with tokens and their roles, which only its owner may read: [{ "token", "roles", "protocols", "name" }]')
    .addOption(keyFileOption())
    .option('--providers <file>', 'a module with providers of your own')
    .option('--no-builtins', 'without the built-in providers: clients cannot run programs on this machine')
    .option('--remote <protocol...>', 'workers may serve these protocols although this engine carries them out itself, for example python/v1')
    .option('--allow-origin <origin...>', 'pages of these origins may use the hub, for example https://ops.example.org')
    .option('--lease <seconds>', 'how long a worker may be silent before what it runs goes elsewhere (default: 30)')
    .option('--keep-days <days>', 'how long finished workflows are kept (default: for ever)')
    .option('--drain <seconds>', 'how long what runs may take to finish at the end (default: 30)')
    .option('--json', 'print one line of JSON when it is ready')
    .action((options: ServeOptions) => settle(import('./commands/serve.ts').then((it) => it.serveCommand(options, terminal))));
}

function addWorker(program: Command, { settle, terminal }: Acting): void {
  program
    .command('worker')
    .description('carry out tasks of a hub with providers of your own, until Ctrl-C or SIGTERM; what runs is finished then')
    .addOption(new Option('--hub <url>', 'where the hub is, for example http://127.0.0.1:7400').env('GLEITZEIT_HUB'))
    .addOption(new Option('--token <token>', 'the token of the hub; others see it in the list of processes').env('GLEITZEIT_TOKEN'))
    .addOption(tokenFileOption())
    .hook('preAction', (_, acting) => readTokenFile(acting))
    .option('--providers <file>', 'a module with the providers to work for')
    .option('--slots <n>', 'attempts of each protocol at the same time (default: 4)')
    .option('--name <id>', 'names the worker at the hub (default: host and process)')
    .option('--patience <seconds>', 'how long to try to reach the hub at first; later it is tried for ever (default: 10)')
    .option('--drain <seconds>', 'how long what runs may take to finish at the end (default: 30)')
    .option('--json', 'print one line of JSON when it is registered')
    .action((options: WorkerOptions) => settle(import('./commands/worker.ts').then((it) => it.workerCommand(options, terminal))));
}

function addAsyncApi(program: Command, { settle, terminal }: Acting): void {
  program
    .command('asyncapi')
    .description('print what the hub speaks as an AsyncAPI 3.0 document, to write or generate clients from')
    .option('--format <format>', 'yaml or json', 'yaml')
    .option('--json', 'the same as --format json')
    .action((options: AsyncApiOptions) => settle(import('./commands/asyncapi.ts').then(async (it) => it.asyncApiCommand(options, terminal))));
}
