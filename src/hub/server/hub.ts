/**
 * The hub: lets clients and workers of other processes reach a system.
 *
 * An adapter and no more: the system runs without it as with it, and is neither started nor stopped by it. It listens beyond this
 * machine only where it has a token.
 */
import { portOf } from '../../runtime/port.ts';
import { Feed } from '../events/feed.ts';
import type { HttpAppOptions } from '../http/app.ts';
import { createEdgeWork } from '../work/edge-work.ts';
import { WorkerDesk } from '../workers/worker-desk.ts';
import { accessOf } from './access.ts';
import { admissionOf } from './admission.ts';
import { type Ground, standOn } from './ground.ts';
import { checkExposure, checkHubOptions, type HubOptions, hubDefaults, limitsOf, tokensOf } from './options.ts';
import { Patience } from './patience.ts';
import { createRequestHandlers } from './requests.ts';
import { type Hub, type HubFigures, RunningHub } from './running-hub.ts';
import { Sockets } from './sockets.ts';

/**
 * Opens a hub to a system that runs.
 * @throws GleitzeitError CONFIGURATION_ERROR for options that make no sense, and for a host beyond this machine without a token;
 * CONNECTION_REFUSED for an address that cannot be listened on; as the system does when it does not run
 * @example
 * const hub = await createHub({ system, token: process.env.GLEITZEIT_TOKEN });
 */
export async function createHub(options: HubOptions): Promise<Hub> {
  checkHubOptions(options);
  checkExposure(options);
  const { core, journal, log } = portOf(options.system);
  const access = accessOf(tokensOf(options));
  const { library, createHttpListener } = await loadAll();
  const { system, path = hubDefaults.path, allowedOrigins = [], batches = false, remote } = options;
  const limits = limitsOf(options);
  const admission = admissionOf(access, allowedOrigins);
  const desk = new WorkerDesk(system, { remote, isShared: access.workerTokens > 1, limits, messageBytes: limits.messageBytes });
  const patience = new Patience(core.clock, core.config.worker.leaseMs);
  desk.onRegistered(() => patience.wake());
  const work = createEdgeWork(limits, batches);
  const handle = createRequestHandlers(system, { patience, batches, loader: work.loader });
  const feed = new Feed({ core, journal, log, watch: (handler) => system.on('*', handler) });
  const refusals = { count: 0 };
  const reception = { feed, desk, handle, limits, work, log, onRefused: () => void refusals.count++, requireSystem: () => void portOf(system) };
  let hub: RunningHub | undefined;
  let ground: Ground | undefined;
  const figures = (): HubFigures | undefined => hub?.figures();
  const recognise: HttpAppOptions['recognise'] = (socket) => ground?.recognise(socket);
  const handler = createHttpListener({ system, handle, access, limits, allowedOrigins, admit: admission, work, figures, recognise });
  ground = await standOn(options, handler);
  const sockets = new Sockets({
    library,
    httpServer: ground.server,
    path,
    access,
    admission,
    allowedOrigins,
    reception,
    recognise: ground.recognise,
    now: () => core.clock.now(),
  });
  hub = new RunningHub({ ground, handler, sockets, feed, desk, loader: work.loader, patience, refusals });
  return hub;
}

/**
 * Loads what the hub needs, and what it may need: while it runs, a client may have taken the last descriptor. An import that fails
 * for want of one is a failure that Node keeps for as long as the process lives.
 */
async function loadAll() {
  const [library, { createHttpListener }] = await Promise.all([
    import('socket.io'),
    import('../http/listener.ts'),
    import('../../workflow/yaml.ts'),
    import('tinyglobby'),
    import('prom-client'),
  ]);
  return { library, createHttpListener };
}
