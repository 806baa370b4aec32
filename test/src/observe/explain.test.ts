import { describe, expect, it } from 'vitest';

import { type Explanation, explainWorkflow, type Reason, renderExplanation } from '../../../src/observe/explain.ts';
import type { Core } from '../../../src/system/core.ts';
import { defineWorkflow } from '../../../src/workflow/define.ts';
import { handOperated } from '../../scenarios/hands.ts';
import { type Scene, scene } from '../../scenarios/scene.ts';

/** So many tasks that ask for the same method and nothing else. */
const many = (count: number, options: { readonly maxParallelTasks?: number } = {}) =>
  defineWorkflow({
    name: 'many',
    failurePolicy: 'continue_on_error',
    ...options,
    tasks: (task) => {
      for (let at = 0; at < count; at++) task(`t${at}`, { method: 'demo/work' });
      return null;
    },
  });

const reasonsOf = ({ tasks }: Explanation, taskId: string): readonly Reason[] => tasks.find((task) => task.taskId === taskId)?.reasons ?? [];
const one = handOperated({ pool: { min: 1, max: 1 } });

async function staged(hands = handOperated({ pool: { min: 1, max: 1 } })): Promise<Scene & { readonly hands: typeof one }> {
  return { ...(await scene({ providers: [hands.provider] })), hands };
}

describe('a task', () => {
  it('that runs says on whom, and until when at the latest', async () => {
    const { submit, clock } = await staged();
    const run = await submit(many(1));
    expect(reasonsOf(await run.explain(), 't0')).toEqual([
      {
        kind: 'running',
        message: "attempt 1 runs on 'demo/v1#1'",
        until: clock.now() + 300_000,
        leftMs: 300_000,
        releasedBy: 'the attempt ends, or its deadline comes',
      },
    ]);
  });

  it('that waits for others names each of them, and what of them it waits for', async () => {
    const { submit } = await staged();
    const run = await submit(
      defineWorkflow({
        name: 'joined',
        tasks: (task) => {
          task('a', { method: 'demo/work' });
          task('b', { method: 'demo/work', dependsOn: ['a'] });
          return task('c', { method: 'demo/work', dependsOn: ['a', { task: 'b', when: 'done' }] });
        },
      }),
    );
    const { tasks } = await run.explain();
    expect(tasks.map(({ taskId, state }) => [taskId, state])).toEqual([
      ['a', 'running'],
      ['b', 'pending'],
      ['c', 'pending'],
    ]);
    expect(reasonsOf(await run.explain('c'), 'c')).toMatchObject([
      { kind: 'dependency', message: expect.stringContaining("'a'"), releasedBy: "task 'a' completes" },
      { kind: 'dependency', message: expect.stringContaining("'b'"), releasedBy: "task 'b' ends, in whichever way" },
    ]);
  });

  it('beyond the limit of its workflow, or of one that is paused, is held back', async () => {
    const { submit, settle } = await staged();
    const run = await submit(many(2, { maxParallelTasks: 1 }));
    expect(reasonsOf(await run.explain(), 't1')).toMatchObject([{ kind: 'parallel_limit', releasedBy: 'a task of this workflow ends' }]);
    run.pause();
    await settle();
    expect(reasonsOf(await run.explain(), 't1')).toMatchObject([{ kind: 'workflow_paused', releasedBy: 'the workflow is resumed' }]);
  });

  it('in the queue of a workflow that is paused waits for that, and of an engine that is paused, too', async () => {
    const { submit, settle, system } = await staged();
    const run = await submit(many(3));
    run.pause();
    await settle();
    expect(reasonsOf(await run.explain(), 't2')[0]).toMatchObject({ kind: 'workflow_paused' });
    run.resume();
    await system.pause('lunch');
    expect(reasonsOf(await run.explain(), 't2')).toMatchObject([{ kind: 'engine_paused', message: expect.stringContaining('lunch') }]);
  });

  it('whose pool is at its limit waits for a slot, and behind those that came first', async () => {
    const { submit } = await staged();
    const run = await submit(many(3));
    const explanation = await run.explain();
    expect(reasonsOf(explanation, 't1')).toMatchObject([{ kind: 'pool_limit', message: expect.stringContaining('1 of at most 1 workers') }]);
    expect(reasonsOf(explanation, 't2').map(({ kind }) => kind)).toEqual(['behind_others', 'pool_limit']);
  });

  it('whose pool has just grown waits for its cooldown', async () => {
    const { submit } = await staged(handOperated({ pool: { min: 1, max: 9, scaleUpBy: 1 } }));
    const run = await submit(many(5));
    expect(reasonsOf(await run.explain(), 't2')).toMatchObject([{ kind: 'pool_cooling' }]);
  });

  it('whose provider does not start has no method', async () => {
    const hands = handOperated({
      start: () => {
        throw new Error('not today');
      },
    });
    const { submit } = await staged(hands);
    const run = await submit(many(1));
    expect(reasonsOf(await run.explain(), 't0')).toMatchObject([{ kind: 'method_unavailable', releasedBy: 'a provider of it is available' }]);
  });

  it('behind an open circuit says until when, and on trial, that others are being tried', async () => {
    const circuit = { failureThreshold: 1, successThreshold: 2, recoveryTimeoutMs: 10_000 };
    const { submit, settle, advance, clock, hands } = await staged(handOperated({ circuit, pool: { min: 1, max: 1 } }));
    const run = await submit(many(4));
    hands.open()[0]?.fail();
    await settle();
    expect(reasonsOf(await run.explain(), 't2')).toMatchObject([{ kind: 'circuit_open', until: clock.now() + 10_000 }]);
    await advance(10_000);
    expect(reasonsOf(await run.explain(), 't2')).toMatchObject([{ kind: 'circuit_probing', releasedBy: 'a trial call ends' }]);
  });

  it('that is to be tried again says when, and why', async () => {
    const { submit, settle, hands, only } = await staged();
    const run = await submit(defineWorkflow({ name: 'again', tasks: (task) => task('a', { method: 'demo/work', retry: 2 }) }));
    hands.callOf('a').fail('PROVIDER_NOT_AVAILABLE');
    await settle();
    const { dueAt } = only('task:retry_scheduled').data;
    expect(reasonsOf(await run.explain(), 'a')).toMatchObject([
      { kind: 'retry', until: dueAt, message: expect.stringContaining('attempt 1 failed (PROVIDER_NOT_AVAILABLE)') },
    ]);
  });

  it('that fans out says how far its elements are, and can be asked for one of them', async () => {
    const { submit, settle, hands } = await staged();
    const run = await submit(
      defineWorkflow({
        name: 'fan',
        tasks: (task) => task('each', { method: 'demo/work', forEach: task('list', { run: () => [1, 2, 3] }), params: (item) => ({ item }) }),
      }),
    );
    hands.callOf('each[0]').succeed();
    await settle();
    expect(reasonsOf(await run.explain(), 'each')).toMatchObject([{ kind: 'elements', message: '1 of 3 elements have ended, 2 are under way' }]);
    expect(reasonsOf(await run.explain('each[2]'), 'each[2]').map(({ kind }) => kind)).toEqual(['pool_limit']);
  });
});

describe('an explanation', () => {
  it('of a workflow that has ended has no tasks', async () => {
    const { play, system } = await staged(handOperated());
    const { workflowId } = await play(defineWorkflow({ name: 'done', tasks: (task) => task('a', { run: () => 1 }) }));
    expect(await system.explain(workflowId)).toEqual({ workflowId, status: 'ended', tasks: [] });
  });

  it('can be read as text, with the time that is left', () => {
    const reasons: readonly Reason[] = [{ kind: 'retry', message: 'attempt 1 failed', until: 3_500, leftMs: 2_500, releasedBy: 'its time comes' }];
    expect(renderExplanation({ workflowId: 'w', status: 'running', tasks: [{ taskId: 'a', state: 'waitingRetry', reasons }] })).toBe(
      'Workflow w is running.\n  a is waitingRetry\n    attempt 1 failed; released when its time comes (in 2.5 s at the latest)',
    );
  });

  describe('of what lasts no longer than a turn, or than the start and the end of a system,', () => {
    /** A system whose actors stand still where a running one never does for long. */
    async function frozen(actors: Readonly<Record<string, object>>): Promise<readonly string[]> {
      const { submit, core } = await staged();
      const run = await submit(many(2));
      const snapshot: Core['snapshot'] = (component, key) => {
        const real = core.snapshot(component, key);
        // Of a snapshot, no more is read than what is replaced here.
        return (actors[component] === undefined ? real : { ...real, status: 'active', matches: () => false, ...actors[component] }) as typeof real;
      };
      const about = { snapshot } as Core;
      return reasonsOf(explainWorkflow(about, run.id, 't1'), 't1').map(({ kind }) => kind);
    }
    const waiting = { value: { waiting: 'queued' }, matches: () => true };
    const pool = (value: string, more: object = {}) => ({
      value,
      context: {
        candidates: new Map([['demo/work', { offer: { providerId: 'demo' } }]]),
        remoteProviders: new Set(),
        workers: [],
        size: 1,
        max: 9,
        ...more,
      },
    });

    it.each([
      ['an attempt that has just failed', 'retry_decision', { task: { value: 'failing', context: { attempt: 1, error: null } } }],
      ['a pool that starts', 'pool_starting', { pool: pool('starting') }],
      ['a worker that starts', 'pool_starting', { pool: pool('steady', { workers: [{ status: 'starting' }] }) }],
      ['a pool that is about to grow', 'pool_busy', { pool: pool('steady') }],
      ['a pool that replaces a worker', 'pool_busy', { pool: pool('quarantining') }],
      ['a pool that has shrunk', 'circuit_open', { pool: pool('shrunk') }],
      ['a pool that drains', 'draining', { pool: pool('draining') }],
    ])('says of %s: %s', async (_what, kind, actors) => {
      expect(await frozen(actors)).toEqual([kind]);
    });

    it('says of a task that is on its way to a worker that it is', async () => {
      const { core, submit } = await staged();
      const run = await submit(many(1));
      const real = core.snapshot('task', `${run.id}/t0`);
      const snapshot: Core['snapshot'] = (component, key) =>
        component === 'task' ? ({ ...real, ...waiting } as typeof real) : core.snapshot(component, key);
      expect(reasonsOf(explainWorkflow({ snapshot } as Core, run.id), 't0').map(({ kind }) => kind)).toEqual(['dispatching']);
    });
  });
});
