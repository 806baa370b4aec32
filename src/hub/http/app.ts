/**
 * Plain HTTP beside the sockets of the hub: signs of life, figures, and workflows for those who have no more than curl.
 *
 * It decides nothing and knows no more than the sockets do: the same tokens, roles, limits and requests. Nothing that comes in
 * can end the process: whatever goes wrong with a request is its answer.
 */
import type { Socket } from 'node:net';

import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';

import { errorOf, GleitzeitError } from '../../errors.ts';
import { portOf, type SystemPort } from '../../runtime/port.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import { deferToEventLoop } from '../../system/defer.ts';
import { type Access, notAuthenticated, requireRole } from '../server/access.ts';
import type { RequestHandler } from '../server/requests.ts';
import type { HubFigures } from '../server/running-hub.ts';
import type { EdgeWork } from '../work/edge-work.ts';
import { Portions } from '../work/portions.ts';
import { nothingThere, only, refuse } from './answering.ts';
import { type Asked, addApi, type Visit } from './api.ts';
import { AnswerCounts, exposition, expositionType } from './exposition.ts';
import { type GuardOptions, guards } from './guards.ts';

export interface HttpAppOptions extends GuardOptions {
  /** Is told of connections that a token came by. */
  readonly recognise?: (socket: Socket) => void;
  readonly system: GleitzeitSystem;
  readonly handle: RequestHandler;
  readonly access: Access;
  /** Shares the hub's work, and refuses who had too much of it. @defaultValue it is shared, and nobody is refused */
  readonly work?: Pick<EdgeWork, 'budgets' | 'portions'>;
  /** What the hub counts of itself; nothing where there is none yet. */
  readonly figures: () => HubFigures | undefined;
}

/** Makes the app; its `fetch` takes requests from any server that speaks in `Request` and `Response`. */
export function createHttpApp(options: HttpAppOptions): Hono<Visit> {
  const { system, limits, handle, figures } = options;
  const answers = new AnswerCounts();
  const app = new Hono<Visit>();
  app.onError((thrown, c) => {
    // Whoever went away before the end of the request is no fault.
    const isFault = !(thrown instanceof GleitzeitError) && !c.req.raw.signal.aborted;
    if (isFault) portIfAny(system)?.log.error({ err: thrown, path: c.req.path }, 'a request over HTTP failed');
    return refuse(c, thrown);
  });
  app.notFound(nothingThere);
  app.use(counted(answers), plainly, ...guards(options));
  app.get('/healthz', (c) => c.json({ ok: true })).all(only('GET', 'HEAD'));
  app.get('/readyz', (c) => readiness(c, system)).all(only('GET', 'HEAD'));
  for (const path of ['/metrics', '/api/*']) app.use(path, authenticated(options));
  app.get('/metrics', (c) => metrics(c, () => exposition({ system, hub: figures(), answers }))).all(only('GET', 'HEAD'));
  addApi(app, { system, handle, limits, portions: options.work?.portions ?? unboundPortions() });
  return app;
}

function unboundPortions(): Portions {
  return new Portions({ now: () => performance.now(), defer: deferToEventLoop });
}

/** Who may not read has no figures either. */
const reading = ['client', 'observer'] as const;

async function metrics(c: Asked, read: () => Promise<string>): Promise<Response> {
  requireRole(c.get('grant'), reading, '/metrics');
  return c.body(await read(), 200, { 'Content-Type': expositionType });
}

/** Whether work would be taken, for whoever sends it; more than that is nobody's business without a token. */
function readiness(c: Context, system: GleitzeitSystem): Response {
  const port = portIfAny(system);
  if (system.phase !== 'running' || port === undefined) throw errorOf('SYSTEM_NOT_INITIALIZED', 'The system does not run.');
  if (port.core.storageFault !== undefined)
    throw errorOf('PERSISTENCE_WRITE_FAILED', 'The journal takes no facts for the time being.', { retryable: true });
  // Work is taken all the same: what is damaged concerns nobody else, and somebody has to look at it.
  const { workflows, schedules } = port.damage.units;
  const isWhole = workflows.length + schedules.length === 0;
  return c.json({ ok: true, ...(!isWhole && { damaged: { workflows: workflows.length, schedules: schedules.length } }) });
}

/** The system from inside, while it runs. */
function portIfAny(system: GleitzeitSystem): SystemPort | undefined {
  try {
    return portOf(system);
  } catch {
    return undefined;
  }
}

function counted(answers: AnswerCounts): MiddlewareHandler {
  return async (c, next) => {
    await next();
    answers.count(c.res.status);
  };
}

/** Answers are read as what they say they are, and kept by nobody on the way. */
const plainly: MiddlewareHandler = async (c, next) => {
  c.header('Cache-Control', 'no-store');
  c.header('X-Content-Type-Options', 'nosniff');
  await next();
};

function authenticated({ access, work, recognise }: Pick<HttpAppOptions, 'access' | 'work' | 'recognise'>): MiddlewareHandler<Visit> {
  return async (c, next) => {
    const grant = access.grantOf(bearerOf(c.req.header('authorization')));
    if (grant === undefined) throw notAuthenticated();
    work?.budgets.admit(grant.id);
    c.set('grant', grant);
    const { incoming } = (c.env ?? {}) as Partial<HttpBindings>;
    if (incoming !== undefined) recognise?.(incoming.socket);
    await next();
  };
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
}
