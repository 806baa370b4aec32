/** `gleitzeit serve`: an engine on a journal with the hub that clients and workers reach it by, until it is told to end. */
import { createServer } from 'node:net';

import type { DataOf } from '../../../machines/events/catalogue.ts';
import type { ControlServer } from '../../control/server.ts';
import { duration } from '../../duration.ts';
import { errorOf, fromFailure, type GleitzeitError } from '../../errors.ts';
import type { Hub, HubOptions } from '../../hub/index.ts';
import type { SystemOptions } from '../../runtime/options.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import { checkToken, readDays, readPort, readSeconds } from '../arguments.ts';
import { type DatabaseOptions, pathToRunOn, secretsBy } from '../database.ts';
import { listenTo } from '../ear.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { catchInterruption, defaultDrainMs } from '../interruption.ts';
import { progressLog } from '../progress/log.ts';
import { print, say, type Terminal } from '../terminal.ts';
import { readTokens } from '../tokens.ts';

export interface ServeOptions extends DatabaseOptions {
  readonly host: string;
  readonly port: string;
  /** From `--token`, else from GLEITZEIT_TOKEN. */
  readonly token?: string;
  readonly tokens?: string;
  readonly keyFile?: string;
  readonly providers?: string;
  /** False with `--no-builtins`. */
  readonly builtins: boolean;
  readonly lease?: string;
  readonly keepDays?: string;
  readonly remote?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly drain?: string;
}

/** How long the hub may take to hand out the last events, in milliseconds. */
const lastWordsMs = 2_000;

type Recovered = DataOf<'system:started'>['recovered'];

/** Serves until SIGINT or SIGTERM; a second one ends at once. */
export async function serveCommand(options: ServeOptions, terminal: Terminal): Promise<ExitCode> {
  const path = pathToRunOn(options.db);
  const drainMs = readSeconds(options.drain, '--drain') ?? defaultDrainMs;
  const listening = listeningOf(options);
  const [library, { createHub }] = await Promise.all([import('../../index.ts'), import('../../hub/index.ts')]);
  const settings = engineOf(options);
  const providers = options.providers === undefined ? [] : await library.loadProviders(options.providers);

  const interruption = catchInterruption();
  const note = (text: string): void => say(terminal, text);
  const journal = path === undefined ? {} : { journal: library.sqliteJournal(path) };
  const system = library.createSystem({ ...journal, ...settings, providers, metrics: true, log: progressLog({ note }) });
  const failed = failureOf(system);
  const recovered = recoveredBy(system);
  let [ear, hub]: [ControlServer | undefined, Hub | undefined] = [undefined, undefined];
  try {
    await checkListening({ system, ...listening });
    await system.start();
    hub = await createHub({ system, ...listening });
    ear = path === undefined ? undefined : await listenTo(system, path, note);
    announce({ url: hub.url, port: hub.port, recovered: await recovered }, options, terminal);
    const failure = await Promise.race([interruption.requested, failed]);
    if (failure !== undefined) throw failure;
    note(`Stopping: what runs has ${duration(drainMs)} to finish. Press Ctrl-C again to stop at once.`);
    return exitCodes.interrupted;
  } finally {
    await ear?.close();
    await system.stop({ deadlineMs: hub === undefined ? 0 : drainMs, reason: 'gleitzeit serve was told to end' });
    // Last, so that those who subscribed see the end.
    await hub?.close({ deadlineMs: lastWordsMs });
    interruption.dispose();
  }
}

/** Beats for each lease: one that is late, or lost, is no end yet. */
const beatsPerLease = 6;

/** @throws GleitzeitError CONFIGURATION_ERROR */
function engineOf({ builtins, lease, keepDays, keyFile }: ServeOptions): Pick<SystemOptions, 'builtins' | 'worker' | 'cleanup' | 'secrets'> {
  const leaseMs = readSeconds(lease, '--lease');
  const maxAgeMs = readDays(keepDays, '--keep-days');
  return {
    builtins,
    ...secretsBy(keyFile),
    ...(leaseMs !== undefined && { worker: { leaseMs, heartbeatMs: Math.ceil(leaseMs / beatsPerLease) } }),
    ...(maxAgeMs !== undefined && { cleanup: { maxAgeMs } }),
  };
}

type Listening = Required<Pick<HubOptions, 'host' | 'port' | 'tokens' | 'remote' | 'allowedOrigins'>>;

/** @throws GleitzeitError CONFIGURATION_ERROR */
function listeningOf({ host, port, token, tokens, remote = [], allowOrigin = [] }: ServeOptions): Listening {
  checkToken(token);
  const given = token === undefined ? [] : [{ token }];
  const named = tokens === undefined ? [] : readTokens(tokens);
  // It would be good for everything, whatever its roles in the file are.
  if (named.some((each) => each.token === token)) throw usageError('The token of --token, or GLEITZEIT_TOKEN, stands in the file of --tokens too.');
  return {
    host,
    port: readPort(port, '--port'),
    tokens: [...given, ...named],
    remote,
    allowedOrigins: allowOrigin,
  };
}

/**
 * Finds out what would keep the hub from listening, before anything of the journal runs on.
 * @throws GleitzeitError CONFIGURATION_ERROR; CONNECTION_REFUSED for an address that cannot be listened on
 */
async function checkListening(options: HubOptions & Listening): Promise<void> {
  const [{ checkExposure, checkHubOptions }, { accessOf }] = await Promise.all([
    import('../../hub/server/options.ts'),
    import('../../hub/server/access.ts'),
  ]);
  checkHubOptions(options);
  checkExposure(options);
  accessOf(options.tokens);
  await listenOnce(options);
}

function listenOnce({ host, port }: Listening): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', ({ message }) => reject(errorOf('CONNECTION_REFUSED', `The hub cannot listen on ${host}:${port}: ${message}`)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

/** What the system cannot go on after. */
function failureOf(system: GleitzeitSystem): Promise<GleitzeitError> {
  return new Promise((resolve) => {
    system.on('system:failed', ({ data }) => resolve(fromFailure(data.error)));
  });
}

/** What was in flight when the journal was last left. */
function recoveredBy(system: GleitzeitSystem): Promise<Recovered> {
  return new Promise((resolve) => {
    system.on('system:started', ({ data }) => resolve(data.recovered));
  });
}

interface Readiness {
  readonly url: string;
  readonly port: number;
  readonly recovered: Recovered;
}

/** Says where it listens; of tokens, only whether there are any. */
function announce({ url, port, recovered }: Readiness, { db, json, token, tokens }: ServeOptions, terminal: Terminal): void {
  const hasToken = token !== undefined || tokens !== undefined;
  if (json === true) print(terminal, JSON.stringify({ event: 'listening', url, port, pid: process.pid, db, hasToken, recovered }));
  const kept = db === ':memory:' ? 'in memory, which ends with this process' : `in ${db}`;
  say(terminal, `Listening on ${url}, with the journal ${kept}. Ctrl-C ends it.`);
  if (!hasToken) say(terminal, 'There is no token: whoever can reach this address may use it.');
}
