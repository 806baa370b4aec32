/**
 * Brings back workflows, their tasks and schedules as their recorded facts leave them.
 *
 * The facts are folded through the machines that stated them, what they state in answer dropped: it was recorded too. What is
 * derived is made anew: the resolver says again what its tasks run with, infrastructure is told of retries, timeouts and pauses.
 * Whoever cannot be brought back leaves nothing behind.
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
import { requireSchemas } from './fact-schemas.ts';

/** Where actors are brought back. */
export type Ground = Pick<Core, 'registry' | 'config'> & { readonly router: Pick<Core['router'], 'remember'> };

/** Its last fact says how far it had got; the start of the engine makes it look at what it missed. @throws as {@link bringBack} does */
export function bringBackSchedule(core: Ground, { made, last }: StandingSchedule): void {
  requireSchemas(last === undefined ? [made] : [made, last]);
  Hydration.of(core, (hydration) => {
    // It is as if somebody had just asked for it; only its creation is folded, not asked for again.
    const [schedule] = hydration.make('cron', { ...made, type: 'cron:create' });
    tell(schedule, made);
    tell(schedule, last);
  });
}

export interface BroughtBack {
  readonly workflow: Actor;
  readonly resolver: Actor;
}

/** A workflow as its facts leave it, and the engine told of it; what is said of it from now on is heard. @throws as {@link bringBack} does */
export function bringBackWorkflow(core: Ground, facts: readonly GleitzeitEvent[]): BroughtBack | undefined {
  requireSchemas(facts);
  return Hydration.of(core, (hydration) => hydrateWorkflow(hydration, facts));
}

/**
 * Brings back a workflow and its tasks, and tells those who follow them. @returns how many tasks had begun and not ended
 * @throws what the machines throw at facts that they could not have stated, PERSISTENCE_INTEGRITY_ERROR for one that breaks its schema; then nothing of it is there, and nobody was told
 */
export function bringBack(core: Ground, all: readonly GleitzeitEvent[]): number {
  requireSchemas(all);
  return Hydration.of(core, (hydration) => {
    const facts = recordedOf(all);
    const back = hydrateWorkflow(hydration, facts);
    if (back === undefined) return 0;
    feedScheduler(hydration, facts);
    if (back.workflow.getSnapshot().matches('paused'))
      hydration.inform(
        'queue',
        facts.findLast(({ type }) => type === 'workflow:paused'),
      );
    const begun = begunTasks(facts);
    for (const [taskId, its] of begun) hydrateTask(hydration, back.resolver, { taskId, facts: its });
    return begun.size;
  });
}

/**
 * The actors of one workflow while they are brought back. Those who serve every workflow hear of it only once all of them are
 * there: of what they were told they could not be made to forget anything.
 */
class Hydration {
  private readonly core: Ground;
  private readonly made: Actor[] = [];
  private readonly announcements: (() => void)[] = [];

  private constructor(core: Ground) {
    this.core = core;
  }

  static of<Value>(core: Ground, act: (hydration: Hydration) => Value): Value {
    const hydration = new Hydration(core);
    try {
      const value = act(hydration);
      for (const announce of hydration.announcements) announce();
      return value;
    } catch (thrown) {
      for (const actor of hydration.made) core.registry.drop(actor);
      throw thrown;
    }
  }

  /** The actors that an event brings into being, or those that are there already. */
  make(component: Component, event: GleitzeitEvent): readonly (Actor | undefined)[] {
    const { machine, births } = wiring[component];
    const { registry, config } = this.core;
    return (births?.[event.type]?.(event, config) ?? []).map(({ key, input, groups = [] }) => {
      if (registry.get(component, key) === undefined) {
        const actor = createStatechartActor({ component, key }, machine, input);
        registry.add(actor, groups);
        this.made.push(actor);
      }
      return registry.get(component, key);
    });
  }

  /** Has a component of which there is one hear a fact in the end. */
  inform(component: Component, fact: GleitzeitEvent | undefined): void {
    this.announcements.push(() => tell(this.core.registry.get(component, ''), fact));
  }

  remember({ data, correlation, tags }: EventOf<'workflow:submitted'>): void {
    this.announcements.push(() => this.core.router.remember(data.workflowId, { ...correlation, tags }));
  }
}

function hydrateWorkflow(hydration: Hydration, facts: readonly GleitzeitEvent[]): BroughtBack | undefined {
  const submitted = facts.find((fact): fact is EventOf<'workflow:submitted'> => fact.type === 'workflow:submitted');
  if (submitted === undefined) return undefined;
  const [resolver] = hydration.make('resolver', submitted);
  const [workflow] = hydration.make('workflow', submitted);
  if (resolver === undefined || workflow === undefined) return undefined;
  for (const fact of facts) {
    fold(resolver, fact);
    fold(workflow, fact);
  }
  hydration.remember(submitted);
  hydration.inform('engine', submitted);
  return { workflow, resolver };
}

function hydrateTask(
  hydration: Hydration,
  resolver: Actor,
  { taskId, facts }: { readonly taskId: string; readonly facts: readonly GleitzeitEvent[] },
): void {
  // The resolver's snapshot has the resolver's context.
  const draft = readyOf(resolver.getSnapshot().context as ResolverContext, taskId);
  const [first] = facts;
  if (draft === undefined || first === undefined) return;
  // It is as if the resolver had just said it; nobody but the task and the resolver hears it.
  const ready = { ...first, ...draft } as EventOf<'task:ready'>;
  const [task] = hydration.make('task', ready);
  for (const fact of facts) fold(task, fact);
  // A fan-out that is expanded counts by its elements.
  if (task?.getSnapshot().matches('expanded') !== true) tell(resolver, ready);
  if (task?.getSnapshot().matches('waitingRetry') === true) feedRetry(hydration, facts);
  // A remote worker may still run it, and has a lease to say so.
  if (task !== undefined && isRunningElsewhere(task))
    hydration.inform(
      'scheduler',
      facts.findLast(({ type }) => type === 'task:started'),
    );
}

function isRunningElsewhere(task: Actor): boolean {
  const snapshot = task.getSnapshot();
  // A task's snapshot has the task's context.
  return snapshot.matches('running') && (snapshot.context as TaskContext).isRemote;
}

/** The retry manager and the scheduler know again of a retry that is not due yet, or overdue. */
function feedRetry(hydration: Hydration, facts: readonly GleitzeitEvent[]): void {
  const failed = facts.findLast(({ type }) => type === 'task:failed');
  const scheduled = facts.findLast(({ type }) => type === 'task:retry_scheduled');
  if (failed === undefined || scheduled === undefined) return;
  const [manager] = hydration.make('retry', failed);
  tell(manager, scheduled);
  hydration.inform('scheduler', scheduled);
}

function feedScheduler(hydration: Hydration, facts: readonly GleitzeitEvent[]): void {
  const started = facts.findLast(({ type }) => type === 'workflow:started' || type === 'workflow:retried');
  // One that has not started waits for the time that its submit came with.
  hydration.inform('scheduler', started ?? facts.find(({ type }) => type === 'workflow:submitted'));
}

function fold(actor: Actor | undefined, fact: GleitzeitEvent): void {
  if (actor !== undefined && !actor.isDone() && actor.handles(fact.type)) actor.fold(fact);
}

function tell(actor: Actor | undefined, fact: GleitzeitEvent | undefined): void {
  if (actor !== undefined && fact !== undefined && !actor.isDone() && actor.handles(fact.type)) actor.send(fact);
}
