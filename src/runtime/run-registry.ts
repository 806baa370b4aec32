/**
 * Those who wait for a workflow: its submit to be durable, its end; and for a schedule to stand, or to be gone.
 *
 * Only handles that are held cost anything; a workflow that nobody waits for leaves nothing here.
 */
import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import { type Deferred, deferred } from '../deferred.ts';
import type { GleitzeitError } from '../errors.ts';
import { fromFailure } from '../errors.ts';
import type { Core } from '../system/core.ts';
import { type EndOfWorkflow, resultOf, type WorkflowResult } from './result.ts';

function settle(among: Map<string, Deferred<void>>, key: string, error?: GleitzeitError): void {
  const waiting = among.get(key);
  among.delete(key);
  if (error === undefined) waiting?.resolve();
  else waiting?.reject(error);
}

export class RunRegistry {
  private readonly admissions = new Map<string, Deferred<void>>();
  private readonly ends = new Map<string, Deferred<WorkflowResult>>();
  private readonly retrials = new Map<string, Deferred<void>>();
  private readonly creations = new Map<string, Deferred<void>>();
  private readonly removals = new Map<string, Deferred<void>>();
  private readonly turns = new Map<string, Promise<unknown>>();
  private ended: GleitzeitError | undefined;
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
    core.on('workflow:submitted', ({ data }) => settle(this.admissions, data.workflowId));
    core.on('workflow:rejected', ({ data }) => settle(this.admissions, data.workflowId, fromFailure(data.error)));
    core.on('workflow:retried', ({ data }) => settle(this.retrials, data.workflowId));
    core.on('cron:created', ({ data }) => settle(this.creations, data.scheduleId));
    core.on('cron:refused', ({ data }) => settle(this.creations, data.scheduleId, fromFailure(data.error)));
    core.on('cron:removed', ({ data }) => settle(this.removals, data.scheduleId));
    core.on('cron:finished', ({ data }) => settle(this.removals, data.scheduleId));
    core.on('workflow:completed', (event) => this.end(event));
    core.on('workflow:failed', (event) => this.end(event));
    core.on('workflow:cancelled', (event) => this.end(event));
  }

  /** Acts once nobody else acts under this id: of two submits of one id, the second sees what became of the first. */
  async inTurn<Value>(id: string, act: () => Promise<Value>): Promise<Value> {
    const turn = (this.turns.get(id) ?? Promise.resolve()).then(act, act);
    this.turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.turns.get(id) === turn) this.turns.delete(id);
    }
  }

  /** Resolves once the workflow is admitted and that is durable. */
  admission(workflowId: string): Promise<void> {
    return this.wait(this.admissions, workflowId);
  }

  /** Resolves once a workflow that had failed goes on and that is durable. */
  retrial(workflowId: string): Promise<void> {
    return this.wait(this.retrials, workflowId);
  }

  /** Resolves once a schedule stands and that is durable. */
  creation(scheduleId: string): Promise<void> {
    return this.wait(this.creations, scheduleId);
  }

  /** Resolves once a schedule that stands is gone, and that is durable. */
  removal(scheduleId: string): Promise<void> {
    return this.wait(this.removals, scheduleId);
  }

  /** Resolves with the result of a workflow that has not ended yet. */
  result(workflowId: string): Promise<WorkflowResult> {
    return this.wait(this.ends, workflowId);
  }

  /** Waits no more for a workflow that turned out to have ended. */
  forget(workflowId: string): void {
    this.ends.delete(workflowId);
  }

  /** Ends every wait, also those that begin later: nothing comes any more. */
  rejectAll(error: GleitzeitError): void {
    this.ended ??= error;
    for (const waiting of [this.admissions, this.ends, this.retrials, this.creations, this.removals]) {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
  }

  private wait<Value>(among: Map<string, Deferred<Value>>, workflowId: string): Promise<Value> {
    const present = among.get(workflowId) ?? deferred<Value>();
    if (this.ended === undefined) among.set(workflowId, present);
    else present.reject(this.ended);
    return present.promise;
  }

  private end(event: EndOfWorkflow): void {
    const { workflowId } = event.data;
    const waiting = this.ends.get(workflowId);
    if (waiting === undefined) return;
    this.ends.delete(workflowId);
    const resolver = this.core.snapshot('resolver', workflowId);
    if (resolver === undefined) waiting.resolve({ workflowId, name: '', status: 'failed', durationMs: event.data.durationMs, tasks: {} });
    // The resolver's snapshot has the resolver's context.
    else waiting.resolve(resultOf(event, resolver.context as ResolverContext));
  }
}
