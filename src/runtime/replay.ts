/**
 * Folds the recorded facts of one workflow, or of one schedule, through the machines that stated them.
 *
 * What the machines state in answer is dropped: it was recorded too, and comes in its turn.
 */
import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import type { EventOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { readyOf } from '../../machines/policies/release.ts';
import type { StandingSchedule } from '../journal/standing-schedules.ts';
import { type Actor, createStatechartActor } from '../system/actor.ts';
import { type MachineConfig, machineConfigDefaults } from '../system/config.ts';
import { wiring } from '../system/wiring.ts';
import { begunTasks, recordedOf } from './begun-tasks.ts';
import { type EndOfWorkflow, resultOf, type WorkflowResult } from './result.ts';

export interface Replayed {
  readonly workflow: Actor;
  readonly resolver: Actor;
  /** The last word of the workflow, where it has ended. */
  readonly end?: EndOfWorkflow;
}

const config: MachineConfig = { ...machineConfigDefaults, alertRules: [] };

/** @returns nothing when the facts hold no submitted workflow */
export function replayWorkflow(facts: readonly GleitzeitEvent[]): Replayed | undefined {
  const submitted = facts.find(({ type }) => type === 'workflow:submitted');
  if (submitted === undefined) return undefined;
  const [workflow, resolver] = (['workflow', 'resolver'] as const).map((component) => {
    const { machine, births } = wiring[component];
    const birth = births?.['workflow:submitted']?.(submitted, config)[0];
    return createStatechartActor({ component, key: birth?.key ?? '' }, machine, birth?.input);
  }) as [Actor, Actor];
  let end: EndOfWorkflow | undefined;
  for (const fact of recordedOf(facts)) {
    for (const actor of [workflow, resolver]) if (!actor.isDone()) actor.fold(fact);
    if (fact.type === 'workflow:retried') end = undefined;
    if (fact.type === 'workflow:completed' || fact.type === 'workflow:failed' || fact.type === 'workflow:cancelled') end = fact;
  }
  return end === undefined ? { workflow, resolver } : { workflow, resolver, end };
}

/** The tasks that have begun and not ended, as their own facts leave them; what has ended, the resolver knows. */
export function replayTasks({ resolver }: Replayed, facts: readonly GleitzeitEvent[]): ReadonlyMap<string, Actor> {
  const { machine, births } = wiring.task;
  const tasks = new Map<string, Actor>();
  for (const [taskId, its] of begunTasks(recordedOf(facts))) {
    // The resolver's snapshot has the resolver's context.
    const draft = readyOf(resolver.getSnapshot().context as ResolverContext, taskId);
    const [first] = its;
    if (draft === undefined || first === undefined) continue;
    // It is as if the resolver had just said it.
    const ready = { ...first, ...draft } as EventOf<'task:ready'>;
    const birth = births?.['task:ready']?.(ready, config)[0];
    if (birth === undefined) continue;
    const task = createStatechartActor({ component: 'task', key: birth.key }, machine, birth.input);
    for (const fact of its) if (!task.isDone() && task.handles(fact.type)) task.fold(fact);
    tasks.set(taskId, task);
  }
  return tasks;
}

/** A schedule as its facts leave it. */
export function replaySchedule({ made, last }: StandingSchedule): Actor | undefined {
  const { machine, births } = wiring.cron;
  const birth = births?.['cron:create']?.({ ...made, type: 'cron:create' }, config)[0];
  if (birth === undefined) return undefined;
  const schedule = createStatechartActor({ component: 'cron', key: birth.key }, machine, birth.input);
  for (const fact of [made, last]) if (fact !== undefined) schedule.fold(fact);
  return schedule;
}

/** The result of a workflow that has ended, from its facts. */
export function replayedResult({ resolver, end }: Replayed): WorkflowResult | undefined {
  // The resolver's snapshot has the resolver's context.
  return end && resultOf(end, resolver.getSnapshot().context as ResolverContext);
}
