/**
 * What a running system is asked, and changes by nothing of it.
 *
 * Whatever it is asked, the answer holds everything that was stated before the question, and nothing that is not durable. While the
 * journal takes nothing, answers are what is recorded, and come at once.
 */
import type { AnyMachineSnapshot } from 'xstate';

import type { Component } from '../../machines/events/define.ts';
import type { ListOptions, WorkflowHead } from '../journal/journal.ts';
import type { Explanation } from '../observe/explain.ts';
import { type MetricsReading, readMetrics } from '../observe/metrics.ts';
import { type Trace, traceOf } from '../observe/trace.ts';
import type { StorageFault } from '../system/storage-hold.ts';
import { caughtUp, told } from '../system/told.ts';
import { factsOfWorkflow, resultOfWorkflow } from './awaiting.ts';
import type { Booted } from './boot.ts';
import { explainAsked } from './explaining.ts';
import { checkList } from './list-check.ts';
import type { WorkflowResult } from './result.ts';
import { type ScheduleStatus, schedulesOf } from './schedules.ts';
import { statusOf, type WorkflowStatus } from './status.ts';
import { refusalWhileHeld } from './storage.ts';
import { type SystemView, viewAt } from './view.ts';

export abstract class Questions {
  /** The parts of the system. @throws GleitzeitError when it does not run */
  protected abstract live(): Booted;

  /**
   * The workflows that the journal keeps, in the order of their submission.
   * @throws GleitzeitError INVALID_PARAMS for options that make no sense
   */
  async list(options: ListOptions = {}): Promise<readonly WorkflowHead[]> {
    const { core, journal } = this.live();
    checkList(options);
    await caughtUp(core);
    return journal.list(options);
  }

  /** The schedules that stand, in the order of their creation. */
  async schedules(): Promise<readonly ScheduleStatus[]> {
    return schedulesOf(this.live());
  }

  /** What the journal said, while it takes no facts: nothing is admitted then, and what runs is held. Nothing, as long as it takes them. */
  storageFault(): StorageFault | undefined {
    return this.live().core.storageFault;
  }

  status(workflowId: string): Promise<WorkflowStatus> {
    return statusOf(this.live().core, workflowId);
  }

  /**
   * The system as it was at an event: its workflows, and, of a run that records everything, all else too.
   * @throws GleitzeitError INVALID_PARAMS for what is no `seq`
   */
  at(seq: number): SystemView {
    const { journal, core } = this.live();
    return viewAt({ journal, config: core.config }, seq);
  }

  /** The result of a workflow; waits for its end where that is still to come. */
  async result(workflowId: string): Promise<WorkflowResult> {
    return resultOfWorkflow(this.live(), workflowId);
  }

  /** Everything recorded of a workflow, as a tree of causes. */
  async trace(workflowId: string): Promise<Trace> {
    const live = this.live();
    await caughtUp(live.core);
    return traceOf(await factsOfWorkflow(live, workflowId));
  }

  /** Why each unfinished task of a workflow, or the one named, waits, and what would release it. */
  async explain(workflowId: string, taskId?: string): Promise<Explanation> {
    return explainAsked(this.live(), workflowId, taskId);
  }

  /** The figures so far; the first reading begins the counting, unless the option `metrics` began it at the start. */
  async metrics(): Promise<MetricsReading> {
    return readMetrics(this.live().core);
  }

  /**
   * The state of an actor, for those who look inside: `snapshot('circuit', 'llm')`; nothing where there is none.
   * @throws GleitzeitError PERSISTENCE_WRITE_FAILED, retryable, while the journal takes nothing: what an actor holds is not durable then
   */
  async snapshot(component: Component, key = ''): Promise<AnyMachineSnapshot | undefined> {
    const { core } = this.live();
    return told(core, { live: () => core.snapshot(component, key), recorded: () => Promise.reject(refusalWhileHeld(core)) });
  }

  /** How many actors there are, by component. @throws GleitzeitError as {@link snapshot} does */
  async actors(): Promise<Partial<Record<Component, number>>> {
    const { core } = this.live();
    return told(core, { live: () => core.registry.counts(), recorded: () => Promise.reject(refusalWhileHeld(core)) });
  }
}
