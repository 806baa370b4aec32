/** Workflows over plain HTTP: the same requests as on the sockets, for those who have no more than curl. */
import type { Context, Hono } from 'hono';
import { accepts } from 'hono/accepts';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { errorOf } from '../../errors.ts';
import { renderTrace, traceOf } from '../../observe/trace.ts';
import { portOf } from '../../runtime/port.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import { caughtUp } from '../../system/told.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { observedEvent } from '../protocol/observing.ts';
import { type Held, type RequestName, type Responses, requests } from '../protocol/requests.ts';
import { type Grant, requireRole } from '../server/access.ts';
import type { OnGone } from '../server/awaited.ts';
import type { Asker, RequestHandler } from '../server/requests.ts';
import type { Portions } from '../work/portions.ts';
import { only } from './answering.ts';
import { Answers } from './answers.ts';
import { readBody } from './bodies.ts';
import { tracePartsOf } from './trace-parts.ts';

/** What the routes are told about who asks. */
export interface Visit {
  readonly Variables: { readonly grant: Grant };
}
export type Asked = Context<Visit>;

export interface ApiOptions {
  readonly system: GleitzeitSystem;
  readonly handle: RequestHandler;
  readonly limits: HubLimits;
  readonly portions: Pick<Portions, 'run'>;
}

const commands = ['cancel', 'pause', 'resume', 'retry'] as const;
/** The states that a workflow does not leave by itself. */
const ends: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'timedOut']);

/** Adds the routes below `/api`. */
export function addApi(app: Hono<Visit>, options: ApiOptions): void {
  const api = new Api(options);
  app
    .get('/api/workflows', (c) => api.list(c))
    .post((c) => api.submit(c))
    .all(only('GET', 'HEAD', 'POST'));
  app.get('/api/workflows/:id', (c) => api.status(c, c.req.param('id'))).all(only('GET', 'HEAD'));
  app.get('/api/workflows/:id/trace', (c) => api.trace(c, c.req.param('id'))).all(only('GET', 'HEAD'));
  app.get('/api/workflows/:id/explain', (c) => api.explain(c, c.req.param('id'))).all(only('GET', 'HEAD'));
  for (const command of commands) {
    app.post(`/api/workflows/:id/${command}`, (c) => api.command(c, { command, workflowId: c.req.param('id') })).all(only('POST'));
  }
}

class Api {
  private readonly handle: RequestHandler;
  private readonly limits: HubLimits;
  private readonly system: GleitzeitSystem;
  private readonly answers: Answers;

  constructor({ system, handle, limits, portions }: ApiOptions) {
    this.system = system;
    this.handle = handle;
    this.limits = limits;
    this.answers = new Answers(limits, portions);
  }

  async list(c: Asked): Promise<Response> {
    const { status, limit } = c.req.query();
    return this.answers.json(c, shareOf(c), () =>
      this.ask(c, 'workflow:list', {
        ...(status !== undefined && { status }),
        ...(limit !== undefined && { limit: Number(limit) }),
      }),
    );
  }

  /** The result comes with the status of a workflow that has ended. */
  async status(c: Asked, workflowId: string): Promise<Response> {
    const key = await this.endOf(c, workflowId);
    // What is made for all who ask does not end with the first of them.
    const asker: Asker = key === undefined ? askerOf(c) : c.get('grant');
    return this.answers.json(c, { ...shareOf(c), key }, async () => {
      const { status, ...held } = await this.askAs(asker, 'workflow:status', { workflowId });
      if (!ends.has(status.status)) return { status, ...held };
      const { result } = await this.askAs(asker, 'workflow:result', { workflowId });
      return { status, result, ...held };
    });
  }

  /** What tells the end of a workflow from any other that it had or will have, and those who may see all of it from those who may not. */
  private async endOf(c: Asked, workflowId: string): Promise<string | undefined> {
    const grant = c.get('grant');
    for (const name of ['workflow:status', 'workflow:result'] as const) requireRole(grant, requests[name].roles, `'${name}'`);
    const { core, journal } = portOf(this.system);
    await caughtUp(core);
    const head = await journal.find(workflowId);
    if (head?.endedAt === undefined || core.storageFault !== undefined) return undefined;
    return JSON.stringify([workflowId, head.submittedAt, head.endedAt, head.status, grant.roles.has('client')]);
  }

  /** As JSON it is the events, as text the tree that follows from them. */
  async trace(c: Asked, workflowId: string): Promise<Response> {
    const type = accepts(c, { header: 'Accept', supports: ['application/json', 'text/plain'], default: 'application/json' });
    if (type === 'text/plain')
      return this.answers.text(
        c,
        shareOf(c),
        async () => `${renderTrace(traceOf((await this.ask(c, 'workflow:trace', { workflowId })).trace.events))}\n`,
      );
    const grant = c.get('grant');
    requireRole(grant, requests['workflow:trace'].roles, "'workflow:trace'");
    const shown = grant.roles.has('client') ? (event: GleitzeitEvent) => event : observedEvent;
    return this.answers.parts(c, shareOf(c), tracePartsOf(this.system, { workflowId, shown }));
  }

  async explain(c: Asked, workflowId: string): Promise<Response> {
    const taskId = c.req.query('task');
    return this.answers.json(c, shareOf(c), () => this.ask(c, 'workflow:explain', { workflowId, ...(taskId !== undefined && { taskId }) }));
  }

  /** Accepted is what is durable; the same id once more is the same run. */
  async submit(c: Asked): Promise<Response> {
    const answer = await this.ask(c, 'workflow:submit', await this.submission(c));
    const { workflowId } = answer;
    c.header('Location', `/api/workflows/${encodeURIComponent(workflowId)}`);
    return c.json({ ok: true, ...answer }, 202);
  }

  /** A definition in YAML has no room for the id of its run, which then stands in the query. */
  private async submission(c: Asked): Promise<object> {
    const body = await readBody(c, this.limits, { mayStayUnread: true });
    if (body.kind === 'none')
      throw errorOf('INVALID_REQUEST', 'A submit takes a body: { definition or yaml, input, id } in JSON, or a workflow in YAML.');
    if (body.kind === 'json' || body.kind === 'unread') return body.value;
    const { id, ifKnown } = c.req.query();
    return { yaml: body.text, ...(id !== undefined && { id }), ...(ifKnown !== undefined && { ifKnown }) };
  }

  async command(c: Asked, { command, workflowId }: { readonly command: (typeof commands)[number]; readonly workflowId: string }): Promise<Response> {
    const body = await readBody(c, this.limits);
    if (body.kind === 'yaml') throw errorOf('INVALID_REQUEST', `What ${command} takes is { reason } in JSON, or nothing.`);
    const answer = await this.ask(c, `workflow:${command}`, { ...(body.kind === 'json' && body.value), workflowId });
    return c.json({ ok: true, ...answer });
  }

  private ask<Name extends RequestName>(c: Asked, name: Name, data: object): Promise<Responses[Name] & Held> {
    return this.askAs(askerOf(c), name, data);
  }

  private async askAs<Name extends RequestName>(asker: Asker, name: Name, data: object): Promise<Responses[Name] & Held> {
    // The handlers answer each request with what the table of answers says.
    return (await this.handle(name, data, asker)) as Responses[Name] & Held;
  }
}

function askerOf(c: Asked): Asker {
  return { ...c.get('grant'), onGone: whenGone(c.req.raw.signal) };
}

function shareOf(c: Asked): { readonly share: string } {
  return { share: c.get('grant').id };
}

function whenGone(signal: AbortSignal): OnGone {
  return (listener) => {
    signal.addEventListener('abort', listener, { once: true });
    return () => signal.removeEventListener('abort', listener);
  };
}
