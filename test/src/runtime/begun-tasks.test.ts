import { describe, expect, it } from 'vitest';

import type { DataOf, EventType } from '../../../machines/events/catalogue.ts';
import { memoryJournal } from '../../../src/journal/memory.ts';
import { begunTasks, recordedOf } from '../../../src/runtime/begun-tasks.ts';
import { defineWorkflow } from '../../../src/workflow/define.ts';
import { handOperated } from '../../scenarios/hands.ts';
import { scene } from '../../scenarios/scene.ts';
import { factOf } from '../journal/contract.ts';

let seq = 0;
// What is read of a fact is its type and the task that it is about.
const fact = <Type extends EventType>(type: Type, taskId?: string) =>
  factOf(type, { workflowId: 'w', taskId } as unknown as DataOf<Type>, { seq: ++seq });
const idsOf = (facts: readonly ReturnType<typeof fact>[]) =>
  [...begunTasks(facts)].map(([taskId, its]) => `${taskId}: ${its.map(({ type }) => type).join(', ')}`);

describe('the tasks that have begun and not ended', () => {
  it('are those with facts and without an end', () => {
    const facts = [
      fact('workflow:submitted'),
      fact('task:started', 'a'),
      fact('task:started', 'b'),
      fact('task:completed', 'a'),
      fact('task:failed', 'b'),
    ];
    expect(idsOf(facts)).toEqual(['b: task:started, task:failed']);
  });

  it('are none for which only a late report came after the end', () => {
    for (const end of ['task:completed', 'task:retry_exhausted', 'task:cancelled'] as const)
      expect(idsOf([fact('task:started', 'a'), fact(end, 'a'), fact('task:stale_report', 'a')])).toEqual([]);
  });

  it('are not those of which only a report came that nobody waited for', () => {
    expect(idsOf([fact('task:stale_report', 'a')])).toEqual([]);
    const retried = [fact('task:started', 'a'), fact('task:retry_exhausted', 'a'), fact('workflow:retried'), fact('task:stale_report', 'a')];
    expect(idsOf(retried)).toEqual([]);
  });

  it('begin anew when their workflow is retried, but for those that completed', () => {
    const facts = [
      fact('task:started', 'a'),
      fact('task:completed', 'a'),
      fact('task:started', 'b'),
      fact('task:retry_exhausted', 'b'),
      fact('task:started', 'zombie'),
      fact('workflow:failed'),
      fact('workflow:retried'),
      fact('task:stale_report', 'a'),
      fact('task:started', 'b'),
    ];
    expect(idsOf(facts)).toEqual(['b: task:started']);
  });

  it('are never among what is not recorded', () => {
    const facts = [fact('task:queued', 'a'), fact('task:started', 'a')];
    expect(recordedOf(facts).map(({ type }) => type)).toEqual(['task:started']);
    expect(recordedOf(facts.slice(1))).toEqual(facts.slice(1));
  });
});

describe('a task that completed', () => {
  it('does not run again after a restart because an earlier attempt of it reported late', async () => {
    const journal = memoryJournal();
    const hands = handOperated({ pool: { min: 2, max: 2 } });
    const one = await scene({ journal, providers: [hands.provider], seed: 'one' });
    const retry = { maxAttempts: 2, baseDelayMs: 1_000, jitter: 'none' } as const;
    const pair = defineWorkflow({
      name: 'pair',
      tasks: (task) => {
        task('a', { method: 'demo/work', timeoutMs: 5_000, retry });
        return task('b', { method: 'demo/work' });
      },
    });
    await one.submit(pair, { id: 'w' });
    const [first] = hands.calls.filter(({ taskId }) => taskId === 'a');
    await one.advance(6_000);
    hands.callOf('a').succeed('second');
    await one.settle();
    const { attempt, taskId, workflowId } = first!;
    const started = one.of('task:started').find(({ data }) => data.taskId === 'a' && data.attempt === attempt)!;
    const { leaseId, workerId } = started.data;
    one.core.accept(
      { type: 'attempt:succeeded', data: { workflowId, taskId, attempt, leaseId, workerId, result: 'first', durationMs: 6_000 } },
      { source: `worker/${workerId}`, cause: started },
    );
    await one.settle();
    expect(one.of('task:stale_report')).toHaveLength(1);
    await one.close();
    const two = await scene({ journal, providers: [hands.provider], seed: 'two', startAt: 60_000 });
    await two.advance(10_000);
    expect(hands.calls.map((call) => `${call.taskId}#${call.attempt}`)).toEqual(['a#1', 'b#1', 'a#2', 'b#2']);
    hands.callOf('b').succeed();
    expect(await two.until(two.system.result('w'))).toMatchObject({ status: 'completed', tasks: { a: { attempts: 2, result: 'second' } } });
  });
});
