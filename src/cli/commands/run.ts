/** `gleitzeit run FILE`: runs a workflow to its end, shows how it goes, prints what came of it. */
import { writeFile } from 'node:fs/promises';
import { duration } from '../../duration.ts';
import type { IfKnown } from '../../runtime/options.ts';
import type { WorkflowResult } from '../../runtime/result.ts';
import type { Run } from '../../runtime/run.ts';
import type { AnyWorkflow } from '../../workflow/workflow.ts';
import { checkOutput, readInput, readSeconds } from '../arguments.ts';
import { type ExitCode, exitCodeOfRun, exitCodes } from '../exit-codes.ts';
import { catchInterruption } from '../interruption.ts';
import { createReporter, type Reporter } from '../progress/reporter.ts';
import { hasEnded, resultJson, tellResult } from '../results.ts';
import type { Stage } from '../stage.ts';
import { printJson, say, type Terminal } from '../terminal.ts';

export interface RunOptions {
  readonly input?: string;
  readonly id?: string;
  readonly ifKnown?: IfKnown;
  readonly db?: string;
  readonly hub?: string;
  readonly token?: string;
  readonly keyFile?: string;
  readonly providers?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly output?: string;
  readonly inspect?: boolean;
  readonly timeout?: string;
}

/** What comes of the race between the result and Ctrl-C when Ctrl-C is first. */
const stopped: unique symbol = Symbol('stopped');

/** Runs a workflow file. */
export async function runCommand(file: string, options: RunOptions, terminal: Terminal): Promise<ExitCode> {
  await checkOutput(options.output);
  const timeoutMs = readSeconds(options.timeout, '--timeout');
  const [input, { loadWorkflow }, { randomIds }] = await Promise.all([
    readInput(options.input),
    import('../../workflow/load.ts'),
    import('../../system/ids.ts'),
  ]);
  const workflow = await loadWorkflow(file);
  // Named here: what else goes on is not to be taken for this run.
  const submission = { workflow, id: options.id ?? randomIds().workflow(), ...(input !== undefined && { input }), ...knownRule(options) };
  const interruption = catchInterruption();
  const reporter = createReporter(terminal, { name: workflow.definition.name, everything: options.watch ?? false, now: Date.now });
  try {
    const stage = await openStage({ ...options, file }, reporter, terminal);
    try {
      const outcome = await perform(stage, submission, { reporter, timeoutMs, interrupted: interruption.requested.then(() => stopped) });
      if (outcome === stopped) return exitCodes.interrupted;
      const { result, isLate } = outcome;
      reporter.stop();
      await present(result, options, terminal);
      return isLate && result.status === 'cancelled' ? exitCodes.timedOut : exitCodeOfRun(result.status, result.error?.code);
    } finally {
      reporter.stop();
      await stage.end();
    }
  } finally {
    reporter.stop();
    interruption.dispose();
  }
}

function knownRule({ ifKnown }: RunOptions): { readonly ifKnown?: IfKnown } {
  return ifKnown === undefined ? {} : { ifKnown };
}

async function openStage(options: RunOptions & { readonly file: string }, reporter: Reporter, terminal: Terminal): Promise<Stage> {
  const { hub } = options;
  if (hub === undefined) return (await import('../stage-here.ts')).stageHere(options, reporter);
  return (await import('../stage-at-hub.ts')).stageAtHub({ ...options, hub }, terminal);
}

interface Submission {
  readonly workflow: AnyWorkflow;
  readonly id: string;
  readonly input?: unknown;
  readonly ifKnown?: IfKnown;
}

interface Performing {
  readonly reporter: Reporter;
  readonly timeoutMs: number | undefined;
  readonly interrupted: Promise<typeof stopped>;
}

/** Has the workflow run, and tells how it goes; Ctrl-C ends that first. */
async function perform(
  stage: Stage,
  { workflow, ...submission }: Submission,
  { reporter, timeoutMs, interrupted }: Performing,
): Promise<{ readonly result: WorkflowResult; readonly isLate: boolean } | typeof stopped> {
  const quit = stage.watch(submission.id, (event) => reporter.hear(event));
  let guard: ReturnType<typeof cancelAfter> | undefined;
  try {
    await stage.start();
    const run = await stage.system.submit(workflow, submission);
    if (run.known !== undefined && run.known !== 'running') reporter.note(hasEnded(run.id, run.known));
    if (stage.mayGoOn) await recall(run, reporter);
    guard = timeoutMs === undefined ? undefined : cancelAfter(run, timeoutMs);
    const result = await Promise.race([run.result(), interrupted]);
    if (result !== stopped) return { result, isLate: guard?.isDue() === true };
    const said = await stage.interrupt(run.id);
    reporter.stop();
    reporter.note(said);
    return stopped;
  } finally {
    clearTimeout(guard?.timer);
    quit();
  }
}

/** Of a run that is resumed, the picture has to know how large it is. */
async function recall(run: Run, reporter: Reporter): Promise<void> {
  const { events } = await run.trace();
  for (const event of events) if (event.type === 'workflow:started') reporter.recall(event);
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
