/**
 * The command line: what can be typed, and which command it means.
 *
 * Commands are loaded when they are called, so that `gleitzeit run` does not wait for what it does not use.
 */
import { Command, CommanderError, Option } from 'commander';
import { packageVersion } from '../package-version.ts';
import type { DoctorOptions } from './commands/doctor.ts';
import type { InitOptions } from './commands/init.ts';
import type { MachinesOptions } from './commands/machines.ts';
import type { RunOptions } from './commands/run.ts';
import type { ValidateOptions } from './commands/validate.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { tellError } from './faults.ts';
import { addHubCommands } from './hub-program.ts';
import { addJournalCommands, type Settle } from './journal-program.ts';
import { ifKnownOption, keyFileOption, withHub, withHubOptions } from './place-options.ts';
import { addStoreCommands } from './store-program.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line, without the name of the program; never rejects. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  const settle: Settle = async (command) => {
    exitCode = await command;
  };
  try {
    await programOf(terminal, settle).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    // Commander has told its own faults already; help and version are no faults.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return tellError(terminal, thrown, args.includes('--json'));
  }
}

function programOf(terminal: Terminal, settle: Settle): Command {
  const program = new Command('gleitzeit')
    .description('Runs workflows: graphs of tasks, on an actor system in which every part is a statechart.')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .showHelpAfterError('(gleitzeit --help says more)')
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getErrHasColors: () => terminal.colors.isColorSupported,
      getOutHasColors: () => terminal.colors.isColorSupported && terminal.stdout.isTTY === true,
    });
  addRun(program, (file, options) => settle(import('./commands/run.ts').then((it) => it.runCommand(file, options, terminal))));
  addValidate(program, (file, options) => settle(import('./commands/validate.ts').then((it) => it.validateCommand(file, options, terminal))));
  addMachines(program, (name, options) => settle(import('./commands/machines.ts').then((it) => it.machinesCommand(name, options, terminal))));
  addInit(program, (name, options) => settle(import('./commands/init.ts').then((it) => it.initCommand(name, options, terminal))));
  addDoctor(program, (options) => settle(import('./commands/doctor.ts').then((it) => it.doctorCommand(options, terminal))));
  addJournalCommands(program, { terminal, settle });
  addStoreCommands(program, { terminal, settle });
  addHubCommands(program, { terminal, settle });
  return program;
}

function addRun(program: Command, act: (file: string, options: RunOptions) => Promise<void>): void {
  withHub(program.command('run'))
    .description('run a workflow to its end and print its results')
    .argument('<file>', 'workflow file, YAML or JSON')
    .option('--input <json>', "the workflow's input: JSON, or @ and the path of a JSON file (@- is stdin)")
    .option('--id <id>', 'the id of the run')
    .addOption(ifKnownOption())
    .addOption(new Option('--db <path>', 'the journal: with the same --id an interrupted run goes on (default: :memory:)').env('GLEITZEIT_DB'))
    .addOption(keyFileOption())
    .option('--providers <file>', 'a module with providers of your own')
    .option('--watch', 'show every event as it happens')
    .option('--json', 'print one JSON object')
    .option('--output <file>', 'write the JSON object to a file')
    .option('--inspect', 'open the Stately inspector on 127.0.0.1 while it runs')
    .option('--timeout <seconds>', 'cancel the run when it takes longer')
    .action(act);
}

function addValidate(program: Command, act: (file: string, options: ValidateOptions) => Promise<void>): void {
  program
    .command('validate')
    .description('say whether a workflow file could be run, and everything that is wrong with it')
    .argument('<file>', 'workflow file, YAML or JSON')
    .option('--providers <file>', 'a module with providers of your own')
    .option('--json', 'answer with JSON')
    .action(act);
}

function addMachines(program: Command, act: (name: string | undefined, options: MachinesOptions) => Promise<void>): void {
  program
    .command('machines')
    .description('print the charts, the matrix of events, and (as JSON) the schema of every event')
    .argument('[name]', "one machine, for example circuit; or 'events'")
    .option('--format <format>', 'mermaid or json', 'mermaid')
    .option('--json', 'the same as --format json')
    .action(act);
}

function addInit(program: Command, act: (name: string, options: InitOptions) => Promise<void>): void {
  program
    .command('init')
    .description('make a folder with a workflow and a provider to start from')
    .argument('<name>', 'the folder')
    .option('--json', 'answer with JSON')
    .action(act);
}

function addDoctor(program: Command, act: (options: DoctorOptions) => Promise<void>): void {
  withHubOptions(program.command('doctor'))
    .description('say what of this machine, of a journal and of a hub would keep workflows from running, and what to do about it')
    .addOption(new Option('--db <path>', 'the journal to look at too').env('GLEITZEIT_DB'))
    .addOption(keyFileOption())
    .option('--json', 'answer with JSON')
    .action(act);
}
