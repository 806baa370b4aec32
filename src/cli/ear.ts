/** Lets other commands of the same user reach the engine of this one. */
import type { ControlServer } from '../control/server.ts';
import type { GleitzeitSystem } from '../runtime/system.ts';

/**
 * Listens for commands on the journal at a path. An engine that cannot be reached that way is an engine all the same.
 *
 * @param note - Is told what the matter is.
 */
export async function listenTo(system: GleitzeitSystem, path: string, note: (text: string) => void): Promise<ControlServer | undefined> {
  try {
    const { serveControl } = await import('../control/serve.ts');
    return await serveControl(system, path);
  } catch (thrown) {
    note(`warning: other commands cannot reach this engine: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return undefined;
  }
}
