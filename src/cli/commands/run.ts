/** `gleitzeit run FILE`: runs a workflow to its end, shows how it goes, prints what came of it. */
import { writeFile } from 'node:fs/promises';

import type { ControlServer } from '../../control/server.ts';
import type { WorkflowResult } from '../../runtime/result.ts';
import type { Run } from '../../runtime/run.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import type { AnyWorkflow } from '../../workflow/workflow.ts';
import { checkOutput, readInput, readSeconds } from '../arguments.ts';
import { pathToRunOn } from '../database.ts';
import { type ExitCode, exitCodeOfRun, exitCodes } from '../exit-codes.ts';
import { catchInterruption } from '../interruption.ts';
import { progressLog } from '../progress/log.ts';
import { createReporter, type Reporter } from '../progress/reporter.ts';
import { resultJson, tellResult } from '../results.ts';
import { printJson, say, type Terminal } from '../terminal.ts';
import { count, duration } from '../text.ts';

export interface RunOptions {
  readonly input?: string;
  readonly id?: string;
  readonly db?: string;
  readonly providers?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly output?: string;
  readonly inspect?: boolean;
  readonly timeout?: string;
}

/** How long running attempts may go on after Ctrl-C, in milliseconds; what is cut off is tried again where there is a journal to know it from. */
const drainMs = 5_000;

/** What comes of the race between the result and Ctrl-C when Ctrl-C is first. */
const stopped = Symbol('stopped');

/** Runs a workflow file. */
export async function runCommand(file: string, options: RunOptions, terminal: Terminal): Promise<ExitCode> {
  const path = pathToRunOn(options.db);
  await checkOutput(options.output);
  const timeoutMs = readSeconds(options.timeout, '--timeout');
  const [input, library] = await Promise.all([readInput(options.input), import('../../index.ts')]);
  const workflow = await library.loadWorkflow(file);
  const providers = options.providers === undefined ? [] : await library.loadProviders(options.providers);

  const interruption = catchInterruption();
  const reporter = createReporter(terminal, { name: workflow.definition.name, everything: options.watch ?? false, now: Date.now });
  const journal = path === undefined ? {} : { journal: library.sqliteJournal(path) };
  const system = library.createSystem({ ...journal, providers, inspect: options.inspect ?? false, log: progressLog(reporter) });
  const watching = system.events$.subscribe((event) => reporter.hear(event));
  let ear: ControlServer | undefined;
  try {
    await system.start();
    ear = path === undefined ? undefined : await listenTo(system, path, reporter);
    if (options.inspect === true) reporter.note(`Inspector: ${(await system.inspect()).url}`);
    const run = await submit({ system, workflow, input, id: options.id });
    if (path !== undefined) await recall(run, reporter);
    const guard = timeoutMs === undefined ? undefined : cancelAfter(run, timeoutMs);
    const outcome = await Promise.race([run.result(), interruption.requested.then(() => stopped)]);
    clearTimeout(guard?.timer);
    if (typeof outcome === 'symbol') {
      await ear?.close();
      return await stopCleanly(reporter, {
        system,
        goOn: path === undefined ? '' : ` Go on with: gleitzeit run ${file} --db ${path} --id ${run.id}`,
      });
    }
    watching.unsubscribe();
    reporter.stop();
    await present(outcome, options, terminal);
    return guard?.isDue() === true && outcome.status === 'cancelled' ? exitCodes.timedOut : exitCodeOfRun(outcome.status, outcome.error?.code);
  } finally {
    watching.unsubscribe();
    reporter.stop();
    await ear?.close();
    await leave(system, reporter);
    interruption.dispose();
  }
}

/** Lets other commands reach the engine; a run that they cannot reach is a run all the same. */
async function listenTo(system: GleitzeitSystem, path: string, reporter: Reporter): Promise<ControlServer | undefined> {
  try {
    const { serveControl } = await import('../../control/serve.ts');
    return await serveControl(system, path);
  } catch (thrown) {
    reporter.note(`warning: other commands cannot reach this run: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return undefined;
  }
}

/** Of a run that is resumed, the picture has to know how large it is. */
async function recall(run: Run, reporter: Reporter): Promise<void> {
  const { events } = await run.trace();
  for (const event of events) if (event.type === 'workflow:started') reporter.recall(event);
}

/** What else was in flight in the journal gets the time that Ctrl-C would give it; after a fault nothing is worth waiting for. */
async function leave(system: GleitzeitSystem, reporter: Reporter): Promise<void> {
  const others = system.phase === 'running' ? (system.actors().workflow ?? 0) : 0;
  if (others > 0)
    reporter.note(`${count(others, 'other workflow')} of this journal, still unfinished: what runs has ${duration(drainMs)} to finish.`);
  await system.stop({ deadlineMs: others > 0 ? drainMs : 0, reason: 'the run has ended' });
}

interface Submission {
  readonly system: GleitzeitSystem;
  readonly workflow: AnyWorkflow;
  readonly input: unknown;
  readonly id: string | undefined;
}

function submit({ system, workflow, input, id }: Submission): Promise<Run> {
  return system.submit(workflow, { ...(input !== undefined && { input }), ...(id !== undefined && { id }) });
}

interface Stopping {
  readonly system: GleitzeitSystem;
  /** How to go on, where that is possible. */
  readonly goOn: string;
}

async function stopCleanly(reporter: Reporter, { system, goOn }: Stopping): Promise<ExitCode> {
  reporter.note(`Stopping: what runs has ${duration(drainMs)} to finish. Press Ctrl-C again to stop at once.`);
  await system.stop({ deadlineMs: drainMs, reason: 'interrupted' });
  reporter.stop();
  reporter.note(`Stopped.${goOn}`);
  return exitCodes.interrupted;
}

function cancelAfter(run: Run, timeoutMs: number) {
  let isDue = false;
  const timer = setTimeout(() => {
    isDue = true;
    run.cancel(`it took longer than --timeout allows, ${duration(timeoutMs)}`);
  }, timeoutMs);
  return { timer, isDue: () => isDue };
}

async function present(result: WorkflowResult, { json, output }: RunOptions, terminal: Terminal): Promise<void> {
  if (output !== undefined) await writeFile(output, `${JSON.stringify(resultJson(result), null, 2)}\n`);
  if (json === true) printJson(terminal, resultJson(result));
  tellResult(terminal, result, { withData: json !== true && output === undefined });
  if (output !== undefined) say(terminal, `Written to ${output}.`);
}
