/**
 * A system as it was at some event: what its journal says up to there, folded through the machines, without anything done.
 *
 * Workflows and their tasks follow from the recorded facts, which every journal has. Queue, pools, circuits and all else follow from
 * every event, which a journal has only of runs that were told to record everything.
 */
import type { AnyMachineSnapshot } from 'xstate';

import type { EventOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { errorOf } from '../errors.ts';
import type { Journal, WorkflowHead } from '../journal/journal.ts';
import { standingSchedules } from '../journal/standing-schedules.ts';
import { headAfter } from '../journal/workflow-head.ts';
import type { MachineConfig } from '../system/config.ts';
import { describeValue } from '../thrown.ts';
import { recordedOf } from './begun-tasks.ts';
import { bringBack, bringBackSchedule, bringBackWorkflow } from './hydration.ts';
import { notFound } from './known-workflow.ts';
import { Rerun } from './rerun.ts';
import { recordedStatus, type WorkflowStatus } from './status.ts';

/** A system as it was. Everything is read from the journal when it is asked for. */
export interface SystemView {
  /** The event up to which, itself included, everything has happened. */
  readonly seq: number;
  /** The workflows that were known, in the order of their submission; those that the journal has removed since are not among them. */
  workflows(): Promise<readonly WorkflowHead[]>;
  /** A workflow and its tasks. @throws GleitzeitError WORKFLOW_NOT_FOUND for one that was not submitted yet, or is no longer kept */
  workflow(workflowId: string): Promise<WorkflowStatus>;
  /**
   * The state of an actor: `snapshot('circuit', 'llm')`; nothing where there was none.
   * @throws GleitzeitError CONFIGURATION_ERROR for a run that did not record everything
   */
  snapshot(component: Component, key?: string): Promise<AnyMachineSnapshot | undefined>;
  /** The states of all actors of a component, by key: of `pool`, `circuit`, `queue`. @throws as {@link snapshot} */
  snapshots(component: Component): Promise<ReadonlyMap<string, AnyMachineSnapshot>>;
}

/**
 * The view of a journal as of an event.
 * @throws GleitzeitError INVALID_PARAMS for what is no `seq`
 */
export function viewAt({ journal, config }: { readonly journal: Journal; readonly config: MachineConfig }, seq: number): SystemView {
  if (!Number.isSafeInteger(seq) || seq < 0) throw errorOf('INVALID_PARAMS', `A seq must be a whole number from 0, got ${describeValue(seq)}`);
  let rerun: Promise<Rerun> | undefined;
  const whole = (): Promise<Rerun> => {
    rerun ??= journal.read().then((events) => rerunTo(upTo(events, seq), config, seq));
    return rerun;
  };
  return {
    seq,
    workflows: async () => headsOf(upTo(await journal.read(), seq)),
    async workflow(workflowId) {
      const facts = upTo(recordedOf(await journal.read({ workflowId })), seq);
      if (facts.length === 0) throw notFound(workflowId);
      return recordedStatus(facts, workflowId);
    },
    snapshot: async (component, key = '') => (await whole()).snapshot(component, key),
    snapshots: async (component) => new Map([...(await whole()).registry.all(component)].map((actor) => [actor.key, actor.getSnapshot()])),
  };
}

function upTo(events: readonly GleitzeitEvent[], seq: number): readonly GleitzeitEvent[] {
  return events.filter((event) => event.seq <= seq);
}

function headsOf(events: readonly GleitzeitEvent[]): readonly WorkflowHead[] {
  const heads = new Map<string, WorkflowHead>();
  for (const event of events) {
    const { workflowId } = event.correlation;
    const head = workflowId === undefined ? undefined : headAfter(heads.get(workflowId), event);
    if (workflowId !== undefined && head !== undefined) heads.set(workflowId, head);
  }
  return [...heads.values()];
}

/** Brings back what was in flight when the run began, and has happen what happened since. */
function rerunTo(events: readonly GleitzeitEvent[], config: MachineConfig, seq: number): Rerun {
  const afterSeq = beginOf(events, seq);
  const rerun = new Rerun(config);
  const before = recordedOf(upTo(events, afterSeq));
  const unfinished = new Map(
    headsOf(before).flatMap(({ workflowId, status }) => (status === 'running' ? [[workflowId, [] as GleitzeitEvent[]]] : [])),
  );
  for (const fact of before) unfinished.get(fact.correlation.workflowId ?? '')?.push(fact);
  for (const facts of unfinished.values()) bringBack(rerun, facts);
  for (const schedule of standingSchedules(before.filter(({ correlation }) => correlation.workflowId === undefined)))
    bringBackSchedule(rerun, schedule);
  const run = events.filter((event) => event.seq > afterSeq);
  rerun.run(run, (event) => {
    // Whoever has a workflow retried brings it back first, which is no event.
    if (event.type === 'workflow:retry') bringBackWorkflow(rerun, recordedOf(factsBefore(events, event)));
  });
  return rerun;
}

function factsBefore(events: readonly GleitzeitEvent[], { seq, data }: EventOf<'workflow:retry'>): readonly GleitzeitEvent[] {
  return events.filter((event) => event.seq < seq && event.correlation.workflowId === data.workflowId);
}

/** After which event the run began that is the last of these. @throws GleitzeitError CONFIGURATION_ERROR when it did not record everything */
function beginOf(events: readonly GleitzeitEvent[], seq: number): number {
  const started = events.findLast((event): event is EventOf<'system:started'> => event.type === 'system:started');
  const after = started?.data.everything?.afterSeq;
  if (after !== undefined) return after;
  throw errorOf(
    'CONFIGURATION_ERROR',
    `The run at seq ${seq} is not in the journal as a whole: only one that was created with record: 'everything' is.`,
  );
}
