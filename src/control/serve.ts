/** Lets other processes reach a system; what that takes is loaded when it is asked for. */
import type { GleitzeitSystem } from '../runtime/system.ts';
import type { ControlServer, ServeOptions } from './server.ts';

/**
 * Lets the command line of the same user reach a system that owns a journal: `gleitzeit cancel`, `submit`, `explain` and the like.
 * Call it once the system has started, and close what it answers with before the system stops.
 *
 * @param journalPath - The path that the journal was opened by.
 * @throws GleitzeitError AUTHORIZATION_FAILED for a folder of sockets that others may enter
 * @example
 * const system = createSystem({ journal: sqliteJournal('jobs.db') });
 * await system.start();
 * const ear = await serveControl(system, 'jobs.db');
 */
export async function serveControl(system: GleitzeitSystem, journalPath: string, options: ServeOptions = {}): Promise<ControlServer> {
  const { listenFor } = await import('./server.ts');
  return listenFor(system, journalPath, options);
}
