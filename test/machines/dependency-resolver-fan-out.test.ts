import { describe, expect, it } from 'vitest';

import { fanOutOf, isReleased } from '../../machines/dependency-resolver.ts';
import { definitionOf, taskOf } from './definitions.ts';
import { element, failing, fanOut, idsOf, lenient, listed, readyOf, start, words } from './resolver-under-test.ts';
import { cancelledOf, completedOf, exhaustedOf } from './task-ends.ts';

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
    expect(collected?.data).toMatchObject({
      error: { code: 'TASK_CANCELLED', retryable: false, message: expect.stringContaining('of 5 elements 2 failed (0, 1)') as string },
    });
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

  it('cancels the elements that run when their task is cancelled, and remembers of them what a retry has to know', () => {
    const { resolver } = expand();
    expect(resolver.hear('task:cancelled', cancelledOf('each')).map(({ type, data }) => [type, (data as { taskId: string }).taskId])).toEqual([
      ['task:cancel', 'each[0]'],
      ['task:cancel', 'each[1]'],
      ['task:cancel', 'each[2]'],
    ]);
    for (const at of [0, 1, 2]) expect(resolver.hear('task:cancelled', cancelledOf(`each[${at}]`, { element: element(at) }))).toEqual([]);
    expect(resolver.context()).toMatchObject({ inFlight: 1 });
    expect(resolver.context().expansions.get(1)).toMatchObject({ status: 'abandoned', running: { size: 0 }, failures: { size: 3 } });
    expect([fanOutOf(resolver.context(), 'each'), isReleased(resolver.context(), 'each')]).toEqual([undefined, false]);
  });

  it('holds elements back while the workflow is paused, and starts none when it fails', () => {
    const { resolver } = expand(fanOut(), 3, { window: 1 });
    resolver.hear('workflow:paused', words);
    expect(resolver.hear('task:completed', completedOf('each[0]', { element: element(0) }))).toEqual([]);
    expect(idsOf(resolver.hear('workflow:failing', failing), 'task:skipped')).toEqual(['late']);
    expect(resolver.hear('task:cancelled', cancelledOf('each'))).toEqual([]);
  });
});
