/** `gleitzeit run FILE`: runs a workflow to its end, shows how it goes, prints what came of it. */
import { writeFile } from 'node:fs/promises';

import type { WorkflowResult } from '../../runtime/result.ts';
import type { Run } from '../../runtime/run.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import type { AnyWorkflow } from '../../workflow/workflow.ts';
import { checkDatabase, checkOutput, readInput, readSeconds } from '../arguments.ts';
import { type ExitCode, exitCodeOfRun, exitCodes } from '../exit-codes.ts';
import { catchInterruption } from '../interruption.ts';
import { progressLog } from '../progress/log.ts';
import { createReporter, type Reporter } from '../progress/reporter.ts';
import { resultJson, tellResult } from '../results.ts';
import { printJson, say, type Terminal } from '../terminal.ts';
import { duration } from '../text.ts';

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
  checkDatabase(options.db);
  await checkOutput(options.output);
  const timeoutMs = readSeconds(options.timeout, '--timeout');
  const [input, library] = await Promise.all([readInput(options.input), import('../../index.ts')]);
  const workflow = await library.loadWorkflow(file);
  const providers = options.providers === undefined ? [] : await library.loadProviders(options.providers);

  const interruption = catchInterruption();
  const reporter = createReporter(terminal, { name: workflow.definition.name, everything: options.watch ?? false, now: Date.now });
  const system = library.createSystem({ providers, inspect: options.inspect ?? false, log: progressLog(reporter) });
  const watching = system.events$.subscribe((event) => reporter.hear(event));
  try {
    await system.start();
    if (options.inspect === true) reporter.note(`Inspector: ${(await system.inspect()).url}`);
    const run = await submit({ system, workflow, input, id: options.id });
    const guard = timeoutMs === undefined ? undefined : cancelAfter(run, timeoutMs);
    const outcome = await Promise.race([run.result(), interruption.requested.then(() => stopped)]);
    clearTimeout(guard?.timer);
    if (typeof outcome === 'symbol') return await stopCleanly(reporter, system);
    watching.unsubscribe();
    reporter.stop();
    await present(outcome, options, terminal);
    return guard?.isDue() === true && outcome.status === 'cancelled' ? exitCodes.timedOut : exitCodeOfRun(outcome.status, outcome.error?.code);
  } finally {
    watching.unsubscribe();
    reporter.stop();
    // Nothing runs any more but after a fault, and then nothing is worth waiting for.
    await system.stop({ deadlineMs: 0, reason: 'the run has ended' });
    interruption.dispose();
  }
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

async function stopCleanly(reporter: Reporter, system: GleitzeitSystem): Promise<ExitCode> {
  reporter.note(`Stopping: what runs has ${duration(drainMs)} to finish. Press Ctrl-C again to stop at once.`);
  await system.stop({ deadlineMs: drainMs, reason: 'interrupted' });
  reporter.stop();
  reporter.note('Stopped.');
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
