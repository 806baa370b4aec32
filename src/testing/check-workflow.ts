/**
 * Checks the recorded facts of one workflow: folds them through the machines of the workflow, its resolver and its tasks, and
 * keeps count of what happens to each task.
 */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import { type EventOf, type EventType, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { readyOf } from '../../machines/policies/release.ts';
import { topologyOf } from '../../machines/policies/topology.ts';
import { type Actor, createStatechartActor } from '../system/actor.ts';
import { type MachineConfig, machineConfigDefaults } from '../system/config.ts';
import { wiring } from '../system/wiring.ts';
import { TaskRecord } from './task-record.ts';
import { nameOf, type Violation } from './violation.ts';

const config: MachineConfig = { ...machineConfigDefaults, alertRules: [] };
const workflowEnds: ReadonlySet<EventType> = new Set<EventType>(['workflow:completed', 'workflow:failed', 'workflow:cancelled']);
/** Decisions of the retry manager about a task, which move it as they are. */
const retryDecisions: ReadonlySet<EventType> = new Set<EventType>(['task:retry_scheduled', 'task:retry_executed', 'task:retry_exhausted']);

/** Checks the recorded facts of one workflow, in their order. */
export function checkWorkflow(workflowId: string, facts: readonly GleitzeitEvent[]): readonly Violation[] {
  const [first] = facts;
  if (first === undefined) return [];
  if (first.type !== 'workflow:submitted') {
    const message = `${nameOf(first)} is of workflow '${workflowId}', whose submission is not in the log before it.`;
    return [{ seq: first.seq, rule: 'submission', message }];
  }
  const fold = new Fold(first);
  for (const fact of facts) fold.take(fact);
  return [...fold.violations, ...fold.unended()];
}

/** One workflow as far as it has been read. */
class Fold {
  readonly violations: Violation[] = [];
  private readonly workflow: Actor | undefined;
  private readonly resolver: Actor | undefined;
  private readonly tasks = new Map<string, Actor>();
  private readonly records = new Map<string, TaskRecord>();
  private readonly definition: ResolverContext['definition'];
  private end: GleitzeitEvent | undefined;
  private hasLostActor = false;

  constructor(submitted: EventOf<'workflow:submitted'>) {
    this.definition = submitted.data.definition;
    this.workflow = born('workflow', submitted);
    this.resolver = born('resolver', submitted);
  }

  take(fact: GleitzeitEvent): void {
    const { taskId } = fact.correlation;
    if (fact.type === 'workflow:retried') this.revive();
    this.hasLostActor ||= fact.type === 'system:actor_failed';
    if (taskId === undefined) this.noteEnd(fact);
    else this.record(taskId, fact);
    const task = taskId === undefined ? undefined : this.taskOf(taskId, fact);
    for (const actor of [task, this.resolver, this.workflow]) if (actor !== undefined) this.tell(actor, fact);
  }

  /** What has no end although its workflow has. The last elements of a fan-out may end after it; an actor that was given up never does. */
  unended(): readonly Violation[] {
    const { end } = this;
    if (end === undefined || this.hasLostActor) return [];
    return [...this.records].flatMap(([taskId, record]) => {
      if (record.hasEnded || !topologyOf(this.definition).byId.has(taskId)) return [];
      return [{ seq: end.seq, rule: 'end', message: `${nameOf(end)} ends a workflow whose task '${taskId}' has not ended.` } as const];
    });
  }

  /** What completed stands; everything else begins again, and counts on. */
  private revive(): void {
    this.end = undefined;
    for (const [taskId, record] of this.records) if (record.revive()) this.tasks.delete(taskId);
  }

  private noteEnd(fact: GleitzeitEvent): void {
    if (this.end !== undefined && fact.type.startsWith('workflow:') && specOf(fact.type).owners.includes('workflow'))
      this.violations.push({ seq: fact.seq, rule: 'end', message: `${nameOf(fact)} comes after ${nameOf(this.end)}, the end of its workflow.` });
    if (workflowEnds.has(fact.type)) this.end ??= fact;
  }

  private record(taskId: string, fact: GleitzeitEvent): void {
    const record = this.records.get(taskId) ?? new TaskRecord();
    this.records.set(taskId, record);
    this.violations.push(...record.take(fact));
  }

  /** The actor of a task, made as the resolver would have said that it is ready; none for one that was never released. */
  private taskOf(taskId: string, fact: GleitzeitEvent): Actor | undefined {
    const present = this.tasks.get(taskId);
    if (present !== undefined || this.resolver === undefined || fact.source.startsWith('resolver')) return present;
    // The resolver's snapshot has the resolver's context.
    const draft = readyOf(this.resolver.getSnapshot().context as ResolverContext, taskId);
    if (draft === undefined) {
      this.violations.push({ seq: fact.seq, rule: 'fold', message: `${nameOf(fact)} is of task '${taskId}', which its workflow does not have.` });
      return undefined;
    }
    // As if the resolver had said it just before: envelope and draft together are the stamped event.
    const ready = { ...fact, ...draft } as EventOf<'task:ready'>;
    const task = born('task', ready);
    if (task !== undefined) this.tasks.set(taskId, task);
    return task;
  }

  private tell(actor: Actor, fact: GleitzeitEvent): void {
    if (actor.isDone()) return;
    const before = actor.getSnapshot();
    const state = JSON.stringify(before.value);
    try {
      actor.send(fact);
    } catch (error) {
      this.violations.push({ seq: fact.seq, rule: 'fold', message: `${nameOf(fact)} makes '${actor.address}' in ${state} throw: ${String(error)}` });
      return;
    }
    const after = actor.getSnapshot();
    if (!isMove(actor, fact) || after.context !== before.context || JSON.stringify(after.value) !== state) return;
    this.violations.push({
      seq: fact.seq,
      rule: 'fold',
      message: `${nameOf(fact)} is nothing that '${actor.address}' could have stated in ${state}.`,
    });
  }
}

/** Whether a fact is one by which this very actor moves, somewhere. */
function isMove({ component, address }: Actor, { type, source }: GleitzeitEvent): boolean {
  const isOwn = source === address || (component === 'task' && retryDecisions.has(type));
  return isOwn && movesSomewhere(wiring[component].machine, type);
}

const moves = new WeakMap<AnyStateMachine, Map<string, boolean>>();

function movesSomewhere(machine: AnyStateMachine, type: string): boolean {
  const known = moves.get(machine) ?? new Map<string, boolean>();
  moves.set(machine, known);
  const found =
    known.get(type) ?? nodesOf(machine.root).some((node) => (node.transitions.get(type) ?? []).some(({ target }) => target !== undefined));
  known.set(type, found);
  return found;
}

function nodesOf(node: AnyStateNode): readonly AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

function born(component: Component, event: GleitzeitEvent): Actor | undefined {
  const { machine, births } = wiring[component];
  const [birth] = births?.[event.type]?.(event, config) ?? [];
  return birth && createStatechartActor({ component, key: birth.key }, machine, birth.input);
}
