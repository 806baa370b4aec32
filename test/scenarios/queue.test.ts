import { describe, expect, it } from 'vitest';

import type { Priority } from '../../machines/events/definition.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { type Scene, type SceneOptions, scene } from './scene.ts';

const of = (...tasks: readonly (readonly [string, Priority])[]) =>
  defineWorkflow({
    name: 'prioritised',
    failurePolicy: 'continue_on_error',
    tasks: (task) => {
      for (const [id, priority] of tasks) task(id, { method: 'demo/work', priority });
      return null;
    },
  });
const ones = (prefix: string, count: number, priority: Priority = 'normal') =>
  of(...Array.from({ length: count }, (_, at) => [`${prefix}${at}`, priority] as const));

/** One worker, which is busy. */
async function busy(
  options: SceneOptions = {},
): Promise<Scene & { readonly hands: ReturnType<typeof handOperated>; readonly next: () => Promise<string> }> {
  const hands = handOperated({ pool: { min: 1, max: 1 } });
  const stage = await scene({ providers: [hands.provider], ...options });
  await stage.submit(ones('first', 1));
  const next = async (): Promise<string> => {
    hands.open()[0]?.succeed();
    await stage.settle();
    return hands.open()[0]?.taskId ?? 'none';
  };
  return { ...stage, hands, next };
}

const drain = async (next: () => Promise<string>): Promise<string[]> => {
  const taken = [];
  for (let id = await next(); id !== 'none'; id = await next()) taken.push(id);
  return taken;
};

describe('the queue', () => {
  it('goes by priority, and by arrival within one', async () => {
    const { submit, next } = await busy();
    await submit(of(['l', 'low'], ['n1', 'normal'], ['h', 'high'], ['n2', 'normal'], ['u', 'urgent']));
    expect(await drain(next)).toEqual(['u', 'h', 'n1', 'n2', 'l']);
  });

  it('lets what waits long go before what is more urgent', async () => {
    const { submit, next, advance } = await busy({ queue: { ageingMs: 10_000 } });
    await submit(of(['old', 'low']));
    await advance(25_000);
    await submit(of(['young', 'normal'], ['urgent', 'urgent']));
    expect(await drain(next)).toEqual(['urgent', 'old', 'young']);
  });

  it('gives a waiting task another priority when it is asked to', async () => {
    const { submit, next, system, settle, only } = await busy();
    const run = await submit(of(['a', 'normal'], ['b', 'low']));
    system.setPriority(run.id, 'b', 'urgent');
    await settle();
    expect(only('queue:priority_changed').data).toMatchObject({ taskId: 'b', from: 'low', to: 'urgent' });
    expect(await drain(next)).toEqual(['b', 'a']);
  });

  it('says its figures while tasks wait, and rests when none does', async () => {
    const { submit, next, advance, of: eventsOf } = await busy();
    await submit(ones('t', 2));
    await advance(3_000);
    expect(eventsOf('queue:metrics').at(-1)?.data).toMatchObject({ depth: 2, oldestMs: 3_000, byPriority: { normal: 2 } });
    await drain(next);
    expect(eventsOf('queue:empty').length).toBeGreaterThan(0);
    await advance(1_000);
    const before = eventsOf('queue:metrics').length;
    await advance(60_000);
    expect(eventsOf('queue:metrics')).toHaveLength(before);
  });

  it('that is full refuses new workflows by the policy `reject`, until there is room', async () => {
    const { submit, next, only, system, advance } = await busy({ queue: { capacity: 3 } });
    await submit(ones('t', 3));
    expect(only('queue:full').data).toMatchObject({ depth: 3, capacity: 3, policy: 'reject' });
    await expect(system.submit(ones('x', 1))).rejects.toMatchObject({ name: 'GleitzeitError', code: 'QUEUE_FULL' });
    expect(only('workflow:rejected').data.error.code).toBe('QUEUE_FULL');
    await next();
    expect(only('queue:room').data).toMatchObject({ depth: 2, capacity: 3 });
    // A full queue is critical load as well, and that is said to be over no sooner than after its dwell.
    await expect(system.submit(ones('x', 1))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await advance(5_000);
    await submit(ones('y', 1));
    expect(await drain(next)).toEqual(['t1', 't2', 'y0']);
  });

  it('that is full lets submits wait by the policy `block`, and admits them in their order', async () => {
    const { submit, next, system, settle, until, of: eventsOf } = await busy({ queue: { capacity: 2, policy: 'block' } });
    await submit(ones('t', 2));
    const admitted: string[] = [];
    const waiting = ['x', 'y'].map((id) => system.submit(ones(id, 1), { id }).then(() => admitted.push(id)));
    await settle();
    expect(admitted).toEqual([]);
    expect(eventsOf('workflow:rejected')).toEqual([]);
    const why = await system.explain('y');
    expect(why).toMatchObject({
      status: 'waiting for admission',
      admission: [{ kind: 'queue_full', releasedBy: 'the queue has room again' }, { kind: 'backpressure' }],
    });
    await next();
    await until(Promise.all(waiting));
    expect(admitted).toEqual(['x', 'y']);
    expect(await drain(next)).toEqual(['t1', 'x0', 'y0']);
  });

  it('that is full pushes out the youngest of the lowest priority by the policy `shed`', async () => {
    const { submit, next, only, until } = await busy({ queue: { capacity: 3, policy: 'shed' } });
    await submit(of(['n', 'normal'], ['l1', 'low'], ['h', 'high']));
    const run = await submit(of(['u', 'urgent'], ['l2', 'low']));
    expect(only('queue:full').data.policy).toBe('shed');
    const taken = await drain(next);
    const result = await until(run.result());
    expect(taken).toEqual(['u', 'h', 'n']);
    expect(result.tasks['l2']).toMatchObject({ status: 'failed', error: { code: 'QUEUE_FULL' } });
  });
});
