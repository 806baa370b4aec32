/** Where `gleitzeit run` has a workflow run: on an engine of its own in this process, or at a hub. */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Gleitzeit } from '../runtime/api.ts';

export interface Stage {
  readonly system: Gleitzeit;
  /** Whether a run may have begun before this command. */
  readonly mayGoOn: boolean;
  /** Tells what happens to a run, and around it. @returns ends it */
  watch(runId: string, tell: (event: GleitzeitEvent) => void): () => void;
  /** Gets it ready for a submit. */
  start(): Promise<void>;
  /** Ends what Ctrl-C was to end. @returns what to say when that is done */
  interrupt(runId: string): Promise<string>;
  /** Leaves nothing of this command behind; also after {@link interrupt}. */
  end(): Promise<void>;
}
