import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../machines/events/catalogue.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import { failure } from '../../machines/failures.ts';
import { workflowMachine } from '../../machines/workflow.ts';
import { explore } from '../../src/testing/explore.ts';
import { definitionOf, submittedOf, taskOf } from './definitions.ts';
import { eventOf, startMachine } from './harness.ts';
import { countedReads } from './reads.ts';
import { cancelledOf, completedOf, exhaustedOf } from './task-ends.ts';

const two = definitionOf([taskOf('a'), taskOf('b')]);
const lenient = (definition: WorkflowDefinition): WorkflowDefinition => ({ ...definition, failurePolicy: 'continue_on_error' });
const validated: DataOf<'workflow:validated'> = { workflowId: 'w', tasks: 2, levels: 1 };
const words = { workflowId: 'w', reason: 'because', by: 'me' };

function start(definition: WorkflowDefinition = two, input: unknown = {}) {
  const submitted = submittedOf(definition, input);
  const workflow = startMachine('workflow', workflowMachine, { ...submitted, submittedAt: 100 });
  workflow.hear('workflow:submitted', submitted, { time: 100 });
  workflow.hear('workflow:validated', validated, { time: 100 });
  return workflow;
}

const lost = (target: string, more: Partial<DataOf<'system:actor_failed'>> = {}): DataOf<'system:actor_failed'> => ({
  target,
  event: 'task:claimed',
  error: failure('INTERNAL_ERROR', 'threw'),
  restarts: 3,
  action: 'escalate',
  workflowId: 'w',
  ...more,
});

const typesOf = (drafts: readonly { readonly type: string }[]) => drafts.map(({ type }) => type);

describe('workflowMachine', () => {
  it('hands in every task and then starts', () => {
    const workflow = start({ ...two, timeoutMs: 9 });
    expect(typesOf(workflow.stated)).toEqual(['task:submitted', 'task:submitted', 'workflow:started']);
    expect(workflow.stated.at(-1)?.data).toEqual({ workflowId: 'w', totalTasks: 2, timeoutMs: 9 });
    expect(workflow.state()).toBe('running');
  });

  it('completes at once without tasks', () => {
    const workflow = start(definitionOf([], { output: { x: '${input.x}' } }), { x: 1 });
    expect(workflow.stated.at(-1)).toMatchObject({ type: 'workflow:completed', data: { output: { x: 1 }, durationMs: 0 } });
    expect(workflow.state()).toBe('completed');
  });

  it('completes with the last task, and says each step', () => {
    const workflow = start();
    expect(workflow.hear('task:completed', completedOf('a'), { time: 150 })).toEqual([
      { type: 'workflow:step_completed', data: { workflowId: 'w', taskId: 'a', status: 'completed', done: 1, total: 2 } },
    ]);
    expect(workflow.hear('task:completed', completedOf('b'), { time: 200 }).at(-1)).toEqual({
      type: 'workflow:completed',
      data: { workflowId: 'w', durationMs: 100, counts: { completed: 2, failed: 0, cancelled: 0, skipped: 0 } },
    });
    expect(workflow.snapshot().status).toBe('done');
  });

  it('makes its output of results, by id or name, and of the input', () => {
    const definition = definitionOf([taskOf('a', { name: 'First one' }), taskOf('b')], {
      output: { n: '${First one.n}', i: '${input.i}', t: 'b=${b.result.x}' },
    });
    const workflow = start(definition, { i: [1] });
    workflow.hear('task:completed', completedOf('a', { result: { n: 1 } }));
    workflow.hear('task:completed', completedOf('b', { result: { x: 2 } }));
    expect(workflow.stated.at(-1)?.data).toMatchObject({ output: { n: 1, i: [1], t: 'b=2' } });
  });

  it('keeps only results that its output refers to', () => {
    const workflow = start({ ...two, output: '${b}' });
    workflow.hear('task:completed', completedOf('a', { result: 'big' }));
    expect(workflow.context().roots.size).toBe(0);
  });

  it('fails when its output cannot be made', () => {
    const workflow = start(definitionOf([taskOf('a')], { output: '${a.gone}' }));
    workflow.hear('task:completed', completedOf('a', { result: { here: 1 } }));
    expect(workflow.stated.at(-1)).toMatchObject({ type: 'workflow:failed', data: { error: { code: 'TASK_PARAMETER_ERROR' }, failedTaskIds: [] } });
    expect(workflow.state()).toBe('failed');
  });

  it('leaves the elements of a fan-out to their task', () => {
    const workflow = start();
    const element = { of: 'a', index: 0 };
    expect(workflow.hear('task:completed', completedOf('a[0]', { element }))).toEqual([]);
    expect(workflow.hear('task:retry_exhausted', exhaustedOf('a[1]', { element }))).toEqual([]);
    expect(workflow.hear('task:cancelled', cancelledOf('a[2]', { element }))).toEqual([]);
    expect(workflow.context().done).toBe(0);
  });

  it('fails fast: says so at once, and ends with the first error once everything has ended', () => {
    const workflow = start();
    expect(typesOf(workflow.hear('task:retry_exhausted', exhaustedOf('a')))).toEqual(['workflow:step_completed', 'workflow:failing']);
    expect(workflow.state()).toBe('failing');
    workflow.hear('task:cancelled', cancelledOf('b'));
    expect(workflow.stated.at(-1)).toMatchObject({
      type: 'workflow:failed',
      data: { error: { message: 'a broke' }, failedTaskIds: ['a'], counts: { failed: 1, cancelled: 1 } },
    });
  });

  it('does not announce a failure that is the end already', () => {
    const workflow = start();
    workflow.hear('task:completed', completedOf('a'));
    expect(typesOf(workflow.hear('task:retry_exhausted', exhaustedOf('b')))).toEqual(['workflow:step_completed', 'workflow:failed']);
  });

  it('goes on after an error where it may, and fails at the end with what output there is', () => {
    const workflow = start(lenient({ ...two, output: { a: '${a}', b: '${b}' } }));
    expect(typesOf(workflow.hear('task:retry_exhausted', exhaustedOf('a')))).toEqual(['workflow:step_completed']);
    workflow.hear('task:completed', completedOf('b', { result: 2 }));
    expect(workflow.stated.at(-1)).toMatchObject({ type: 'workflow:failed', data: { failedTaskIds: ['a'], output: { b: 2 } } });
  });

  it('drops an output that is no object and cannot be made', () => {
    const workflow = start(lenient({ ...two, output: '${a}' }));
    workflow.hear('task:retry_exhausted', exhaustedOf('a'));
    workflow.hear('task:completed', completedOf('b'));
    expect(workflow.stated.at(-1)?.data).not.toHaveProperty('output');
  });

  it('goes on after a task was cancelled; what that means in the end its failure policy says', () => {
    for (const [definition, end, error] of [
      [two, 'workflow:failed', { code: 'TASK_CANCELLED' }],
      [lenient(two), 'workflow:completed', undefined],
    ] as const) {
      const workflow = start(definition);
      workflow.hear('task:cancelled', cancelledOf('a'));
      expect(workflow.state()).toBe('running');
      workflow.hear('task:completed', completedOf('b'));
      expect(workflow.stated.at(-1)?.type).toBe(end);
      if (error !== undefined) expect(workflow.stated.at(-1)?.data).toMatchObject({ error });
    }
  });

  it('is cancelled once everything has ended, whatever came of its tasks meanwhile', () => {
    const workflow = start();
    expect(typesOf(workflow.hear('workflow:cancel', words))).toEqual(['workflow:cancelling']);
    workflow.hear('task:retry_exhausted', exhaustedOf('a'));
    workflow.hear('task:skipped', { workflowId: 'w', taskId: 'b', protocol: 'core/v1', because: 'because', policy: 'workflow_cancelled' });
    expect(workflow.stated.at(-1)).toMatchObject({
      type: 'workflow:cancelled',
      data: { reason: 'because', by: 'me', counts: { failed: 1, skipped: 1 } },
    });
    expect(workflow.state()).toBe('cancelled');
  });

  it('times out, also while it is paused', () => {
    const workflow = start();
    workflow.hear('workflow:pause', words);
    workflow.hear('workflow:timeout', { workflowId: 'w', timeoutMs: 50 });
    expect(workflow.state()).toBe('failing');
    workflow.hear('task:cancelled', cancelledOf('a'));
    workflow.hear('task:cancelled', cancelledOf('b'));
    expect(workflow.stated.at(-1)).toMatchObject({ type: 'workflow:failed', data: { error: { code: 'WORKFLOW_TIMEOUT' } } });
    expect(workflow.state()).toBe('timedOut');
  });

  it('pauses and goes on, once each', () => {
    const workflow = start();
    expect(workflow.hear('workflow:resume', words)).toEqual([]);
    expect(typesOf(workflow.hear('workflow:pause', words))).toEqual(['workflow:paused']);
    expect(workflow.hear('workflow:pause', words)).toEqual([]);
    expect(workflow.state()).toBe('paused');
    expect(typesOf(workflow.hear('workflow:resume', words))).toEqual(['workflow:resumed']);
    expect(workflow.state()).toBe('running');
  });

  it('may end while it is paused', () => {
    const workflow = start();
    workflow.hear('workflow:pause', words);
    workflow.hear('task:completed', completedOf('a'));
    workflow.hear('task:completed', completedOf('b'));
    expect(workflow.state()).toBe('completed');
  });

  it('fails when an actor of it cannot be brought back, and counts the task that is lost with it', () => {
    const workflow = start();
    expect(workflow.hear('system:actor_failed', lost('task/w/a', { action: 'restart' }))).toEqual([]);
    expect(typesOf(workflow.hear('system:actor_failed', lost('task/w/a')))).toEqual(['workflow:failing']);
    workflow.hear('task:cancelled', cancelledOf('b'));
    expect(workflow.stated.at(-1)).toMatchObject({ type: 'workflow:failed', data: { error: { code: 'INTERNAL_ERROR' }, failedTaskIds: ['a'] } });
  });

  it('does not count a lost task twice when that had ended', () => {
    const workflow = start();
    workflow.hear('system:actor_failed', lost('task/w/a', { event: 'task:completed' }));
    expect(workflow.context().done).toBe(0);
    workflow.hear('task:completed', completedOf('a'));
    expect(workflow.context().done).toBe(1);
  });

  it('waits for nobody when nobody is left to wait for', () => {
    for (const target of ['resolver/w', 'task/w/b']) {
      const workflow = start();
      if (target !== 'resolver/w') workflow.hear('task:completed', completedOf('a'));
      workflow.hear('system:actor_failed', lost(target));
      expect(workflow.state()).toBe('failed');
    }
    const cancelling = start();
    cancelling.hear('workflow:cancel', words);
    cancelling.hear('system:actor_failed', lost('task/w/a'));
    expect(cancelling.state()).toBe('cancelling');
    cancelling.hear('system:actor_failed', lost('task/w/b'));
    expect(cancelling.state()).toBe('cancelled');
  });

  describe('with a time to start at', () => {
    const delayed = (definition: WorkflowDefinition = two) => {
      const submitted = { ...submittedOf(definition), startAt: 500 };
      const workflow = startMachine('workflow', workflowMachine, { ...submitted, submittedAt: 100 });
      workflow.hear('workflow:submitted', submitted, { time: 100 });
      workflow.hear('workflow:validated', validated, { time: 100 });
      return workflow;
    };

    it('waits for it, and counts its duration from there', () => {
      const workflow = delayed();
      expect(workflow.stated).toEqual([]);
      expect(workflow.state()).toBe('pending');
      workflow.hear('workflow:start_due', { workflowId: 'w' }, { time: 500 });
      expect(typesOf(workflow.stated)).toEqual(['task:submitted', 'task:submitted', 'workflow:started']);
      workflow.hear('task:completed', completedOf('a'), { time: 600 });
      workflow.hear('task:completed', completedOf('b'), { time: 700 });
      expect(workflow.stated.at(-1)).toMatchObject({ type: 'workflow:completed', data: { durationMs: 200 } });
    });

    it('does not start while it is paused, whether it is resumed before its time or after', () => {
      for (const time of [400, 600]) {
        const workflow = delayed();
        workflow.hear('workflow:pause', words, { time: 200 });
        expect(workflow.state()).toBe('held');
        if (time > 500) expect(workflow.hear('workflow:start_due', { workflowId: 'w' }, { time: 500 })).toEqual([]);
        // Whether the time has come the scheduler knows, and says so at once where it has.
        const event = { type: 'workflow:start_due', data: { workflowId: 'w' } };
        expect(workflow.hear('workflow:resume', words, { time })).toMatchObject([
          { type: 'workflow:resumed' },
          { type: 'schedule:request', data: { scheduleId: 'workflow/w', dueAt: 500, wall: true, event } },
        ]);
        expect(workflow.state()).toBe('pending');
        workflow.hear('workflow:start_due', { workflowId: 'w' }, { time: 600 });
        expect(workflow.state()).toBe('running');
      }
    });

    it('can be cancelled before it, with tasks or without', () => {
      const workflow = delayed();
      expect(typesOf(workflow.hear('workflow:cancel', words, { time: 200 }))).toEqual(['workflow:cancelling']);
      for (const taskId of ['a', 'b'])
        workflow.hear('task:skipped', { workflowId: 'w', taskId, protocol: 'core/v1', because: 'x', policy: 'workflow_cancelled' });
      expect(workflow.stated.at(-1)).toMatchObject({
        type: 'workflow:cancelled',
        data: { counts: { skipped: 2 }, durationMs: 0, reason: 'because' },
      });
      for (const isHeld of [false, true]) {
        const empty = delayed(definitionOf([]));
        if (isHeld) empty.hear('workflow:pause', words);
        empty.hear('workflow:cancel', words);
        expect(empty.state()).toBe('cancelled');
      }
    });

    it('waits to be told also of one that has passed by the time of events: it is a time of the wall clock', () => {
      const workflow = startMachine('workflow', workflowMachine, { ...submittedOf(two), startAt: 50, submittedAt: 100 });
      workflow.hear('workflow:validated', validated, { time: 100 });
      expect(workflow.state()).toBe('pending');
    });
  });

  it('goes on from what failed when it is retried: what completed counts, and nothing else', () => {
    const workflow = start({ ...two, output: { a: '${a}', b: '${b}' }, timeoutMs: 900 });
    expect(workflow.hear('workflow:retry', words)).toEqual([]);
    workflow.hear('task:completed', completedOf('a', { result: 1 }));
    workflow.hear('task:retry_exhausted', exhaustedOf('b'));
    expect(workflow.state()).toBe('failed');
    expect(workflow.hear('workflow:cancel', words)).toEqual([]);
    expect(workflow.hear('workflow:retry', words)).toEqual([{ type: 'workflow:retried', data: { ...words, kept: 1, timeoutMs: 900 } }]);
    expect(workflow.state()).toBe('running');
    expect(workflow.context()).toMatchObject({ done: 1, counts: { completed: 1, failed: 0 }, error: null });
    expect(workflow.context().failedTaskIds.size).toBe(0);
    workflow.hear('task:completed', completedOf('b', { result: 2 }), { time: 400 });
    expect(workflow.stated.at(-1)).toMatchObject({
      type: 'workflow:completed',
      data: { output: { a: 1, b: 2 }, durationMs: 300, counts: { completed: 2, failed: 0 } },
    });
    expect(workflow.snapshot().status).toBe('done');
  });

  it('goes on after it took too long, and after failing for its output alone it fails again', () => {
    const late = start({ ...two, timeoutMs: 50 });
    late.hear('workflow:timeout', { workflowId: 'w', timeoutMs: 50 });
    for (const id of ['a', 'b']) late.hear('task:cancelled', cancelledOf(id));
    expect(late.state()).toBe('timedOut');
    late.hear('workflow:retry', words);
    for (const id of ['a', 'b']) late.hear('task:completed', completedOf(id));
    expect(late.state()).toBe('completed');
    const hollow = start(definitionOf([taskOf('a')], { output: '${a.gone}' }));
    hollow.hear('task:completed', completedOf('a', { result: { here: 1 } }));
    expect(typesOf(hollow.hear('workflow:retry', words))).toEqual(['workflow:retried', 'workflow:failed']);
    expect(hollow.state()).toBe('failed');
  });

  it('is not retried once it was cancelled', () => {
    const workflow = start();
    workflow.hear('workflow:cancel', words);
    for (const id of ['a', 'b']) workflow.hear('task:cancelled', cancelledOf(id));
    expect(workflow.snapshot()).toMatchObject({ value: 'cancelled', status: 'done' });
  });

  it('replays a retry to the same state from recorded facts alone', () => {
    const live = start();
    live.hear('task:completed', completedOf('a'));
    live.hear('task:retry_exhausted', exhaustedOf('b'));
    live.hear('workflow:retry', words);
    const replayed = startMachine('workflow', workflowMachine, { ...submittedOf(two), submittedAt: 100 });
    replayed.replay('workflow:submitted', submittedOf(two));
    replayed.replay('workflow:started', { workflowId: 'w', totalTasks: 2 });
    replayed.replay('task:completed', completedOf('a'));
    replayed.replay('task:retry_exhausted', exhaustedOf('b'));
    const ended = live.stated.find(({ type }) => type === 'workflow:failed');
    replayed.replay('workflow:failed', ended?.data as DataOf<'workflow:failed'>);
    expect(replayed.state()).toBe('failed');
    replayed.replay('workflow:retried', { ...words, kept: 1 });
    expect(replayed.state()).toBe(live.state());
    expect(replayed.context()).toEqual(live.context());
  });

  it('replays to the same state from recorded facts alone', () => {
    const live = start(lenient({ ...two, output: { a: '${a}' } }));
    live.hear('task:completed', completedOf('a', { result: 1 }));
    live.hear('workflow:pause', words);

    const replayed = startMachine('workflow', workflowMachine, { ...submittedOf(live.context().definition), submittedAt: 100 });
    replayed.replay('workflow:submitted', submittedOf(live.context().definition));
    replayed.replay('workflow:validated', validated);
    replayed.replay('workflow:started', { workflowId: 'w', totalTasks: 2 });
    replayed.replay('task:completed', completedOf('a', { result: 1 }));
    replayed.replay('workflow:paused', { workflowId: 'w', reason: 'because' });

    expect(replayed.state()).toBe('paused');
    expect(replayed.context()).toEqual({ ...live.context(), input: {} });
  });

  it('reads the definitions of 20,000 tasks a few times each, however many there are', () => {
    const tasks = Array.from({ length: 20_000 }, (_, i) => taskOf(`t${i}`));
    const { list, reads } = countedReads(tasks);
    const workflow = start({ ...definitionOf([]), tasks: list as TaskDefinition[] });
    for (const { id } of tasks) workflow.hear('task:completed', completedOf(id));
    expect(workflow.state()).toBe('completed');
    expect(reads()).toBeLessThan(8 * tasks.length);
  }, 30_000);

  it('has no dead end, no transition that nothing takes, and moves by its own facts only', () => {
    const base = { workflowId: 'w', durationMs: 1, counts: { completed: 0, failed: 0, cancelled: 0, skipped: 0 } };
    const ends = (id: string) => [
      eventOf('task:completed', completedOf(id)),
      eventOf('task:retry_exhausted', exhaustedOf(id)),
      eventOf('task:cancelled', cancelledOf(id)),
      eventOf('task:skipped', { workflowId: 'w', taskId: id, protocol: 'core/v1', because: 'x', policy: 'fail_fast' }),
    ];
    const element = { of: 'a', index: 0 };
    const events = [
      ...ends('a'),
      eventOf('task:completed', completedOf('a[0]', { element })),
      eventOf('task:retry_exhausted', exhaustedOf('a[0]', { element })),
      eventOf('task:cancelled', cancelledOf('a[0]', { element })),
      eventOf('workflow:submitted', submittedOf(two)),
      eventOf('workflow:validated', validated),
      eventOf('workflow:start_due', { workflowId: 'w' }),
      eventOf('workflow:validated', validated, { time: 50 }),
      eventOf('workflow:resumed', { workflowId: 'w', reason: 'r' }, { time: 50 }),
      eventOf('workflow:started', { workflowId: 'w', totalTasks: 2 }),
      eventOf('workflow:cancel', words),
      eventOf('workflow:pause', words),
      eventOf('workflow:resume', words),
      eventOf('workflow:timeout', { workflowId: 'w', timeoutMs: 1 }),
      eventOf('workflow:failing', { workflowId: 'w', error: failure('WORKFLOW_TIMEOUT', 'late'), failedTaskIds: [] }),
      eventOf('workflow:cancelling', words),
      eventOf('workflow:paused', words),
      eventOf('workflow:resumed', words),
      eventOf('workflow:retry', words),
      eventOf('workflow:retried', { ...words, kept: 0 }),
      eventOf('workflow:completed', base),
      eventOf('workflow:cancelled', { ...base, reason: 'r', by: 'b' }),
      eventOf('workflow:failed', { ...base, error: failure('WORKFLOW_TIMEOUT', 'late'), failedTaskIds: [] }),
      eventOf('workflow:failed', { ...base, error: failure('TASK_EXECUTION_FAILED', 'broke'), failedTaskIds: [] }),
      eventOf('system:actor_failed', lost('task/w/a')),
      eventOf('system:actor_failed', lost('resolver/w')),
      eventOf('system:actor_failed', lost('task/w/a', { action: 'restart' })),
    ];
    const inputs = [{ definition: two }, { definition: lenient(two) }, { definition: definitionOf([]) }, { definition: two, startAt: 10 }];
    const explorations = inputs.map(({ definition, ...delay }) =>
      explore(workflowMachine, {
        component: 'workflow',
        input: { ...submittedOf(definition), submittedAt: 0, ...delay },
        events,
        distinguish: ({ context }) => [Math.min(context.done, 2)],
      }),
    );
    for (const exploration of explorations) {
      expect(exploration.unvisited).toEqual([]);
      expect(exploration.movedByOthers).toEqual([]);
      expect(exploration.unhandled).toEqual([]);
      expect(exploration.errors).toEqual([]);
    }
    const [first, ...others] = explorations;
    expect(first?.untaken.filter((name) => others.every(({ untaken }) => untaken.includes(name)))).toEqual([]);
  });
});
