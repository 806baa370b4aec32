/** Workflows over plain HTTP: the same requests as on the sockets, for those who have no more than curl. */
import type { Context, Hono } from 'hono';
import { accepts } from 'hono/accepts';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { errorOf } from '../../errors.ts';
import { renderTrace, traceOf } from '../../observe/trace.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { observedEvent } from '../protocol/observing.ts';
import { type Held, type RequestName, type Responses, requests } from '../protocol/requests.ts';
import { type Grant, requireRole } from '../server/access.ts';
import type { OnGone } from '../server/awaited.ts';
import type { RequestHandler } from '../server/requests.ts';
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

  constructor({ system, handle, limits }: ApiOptions) {
    this.system = system;
    this.handle = handle;
    this.limits = limits;
    this.answers = new Answers(limits);
  }

  async list(c: Asked): Promise<Response> {
    const { status, limit } = c.req.query();
    return this.answers.json(c, () =>
      this.ask(c, 'workflow:list', {
        ...(status !== undefined && { status }),
        ...(limit !== undefined && { limit: Number(limit) }),
      }),
    );
  }

  /** The result comes with the status of a workflow that has ended. */
  async status(c: Asked, workflowId: string): Promise<Response> {
    return this.answers.json(c, async () => {
      const { status, ...held } = await this.ask(c, 'workflow:status', { workflowId });
      if (!ends.has(status.status)) return { status, ...held };
      const { result } = await this.ask(c, 'workflow:result', { workflowId });
      return { status, result, ...held };
    });
  }

  /** As JSON it is the events, as text the tree that follows from them. */
  async trace(c: Asked, workflowId: string): Promise<Response> {
    const type = accepts(c, { header: 'Accept', supports: ['application/json', 'text/plain'], default: 'application/json' });
    if (type === 'text/plain')
      return this.answers.text(c, async () => `${renderTrace(traceOf((await this.ask(c, 'workflow:trace', { workflowId })).trace.events))}\n`);
    const grant = c.get('grant');
    requireRole(grant, requests['workflow:trace'].roles, "'workflow:trace'");
    const shown = grant.roles.has('client') ? (event: GleitzeitEvent) => event : observedEvent;
    return this.answers.parts(c, tracePartsOf(this.system, { workflowId, shown }));
  }

  async explain(c: Asked, workflowId: string): Promise<Response> {
    const taskId = c.req.query('task');
    return this.answers.json(c, () => this.ask(c, 'workflow:explain', { workflowId, ...(taskId !== undefined && { taskId }) }));
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

  private async ask<Name extends RequestName>(c: Asked, name: Name, data: object): Promise<Responses[Name] & Held> {
    // The handlers answer each request with what the table of answers says.
    return (await this.handle(name, data, { ...c.get('grant'), onGone: whenGone(c.req.raw.signal) })) as Responses[Name] & Held;
  }
}

function whenGone(signal: AbortSignal): OnGone {
  return (listener) => {
    signal.addEventListener('abort', listener, { once: true });
    return () => signal.removeEventListener('abort', listener);
  };
}
