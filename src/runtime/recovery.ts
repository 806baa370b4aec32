/**
 * Brings back what was in flight when the last run ended.
 *
 * The recorded facts of each unfinished workflow are folded through the machines that stated them, what they state in answer
 * dropped: it was recorded too. What is derived is made anew: the resolver says again what its tasks run with, infrastructure
 * starts fresh and is told of retries, timeouts and pauses. Nothing is decided here, and nothing goes on before the engine has
 * started (see `recovering.ts`).
 */
import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import type { EventOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { readyOf } from '../../machines/policies/release.ts';
import type { TaskContext } from '../../machines/task.ts';
import type { StandingSchedule } from '../journal/standing-schedules.ts';
import { type Actor, createStatechartActor } from '../system/actor.ts';
import type { Core } from '../system/core.ts';
import { wiring } from '../system/wiring.ts';
import { begunTasks, recordedOf } from './begun-tasks.ts';
import type { Subjects } from './options.ts';
import type { Recovering } from './recovering.ts';

/** Where actors are brought back. */
export type Ground = Pick<Core, 'registry' | 'config'> & { readonly router: Pick<Core['router'], 'remember'> };

/** What was brought back. */
export interface Recovered {
  readonly workflows: number;
  /** Tasks that had begun and not ended. */
  readonly tasks: number;
}

/**
 * Reads every unfinished workflow, and every schedule that stands, from the journal and brings it back; costs nothing for finished ones.
 * @param only - These workflows and no schedules, or no workflows and the schedules.
 */
export async function recover({ core, recovering }: { readonly core: Core; readonly recovering: Recovering }, only?: Subjects): Promise<Recovered> {
  let workflows = 0;
  let tasks = 0;
  for await (const [workflowId, facts] of factsByWorkflow(core, await unfinished(core, only === 'schedules' ? [] : only))) {
    tasks += bringBack(core, facts);
    recovering.add(workflowId);
    workflows++;
  }
  if (only !== undefined && only !== 'schedules') return { workflows, tasks };
  for (const schedule of await core.journal.schedules()) bringBackSchedule(core, schedule);
  return { workflows, tasks };
}

/** Facts that are read at a time, more or less: enough that what lies together is read together, and never all there are. */
const factsAtOnce = 5_000;

/**
 * The facts of each of some workflows, read from the journal in bulk. Workflows of one definition are given the same object, so
 * that what follows from a definition is found once.
 */
async function* factsByWorkflow(
  { journal }: Core,
  workflowIds: readonly string[],
): AsyncGenerator<readonly [workflowId: string, facts: readonly GleitzeitEvent[]]> {
  const definitions = new Map<string, GleitzeitEvent>();
  let atOnce = 100;
  for (let from = 0; from < workflowIds.length; ) {
    const ids = workflowIds.slice(from, from + atOnce);
    const facts = await journal.read({ workflowIds: ids });
    const byId = new Map<string, GleitzeitEvent[]>(ids.map((id) => [id, []]));
    for (const fact of facts) byId.get(fact.correlation.workflowId ?? '')?.push(shared(fact, definitions));
    yield* byId;
    from += ids.length;
    atOnce = Math.max(1, Math.min(1_000, Math.floor((ids.length * factsAtOnce) / Math.max(1, facts.length))));
  }
}

function shared(fact: GleitzeitEvent, submits: Map<string, GleitzeitEvent>): GleitzeitEvent {
  if (fact.type !== 'workflow:submitted') return fact;
  const { versionHash } = fact.data;
  const first = submits.get(versionHash);
  if (first?.type !== 'workflow:submitted') {
    submits.set(versionHash, fact);
    return fact;
  }
  return { ...fact, data: { ...fact.data, definition: first.data.definition } };
}

/** @param only - Looked up one by one: that many others are unfinished costs nothing. */
async function unfinished({ journal }: Core, only: readonly string[] | undefined): Promise<readonly string[]> {
  const heads = only === undefined ? await journal.unfinished() : await Promise.all(only.map((workflowId) => journal.find(workflowId)));
  return heads.flatMap((head) => (head?.status === 'running' ? [head.workflowId] : []));
}

/** Its last fact says how far it had got; the start of the engine makes it look at what it missed. */
export function bringBackSchedule(core: Ground, { made, last }: StandingSchedule): void {
  // It is as if somebody had just asked for it; only its creation is folded, not asked for again.
  const [schedule] = make(core, 'cron', { ...made, type: 'cron:create' });
  tell(schedule, made);
  tell(schedule, last);
}

/** A workflow as its facts leave it, and the engine told of it; what is said of it from now on is heard. */
export function bringBackWorkflow(
  core: Ground,
  facts: readonly GleitzeitEvent[],
): { readonly workflow: Actor; readonly resolver: Actor } | undefined {
  const submitted = facts.find((fact): fact is EventOf<'workflow:submitted'> => fact.type === 'workflow:submitted');
  if (submitted === undefined) return undefined;
  const [resolver] = make(core, 'resolver', submitted);
  const [workflow] = make(core, 'workflow', submitted);
  if (resolver === undefined || workflow === undefined) return undefined;
  core.router.remember(submitted.data.workflowId, { ...submitted.correlation, tags: submitted.tags });
  for (const fact of facts) {
    fold(resolver, fact);
    fold(workflow, fact);
  }
  tell(core.registry.get('engine', ''), submitted);
  return { workflow, resolver };
}

export function bringBack(core: Ground, all: readonly GleitzeitEvent[]): number {
  const facts = recordedOf(all);
  const back = bringBackWorkflow(core, facts);
  if (back === undefined) return 0;
  feedScheduler(core, facts);
  if (back.workflow.getSnapshot().matches('paused'))
    tell(
      core.registry.get('queue', ''),
      facts.findLast(({ type }) => type === 'workflow:paused'),
    );
  const begun = begunTasks(facts);
  for (const [taskId, its] of begun) bringBackTask(core, back.resolver, { taskId, facts: its });
  return begun.size;
}

function bringBackTask(
  core: Ground,
  resolver: Actor,
  { taskId, facts }: { readonly taskId: string; readonly facts: readonly GleitzeitEvent[] },
): void {
  // The resolver's snapshot has the resolver's context.
  const draft = readyOf(resolver.getSnapshot().context as ResolverContext, taskId);
  const [first] = facts;
  if (draft === undefined || first === undefined) return;
  // It is as if the resolver had just said it; nobody but the task and the resolver hears it.
  const ready = { ...first, ...draft } as EventOf<'task:ready'>;
  const [task] = make(core, 'task', ready);
  for (const fact of facts) fold(task, fact);
  // A fan-out that is expanded counts by its elements.
  if (task?.getSnapshot().matches('expanded') !== true) tell(resolver, ready);
  if (task?.getSnapshot().matches('waitingRetry') === true) feedRetry(core, facts);
  // A remote worker may still run it, and has a lease to say so.
  if (task !== undefined && isRunningElsewhere(task))
    tell(
      core.registry.get('scheduler', ''),
      facts.findLast(({ type }) => type === 'task:started'),
    );
}

function isRunningElsewhere(task: Actor): boolean {
  const snapshot = task.getSnapshot();
  // A task's snapshot has the task's context.
  return snapshot.matches('running') && (snapshot.context as TaskContext).isRemote;
}

/** The retry manager and the scheduler know again of a retry that is not due yet, or overdue. */
function feedRetry(core: Ground, facts: readonly GleitzeitEvent[]): void {
  const failed = facts.findLast(({ type }) => type === 'task:failed');
  const scheduled = facts.findLast(({ type }) => type === 'task:retry_scheduled');
  if (failed === undefined || scheduled === undefined) return;
  const [manager] = make(core, 'retry', failed);
  tell(manager, scheduled);
  tell(core.registry.get('scheduler', ''), scheduled);
}

function feedScheduler(core: Ground, facts: readonly GleitzeitEvent[]): void {
  const started = facts.findLast(({ type }) => type === 'workflow:started' || type === 'workflow:retried');
  // One that has not started waits for the time that its submit came with.
  tell(core.registry.get('scheduler', ''), started ?? facts.find(({ type }) => type === 'workflow:submitted'));
}

/** The actors that an event brings into being, or those that are there already. */
function make(core: Ground, component: Component, event: GleitzeitEvent): readonly (Actor | undefined)[] {
  const { machine, births } = wiring[component];
  return (births?.[event.type]?.(event, core.config) ?? []).map(({ key, input, groups = [] }) => {
    if (core.registry.get(component, key) === undefined) core.registry.add(createStatechartActor({ component, key }, machine, input), groups);
    return core.registry.get(component, key);
  });
}

function fold(actor: Actor | undefined, fact: GleitzeitEvent): void {
  if (actor !== undefined && !actor.isDone() && actor.handles(fact.type)) actor.fold(fact);
}

function tell(actor: Actor | undefined, fact: GleitzeitEvent | undefined): void {
  if (actor !== undefined && fact !== undefined && !actor.isDone() && actor.handles(fact.type)) actor.send(fact);
}
