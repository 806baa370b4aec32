/**
 * The running system as its users hold it.
 *
 * It decides nothing: it puts commands into the inbox, waits for what becomes of them, and reads what the actors and the
 * journal say.
 */
import type { Observable } from 'rxjs';

import type { DataOf, EventType, GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Priority } from '../../machines/events/definition.ts';
import { refuseMisfits } from '../complaints.ts';
import { errorOf, type GleitzeitError, toError } from '../errors.ts';
import type { DamagedUnits, WorkflowHead } from '../journal/journal.ts';
import type { EventFilter } from '../observe/event-filter.ts';
import type { Inspection, InspectOptions } from '../observe/inspector.ts';
import { EventHub } from '../observe/stream.ts';
import type { AnyProvider } from '../providers/provider.ts';
import { caughtUp } from '../system/told.ts';
import type { Workflow } from '../workflow/workflow.ts';
import type { Gleitzeit } from './api.ts';
import { type Booted, boot, comeUp } from './boot.ts';
import { cancelReason, checkPriority, commandIfLive, commandTask, commandWorkflow, userCommand } from './commands.ts';
import { InspectionHolder } from './inspection.ts';
import { knownHead } from './known-workflow.ts';
import type { StartOptions, SubmitOptions, SystemOptions } from './options.ts';
import { checkOptions, checkProvider } from './options-check.ts';
import { openPort } from './port.ts';
import { Questions } from './questions.ts';
import type { WorkflowResult } from './result.ts';
import { retryWorkflow } from './retry.ts';
import { makeHandle, type Run } from './run.ts';
import { type ScheduleOptions, type ScheduleStatus, schedule, unschedule } from './schedules.ts';
import { checkStop, giveUp, release, type StopOptions, shutDown } from './shutdown.ts';
import { submit } from './submit.ts';
import { sweepByName } from './sweeping.ts';

/** A system's own state, as seen from outside. */
export type SystemPhase = 'created' | 'running' | 'stopping' | 'stopped' | 'failed';

/** What `createSystem` makes. */
export class GleitzeitSystem extends Questions implements Gleitzeit {
  private readonly options: SystemOptions;
  private readonly hub: EventHub;
  private booting: Promise<Booted> | undefined;
  private booted: Booted | undefined;
  private stopping: Promise<void> | undefined;
  private readonly inspection = new InspectionHolder();
  private failure: GleitzeitError | undefined;
  private currentPhase: SystemPhase = 'created';

  constructor(options: SystemOptions = {}) {
    super();
    this.options = options;
    openPort(this, () => this.live());
    this.hub = new EventHub((error, event) => this.booted?.log.error({ err: error, event: event?.type }, 'a subscriber threw'));
  }

  get phase(): SystemPhase {
    return this.currentPhase;
  }

  /**
   * Starts the system. A second start is the first one, whatever its options.
   * @throws GleitzeitError when the journal cannot be opened, or the system was stopped already
   */
  async start(options: StartOptions = {}): Promise<void> {
    if (this.stopping !== undefined)
      throw errorOf('SYSTEM_SHUTDOWN', 'The system was stopped; a stopped system does not start again. Create another one.');
    this.booting ??= this.bootUp(options);
    await this.booting;
  }

  private async bootUp(options: StartOptions): Promise<Booted> {
    const booted = await boot(this.options, options, (error) => this.fail(error)).catch((error: unknown) => {
      // Nothing was made yet: the next start may go better.
      this.booting = undefined;
      throw error;
    });
    this.booted = booted;
    try {
      return await this.begin(booted, options);
    } catch (error) {
      this.fail(toError(error));
      throw error;
    }
  }

  private async begin(booted: Booted, options: StartOptions): Promise<Booted> {
    const { core } = booted;
    this.hub.connect((watcher) => core.watch(watcher));
    const { inspect = false } = this.options;
    if (inspect !== false) await this.inspection.open(core, inspect === true ? {} : inspect);
    await comeUp(booted, this.options, options);
    this.currentPhase = 'running';
    await core.whenQuiet();
    if (this.failure !== undefined) throw this.failure;
    core.waitForStorage();
    booted.recovering.begin();
    // Nobody waits for it: what is damaged concerns nobody else.
    if (options.only === undefined) void booted.damage.look();
    return booted;
  }

  /**
   * Submits a workflow; resolves when it is durable.
   * @throws GleitzeitError for an invalid input, an unknown protocol or method, a full queue, an id that stands for another definition or input
   */
  async submit<Input, Output>(workflow: Workflow<Input, Output>, options: SubmitOptions<Input> = {}): Promise<Run<Output>> {
    const booted = this.live();
    const { id, known } = await submit(booted, workflow, options);
    // The result is collected for as long as somebody holds the handle, also when it is asked for only later.
    return this.handle(id, this.result(id), known) as Run<Output>;
  }

  /**
   * A handle to a workflow that was submitted before.
   * @throws GleitzeitError WORKFLOW_NOT_FOUND
   */
  async run(workflowId: string): Promise<Run> {
    const live = this.live();
    await caughtUp(live.core);
    await knownHead(live, workflowId);
    return this.handle(workflowId, undefined);
  }

  /** Has a workflow start time and again, or once. @throws GleitzeitError INVALID_PARAMS, SCHEDULING_FAILED, and as {@link submit} does */
  async schedule<Input, Output>(workflow: Workflow<Input, Output>, options: ScheduleOptions<Input>): Promise<ScheduleStatus> {
    return schedule(this.live(), workflow, options);
  }

  /** Takes a schedule away; the run under way goes on. @throws GleitzeitError SCHEDULE_NOT_FOUND */
  async unschedule(scheduleId: string, reason = 'unscheduled'): Promise<void> {
    return unschedule(this.live(), scheduleId, reason);
  }

  /**
   * Removes workflows that have ended, or are damaged, with everything recorded of them; resolves when that is durable.
   * @returns how many
   * @throws GleitzeitError INVALID_PARAMS for what is no list of 1 to 1000 ids; WORKFLOW_NOT_FOUND, or WORKFLOW_INVALID_STATE for one
   * that has not ended: then none is removed
   */
  async sweep(workflowIds: readonly string[]): Promise<number> {
    return sweepByName(this.live(), workflowIds);
  }

  /** What of the journal is damaged, as of the start and of the last sweep; `gleitzeit check` looks at everything. */
  damaged(): DamagedUnits {
    return this.live().damage.units;
  }

  /** Dispatches nothing new until {@link resume}; running attempts finish, timers keep their due times. */
  async pause(reason = 'pause'): Promise<void> {
    await this.command({ type: 'engine:pause', data: { reason, by: 'api' } });
  }

  async resume(reason = 'resume'): Promise<void> {
    await this.command({ type: 'engine:resume', data: { reason, by: 'api' } });
  }

  /**
   * Stops in order; what is in flight goes on at the next start, where the journal is durable. A second stop is the first one.
   * @throws GleitzeitError INVALID_PARAMS for a deadline that is none, and nothing else
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkStop(options);
    this.stopping ??= this.shutDown(options);
    return this.stopping;
  }

  private async shutDown(options: StopOptions): Promise<void> {
    await this.booting?.catch(() => undefined);
    const { booted } = this;
    if (booted !== undefined && this.currentPhase === 'running') {
      this.currentPhase = 'stopping';
      await shutDown(booted, options);
    } else if (booted !== undefined) await release(booted);
    this.hub.complete();
    await this.inspection.close();
    if (this.currentPhase !== 'failed') this.currentPhase = 'stopped';
  }

  /** Every event, once it is durable. Costs nothing while nobody subscribes. */
  get events$(): Observable<GleitzeitEvent> {
    return this.hub.events$;
  }

  select(selection: EventFilter): Observable<GleitzeitEvent> {
    return this.hub.select(selection);
  }

  /**
   * Calls a handler with every event of a type, of a family (`task:*`) or of all (`*`).
   * @returns takes the handler away
   */
  on<Type extends EventType>(type: Type, handler: (event: Extract<GleitzeitEvent, { readonly type: Type }>) => unknown): () => void;
  on(pattern: string, handler: (event: GleitzeitEvent) => unknown): () => void;
  on(pattern: string, handler: (event: never) => unknown): () => void {
    // The pattern decides which events come; for an exact type that is the handler's own.
    return this.hub.on(pattern, handler as (event: GleitzeitEvent) => unknown);
  }

  /**
   * States a command as a user's own, correlated with an event that it follows from.
   * @throws GleitzeitError INVALID_REQUEST for a type that is not a user's to state, INVALID_PARAMS for a payload that its schema refuses
   */
  emit<Type extends EventType>(type: Type, data: DataOf<Type>, cause?: GleitzeitEvent): void {
    const { core, secrets } = this.live();
    core.accept(secrets.command(userCommand(type, data)), { source: 'api', cause });
  }

  /**
   * Asks for a workflow to be cancelled; one that has ended stays as it is.
   * @throws GleitzeitError WORKFLOW_NOT_FOUND
   */
  async cancel(workflowId: string, reason: string = cancelReason): Promise<void> {
    await commandWorkflow(this.live(), workflowId, { type: 'workflow:cancel', data: { workflowId, reason, by: 'api' } });
  }

  /**
   * Has a workflow that failed, or timed out, go on from what failed; what completed stands, elements of a fan-out too. Attempts are
   * counted on, retry policies and the timeout of the workflow begin anew. Resolves when that is durable.
   * @returns a handle whose result is that of the new end
   * @throws GleitzeitError WORKFLOW_NOT_FOUND, or WORKFLOW_INVALID_STATE for one that has not failed
   */
  async retry(workflowId: string, reason = 'retried by its user'): Promise<Run> {
    await retryWorkflow(this.live(), workflowId, reason);
    return this.handle(workflowId, this.result(workflowId));
  }

  /**
   * Cancels one task of a running workflow; one that has ended stays as it is.
   * @throws GleitzeitError WORKFLOW_NOT_FOUND, TASK_NOT_FOUND, or WORKFLOW_INVALID_STATE for a task that still waits for others
   */
  async cancelTask(workflowId: string, taskId: string, reason: string = cancelReason): Promise<void> {
    await commandTask(this.live(), { workflowId, taskId }, { type: 'task:cancel', data: { workflowId, taskId, reason, by: 'api' } });
  }

  /**
   * Changes the priority of a task that waits in the queue.
   * @throws GleitzeitError INVALID_PARAMS for what is no priority, and as {@link cancelTask} does
   */
  async setPriority(workflowId: string, taskId: string, priority: Priority): Promise<void> {
    checkPriority(priority);
    await commandTask(this.live(), { workflowId, taskId }, { type: 'task:set_priority', data: { workflowId, taskId, priority } });
  }

  /** @throws GleitzeitError CONFIGURATION_ERROR for what is no provider, or has options that make no sense */
  register(provider: AnyProvider): void {
    checkProvider(provider, this.options.pools);
    this.live().providers.register(provider);
  }

  unregister(providerId: string, reason = 'unregistered'): void {
    refuseMisfits('unregister', { reason });
    this.live().providers.unregister(providerId, reason);
  }

  /** Opens the Stately inspector's feed on 127.0.0.1, until it is stopped. */
  inspect(options: InspectOptions = {}): Promise<Inspection> {
    return this.inspection.open(this.live().core, options);
  }

  private handle(id: string, pending: Promise<WorkflowResult> | undefined, known?: WorkflowHead['status']): Run {
    return makeHandle({ id, known, pending, system: this, tell: (draft) => commandIfLive(this.live(), id, draft) });
  }

  private async command(draft: GleitzeitDraft): Promise<void> {
    const { core } = this.live();
    refuseMisfits(draft.type, draft.data);
    core.accept(draft, { source: 'api' });
    await core.whenDurable();
  }

  protected override live(): Booted {
    if (this.failure !== undefined) throw this.failure;
    if (this.stopping !== undefined) throw errorOf('SYSTEM_SHUTDOWN', 'The system was stopped.');
    if (this.booted === undefined) throw errorOf('SYSTEM_NOT_INITIALIZED', 'The system was not started. Call start() first.');
    return this.booted;
  }

  private fail(error: GleitzeitError): void {
    this.failure ??= error;
    this.currentPhase = 'failed';
    if (this.booted !== undefined) giveUp(this.booted, error);
  }
}

/**
 * Creates a system; nothing runs before its `start()`.
 * @throws GleitzeitError CONFIGURATION_ERROR with every option that is not known or has a value that makes no sense
 */
export function createSystem(options: SystemOptions = {}): GleitzeitSystem {
  checkOptions(options);
  return new GleitzeitSystem(options);
}
