/**
 * Those who wait for the result of a workflow.
 *
 * The system is asked once for each workflow, however many wait, and whoever goes away leaves nothing behind. What they get is as
 * it is recorded: secrets in it stay sealed, and whoever may see them opens them.
 */
import { errorOf } from '../../errors.ts';
import { sealedResultOf } from '../../runtime/awaiting.ts';
import { portOf } from '../../runtime/port.ts';
import type { WorkflowResult } from '../../runtime/result.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import { Turnstile } from '../turnstile.ts';

/** Calls back when whoever asked is gone. @returns takes the listener away */
export type OnGone = (listener: () => void) => () => void;

/** Results of workflows that ended long ago are read from the journal, so many at a time. */
const readAtOnce = 32;

interface Waiter {
  readonly resolve: (result: WorkflowResult) => void;
  readonly reject: (error: unknown) => void;
}

export class AwaitedResults {
  private readonly system: GleitzeitSystem;
  private readonly reading = new Turnstile(readAtOnce);
  private readonly waiters = new Map<string, Set<Waiter>>();

  constructor(system: GleitzeitSystem) {
    this.system = system;
  }

  /** The result of a workflow once it has ended. @throws GleitzeitError as the system does; CONNECTION_LOST to who is gone */
  of(workflowId: string, onGone: OnGone | undefined): Promise<WorkflowResult> {
    const waiters = this.waiters.get(workflowId) ?? this.ask(workflowId);
    return new Promise<WorkflowResult>((resolve, reject) => {
      const stay = onGone?.(() => {
        waiters.delete(waiter);
        reject(errorOf('CONNECTION_LOST', `Nobody is there any more to be told of workflow '${workflowId}'.`));
      });
      const waiter: Waiter = {
        resolve: (result) => {
          stay?.();
          resolve(result);
        },
        reject: (error) => {
          stay?.();
          reject(error);
        },
      };
      waiters.add(waiter);
    });
  }

  private ask(workflowId: string): Set<Waiter> {
    const waiters = new Set<Waiter>();
    this.waiters.set(workflowId, waiters);
    const settle = (tell: (waiter: Waiter) => void): void => {
      this.waiters.delete(workflowId);
      for (const waiter of waiters) tell(waiter);
    };
    this.find(workflowId).then(
      (result) => settle(({ resolve }) => resolve(result)),
      (error: unknown) => settle(({ reject }) => reject(error)),
    );
    return waiters;
  }

  private async find(workflowId: string): Promise<WorkflowResult> {
    const port = portOf(this.system);
    const head = await port.journal.find(workflowId);
    const result = (): Promise<WorkflowResult> => sealedResultOf(port, workflowId);
    return head?.status === 'running' ? result() : this.reading.run(result);
  }
}
