import { describe, expect, it } from 'vitest';

import { dependencyResolverMachine, isHeldBack, isReleased, outcomesOf, unmetDependencies } from '../../machines/dependency-resolver.ts';
import type { TaskDefinition } from '../../machines/events/definition.ts';
import { failure, withoutStacks } from '../../machines/failures.ts';
import { explore } from '../../src/testing/explore.ts';
import { definitionOf, submittedOf, taskOf } from './definitions.ts';
import { eventOf, startMachine } from './harness.ts';
import { countedReads } from './reads.ts';
import { element, failing, fanOut, idsOf, lenient, listed, prepare, readyOf, start, words } from './resolver-under-test.ts';
import { cancelledOf, completedOf, exhaustedOf, failedOf } from './task-ends.ts';

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
    const tasks = [
      taskOf('a.b', { name: 'First one' }),
      taskOf('c', { after: ['a.b'], params: { x: '${a.b.n}', y: '${First one.n}', z: 'i=${input.z}', raw: '$${x}' } }),
    ];
    const resolver = start(definitionOf(tasks), { input: { z: 3 } });
    expect(readyOf(resolver.hear('task:completed', completedOf('a.b', { result: { n: [1] } })), 'c')?.params).toEqual({
      x: [1],
      y: [1],
      z: 'i=3',
      raw: '${x}',
    });
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
    const tasks = [
      taskOf('n1'),
      taskOf('low', { priority: 'low' }),
      taskOf('n2'),
      taskOf('now', { priority: 'urgent' }),
      taskOf('soon', { priority: 'high' }),
    ];
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
    const tasks = [
      taskOf('a'),
      taskOf('b', { after: ['a'] }),
      taskOf('c', { after: ['b'] }),
      taskOf('d', { after: ['a?'] }),
      taskOf('e', { after: ['c?'] }),
    ];
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
    expect(start(definitionOf(tasks)).hear('workflow:cancelling', words)[0]?.data).toMatchObject({
      taskId: 'b',
      because: 'because',
      policy: 'workflow_cancelled',
    });
    const late = { workflowId: 'w', error: failure('WORKFLOW_TIMEOUT', 'late'), failedTaskIds: [] };
    expect(start(definitionOf(tasks)).hear('workflow:failing', late)[0]?.data).toMatchObject({
      because: 'WORKFLOW_TIMEOUT',
      policy: 'workflow_timeout',
    });
  });

  it('skips everything when its workflow is cancelled before it has handed in its tasks', () => {
    const definition = definitionOf([taskOf('a'), taskOf('b', { after: ['a'] })]);
    const resolver = startMachine('resolver', dependencyResolverMachine, { ...submittedOf(definition), submittedAt: 0 });
    expect(idsOf(resolver.hear('workflow:cancelling', words), 'task:skipped')).toEqual(['a', 'b']);
    expect(outcomesOf(resolver.context()).size).toBe(2);
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

  const broken = {
    workflowId: 'w',
    durationMs: 1,
    counts: { completed: 0, failed: 1, cancelled: 0, skipped: 0 },
    error: failing.error,
    failedTaskIds: [],
  };
  const again = { ...words, kept: 0 };

  it('releases again what did not complete when its workflow is retried, with the attempts that it had; and nothing that did', () => {
    const resolver = start(definitionOf([taskOf('a'), taskOf('b', { after: ['a'] }), taskOf('c', { after: ['a', 'b?'] }), taskOf('d')]));
    resolver.hear('task:completed', completedOf('d'));
    resolver.hear('task:retry_exhausted', exhaustedOf('a'));
    resolver.hear('workflow:failing', failing);
    resolver.hear('workflow:failed', broken);
    expect(resolver.state()).toBe('resting');
    const released = resolver.hear('workflow:retried', again);
    expect(idsOf(released)).toEqual(['a']);
    expect(readyOf(released, 'a')).toMatchObject({ earlier: 2 });
    const next = resolver.hear('task:completed', completedOf('a'));
    expect(idsOf(next)).toEqual(['b']);
    expect(readyOf(next, 'b')).not.toHaveProperty('earlier');
    expect(idsOf(resolver.hear('task:completed', completedOf('b')))).toEqual(['c']);
    expect([...outcomesOf(resolver.context()).values()].map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
  });

  it('keeps the elements of a fan-out that completed, also one that ends late, and counts on what the others had', () => {
    const resolver = start(definitionOf([taskOf('list'), fanOut(), taskOf('late', { after: ['each'] })]));
    resolver.hear('task:completed', listed(4));
    resolver.hear('task:expanded', { workflowId: 'w', taskId: 'each', elements: 4 });
    resolver.hear('task:completed', completedOf('each[1]', { result: 'one', element: element(1) }));
    resolver.hear('task:retry_exhausted', exhaustedOf('each[0]', { element: element(0) }));
    resolver.hear('task:cancelled', cancelledOf('each[3]', { element: element(3) }));
    resolver.hear('task:retry_exhausted', exhaustedOf('each'));
    resolver.hear('workflow:failing', failing);
    resolver.hear('workflow:failed', broken);
    resolver.hear('task:completed', completedOf('each[2]', { result: 'two', element: element(2) }));
    const released = resolver.hear('workflow:retried', again);
    expect(idsOf(released)).toEqual(['each']);
    const elements = resolver.hear('task:expanded', { workflowId: 'w', taskId: 'each', elements: 4 });
    expect(elements.map(({ data }) => data)).toMatchObject([
      { taskId: 'each[0]', earlier: 2 },
      { taskId: 'each[3]', earlier: 1 },
    ]);
    resolver.hear('task:completed', completedOf('each[0]', { result: 'zero', element: element(0) }));
    expect(resolver.hear('task:completed', completedOf('each[3]', { result: 'three', element: element(3) })).at(-1)).toEqual({
      type: 'task:collected',
      data: { workflowId: 'w', taskId: 'each', result: ['zero', 'one', 'two', 'three'] },
    });
  });

  it('replays a retry from recorded facts alone', () => {
    const definition = definitionOf([taskOf('a'), taskOf('b', { after: ['a'] })]);
    const live = start(definition);
    live.hear('task:retry_exhausted', exhaustedOf('a'));
    live.hear('workflow:failing', failing);
    live.hear('workflow:failed', broken);
    live.hear('workflow:retried', again);
    const replayed = startMachine('resolver', dependencyResolverMachine, { ...submittedOf(definition), submittedAt: 0 });
    replayed.replay('workflow:submitted', submittedOf(definition));
    replayed.replay('workflow:started', { workflowId: 'w', totalTasks: 2 });
    replayed.replay('task:retry_exhausted', exhaustedOf('a'));
    replayed.replay('workflow:failing', failing);
    for (const { type, data } of live.stated) if (type === 'task:skipped') replayed.replay(type, data);
    replayed.replay('workflow:failed', broken);
    replayed.replay('workflow:retried', again);
    expect(replayed.state()).toBe('resolving');
    const { released: _, inFlight: __, lanes: ___, ...known } = live.context();
    expect(replayed.context()).toMatchObject(known);
    expect(readyOf(replayed.hear('workflow:recover', { workflowId: 'w', since: 1 }), 'a')).toMatchObject({
      earlier: 2,
    });
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
    expect(resolver.hear('task:completed', completedOf('each[2]', { result: 'two', element: element(2) })).at(-1)?.data).toMatchObject({
      result: ['zero', 'one', 'two'],
    });
  });
});

describe('dependencyResolverMachine, as a whole', () => {
  it.each([
    ['a chain of 10,000', Array.from({ length: 10_000 }, (_, i) => taskOf(`t${i}`, { after: i === 0 ? [] : [`t${i - 1}`] }))],
    ['a fan of 50,000', Array.from({ length: 50_000 }, (_, i) => taskOf(`t${i}`))],
  ])(
    'reads the tasks of %s a few times each, however many there are',
    (_what, tasks) => {
      const { list, reads } = countedReads(tasks);
      const resolver = start({ ...definitionOf([]), tasks: list as TaskDefinition[] });
      for (const { id } of tasks) resolver.hear('task:completed', completedOf(id));
      expect(idsOf(resolver.stated)).toHaveLength(tasks.length);
      expect(reads()).toBeLessThan(12 * tasks.length);
    },
    60_000,
  );

  it('knows of a task that failed all that its last attempt said, which only that is recorded with', () => {
    const resolver = start({ ...definitionOf([taskOf('a'), taskOf('b')]), ...lenient });
    const said = failure('TASK_EXECUTION_FAILED', 'a broke', { stack: 'at a', cause: failure('CONNECTION_LOST', 'gone', { stack: 'at b' }) });
    resolver.hear('task:failed', failedOf('a', failure('TASK_EXECUTION_FAILED', 'a broke', { stack: 'at first' })));
    resolver.hear('task:failed', failedOf('a', said));
    resolver.hear('task:retry_exhausted', { ...exhaustedOf('a'), error: withoutStacks(said) });
    resolver.hear('task:failed', failedOf('b', said));
    const lost = failure('TASK_QUARANTINED', 'lost', { cause: withoutStacks(said) });
    resolver.hear('task:retry_exhausted', { ...exhaustedOf('b'), error: lost });
    const outcomes = outcomesOf(resolver.context());
    expect(outcomes.get('a')?.error).toEqual(said);
    expect(outcomes.get('b')?.error).toEqual({ ...lost, cause: said });
    expect(resolver.context().told.size).toBe(0);
  });

  it('keeps of a fan-out what the first element that failed said, in whichever order they did', () => {
    const resolver = start(definitionOf([taskOf('list'), fanOut({ forEach: { items: '${list.items}', tolerate: { count: 1 } } })]));
    resolver.hear('task:completed', listed(3));
    resolver.hear('task:expanded', { workflowId: 'w', taskId: 'each', elements: 3 });
    const said = (at: number) => failure('TASK_EXECUTION_FAILED', `no ${at}`, { details: { at }, stack: `at ${at}` });
    const drafts = [2, 0, 1].flatMap((at) => {
      resolver.hear('task:failed', failedOf(`each[${at}]`, said(at)));
      return resolver.hear('task:retry_exhausted', { ...exhaustedOf(`each[${at}]`, { element: element(at) }), error: withoutStacks(said(at)) });
    });
    const error = drafts.flatMap(({ type, data }) => (type === 'task:collected' ? [data.error] : []))[0];
    expect(error).toMatchObject({ message: expect.stringContaining('the first said: no 0'), cause: said(0) });
    expect(error).not.toHaveProperty('details');
  });

  it('skips a chain of 10,000 in one go', () => {
    const chain = definitionOf(Array.from({ length: 10_000 }, (_, i) => taskOf(`t${i}`, { after: i === 0 ? [] : [`t${i - 1}`] })));
    const doomed = start({ ...chain, ...lenient });
    expect(idsOf(doomed.hear('task:retry_exhausted', exhaustedOf('t0')), 'task:skipped')).toHaveLength(9_999);
  });

  it('has no dead end, no transition that nothing takes, and is moved by its workflow and a fatal failure only', () => {
    const base = { workflowId: 'w', durationMs: 1, counts: { completed: 0, failed: 0, cancelled: 0, skipped: 0 } };
    const submitted = submittedOf(definitionOf([]));
    const events = [
      eventOf('workflow:submitted', submitted),
      eventOf('workflow:started', { workflowId: 'w', totalTasks: 3 }),
      eventOf('task:submitted', { workflowId: 'w', taskId: 'list', method: 'm', protocol: 'p', priority: 'normal' }),
      eventOf('task:ready', { workflowId: 'w', taskId: 'list', method: 'm', protocol: 'p', priority: 'normal', timeoutMs: 1 }),
      eventOf('task:collected', { workflowId: 'w', taskId: 'each', result: [] }),
      eventOf('task:completed', listed(1)),
      eventOf('task:completed', completedOf('nobody')),
      eventOf('task:completed', completedOf('each[0]', { element: element(0) })),
      eventOf('task:failed', failedOf('list', failure('TASK_EXECUTION_FAILED', 'broke'))),
      eventOf('task:retry_exhausted', exhaustedOf('list')),
      eventOf('task:retry_exhausted', exhaustedOf('each[0]', { element: element(0) })),
      eventOf('task:cancelled', cancelledOf('list')),
      eventOf('task:expanded', { workflowId: 'w', taskId: 'each', elements: 1 }),
      eventOf('task:skipped', { workflowId: 'w', taskId: 'each', protocol: 'core/v1', because: 'list', policy: 'dependency_failed' }),
      eventOf('workflow:recover', { workflowId: 'w', since: 1 }),
      eventOf('workflow:paused', words),
      eventOf('workflow:resumed', words),
      eventOf('workflow:failing', failing),
      eventOf('workflow:cancelling', words),
      eventOf('workflow:completed', base),
      eventOf('workflow:failed', { ...base, error: failing.error, failedTaskIds: [] }),
      eventOf('workflow:cancelled', { ...base, reason: 'r', by: 'b' }),
      eventOf('workflow:retried', { ...words, kept: 0 }),
    ];
    const exploration = explore(dependencyResolverMachine, {
      component: 'resolver',
      input: { ...submittedOf(definitionOf([taskOf('list'), fanOut(), taskOf('late', { after: ['each'] })])), submittedAt: 0 },
      events,
      distinguish: ({ context }) => [context.outcomes.size, context.released.size, context.expansions.size, context.submitted > 0],
      movedBy: [
        'workflow:started',
        'workflow:paused',
        'workflow:resumed',
        'workflow:failing',
        'workflow:cancelling',
        'workflow:completed',
        'workflow:failed',
        'workflow:cancelled',
        'workflow:retried',
        'task:retry_exhausted',
      ],
    });
    const { unvisited, untaken, movedByOthers, unhandled, errors } = exploration;
    expect({ unvisited, untaken, movedByOthers, unhandled, errors }).toEqual({
      unvisited: [],
      untaken: [],
      movedByOthers: [],
      unhandled: [],
      errors: [],
    });
  });
});
