/** `gleitzeit run` on an engine of its own, with a journal in memory or in a file. */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { ControlServer } from '../control/server.ts';
import { duration } from '../duration.ts';
import type { GleitzeitSystem } from '../runtime/system.ts';
import { pathToRunOn, secretsBy } from './database.ts';
import { listenTo } from './ear.ts';
import { progressLog } from './progress/log.ts';
import type { Reporter } from './progress/reporter.ts';
import type { Stage } from './stage.ts';
import { count } from './text.ts';

export interface StageHereOptions {
  readonly file: string;
  readonly db?: string;
  readonly keyFile?: string;
  readonly providers?: string;
  readonly inspect?: boolean;
  /** Whether also what does not belong to the run is told. */
  readonly watch?: boolean;
}

/** How long running attempts may go on after Ctrl-C, in milliseconds; what is cut off is tried again where there is a journal to know it from. */
const drainMs = 5_000;

/** Makes the engine, and starts nothing yet. @throws GleitzeitError CONFIGURATION_ERROR; what loading providers does */
export async function stageHere(options: StageHereOptions, reporter: Reporter): Promise<Stage> {
  const path = pathToRunOn(options.db);
  const library = await import('../index.ts');
  const providers = options.providers === undefined ? [] : await library.loadProviders(options.providers);
  const journal = path === undefined ? {} : { journal: library.sqliteJournal(path) };
  const system = library.createSystem({
    ...journal,
    ...secretsBy(options.keyFile),
    providers,
    inspect: options.inspect ?? false,
    log: progressLog(reporter),
  });
  return new StageHere(system, reporter, { ...options, path });
}

class StageHere implements Stage {
  readonly system: GleitzeitSystem;
  readonly mayGoOn: boolean;
  private readonly reporter: Reporter;
  private readonly options: StageHereOptions & { readonly path: string | undefined };
  private ear: ControlServer | undefined;

  constructor(system: GleitzeitSystem, reporter: Reporter, options: StageHere['options']) {
    this.system = system;
    this.reporter = reporter;
    this.options = options;
    this.mayGoOn = options.path !== undefined;
  }

  watch(runId: string, tell: (event: GleitzeitEvent) => void): () => void {
    const watching = this.system.events$.subscribe((event) => {
      // What else goes on in the journal is not to be taken for this run.
      if (this.options.watch === true || (event.correlation.workflowId ?? runId) === runId) tell(event);
    });
    return () => watching.unsubscribe();
  }

  async start(): Promise<void> {
    const { path, inspect } = this.options;
    await this.system.start();
    this.ear = path === undefined ? undefined : await listenTo(this.system, path, (text) => this.reporter.note(text));
    if (inspect === true) this.reporter.note(`Inspector: ${(await this.system.inspect()).url}`);
  }

  async interrupt(runId: string): Promise<string> {
    const { file, path } = this.options;
    await this.ear?.close();
    this.reporter.note(`Stopping: what runs has ${duration(drainMs)} to finish. Press Ctrl-C again to stop at once.`);
    await this.system.stop({ deadlineMs: drainMs, reason: 'interrupted' });
    return `Stopped.${path === undefined ? '' : ` Go on with: gleitzeit run ${file} --db ${path} --id ${runId}`}`;
  }

  /** What else was in flight in the journal gets the time that Ctrl-C would give it; after a fault nothing is worth waiting for. */
  async end(): Promise<void> {
    const { system, reporter } = this;
    await this.ear?.close();
    const others = system.phase === 'running' ? await unfinishedOf(system) : 0;
    if (others > 0)
      reporter.note(`${count(others, 'other workflow')} of this journal, still unfinished: what runs has ${duration(drainMs)} to finish.`);
    await system.stop({ deadlineMs: others > 0 ? drainMs : 0, reason: 'the run has ended' });
  }
}

/** How many workflows are under way. While the journal takes nothing there is no saying, and nothing to finish. */
async function unfinishedOf(system: GleitzeitSystem): Promise<number> {
  const actors = await system.actors().catch(() => ({ workflow: 0 }));
  return actors.workflow ?? 0;
}
