/** A hub as the place of commands. */
import { eventTypes, specOf } from '../../machines/events/catalogue.ts';
import type { Standing } from '../control/commands.ts';
import { connect } from '../hub/client/connect.ts';
import type { HubClient } from '../hub/client/hub-client.ts';
import type { ListOptions, WorkflowHead } from '../journal/journal.ts';
import type { EventFilter } from '../observe/event-filter.ts';
import type { Explanation } from '../observe/explain.ts';
import type { Trace } from '../observe/trace.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SubmitOptions } from '../runtime/options.ts';
import type { ScheduleOptions, ScheduleStatus } from '../runtime/schedules.ts';
import type { WorkflowStatus } from '../runtime/status.ts';
import type { AnyWorkflow } from '../workflow/workflow.ts';
import { checkToken } from './arguments.ts';
import { usageError } from './faults.ts';
import type { By, Done, Overview, Place, PlaceOptions, Watching, WorkflowCommand } from './place.ts';
import { oneLine, say, type Terminal } from './terminal.ts';

export interface HubOptions extends PlaceOptions {
  readonly hub: string;
}

/**
 * Connects to the hub that the options name, and tells on the terminal when it is lost and found.
 * @throws GleitzeitError as `connect` does; CONFIGURATION_ERROR for what only a journal takes
 */
export async function clientOf({ hub, token, providers }: HubOptions, terminal: Terminal): Promise<HubClient> {
  if (providers !== undefined)
    throw usageError('--providers goes with a journal: a hub has those of its workers (gleitzeit worker --hub URL --providers FILE).');
  checkToken(token);
  return connect({ url: hub, ...(token !== undefined && { token }), log: telling(terminal) });
}

/** What a client has to say is for whoever waits for it. */
function telling(terminal: Terminal): Logger {
  const tell = (_: object, message: string): void => say(terminal, terminal.colors.dim(oneLine(message)));
  return { debug: () => undefined, info: tell, warn: tell, error: () => undefined };
}

export async function hubPlace(options: HubOptions, terminal: Terminal): Promise<Place> {
  return new HubPlace(await clientOf(options, terminal));
}

class HubPlace implements Place {
  readonly name: string;
  private readonly client: HubClient;

  constructor(client: HubClient) {
    this.name = client.url;
    this.client = client;
  }

  async submit(workflow: AnyWorkflow, options: SubmitOptions & { readonly id: string }): Promise<Done<Standing>> {
    const { id: workflowId, known } = await this.client.submit(workflow, options);
    const { status } = await this.client.status(workflowId);
    return done({ workflowId, status, ...(known !== undefined && { known }) });
  }

  async command(name: WorkflowCommand, workflowId: string, reason: string | undefined): Promise<Done<Standing>> {
    const { status } = await this.client.command(`workflow:${name}`, workflowId, reason);
    return done({ workflowId, status });
  }

  async schedule(workflow: AnyWorkflow, options: ScheduleOptions): Promise<Done<ScheduleStatus>> {
    return done(await this.client.schedule(workflow, options));
  }

  async unschedule(scheduleId: string, reason: string | undefined): Promise<By> {
    await this.client.unschedule(scheduleId, reason);
    return 'hub';
  }

  async overview(): Promise<Overview> {
    const [{ version, phase, lastSeq }, workflows] = await Promise.all([this.client.info(), this.client.list()]);
    const said = [`${this.name}: Gleitzeit ${version}, ${phase}`];
    return { where: { hub: this.name, engine: { version, phase, lastSeq } }, said, workflows };
  }

  list({ status, limit }: Pick<ListOptions, 'status' | 'limit'>): Promise<readonly WorkflowHead[]> {
    return this.client.list({ ...(status !== undefined && { status }), ...(limit !== undefined && { limit }) });
  }

  schedules(): Promise<readonly ScheduleStatus[]> {
    return this.client.schedules();
  }

  status(workflowId: string, at: number | undefined): Promise<WorkflowStatus> {
    return at === undefined ? this.client.status(workflowId) : this.client.at(at).workflow(workflowId);
  }

  trace(workflowId: string): Promise<Trace> {
    return this.client.trace(workflowId);
  }

  async explain(workflowId: string, taskId: string | undefined): Promise<Done<Explanation>> {
    return done(await this.client.explain(workflowId, taskId));
  }

  async expect(workflowId: string): Promise<void> {
    await this.client.status(workflowId);
  }

  recorded(watching: Watching): Promise<number> {
    return this.client.recorded(filterOf(watching), watching.tell, { fromSeq: watching.afterSeq });
  }

  async follow(watching: Watching, stop: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      const following = this.client.select(filterOf(watching), { fromSeq: watching.afterSeq }).subscribe((event) => {
        watching.tell(event);
        if (watching.isOver()) resolve();
      });
      following.add(() => resolve());
      stop.then(resolve, resolve);
    });
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

const recordedTypes = eventTypes.filter((type) => specOf(type).recorded);

/** Without a word of what is meant, it is what a journal holds: the rest is ten times as much, and of interest to few. */
function filterOf({ filter, workflow }: Watching): EventFilter {
  const isNamed = filter.types !== undefined || filter.component !== undefined;
  return { ...filter, ...(!isNamed && { types: recordedTypes }), ...(workflow !== undefined && { correlationId: workflow }) };
}

function done<Value>(answer: Value): Done<Value> {
  return { by: 'hub', answer };
}
