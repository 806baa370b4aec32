/** `gleitzeit worker`: carries out tasks of an engine in another process, on this machine or another, until it is told to end. */

import { duration } from '../../duration.ts';
import type { RemoteWorker } from '../../hub/index.ts';
import { checkToken, readSeconds } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { catchInterruption, defaultDrainMs } from '../interruption.ts';
import { progressLog } from '../progress/log.ts';
import { print, say, type Terminal } from '../terminal.ts';
import { count } from '../text.ts';

export interface WorkerOptions {
  /** From `--hub`, else from GLEITZEIT_HUB. */
  readonly hub?: string;
  readonly providers?: string;
  readonly slots?: string;
  readonly name?: string;
  /** From `--token`, else from GLEITZEIT_TOKEN. */
  readonly token?: string;
  readonly drain?: string;
  readonly patience?: string;
  readonly json?: boolean;
}

/** Works until SIGINT or SIGTERM, then finishes what runs; a second one ends at once. */
export async function workerCommand(options: WorkerOptions, terminal: Terminal): Promise<ExitCode> {
  const { hub: url, providers: file, token, name, json = false } = options;
  if (url === undefined) throw usageError('--hub, or GLEITZEIT_HUB, has to say where the hub is, for example http://127.0.0.1:7400.');
  if (file === undefined) throw usageError('--providers has to name a module with the providers to work for.');
  checkToken(token);
  const slots = readSlots(options.slots);
  const drainMs = readSeconds(options.drain, '--drain') ?? defaultDrainMs;
  const connectTimeoutMs = readSeconds(options.patience, '--patience');
  const [{ loadProviders }, { createRemoteWorker }] = await Promise.all([import('../../providers/load.ts'), import('../../hub/index.ts')]);
  const providers = await loadProviders(file);

  const interruption = catchInterruption();
  const log = progressLog({ note: (text) => say(terminal, text) });
  const worker = createRemoteWorker({
    url,
    providers,
    log,
    ...(token !== undefined && { token }),
    ...(slots !== undefined && { slots }),
    ...(name !== undefined && { name }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  });
  try {
    const started = worker.start().then(() => announce(worker, { url, json }, terminal));
    // Told to end before it has begun, it does not begin; what else fails is thrown here, or nobody waits for it any more.
    await Promise.race([interruption.requested, started.then(() => worker.closed)]);
    if (worker.running > 0)
      say(
        terminal,
        `Stopping: what runs (${count(worker.running, 'attempt')}) has ${duration(drainMs)} to finish. Press Ctrl-C again to stop at once.`,
      );
    return exitCodes.interrupted;
  } finally {
    await worker.stop({ deadlineMs: drainMs, reason: 'it was told to end' });
    interruption.dispose();
  }
}

/** @throws GleitzeitError CONFIGURATION_ERROR */
function readSlots(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const slots = /^\d{1,6}$/.test(given.trim()) ? Number(given) : 0;
  if (slots < 1) throw usageError(`--slots has to be a whole number from 1, and is '${given}'.`);
  return slots;
}

function announce({ workerIds }: RemoteWorker, { url, json }: { readonly url: string; readonly json: boolean }, terminal: Terminal): void {
  if (json) print(terminal, JSON.stringify({ event: 'registered', hub: url, workers: workerIds, pid: process.pid }));
  say(terminal, `Working for ${url} as ${workerIds.join(', ')}. Ctrl-C ends it, once what runs is done.`);
}
