import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { type Scene, scene } from './scene.ts';
import { silence } from './silence.ts';

const single = defineWorkflow({ name: 'single', tasks: (task) => task('one', { method: 'demo/work' }) });

/** A pool of two workers, of which the first one runs a task. */
async function running(worker: {
  readonly leaseMs: number;
  readonly heartbeatMs?: number;
}): Promise<Scene & { readonly hands: ReturnType<typeof handOperated> }> {
  const hands = handOperated({ pool: { min: 2, max: 2 } });
  const stage = await scene({ providers: [hands.provider], worker });
  await stage.submit(single);
  return { ...stage, hands };
}

describe('a lease', () => {
  it('is renewed by heartbeats for as long as the attempt runs', async () => {
    const { advance, of, hands, settle } = await running({ leaseMs: 8_000 });
    await advance(120_000);
    expect(of('task:lease_expired')).toEqual([]);
    hands.callOf('one').succeed();
    await settle();
    expect(of('task:completed')).toHaveLength(1);
  });

  it('that expires returns the task to the queue at once, and counts the attempt', async () => {
    const { advance, only, of, hands, core, settle } = await running({ leaseMs: 8_000 });
    const [first] = hands.calls;
    silence(core, 'demo/v1#1');
    await advance(8_000);
    expect(only('task:lease_expired').data).toMatchObject({ taskId: 'one', attempt: 1, workerId: 'demo/v1#1' });
    expect(only('task:failed').data).toMatchObject({ ended: 'lost', lost: 1, error: { code: 'CONNECTION_LOST' } });
    expect(only('task:retry_scheduled').data.delayMs).toBe(0);
    expect(first?.signal.aborted).toBe(true);
    expect(of('task:started').at(-1)?.data).toMatchObject({ attempt: 2 });
    first?.succeed('of the lost worker');
    await settle();
    expect(of('task:completed')).toEqual([]);
    hands.callOf('one').succeed('of the second attempt');
    await settle();
    expect(only('task:completed').data.result).toBe('of the second attempt');
  });

  it('of a task that loses its worker again and again is not given out any more', async () => {
    const { advance, only, of, core } = await running({ leaseMs: 4_000, heartbeatMs: 3_000 });
    silence(core, 'demo/v1#1');
    silence(core, 'demo/v1#2');
    await advance(12_000);
    expect(of('task:started')).toHaveLength(3);
    expect(only('task:retry_exhausted').data).toMatchObject({ attempts: 3, error: { code: 'TASK_QUARANTINED' } });
    expect(of('workflow:failed')).toHaveLength(1);
  });
});

describe('a worker that is not heard of', () => {
  it('counts as failed: its attempts are tried again elsewhere, and it is replaced', async () => {
    const { advance, only, of, core, system, hands, settle } = await running({ leaseMs: 60_000 });
    silence(core, 'demo/v1#1');
    await advance(30_000);
    expect(only('worker:heartbeat_missed').data.workerId).toBe('demo/v1#1');
    expect(only('worker:failed').data).toMatchObject({ workerId: 'demo/v1#1', tasks: [{ taskId: 'one' }] });
    expect(only('provider:error').data).toMatchObject({ origin: 'worker', workerId: 'demo/v1#1' });
    expect(of('pool:scaled_up').at(-1)?.data).toMatchObject({ reason: 'replace', workerIds: ['demo/v1#3'] });
    expect((await system.actors()).worker).toBe(2);
    expect(hands.callOf('one').attempt).toBe(2);
    hands.callOf('one').succeed();
    await settle();
  });

  it('is let go quietly where it ran nothing', async () => {
    const { advance, only, of, core, hands, settle } = await running({ leaseMs: 60_000 });
    silence(core, 'demo/v1#2');
    await advance(30_000);
    expect(only('worker:failed').data).toMatchObject({ workerId: 'demo/v1#2', tasks: [] });
    expect(of('provider:error')).toEqual([]);
    hands.callOf('one').succeed();
    await settle();
  });

  it('makes the health check of the workers fail', async () => {
    const { advance, of, core, hands, settle } = await running({ leaseMs: 60_000 });
    silence(core, 'demo/v1#2');
    await advance(60_000);
    expect(of('health:check_failed').map(({ data }) => data)).toMatchObject([
      { component: 'workers', status: 'degraded', error: { code: 'CONNECTION_LOST' } },
    ]);
    hands.callOf('one').succeed();
    await settle();
  });
});
