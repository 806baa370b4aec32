/**
 * A system that runs behind a hub, as its users hold it: the same as one in this process, as far as it can be had from afar.
 *
 * It decides nothing and keeps nothing but what is under way. A submit is named here before it is sent, so that it is one run
 * however often the connection breaks on its way.
 */
import type { Observable } from 'rxjs';

import type { EventType, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Priority } from '../../../machines/events/definition.ts';
import { errorOf, type GleitzeitError, toError } from '../../errors.ts';
import type { WorkflowHead } from '../../journal/journal.ts';
import { type EventFilter, matcherOf } from '../../observe/event-filter.ts';
import type { Explanation } from '../../observe/explain.ts';
import { type Trace, traceOf } from '../../observe/trace.ts';
import type { Gleitzeit } from '../../runtime/api.ts';
import { cancelReason } from '../../runtime/commands.ts';
import type { SubmitOptions } from '../../runtime/options.ts';
import type { WorkflowResult } from '../../runtime/result.ts';
import { makeHandle, type Run } from '../../runtime/run.ts';
import type { ScheduleOptions, ScheduleStatus } from '../../runtime/schedules.ts';
import type { WorkflowStatus } from '../../runtime/status.ts';
import { checkSubmit } from '../../runtime/submit.ts';
import type { SystemView } from '../../runtime/view.ts';
import { randomIds } from '../../system/ids.ts';
import { readField } from '../../thrown.ts';
import type { Workflow } from '../../workflow/workflow.ts';
import type { RequestData, RequestName, Responses } from '../protocol/requests.ts';
import type { Connection } from './connection.ts';
import { explainedRefusal, schedulingOf, submissionOf } from './submission.ts';

export interface ListOptions {
  /** @defaultValue all */
  readonly status?: WorkflowHead['status'];
  /** The latest ones only; an integer from 1 to 10,000. @defaultValue `1_000` */
  readonly limit?: number;
}

export interface SelectOptions {
  /** Every recorded event after this one comes first. @defaultValue only events from now on */
  readonly fromSeq?: number;
}

/** What `connect` makes. Every method throws what its namesake at the system does, and CONNECTION_LOST or NETWORK_UNREACHABLE. */
export class HubClient implements Gleitzeit {
  /** Where the hub is. */
  readonly url: string;
  /** Every event, once it is durable, as long as there is a connection; recorded ones also of the time when there was none. */
  readonly events$: Observable<GleitzeitEvent>;
  private readonly connection: Connection;
  private readonly ids = randomIds();

  constructor(connection: Connection) {
    this.connection = connection;
    this.url = connection.url;
    this.events$ = this.select({});
  }

  /** Submits a workflow; resolves when it is durable. Its functions have to be served by a worker that the hub knows. */
  async submit<Input, Output>(workflow: Workflow<Input, Output>, options: SubmitOptions<Input> = {}): Promise<Run<Output>> {
    checkSubmit(workflow, options);
    const data = await submissionOf(workflow, options, options.id ?? this.ids.workflow());
    const { workflowId, known } = await this.ask('workflow:submit', data).catch((thrown: unknown) => {
      throw explainedRefusal(toError(thrown), workflow);
    });
    // What the definition results in is what its type says.
    return this.handle(workflowId, known) as Run<Output>;
  }

  async run(workflowId: string): Promise<Run> {
    await this.status(workflowId);
    return this.handle(workflowId);
  }

  async schedule<Input, Output>(workflow: Workflow<Input, Output>, options: ScheduleOptions<Input>): Promise<ScheduleStatus> {
    const { schedule } = await this.ask('schedule:add', await schedulingOf(workflow, options)).catch((thrown: unknown) => {
      throw explainedRefusal(toError(thrown), workflow);
    });
    return schedule;
  }

  async unschedule(scheduleId: string, reason?: string): Promise<void> {
    // Asked again after a connection that broke, it may be gone already.
    await this.ask('schedule:remove', { scheduleId, ...because(reason) }, ({ code }) => (code === 'SCHEDULE_NOT_FOUND' ? {} : undefined));
  }

  async schedules(): Promise<readonly ScheduleStatus[]> {
    return (await this.ask('schedule:list', {})).schedules;
  }

  async list(options: ListOptions = {}): Promise<readonly WorkflowHead[]> {
    return (await this.ask('workflow:list', { ...options })).workflows;
  }

  async status(workflowId: string): Promise<WorkflowStatus> {
    return (await this.ask('workflow:status', { workflowId })).status;
  }

  async result(workflowId: string): Promise<WorkflowResult> {
    return (await this.ask('workflow:result', { workflowId })).result;
  }

  async trace(workflowId: string): Promise<Trace> {
    return traceOf((await this.ask('workflow:trace', { workflowId })).trace.events);
  }

  async explain(workflowId: string, taskId?: string): Promise<Explanation> {
    return (await this.ask('workflow:explain', { workflowId, ...(taskId !== undefined && { taskId }) })).explanation;
  }

  at(seq: number): Pick<SystemView, 'seq' | 'workflow'> {
    return { seq, workflow: async (workflowId) => (await this.ask('workflow:status', { workflowId, at: seq })).status };
  }

  async pause(reason?: string): Promise<void> {
    await this.ask('engine:pause', because(reason));
  }

  async resume(reason?: string): Promise<void> {
    await this.ask('engine:resume', because(reason));
  }

  async cancel(workflowId: string, reason: string = cancelReason): Promise<void> {
    await this.ask('workflow:cancel', { workflowId, reason });
  }

  async cancelTask(workflowId: string, taskId: string, reason: string = cancelReason): Promise<void> {
    await this.ask('task:cancel', { workflowId, taskId, reason });
  }

  async setPriority(workflowId: string, taskId: string, priority: Priority): Promise<void> {
    await this.ask('task:set_priority', { workflowId, taskId, priority });
  }

  async retry(workflowId: string, reason?: string): Promise<Run> {
    await this.command('workflow:retry', workflowId, reason);
    return this.handle(workflowId);
  }

  select(selection: EventFilter, { fromSeq }: SelectOptions = {}): Observable<GleitzeitEvent> {
    // A filter that makes no sense is refused here and now, not when somebody subscribes.
    matcherOf(selection);
    return this.connection.events({ filter: selection, fromSeq }).events$;
  }

  on<Type extends EventType>(type: Type, handler: (event: Extract<GleitzeitEvent, { readonly type: Type }>) => unknown): () => void;
  on(pattern: string, handler: (event: GleitzeitEvent) => unknown): () => void;
  on(pattern: string, handler: (event: never) => unknown): () => void {
    // The pattern decides which events come; for an exact type that is the handler's own.
    return this.connection.events({ filter: { types: [pattern] } }).on(pattern, handler as (event: GleitzeitEvent) => unknown);
  }

  /**
   * Tells every event that is recorded now, by `seq`; what is recorded meanwhile may come too.
   * @returns the `seq` from which `select` goes on
   */
  recorded(selection: EventFilter, tell: (event: GleitzeitEvent) => void, { fromSeq = 0 }: SelectOptions = {}): Promise<number> {
    return this.connection.recorded({ filter: selection, fromSeq }, tell);
  }

  /** What the hub says of itself. */
  info(): Promise<Responses['hub:info']> {
    return this.ask('hub:info', {});
  }

  /** Has a workflow cancelled, paused, resumed or retried. @returns where it stands then */
  command(
    name: 'workflow:cancel' | 'workflow:pause' | 'workflow:resume' | 'workflow:retry',
    workflowId: string,
    reason?: string,
  ): Promise<Responses[typeof name]> {
    return this.ask(name, { workflowId, ...because(reason) }, ({ code, details }) => {
      // Asked again after a connection that broke, it may run already.
      const isRetried = name === 'workflow:retry' && code === 'WORKFLOW_INVALID_STATE' && readField(details, 'status') === 'running';
      return isRetried ? { workflowId, status: 'running' } : undefined;
    });
  }

  private handle(id: string, known?: WorkflowHead['status']): Run {
    return makeHandle({
      id,
      known,
      pending: undefined,
      system: this,
      // What a handle tells of its workflow has the name of the request.
      tell: async ({ type, data }) => void (await this.ask(type, { workflowId: id, reason: data.reason })),
    });
  }

  private ask<Name extends RequestName>(
    name: Name,
    data: RequestData<Name>,
    ifRepeated?: (error: GleitzeitError) => Responses[Name] | undefined,
  ): Promise<Responses[Name]> {
    return this.connection.ask(name, data, ifRepeated);
  }

  /** Ends the connection; workflows go on at the hub. What is still being asked is refused, and events are no longer heard. */
  close(): Promise<void> {
    this.connection.end(errorOf('SYSTEM_SHUTDOWN', 'The client was closed.'));
    return Promise.resolve();
  }
}

function because(reason: string | undefined): { readonly reason?: string } {
  return reason === undefined ? {} : { reason };
}
