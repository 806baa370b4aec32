import { describe, expect, it } from 'vitest';

import { dependencyResolverMachine, fanOutOf, isHeldBack, isReleased, outcomesOf, unmetDependencies } from '../../machines/dependency-resolver.ts';
import type { DraftOf } from '../../machines/events/catalogue.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import { failure } from '../../machines/failures.ts';
import { explore } from '../../src/testing/explore.ts';
import { definitionOf, submittedOf, taskOf } from './definitions.ts';
import { eventOf, startMachine } from './harness.ts';
import { cancelledOf, completedOf, exhaustedOf } from './task-ends.ts';

const words = { workflowId: 'w', reason: 'because', by: 'me' };
const failing = { workflowId: 'w', error: failure('TASK_EXECUTION_FAILED', 'broke'), failedTaskIds: ['a'] };

function prepare(definition: WorkflowDefinition, { input = {} as unknown, window = 1_000 } = {}) {
  const submitted = submittedOf(definition, input);
  const resolver = startMachine('resolver', dependencyResolverMachine, { ...submitted, submittedAt: 0, window });
  resolver.hear('workflow:submitted', submitted);
  for (const { id, method, protocol, priority } of definition.tasks) resolver.hear('task:submitted', { workflowId: 'w', taskId: id, method, protocol, priority });
  return resolver;
}

function start(definition: WorkflowDefinition, options: { input?: unknown; window?: number } = {}) {
  const resolver = prepare(definition, options);
  resolver.hear('workflow:started', { workflowId: 'w', totalTasks: definition.tasks.length });
  return resolver;
}

type Drafts = readonly { readonly type: string; readonly data: unknown }[];
const idsOf = (drafts: Drafts, type = 'task:ready') => drafts.filter((draft) => draft.type === type).map(({ data }) => (data as { taskId: string }).taskId);
const readyOf = (drafts: Drafts, taskId: string) =>
  drafts.find((draft): draft is DraftOf<'task:ready'> => draft.type === 'task:ready' && (draft as DraftOf<'task:ready'>).data.taskId === taskId)?.data;

const lenient = { failurePolicy: 'continue_on_error' } as const;
const fanOut = (more: Partial<TaskDefinition> = {}) => taskOf('each', { after: ['list'], forEach: { items: '${list.items}' }, params: { v: '${item.v}', i: '${index}' }, ...more });
const listed = (n: number) => completedOf('list', { result: { items: Array.from({ length: n }, (_, v) => ({ v })) } });
const element = (index: number) => ({ of: 'each', index });

describe('dependencyResolverMachine', () => {
  it('releases nothing before the workflow has started, then what waits for nobody', () => {
    const resolver = prepare(definitionOf([taskOf('b', { after: ['a'] }), taskOf('a'), taskOf('c')]));
    expect(resolver.stated).toEqual([]);
    expect(idsOf(resolver.hear('workflow:started', { workflowId: 'w', totalTasks: 3 }))).toEqual(['a', 'c']);
  });

  it('releases a task with the last of its dependencies, and says which that was', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b'), taskOf('c', { after: ['a', 'b'] })]));
    expect(resolver.hear('task:completed', completedOf('b'))).toEqual([]);
    expect(readyOf(resolver.hear('task:completed', completedOf('a')), 'c')).toMatchObject({ unlockedBy: 'a' });
    expect(readyOf(resolver.stated, 'a')).not.toHaveProperty('unlockedBy');
  });

  it('replaces the references of the parameters, by id and by name', () => {
    const tasks = [taskOf('a.b', { name: 'First one' }), taskOf('c', { after: ['a.b'], params: { x: '${a.b.n}', y: '${First one.n}', z: 'i=${input.z}', raw: '$${x}' } })];
    const resolver = start(definitionOf(tasks), { input: { z: 3 } });
    expect(readyOf(resolver.hear('task:completed', completedOf('a.b', { result: { n: [1] } })), 'c')?.params).toEqual({ x: [1], y: [1], z: 'i=3', raw: '${x}' });
  });

  it('releases a task whose parameters cannot be made with the fault', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b', { after: ['a'], params: { deep: ['${a.gone}'] } })]));
    const ready = readyOf(resolver.hear('task:completed', completedOf('a', { result: { here: 1 } })), 'b');
    expect(ready).not.toHaveProperty('params');
    expect(ready?.fault).toMatchObject({
      code: 'TASK_PARAMETER_ERROR',
      message: "Task 'b', deep[0]: '${a.gone}' refers to 'gone', which the result of task 'a' does not have; its fields are 'here'.",
    });
  });

  it('releases a window of tasks at a time, the most urgent first, in order within a priority', () => {
    const tasks = [taskOf('n1'), taskOf('low', { priority: 'low' }), taskOf('n2'), taskOf('now', { priority: 'urgent' }), taskOf('soon', { priority: 'high' })];
    const resolver = start(definitionOf(tasks), { window: 2 });
    expect(idsOf(resolver.stated)).toEqual(['now', 'soon']);
    expect(isHeldBack(resolver.context(), 'n1')).toBe(true);
    expect(isReleased(resolver.context(), 'now')).toBe(true);
    expect(idsOf(resolver.hear('task:completed', completedOf('now')))).toEqual(['n1']);
    expect(idsOf(resolver.hear('task:completed', completedOf('n1')))).toEqual(['n2']);
    expect(idsOf(resolver.hear('task:completed', completedOf('n2')))).toEqual(['low']);
  });

  it('lets the definition say how many tasks run in parallel', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b')], { maxParallelTasks: 1 }));
    expect(idsOf(resolver.stated)).toEqual(['a']);
    expect(idsOf(resolver.hear('task:completed', completedOf('a')))).toEqual(['b']);
  });

  it('skips what depends on a task that failed, in turn, and lets the rest go on', () => {
    const tasks = [taskOf('a'), taskOf('b', { after: ['a'] }), taskOf('c', { after: ['b'] }), taskOf('d', { after: ['a?'] }), taskOf('e', { after: ['c?'] })];
    const resolver = start(definitionOf(tasks, lenient));
    const stated = resolver.hear('task:retry_exhausted', exhaustedOf('a'));
    expect(stated.filter(({ type }) => type === 'task:skipped').map(({ data }) => data)).toEqual([
      { workflowId: 'w', taskId: 'b', protocol: 'core/v1', because: 'a', policy: 'dependency_failed' },
      { workflowId: 'w', taskId: 'c', protocol: 'core/v1', because: 'b', policy: 'dependency_skipped' },
    ]);
    expect(idsOf(stated)).toEqual(['d', 'e']);
    expect(resolver.hear('task:completed', completedOf('d'))).toEqual([]);
  });

  it('skips a task once, however many of its dependencies fail', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b'), taskOf('c', { after: ['a', 'b'] })], lenient));
    expect(idsOf(resolver.hear('task:retry_exhausted', exhaustedOf('a')), 'task:skipped')).toEqual(['c']);
    expect(resolver.hear('task:retry_exhausted', exhaustedOf('b'))).toEqual([]);
  });

  it('says that a dependency which failed has no result', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b', { after: ['a?'], params: '${a.x}' })], lenient));
    expect(readyOf(resolver.hear('task:retry_exhausted', exhaustedOf('a')), 'b')?.fault?.message).toContain('it failed');
  });

  it('releases nothing more after a failure that ends the workflow, and skips the rest at its word', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b'), taskOf('c'), taskOf('d', { after: ['c?'] })]), { window: 2 });
    expect(resolver.hear('task:retry_exhausted', exhaustedOf('a'))).toEqual([]);
    expect(resolver.hear('task:completed', completedOf('b'))).toEqual([]);
    expect(resolver.hear('workflow:failing', failing).map(({ data }) => data)).toEqual([
      { workflowId: 'w', taskId: 'c', protocol: 'core/v1', because: 'a', policy: 'fail_fast' },
      { workflowId: 'w', taskId: 'd', protocol: 'core/v1', because: 'a', policy: 'fail_fast' },
    ]);
    expect(resolver.hear('workflow:failing', failing)).toEqual([]);
  });

  it('says why it skipped: a cancel, a deadline', () => {
    const tasks = [taskOf('a'), taskOf('b', { after: ['a'] })];
    expect(start(definitionOf(tasks)).hear('workflow:cancelling', words)[0]?.data).toMatchObject({ taskId: 'b', because: 'because', policy: 'workflow_cancelled' });
    const late = { workflowId: 'w', error: failure('WORKFLOW_TIMEOUT', 'late'), failedTaskIds: [] };
    expect(start(definitionOf(tasks)).hear('workflow:failing', late)[0]?.data).toMatchObject({ because: 'WORKFLOW_TIMEOUT', policy: 'workflow_timeout' });
  });

  it('goes on after a task that was cancelled, without what depends on it', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b', { after: ['a'] }), taskOf('c')]), { window: 1 });
    const stated = resolver.hear('task:cancelled', cancelledOf('a'));
    expect(idsOf(stated, 'task:skipped')).toEqual(['b']);
    expect(idsOf(stated)).toEqual(['c']);
  });

  it('releases nothing while the workflow is paused, and what has come together when it goes on', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b', { after: ['a'] })]));
    resolver.hear('workflow:paused', words);
    expect(resolver.hear('task:completed', completedOf('a'))).toEqual([]);
    expect(idsOf(resolver.hear('workflow:resumed', words))).toEqual(['b']);
  });

  it('ends with its workflow', () => {
    const base = { workflowId: 'w', durationMs: 1, counts: { completed: 0, failed: 0, cancelled: 0, skipped: 0 } };
    const resolver = start(definitionOf([]));
    resolver.hear('workflow:completed', base);
    expect(resolver.state()).toBe('settled');
  });

  it('tells what became of each task', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b'), taskOf('c'), taskOf('d', { after: ['b'] }), taskOf('e')], lenient));
    resolver.hear('task:completed', completedOf('a', { result: 1 }));
    resolver.hear('task:retry_exhausted', exhaustedOf('b'));
    resolver.hear('task:cancelled', cancelledOf('c'));
    expect([...outcomesOf(resolver.context())]).toMatchObject([
      ['a', { status: 'completed', attempts: 1, durationMs: 5, result: 1 }],
      ['b', { status: 'failed', attempts: 2, durationMs: 7, error: { message: 'b broke' } }],
      ['c', { status: 'cancelled', attempts: 1, error: { code: 'TASK_CANCELLED' } }],
      ['d', { status: 'skipped', attempts: 0, because: 'b' }],
    ]);
  });

  it('tells what a task still waits for', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b'), taskOf('c', { after: ['a', 'b?'] })], lenient));
    expect(unmetDependencies(resolver.context(), 'c')).toEqual([
      { task: 'a', when: 'success', status: 'unfinished' },
      { task: 'b', when: 'done', status: 'unfinished' },
    ]);
    resolver.hear('task:completed', completedOf('a'));
    expect(unmetDependencies(resolver.context(), 'c')).toEqual([{ task: 'b', when: 'done', status: 'unfinished' }]);
    expect(isHeldBack(resolver.context(), 'c')).toBe(false);
    expect([unmetDependencies(resolver.context(), 'nobody'), isReleased(resolver.context(), 'nobody')]).toEqual([[], false]);
  });

  it('replays from recorded facts alone, and releases again what has not ended', () => {
    const definition = definitionOf([taskOf('a'), taskOf('b'), taskOf('list', { after: ['b'] }), fanOut()]);
    const resolver = startMachine('resolver', dependencyResolverMachine, { ...submittedOf(definition), submittedAt: 0 });
    resolver.replay('workflow:submitted', submittedOf(definition));
    resolver.replay('workflow:started', { workflowId: 'w', totalTasks: 4 });
    resolver.replay('task:completed', completedOf('b'));
    resolver.replay('task:completed', listed(3));
    resolver.replay('task:expanded', { workflowId: 'w', taskId: 'each', elements: 3 });
    resolver.replay('task:completed', completedOf('each[1]', { result: 'one', element: element(1) }));
    resolver.replay('workflow:paused', words);
    expect(idsOf(resolver.hear('workflow:resumed', words)).sort()).toEqual(['a', 'each[0]', 'each[2]']);
    resolver.hear('task:completed', completedOf('each[0]', { result: 'zero', element: element(0) }));
    expect(resolver.hear('task:completed', completedOf('each[2]', { result: 'two', element: element(2) })).at(-1)?.data).toMatchObject({ result: ['zero', 'one', 'two'] });
  });
});

describe('dependencyResolverMachine, fan-out', () => {
  const expand = (each = fanOut(), n = 3, options: { window?: number } = {}) => {
    const resolver = start(definitionOf([taskOf('list'), each, taskOf('late', { after: ['list'] })], lenient), options);
    resolver.hear('task:completed', listed(n));
    return { resolver, stated: resolver.hear('task:expanded', { workflowId: 'w', taskId: 'each', elements: n }) };
  };

  it('releases the task with the number of its elements, then each element with its parameters', () => {
    const { resolver, stated } = expand();
    expect(readyOf(resolver.stated, 'each')).toMatchObject({ elements: 3, unlockedBy: 'list' });
    expect(readyOf(resolver.stated, 'each')).not.toHaveProperty('params');
    expect(idsOf(stated)).toEqual(['each[0]', 'each[1]', 'each[2]']);
    expect(readyOf(stated, 'each[1]')).toMatchObject({ element: { of: 'each', index: 1 }, params: { v: 1, i: 1 } });
    expect(fanOutOf(resolver.context(), 'each')).toEqual({ total: 3, running: 3, completed: 0, failed: 0 });
    expect(fanOutOf(resolver.context(), 'late')).toBeUndefined();
  });

  it('collects the results in the order of the elements, whatever the order of their ends', () => {
    const { resolver } = expand();
    for (const at of [2, 0]) expect(resolver.hear('task:completed', completedOf(`each[${at}]`, { result: at, element: element(at) }))).toEqual([]);
    expect(resolver.hear('task:completed', completedOf('each[1]', { result: 1, element: element(1) }))).toEqual([
      { type: 'task:collected', data: { workflowId: 'w', taskId: 'each', result: [0, 1, 2] } },
    ]);
    resolver.hear('task:completed', completedOf('each', { result: [0, 1, 2] }));
    expect(resolver.context().expansions.size).toBe(0);
    expect(resolver.context().inFlight).toBe(1);
  });

  it('collects nothing at once where there are no elements', () => {
    expect(expand(fanOut(), 0).stated[0]?.data).toEqual({ workflowId: 'w', taskId: 'each', result: [] });
  });

  it('runs as many elements at a time as the fan-out and the window permit, ahead of other tasks', () => {
    const { resolver, stated } = expand(fanOut({ forEach: { items: '${list.items}', concurrency: 2 } }), 4);
    expect(idsOf(stated)).toEqual(['each[0]', 'each[1]']);
    expect(idsOf(resolver.hear('task:completed', completedOf('each[0]', { element: element(0) })))).toEqual(['each[2]']);
    const narrow = expand(fanOut(), 3, { window: 1 });
    expect(idsOf(narrow.stated)).toEqual(['each[0]']);
    expect(idsOf(narrow.resolver.hear('task:completed', completedOf('each[0]', { element: element(0) })))).toEqual(['each[1]']);
    narrow.resolver.hear('task:completed', completedOf('each[1]', { element: element(1) }));
    expect(idsOf(narrow.resolver.hear('task:completed', completedOf('each[2]', { element: element(2) })))).toEqual(['late']);
  });

  it('puts null in the place of a failure that it tolerates, by count and by share', () => {
    for (const tolerate of [{ count: 1 }, { ratio: 0.34 }]) {
      const { resolver } = expand(fanOut({ forEach: { items: '${list.items}', tolerate } }));
      resolver.hear('task:retry_exhausted', exhaustedOf('each[1]', { element: element(1) }));
      for (const at of [0, 2]) resolver.hear('task:completed', completedOf(`each[${at}]`, { result: at, element: element(at) }));
      expect(resolver.stated.at(-1)?.data).toMatchObject({ result: [0, null, 2] });
    }
  });

  it('starts no element after more failures than it tolerates, waits for those that run, and fails with the first', () => {
    const { resolver } = expand(fanOut({ forEach: { items: '${list.items}', concurrency: 2 } }), 5);
    expect(resolver.hear('task:retry_exhausted', exhaustedOf('each[1]', { element: element(1) }))).toEqual([]);
    const [collected] = resolver.hear('task:cancelled', cancelledOf('each[0]', { element: element(0) }));
    expect(collected?.data).toMatchObject({ error: { code: 'TASK_CANCELLED', retryable: false, message: expect.stringContaining('of 5 elements 2 failed (0, 1)') as string } });
  });

  it('releases a task whose list is none with the fault', () => {
    const resolver = start(definitionOf([taskOf('list'), fanOut()]));
    expect(readyOf(resolver.hear('task:completed', completedOf('list', { result: { items: 'abc' } })), 'each')?.fault).toMatchObject({
      code: 'TASK_PARAMETER_ERROR',
      message: "Task 'each', for_each: '${list.items}' has to be an array, it is a string.",
    });
  });

  it('releases an element whose parameters cannot be made with the fault', () => {
    const { stated } = expand(fanOut({ params: '${item.gone}' }), 1);
    expect(readyOf(stated, 'each[0]')?.fault?.message).toContain("refers to 'gone', which 'item' does not have");
  });

  it('cancels the elements that run when their task is cancelled, and forgets them as they end', () => {
    const { resolver } = expand();
    expect(resolver.hear('task:cancelled', cancelledOf('each')).map(({ type, data }) => [type, (data as { taskId: string }).taskId])).toEqual([
      ['task:cancel', 'each[0]'], ['task:cancel', 'each[1]'], ['task:cancel', 'each[2]'],
    ]);
    for (const at of [0, 1, 2]) expect(resolver.hear('task:cancelled', cancelledOf(`each[${at}]`, { element: element(at) }))).toEqual([]);
    expect(resolver.context()).toMatchObject({ inFlight: 1 });
    expect(resolver.context().expansions.size).toBe(0);
  });

  it('holds elements back while the workflow is paused, and starts none when it fails', () => {
    const { resolver } = expand(fanOut(), 3, { window: 1 });
    resolver.hear('workflow:paused', words);
    expect(resolver.hear('task:completed', completedOf('each[0]', { element: element(0) }))).toEqual([]);
    expect(idsOf(resolver.hear('workflow:failing', failing), 'task:skipped')).toEqual(['late']);
    expect(resolver.hear('task:cancelled', cancelledOf('each'))).toEqual([]);
  });
});

describe('dependencyResolverMachine, as a whole', () => {
  it('is as quick with a chain of 10,000 and a fan of 50,000 as with small ones, in proportion', () => {
    const chain = definitionOf(Array.from({ length: 10_000 }, (_, i) => taskOf(`t${i}`, { after: i === 0 ? [] : [`t${i - 1}`] })));
    const started = performance.now();
    const deep = start(chain);
    for (const { id } of chain.tasks) deep.hear('task:completed', completedOf(id));
    expect(idsOf(deep.stated)).toHaveLength(10_000);
    const wide = start(definitionOf(Array.from({ length: 50_000 }, (_, i) => taskOf(`t${i}`))));
    for (const { id } of wide.context().definition.tasks) wide.hear('task:completed', completedOf(id));
    expect(idsOf(wide.stated)).toHaveLength(50_000);
    const doomed = start({ ...chain, ...lenient });
    expect(idsOf(doomed.hear('task:retry_exhausted', exhaustedOf('t0')), 'task:skipped')).toHaveLength(9_999);
    expect(performance.now() - started).toBeLessThan(20_000);
  }, 40_000);

  it('has no dead end, no transition that nothing takes, and is moved by its workflow and a fatal failure only', () => {
    const base = { workflowId: 'w', durationMs: 1, counts: { completed: 0, failed: 0, cancelled: 0, skipped: 0 } };
    const submitted = submittedOf(definitionOf([]));
    const events = [
      eventOf('workflow:submitted', submitted), eventOf('workflow:started', { workflowId: 'w', totalTasks: 3 }),
      eventOf('task:submitted', { workflowId: 'w', taskId: 'list', method: 'm', protocol: 'p', priority: 'normal' }),
      eventOf('task:ready', { workflowId: 'w', taskId: 'list', method: 'm', protocol: 'p', priority: 'normal', timeoutMs: 1 }),
      eventOf('task:collected', { workflowId: 'w', taskId: 'each', result: [] }),
      eventOf('task:completed', listed(1)), eventOf('task:completed', completedOf('nobody')),
      eventOf('task:completed', completedOf('each[0]', { element: element(0) })),
      eventOf('task:retry_exhausted', exhaustedOf('list')), eventOf('task:retry_exhausted', exhaustedOf('each[0]', { element: element(0) })),
      eventOf('task:cancelled', cancelledOf('list')), eventOf('task:expanded', { workflowId: 'w', taskId: 'each', elements: 1 }),
      eventOf('task:skipped', { workflowId: 'w', taskId: 'each', protocol: 'core/v1', because: 'list', policy: 'dependency_failed' }),
      eventOf('workflow:paused', words), eventOf('workflow:resumed', words), eventOf('workflow:failing', failing), eventOf('workflow:cancelling', words),
      eventOf('workflow:completed', base), eventOf('workflow:failed', { ...base, error: failing.error, failedTaskIds: [] }),
      eventOf('workflow:cancelled', { ...base, reason: 'r', by: 'b' }),
    ];
    const exploration = explore(dependencyResolverMachine, {
      component: 'resolver',
      input: { ...submittedOf(definitionOf([taskOf('list'), fanOut(), taskOf('late', { after: ['each'] })])), submittedAt: 0 },
      events,
      distinguish: ({ context }) => [context.outcomes.size, context.released.size, context.expansions.size, context.submitted > 0],
      movedBy: [
        'workflow:started', 'workflow:paused', 'workflow:resumed', 'workflow:failing', 'workflow:cancelling',
        'workflow:completed', 'workflow:failed', 'workflow:cancelled', 'task:retry_exhausted',
      ],
    });
    const { unvisited, untaken, movedByOthers, unhandled, errors } = exploration;
    expect({ unvisited, untaken, movedByOthers, unhandled, errors }).toEqual({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
  });
});
