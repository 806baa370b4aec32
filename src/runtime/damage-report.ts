/** What an engine knows of the damaged workflows and schedules in its journal: they are isolated, and everything else goes on. */
import { toFailure } from '../errors.ts';
import type { DamagedEnd, DamagedUnits, ReadOptions, WholeJournal } from '../journal/journal.ts';
import { damagedError } from './known-workflow.ts';
import type { Logger } from './logger.ts';

/** What of a journal is damaged, as its engine knows it. */
export class DamageReport {
  /** The journal, as it is to be read: a run that has ended and cannot be read is isolated when somebody finds that out. */
  readonly watched: WholeJournal;
  private readonly journal: WholeJournal;
  private readonly log: Logger;
  private known: DamagedUnits = { workflows: [], schedules: [] };
  private looking: Promise<void> | undefined;
  private isStopped = false;

  constructor(journal: WholeJournal, log: Logger) {
    this.journal = journal;
    this.log = log;
    this.watched = {
      ...journal,
      read: async (options) => {
        try {
          return await journal.read(options);
        } catch (thrown) {
          await this.noteUnreadable(options, thrown);
          throw thrown;
        }
      },
    };
  }

  /** Says nothing any more: the journal is about to close. */
  stop(): void {
    this.isStopped = true;
  }

  /** As of the last look. */
  get units(): DamagedUnits {
    return this.known;
  }

  /** Marks workflows as damaged, and says why; goes on where the journal cannot take that now: the next start finds them again. */
  async isolate(reasons: ReadonlyMap<string, unknown>): Promise<void> {
    if (reasons.size === 0) return;
    for (const [workflowId, err] of reasons)
      this.log.error({ err, workflowId }, 'a workflow cannot be read or brought back: it is isolated as damaged');
    try {
      await this.journal.isolate([...reasons.keys()]);
    } catch (thrown) {
      this.log.error({ err: toFailure(thrown) }, 'damaged workflows could not be marked as such; the next start tries again');
    }
  }

  /** Isolates what has facts in the last batches that cannot be read, before anything is brought back. */
  async isolateEnd({ ranges, workflowIds }: DamagedEnd): Promise<void> {
    this.log.error({ ranges, workflows: workflowIds.length }, 'some of the last batches of the journal are damaged: `gleitzeit check` says more');
    await this.isolate(new Map(workflowIds.map((workflowId) => [workflowId, damagedError(workflowId)])));
  }

  /** Looks at every summary; nobody waits for it. */
  look(): Promise<void> {
    this.looking ??= this.lookNow().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /** What runs is left to the next start: its actors know how far it is. */
  private async noteUnreadable({ workflowId, workflowIds }: ReadOptions = {}, thrown: unknown): Promise<void> {
    const id = workflowId ?? (workflowIds?.length === 1 ? workflowIds[0] : undefined);
    if (id === undefined || toFailure(thrown).code !== 'PERSISTENCE_INTEGRITY_ERROR') return;
    const head = await this.journal.find(id).catch(() => undefined);
    if (head === undefined || head.status === 'running' || head.status === 'damaged') return;
    await this.isolate(new Map([[id, thrown]]));
    await this.look();
  }

  private async lookNow(): Promise<void> {
    try {
      this.known = await this.journal.damaged();
    } catch (thrown) {
      if (!this.isStopped) this.log.warn({ err: toFailure(thrown) }, 'whether the journal holds what is damaged could not be looked at');
      return;
    }
    const { workflows, schedules } = this.known;
    if (this.isStopped || workflows.length + schedules.length === 0) return;
    const some = workflows.slice(0, 20).map(({ workflowId }) => workflowId);
    this.log.error(
      { damagedWorkflows: workflows.length, workflows: some, schedules },
      'the journal holds what is damaged: `gleitzeit check` says where',
    );
  }
}
