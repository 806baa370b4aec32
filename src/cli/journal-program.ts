/** The part of the command line that is about what a journal holds, or the engine behind a hub, and what is to become of it. */
import { type Command, Option } from 'commander';

import type { CatchUpPolicy, OverlapPolicy } from '../../machines/events/cron.ts';
import { severities } from '../../machines/events/envelope.ts';
import { headStatuses } from '../journal/journal.ts';
import type { AskOptions } from './commands/ask.ts';
import type { CheckOptions } from './commands/check.ts';
import type { EventsOptions } from './commands/events.ts';
import type { ListOptions } from './commands/list.ts';
import type { ScheduleAddOptions, ScheduleRemoveOptions } from './commands/schedule.ts';
import type { StatusOptions } from './commands/status.ts';
import type { SubmitOptions } from './commands/submit.ts';
import { type DatabaseOptions, defaultDatabase } from './database.ts';
import type { ExitCode } from './exit-codes.ts';
import type { PlaceOptions, WorkflowCommand } from './place.ts';
import { ifKnownOption, keyFileOption, withHub } from './place-options.ts';
import type { Terminal } from './terminal.ts';

/** Takes what a command comes to. */
export type Settle = (command: Promise<ExitCode>) => Promise<void>;

export interface Acting {
  readonly terminal: Terminal;
  readonly settle: Settle;
}

/** Adds the commands on a journal or a hub; each is loaded when it is called. */
export function addJournalCommands(program: Command, acting: Acting): void {
  addSubmit(program, acting);
  addStatus(program, acting);
  addList(program, acting);
  addTrace(program, acting);
  addEvents(program, acting);
  addExplain(program, acting);
  addAsk(program, acting, { name: 'cancel', description: 'cancel a workflow: nothing new starts, what runs is aborted' });
  addAsk(program, acting, { name: 'pause', description: 'dispatch nothing new of a workflow; what runs finishes' });
  addAsk(program, acting, { name: 'resume', description: 'let a paused workflow go on' });
  addAsk(program, acting, { name: 'retry', description: 'let a failed workflow go on from its failed tasks; what has finished is kept' });
  addSchedule(program, acting);
  addSweep(program, acting);
  addCheck(program, acting);
}

/** A command on the journal that `--db` names, or at the hub that `--hub` does. */
function inPlace(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .addOption(new Option('--db <path>', 'the journal').env('GLEITZEIT_DB').default(defaultDatabase));
  return withHub(command).option('--json', 'answer with JSON');
}

function addSubmit(program: Command, { settle, terminal }: Acting): void {
  inPlace(program, 'submit', 'record a run and return: the engine that is there runs it, or the next one to start on the journal')
    .argument('<file>', 'workflow file, YAML or JSON')
    .option('--input <json>', "the workflow's input: JSON, or @ and the path of a JSON file (@- is stdin)")
    .option('--id <id>', 'the id of the run; submitted again it is the same run')
    .addOption(ifKnownOption())
    .addOption(keyFileOption())
    .option('--providers <file>', 'a module with providers of your own, to check by where no engine runs')
    .option('--start-at <time>', 'not before this time, for example 2025-03-30T08:00:00+01:00')
    .action((file: string, options: SubmitOptions) => settle(import('./commands/submit.ts').then((it) => it.submitCommand(file, options, terminal))));
}

function addStatus(program: Command, { settle, terminal }: Acting): void {
  inPlace(program, 'status', 'say how far a workflow is; without one, what the journal or the hub holds')
    .argument('[workflow]', 'the id of a run')
    .option('--at <seq>', 'as of this recorded event')
    .action((workflow: string | undefined, options: StatusOptions) =>
      settle(import('./commands/status.ts').then((it) => it.statusCommand(workflow, options, terminal))),
    );
}

function addList(program: Command, { settle, terminal }: Acting): void {
  inPlace(program, 'list', 'list the workflows of the journal, or of the hub')
    .addOption(new Option('--status <status>', 'only those').choices(headStatuses))
    .option('--limit <n>', 'only the latest so many (100 unless told)')
    .action((options: ListOptions) => settle(import('./commands/list.ts').then((it) => it.listCommand(options, terminal))));
}

function addTrace(program: Command, { settle, terminal }: Acting): void {
  inPlace(program, 'trace', 'draw everything recorded of a workflow as a tree of causes with times')
    .argument('<workflow>', 'the id of a run')
    .action((workflow: string, options: PlaceOptions) =>
      settle(import('./commands/trace.ts').then((it) => it.traceCommand(workflow, options, terminal))),
    );
}

function addEvents(program: Command, { settle, terminal }: Acting): void {
  inPlace(program, 'events', 'print what was recorded; with --json a line of JSON for each event')
    .option('--workflow <workflow>', 'only of this run')
    .addOption(new Option('--severity <severity>', 'only events at least this severe').choices(severities))
    .option('--component <component>', 'only of this family, for example circuit')
    .option('--type <type...>', "only these types or families, for example 'task:*'; a hub that is followed has those that are not recorded too")
    .option('--after <seq>', 'only what came after this event')
    .option('--follow', 'go on with what is recorded from now on, until Ctrl-C')
    .action((options: EventsOptions) => settle(import('./commands/events.ts').then((it) => it.eventsCommand(options, terminal))));
}

function addExplain(program: Command, { settle, terminal }: Acting): void {
  inPlace(program, 'explain', 'say why each unfinished task waits, and what would release it')
    .argument('<workflow>', 'the id of a run')
    .argument('[task]', 'the id of one of its tasks')
    .action((workflowId: string, taskId: string | undefined, options: PlaceOptions) =>
      settle(import('./commands/explain.ts').then((it) => it.explainCommand({ workflowId, taskId }, options, terminal))),
    );
}

interface AskedDescription {
  readonly name: WorkflowCommand;
  readonly description: string;
}

function addAsk(program: Command, { settle, terminal }: Acting, { name, description }: AskedDescription): void {
  inPlace(program, name, description)
    .argument('<workflow>', 'the id of a run')
    .option('--reason <text>', 'why, for those who look at it later')
    .action((workflow: string, options: AskOptions) =>
      settle(import('./commands/ask.ts').then((it) => it.askCommand(name, workflow, { ...options, terminal }))),
    );
}

// Written out: to load the events for them would cost every command.
const overlapPolicies = ['skip', 'queue', 'cancel_previous'] as const satisfies readonly OverlapPolicy[];
const catchUpPolicies = ['none', 'one', 'all'] as const satisfies readonly CatchUpPolicy[];

function addSchedule(program: Command, { settle, terminal }: Acting): void {
  const schedule = program.command('schedule').description('have a workflow start time and again, or once at a time');
  inPlace(schedule, 'add', 'make a schedule; made again it is the same one')
    .argument('<file>', 'workflow file, YAML or JSON')
    .option('--cron <expression>', "five fields, or six with the seconds first, for example '0 3 * * *'")
    .option('--timezone <zone>', 'the time zone of --cron, for example Europe/Berlin (default: UTC)')
    .option('--every <seconds>', 'the time between two starts')
    .option('--at <time>', 'a single start, for example 2025-03-30T08:00:00+01:00')
    .option('--start-at <time>', 'no start before this time')
    .option('--end-at <time>', 'no start at or after this time')
    .option('--id <id>', 'the id of the schedule (default: the name of the workflow)')
    .option('--input <json>', "the workflow's input: JSON, or @ and the path of a JSON file (@- is stdin)")
    .addOption(new Option('--overlap <policy>', 'what becomes of a start while the run before is under way').choices(overlapPolicies))
    .addOption(new Option('--catch-up <policy>', 'what becomes of starts that came while no engine ran').choices(catchUpPolicies))
    .addOption(keyFileOption())
    .option('--providers <file>', 'a module with providers of your own, to check by where no engine runs')
    .action((file: string, options: ScheduleAddOptions) => settle(scheduling().then((it) => it.scheduleAddCommand(file, options, terminal))));
  inPlace(schedule, 'list', 'list the schedules that stand').action((options: PlaceOptions) =>
    settle(scheduling().then((it) => it.scheduleListCommand(options, terminal))),
  );
  inPlace(schedule, 'remove', 'take a schedule away; the run under way goes on')
    .argument('<schedule>', 'the id of a schedule')
    .option('--reason <text>', 'why, for those who look at it later')
    .action((id: string, options: ScheduleRemoveOptions) => settle(scheduling().then((it) => it.scheduleRemoveCommand(id, options, terminal))));
}

function scheduling() {
  return import('./commands/schedule.ts');
}

function addSweep(program: Command, { settle, terminal }: Acting): void {
  program
    .command('sweep')
    .description('remove workflows that have ended, or are damaged, with everything recorded of them')
    .argument('<workflow...>', 'the ids of runs')
    .addOption(new Option('--db <path>', 'the journal').env('GLEITZEIT_DB').default(defaultDatabase))
    .option('--json', 'answer with JSON')
    .action((ids: string[], options: DatabaseOptions) => settle(import('./commands/sweep.ts').then((it) => it.sweepCommand(ids, options, terminal))));
}

function addCheck(program: Command, { settle, terminal }: Acting): void {
  program
    .command('check')
    .description('say whether a journal is as it was written, and whether a journal or a log (.jsonl) says only what could have happened')
    .argument('<file>', 'a journal, or a log of events as lines of JSON')
    .option('--repair', 'move the damaged end of a journal aside, and say what is lost')
    .option('--json', 'answer with JSON')
    .action((file: string, options: CheckOptions) => settle(import('./commands/check.ts').then((it) => it.checkCommand(file, options, terminal))));
}
