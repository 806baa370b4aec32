/** What is live, against what the journal folds to: workflows, their resolvers and their tasks, and schedules. */
import { expect } from 'vitest';

import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import type { TaskContext } from '../../machines/task.ts';
import type { WorkflowContext } from '../../machines/workflow.ts';
import { begunTasks, recordedOf } from '../../src/runtime/begun-tasks.ts';
import { type Replayed, replayTasks, replayWorkflow } from '../../src/runtime/replay.ts';
import { recordedSchedules, schedulesOf } from '../../src/runtime/schedules.ts';
import type { Core } from '../../src/system/core.ts';

/** What of a workflow a fold of its recorded facts has to bring back. */
export type Picture = Readonly<Record<string, unknown>>;

interface Seen {
  readonly value: unknown;
  readonly context: unknown;
}

/** A workflow and its resolver as they are now. */
export function pictureOf(core: Core, workflowId: string): Picture | undefined {
  const [workflow, resolver] = [core.snapshot('workflow', workflowId), core.snapshot('resolver', workflowId)];
  return workflow && resolver && picture(workflow, resolver);
}

/**
 * Compares every workflow of this run with the fold of its facts, as it was at its end or is now, its live tasks with theirs, and
 * every schedule that stands.
 */
export async function expectFold(core: Core, ends: ReadonlyMap<string, Picture | undefined>): Promise<void> {
  for (const { workflowId, status } of await core.journal.list()) {
    // One that ended in an earlier scene on the same journal.
    if (status !== 'running' && !ends.has(workflowId)) continue;
    const facts = recordedOf(await core.journal.read({ workflowId }));
    const replayed = replayWorkflow(facts);
    const live = ends.get(workflowId) ?? pictureOf(core, workflowId);
    expect(replayed && picture(replayed.workflow.getSnapshot(), replayed.resolver.getSnapshot())).toEqual(live);
    if (replayed !== undefined && status === 'running')
      expectTasks(core, replayed, begunTasks(facts).size === 0 ? new Map() : replayTasks(replayed, facts));
  }
  expect(await recordedSchedules(core.journal, core.clock.wall())).toEqual(await schedulesOf({ core }));
}

/** Released tasks that have not begun are made ready anew by a fold, and not part of it. */
function expectTasks(core: Core, { workflow }: Replayed, folded: ReturnType<typeof replayTasks>): void {
  const { workflowId } = workflow.getSnapshot().context as WorkflowContext;
  for (const [taskId, task] of folded) {
    const live = core.registry.get('task', `${workflowId}/${taskId}`);
    if (live !== undefined) expect([taskId, pictureOfTask(task.getSnapshot())]).toEqual([taskId, pictureOfTask(live.getSnapshot())]);
  }
  for (const actor of core.registry.group('task', workflowId)) {
    const { value, context } = actor.getSnapshot();
    const { taskId } = context as TaskContext;
    if (!actor.isDone() && typeof value === 'string') expect([...folded.keys()]).toContain(taskId);
  }
}

function pictureOfTask({ value, context }: Seen): Picture {
  const { readyAt: _, unlockedBy: __, ...known } = context as TaskContext;
  // Whether one that waits is in the queue already, only its queue knows for certain.
  return { ...known, state: typeof value === 'string' ? value : Object.keys(value as object)[0] };
}

function picture(workflow: Seen, resolver: Seen): Picture {
  const { definition: _, ...tally } = workflow.context as WorkflowContext;
  const { outcomes, expansions, missing, earlier, kept } = resolver.context as ResolverContext;
  return JSON.parse(
    JSON.stringify({
      workflow: workflow.value,
      tally,
      resolver: resolver.value,
      outcomes: outcomes.toObject(),
      missing: missing.toObject(),
      earlier: earlier.toObject(),
      kept: kept.map((results) => results.toObject()).toObject(),
      // What runs of a fan-out is known once it was made ready again.
      expansions: expansions
        .map(({ items, results, failures, status }) => ({
          items,
          results: results.toObject(),
          failures: failures.toObject(),
          isOver: status === 'abandoned',
        }))
        .toObject(),
    }),
  ) as Picture;
}
