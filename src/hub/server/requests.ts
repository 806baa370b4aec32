/**
 * Does on the system what a client asks of the engine: every request of the protocol, by its schema and for its roles.
 *
 * It knows nothing of sockets or HTTP. A workflow that comes in may use what the
 * providers of this system offer, and nothing else of the machine it runs on: a batch, whose tasks follow from the files of a
 * directory, is refused unless that is allowed. What a provider itself reads (`file` of `python/execute`) is the provider's matter.
 */
import { carryOut } from '../../control/commands.ts';
import { errorOf } from '../../errors.ts';
import { reasonOfStorage } from '../../observe/storage-fault.ts';
import { packageVersion } from '../../package-version.ts';
import type { SubmitOptions } from '../../runtime/options.ts';
import { portOf } from '../../runtime/port.ts';
import type { WorkflowResult } from '../../runtime/result.ts';
import type { ScheduleOptions } from '../../runtime/schedules.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import { describeValue } from '../../thrown.ts';
import type { Workflow } from '../../workflow/workflow.ts';
import { checked } from '../protocol/checking.ts';
import { hubLimitDefaults } from '../protocol/limits.ts';
import { observedEvent, observedResult, observedStatus } from '../protocol/observing.ts';
import { withoutPathsIn } from '../protocol/paths.ts';
import {
  bringsWorkflow,
  type Held,
  protocolVersion,
  type RequestData,
  type RequestName,
  type Responses,
  requests,
  type Standing,
} from '../protocol/requests.ts';
import type { Loader } from '../work/loader.ts';
import { type SentWorkflow, workflowOf } from '../work/loading.ts';
import { Unread } from '../work/unread.ts';
import { type Grant, requireRole } from './access.ts';
import { AwaitedResults, type OnGone } from './awaited.ts';
import type { Patience } from './patience.ts';
import { parseJson } from './scan.ts';

/** Who asks. */
export interface Asker extends Grant {
  /** Calls back when nobody is there any more to be answered. @defaultValue whoever asks stays */
  readonly onGone?: OnGone;
  /** Whose share of the hub's time it is of. @defaultValue that of its token */
  readonly share?: string;
}

/**
 * Does what is asked, and resolves with the answer.
 * @throws GleitzeitError METHOD_NOT_FOUND, AUTHORIZATION_FAILED, INVALID_PARAMS, and as the system does
 */
export type RequestHandler = (name: RequestName, data: unknown, asker: Asker) => Promise<Responses[RequestName] & Held>;

export interface RequestOptions {
  /** Waits with a submit for workers that come back. @defaultValue it is refused at once */
  readonly patience?: Patience;
  /** Whether a workflow may list the files of this machine. @defaultValue `false` */
  readonly batches?: boolean;
  /** Reads large workflows in a thread. @defaultValue they are read where they arrive */
  readonly loader?: Loader;
}

/** How many workflows a list has unless told. */
const listed = 1_000;
/** From this size on, in characters, YAML is read in a thread: it takes some ten times as long as JSON. */
const longText = 1_024;

export function isRequestName(name: string): name is RequestName {
  return Object.hasOwn(requests, name);
}

export function createRequestHandlers(system: GleitzeitSystem, options: RequestOptions = {}): RequestHandler {
  const desk = new RequestDesk(system, options);
  return (name, data, asker) => desk.handle(name, data, asker);
}

type Act<Name extends RequestName> = (data: RequestData<Name>, asker: Asker) => Promise<Responses[Name]>;
type Acts = { readonly [Name in RequestName]: Act<Name> };

class RequestDesk {
  private readonly system: GleitzeitSystem;
  private readonly options: RequestOptions;
  private readonly results: AwaitedResults;

  constructor(system: GleitzeitSystem, options: RequestOptions) {
    this.system = system;
    this.options = options;
    this.results = new AwaitedResults(system);
  }

  async handle(name: RequestName, data: unknown, asker: Asker): Promise<Responses[RequestName] & Held> {
    if (!isRequestName(name)) throw errorOf('METHOD_NOT_FOUND', `There is no request ${describeValue(name)}.`);
    requireRole(asker, requests[name].roles, `'${name}'`);
    if (data instanceof Unread) return this.handleUnread(name, data, asker);
    return this.handleRead(name, data, asker);
  }

  private async handleRead(name: RequestName, data: unknown, asker: Asker): Promise<Responses[RequestName] & Held> {
    const { data: schema } = requests[name];
    // The schema of the name accepts what the act of that name takes.
    const act = this.acts[name] as Act<RequestName>;
    const answer = await act(checked(schema, name, data ?? {}) as RequestData<RequestName>, asker);
    const storage = this.storage();
    return storage === undefined ? answer : { ...answer, storage };
  }

  /** Nothing once the system has begun to stop, which is no reason to withhold an answer. */
  private storage(): Held['storage'] {
    try {
      return withoutPathsIn(reasonOfStorage({ storageFault: this.system.storageFault() }));
    } catch {
      return undefined;
    }
  }

  /** @throws GleitzeitError as reading a workflow does */
  private async handleUnread(name: RequestName, { text }: Unread, asker: Asker): Promise<Responses[RequestName] & Held> {
    const { loader } = this.options;
    if (loader === undefined || !bringsWorkflow(name)) {
      const { messageBytes: bytes, depth } = hubLimitDefaults;
      return this.handleRead(name, parseJson(text, 0, { bytes, depth }), asker);
    }
    const { workflow, options } = await loader.load(shareOf(asker), name, text);
    // The thread held them against the schema of the request.
    return name === 'workflow:submit' ? this.submit(workflow, options) : this.schedule(workflow, options as unknown as ScheduleOptions);
  }

  private readonly acts: Acts = {
    'hub:info': () => Promise.resolve(infoOf(this.system)),
    'workflow:submit': async ({ definition, yaml, workflow, ...options }, asker) =>
      this.submit(await this.workflowOf({ definition, yaml, workflow }, asker), options),
    'workflow:status': async ({ workflowId, at }, { roles }) => {
      // Why a journal takes nothing stands beside it, without its paths.
      const { storage: _, ...status } = at === undefined ? await this.system.status(workflowId) : await this.system.at(at).workflow(workflowId);
      return { status: roles.has('client') ? status : observedStatus(status) };
    },
    'workflow:result': async ({ workflowId }, asker) => ({ result: await this.result(workflowId, asker) }),
    'workflow:trace': async ({ workflowId }, { roles }) => {
      const { root: _, events, ...trace } = await this.system.trace(workflowId);
      return { trace: { ...trace, events: roles.has('client') ? events : events.map(observedEvent) } };
    },
    // Why a journal takes nothing names its file.
    'workflow:explain': async ({ workflowId, taskId }) => ({ explanation: withoutPathsIn(await this.system.explain(workflowId, taskId)) }),
    'workflow:list': (data) => this.list(data),
    'workflow:cancel': (data) => this.command('cancel', data),
    'workflow:pause': (data) => this.command('pause', data),
    'workflow:resume': (data) => this.command('resume', data),
    'workflow:retry': (data) => this.command('retry', data),
    'task:cancel': async ({ workflowId, taskId, reason }) => {
      await this.system.cancelTask(workflowId, taskId, reason);
      return {};
    },
    'task:set_priority': async ({ workflowId, taskId, priority }) => {
      await this.system.setPriority(workflowId, taskId, priority);
      return {};
    },
    'engine:pause': async ({ reason }) => {
      await this.system.pause(reason);
      return {};
    },
    'engine:resume': async ({ reason }) => {
      await this.system.resume(reason);
      return {};
    },
    'schedule:list': async () => ({ schedules: await this.system.schedules() }),
    // The system looks at what belongs together in them.
    'schedule:add': async ({ definition, yaml, workflow, ...options }, asker) =>
      this.schedule(await this.workflowOf({ definition, yaml, workflow }, asker), options as ScheduleOptions),
    'schedule:remove': async ({ scheduleId, reason }) => {
      await this.system.unschedule(scheduleId, reason);
      return {};
    },
  };

  private async submit(given: Workflow, { made, ...options }: SubmitOptions & Made): Promise<Responses['workflow:submit']> {
    const workflow = withMade(given, made);
    const { id, known } = await this.patiently(() => this.system.submit(workflow, options));
    return { workflowId: id, ...(known !== undefined && { known }) };
  }

  private async schedule(given: Workflow, { made, ...options }: ScheduleOptions & Made): Promise<Responses['schedule:add']> {
    const workflow = withMade(given, made);
    return { schedule: await this.patiently(() => this.system.schedule(workflow, options)) };
  }

  /** Who may only look gets it as everything else: with its secrets sealed, and nothing of where it failed. */
  private async result(workflowId: string, { roles, onGone }: Asker): Promise<WorkflowResult> {
    // Taken now: while it waits the system may begin to stop, which is no reason to withhold what has ended by then.
    const { secrets } = portOf(this.system);
    const sealed = await this.results.of(workflowId, onGone);
    return roles.has('client') ? secrets.result(sealed) : observedResult(sealed);
  }

  private patiently<Value>(act: () => Promise<Value>): Promise<Value> {
    const { patience } = this.options;
    return patience === undefined ? act() : patience.attempt(act);
  }

  /** @throws GleitzeitError INVALID_PARAMS unless it comes in exactly one form; as loading does */
  private async workflowOf(sent: SentWorkflow, asker: Asker): Promise<Workflow> {
    const { loader, batches = false } = this.options;
    const isAlone = sent.definition === undefined && sent.workflow === undefined;
    if (loader === undefined || !isAlone || sent.yaml === undefined || sent.yaml.length < longText) return workflowOf(sent, batches);
    const { workflow } = await loader.load(shareOf(asker), 'workflow:submit', JSON.stringify({ yaml: sent.yaml }));
    return workflow;
  }

  private async list({ status, limit = listed }: RequestData<'workflow:list'>): Promise<Responses['workflow:list']> {
    return { workflows: await this.system.list({ status, limit }) };
  }

  private async command(command: 'cancel' | 'pause' | 'resume' | 'retry', data: RequestData<'workflow:cancel'>): Promise<Standing> {
    // These four are answered with where the workflow stands.
    return (await carryOut(this.system, { command, data })) as Standing;
  }
}

function shareOf({ share, id }: Asker): string {
  return share ?? id;
}

function infoOf(system: GleitzeitSystem): Responses['hub:info'] {
  return { version: packageVersion(), protocolVersion, phase: system.phase, lastSeq: portOf(system).core.durableSeq };
}

interface Made {
  readonly made?: unknown;
}

/** A workflow whose schema made this of the input, where the schema is. */
function withMade(workflow: Workflow, made: unknown): Workflow {
  if (made === undefined) return workflow;
  return { ...workflow, inputSchema: { '~standard': { version: 1, vendor: 'gleitzeit', validate: () => ({ value: made }) } } };
}
