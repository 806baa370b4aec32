/** A journal as the place of commands: read beside whoever owns it; changed by its owner, else by an engine of one command. */
import { setTimeout as wait } from 'node:timers/promises';

import type { Answers, Standing } from '../control/commands.ts';
import type { CommandName, ControlRequest } from '../control/protocol.ts';
import { errorOf } from '../errors.ts';
import type { Journal, ListOptions, WorkflowHead } from '../journal/journal.ts';
import type { Explanation } from '../observe/explain.ts';
import { describeFault } from '../observe/storage-fault.ts';
import type { Trace } from '../observe/trace.ts';
import type { SubmitOptions } from '../runtime/options.ts';
import type { ScheduleOptions, ScheduleStatus } from '../runtime/schedules.ts';
import type { WorkflowStatus } from '../runtime/status.ts';
import type { AnyWorkflow } from '../workflow/workflow.ts';
import { defaultDatabase, pathOf, pathOfJournal, reading, secretsBy } from './database.ts';
import { loadedProviders } from './own-providers.ts';
import type { By, Done, Overview, Place, PlaceOptions, Watching, WorkflowCommand } from './place.ts';
import { say, type Terminal } from './terminal.ts';

/** Events that are read at once: a journal may hold more than memory does. */
const atOnce = 5_000;
/** How often a journal is looked at while it is followed, in milliseconds: a look that finds nothing costs microseconds. */
const lookEveryMs = 100;

type RequestOf<Name extends CommandName> = Extract<ControlRequest, { readonly command: Name }>;

export class JournalPlace implements Place {
  readonly name: string;
  private readonly providers: string | undefined;
  private readonly keyFile: string | undefined;
  private readonly terminal: Terminal;

  /** @throws GleitzeitError CONFIGURATION_ERROR for what is no path of a journal that outlives the command */
  constructor({ db = defaultDatabase, providers, keyFile }: PlaceOptions, terminal: Terminal) {
    this.name = pathOf({ db });
    this.providers = providers;
    this.keyFile = keyFile;
    this.terminal = terminal;
  }

  async submit(workflow: AnyWorkflow, { id, input, ifKnown, startAt }: SubmitOptions & { readonly id: string }): Promise<Done<Standing>> {
    const [{ recordOf }, { epochOf }] = await Promise.all([import('../workflow/restore.ts'), import('../runtime/instant.ts')]);
    const start = startAt === undefined ? {} : { startAt: epochOf(startAt) };
    const more = { ...(input !== undefined && { input }), ...(ifKnown !== undefined && { ifKnown }) };
    return this.reach({ command: 'submit', data: { workflow: recordOf(workflow), id, ...more, ...start } });
  }

  async command(name: WorkflowCommand, workflowId: string, reason: string | undefined): Promise<Done<Standing>> {
    await pathOfJournal({ db: this.name });
    // Each of these commands takes this data.
    return this.reach({ command: name, data: { workflowId, ...(reason !== undefined && { reason }) } } as RequestOf<WorkflowCommand>);
  }

  async schedule(workflow: AnyWorkflow, options: ScheduleOptions): Promise<Done<ScheduleStatus>> {
    const { recordOf } = await import('../workflow/restore.ts');
    return this.reach({ command: 'schedule', data: { workflow: recordOf(workflow), options: { ...options } } });
  }

  async unschedule(scheduleId: string, reason: string | undefined): Promise<By> {
    await pathOfJournal({ db: this.name });
    const { by } = await this.reach({ command: 'unschedule', data: { scheduleId, ...(reason !== undefined && { reason }) } });
    return by;
  }

  async overview(): Promise<Overview> {
    const [workflows, engine] = await Promise.all([this.list({}), this.engine()]);
    const said = [`${this.name}: ${engine === null ? 'no engine answers' : `process ${engine.pid} runs on it`}`];
    if (engine?.storage != null) said.push(`  nothing is admitted: ${describeFault(engine.storage)}`);
    return { where: { db: this.name, engine }, said, workflows };
  }

  list(options: Pick<ListOptions, 'status' | 'limit'>): Promise<readonly WorkflowHead[]> {
    return this.read((journal) => journal.list(options));
  }

  async schedules(): Promise<readonly ScheduleStatus[]> {
    const { recordedSchedules } = await import('../runtime/schedules.ts');
    return this.read((journal) => recordedSchedules(journal, Date.now()));
  }

  async status(workflowId: string, at = Number.POSITIVE_INFINITY): Promise<WorkflowStatus> {
    const [{ recordedStatus }, { factsOfWorkflow }] = await Promise.all([import('../runtime/status.ts'), import('../runtime/awaiting.ts')]);
    const facts = await this.read((journal) => factsOfWorkflow({ journal }, workflowId));
    const [first] = facts;
    if (first !== undefined && first.seq > at)
      throw errorOf('WORKFLOW_NOT_FOUND', `Workflow '${workflowId}' was not there yet at seq ${at}: it was submitted at seq ${first.seq}.`);
    return recordedStatus(
      facts.filter(({ seq }) => seq <= at),
      workflowId,
    );
  }

  async trace(workflowId: string): Promise<Trace> {
    const [{ factsOfWorkflow }, { traceOf }] = await Promise.all([import('../runtime/awaiting.ts'), import('../observe/trace.ts')]);
    return traceOf(await this.read((journal) => factsOfWorkflow({ journal }, workflowId)));
  }

  async explain(workflowId: string, taskId: string | undefined): Promise<Done<Explanation>> {
    const { askOwner } = await import('../control/client.ts');
    const [head, { refuseDamaged }] = await Promise.all([this.read((journal) => journal.find(workflowId)), import('../runtime/known-workflow.ts')]);
    if (head !== undefined) refuseDamaged(head);
    const data = { workflowId, ...(taskId !== undefined && { taskId }) };
    // One that has ended waits for nothing; whoever owns the journal need not be asked.
    const asked = head?.status === 'running' ? await askOwner(this.name, { command: 'explain', data }) : { isHeard: false as const };
    if (asked.isHeard) return { by: 'owner', answer: asked.answer };
    const { explainUnowned } = await import('../control/unowned.ts');
    const found = await this.read((journal) => explainUnowned(journal, { workflowId, taskId }));
    return { by: 'caller', answer: head === undefined || head.status === 'running' ? found : { ...found, status: head.status } };
  }

  async expect(workflowId: string): Promise<void> {
    const { knownHead } = await import('../runtime/known-workflow.ts');
    await this.read((journal) => knownHead({ journal }, workflowId));
  }

  async recorded(watching: Watching): Promise<number> {
    const { matcherOf } = await import('../observe/event-filter.ts');
    const isMeant = matcherOf(watching.filter);
    return this.read((journal) => tellAll(journal, { ...watching, tell: (event) => isMeant(event) && watching.tell(event) }));
  }

  async follow(watching: Watching, stop: Promise<void>): Promise<void> {
    const { matcherOf } = await import('../observe/event-filter.ts');
    const isMeant = matcherOf(watching.filter);
    let isStopped = false;
    const stopped = stop.then(() => {
      isStopped = true;
    });
    await this.read(async (journal) => {
      for (let afterSeq = watching.afterSeq; !isStopped && !watching.isOver(); ) {
        afterSeq = await tellAll(journal, { ...watching, afterSeq, tell: (event) => isMeant(event) && watching.tell(event) });
        await Promise.race([stopped, wait(lookEveryMs)]);
      }
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private read<Value>(act: (journal: Journal) => Promise<Value>): Promise<Value> {
    return reading(this.name, act);
  }

  private async reach<Name extends CommandName>(request: RequestOf<Name>): Promise<Done<Answers[Name]>> {
    const { reach } = await import('../control/reach.ts');
    const { terminal } = this;
    return reach<Name>(this.name, request, {
      providers: () => loadedProviders(this.providers),
      ...secretsBy(this.keyFile),
      onWait: (message) => say(terminal, terminal.colors.dim(message)),
    });
  }

  /** Who owns the journal just now, as far as it answers. */
  private async engine(): Promise<Answers['hello'] | null> {
    const { askOwner } = await import('../control/client.ts');
    const asked = await askOwner(this.name, { command: 'hello', data: {} }, { timeoutMs: 2_000 }).catch(() => undefined);
    return asked?.isHeard === true ? asked.answer : null;
  }
}

/** @returns the `seq` of the last event that there is */
async function tellAll(journal: Journal, { workflow, afterSeq, tell, isOver }: Watching): Promise<number> {
  for (let last = afterSeq; ; ) {
    const facts = await journal.read({ ...(workflow !== undefined && { workflowId: workflow }), afterSeq: last, limit: atOnce });
    for (const fact of facts) tell(fact);
    last = facts.at(-1)?.seq ?? last;
    if (facts.length < atOnce || isOver()) return last;
    // What was printed gets out before there is more.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
