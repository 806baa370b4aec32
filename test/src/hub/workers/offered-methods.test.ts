import { describe, expect, it, onTestFinished } from 'vitest';

import type { EnrolmentOptions } from '../../../../src/hub/workers/enrolment.ts';
import { WorkerDesk } from '../../../../src/hub/workers/worker-desk.ts';
import { portOf } from '../../../../src/runtime/port.ts';
import { loadWorkflow } from '../../../../src/workflow/load.ts';
import { scene } from '../../../scenarios/scene.ts';
import { type RemoteProcessOptions, remoteProcess } from './remote-process.ts';

const leaseMs = 30_000;
const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, nth) => `demo/m${from + nth}`);

async function stage(desk: EnrolmentOptions = {}) {
  const set = await scene({ worker: { leaseMs, heartbeatMs: 5_000 }, metrics: true });
  const made = new WorkerDesk(set.system, desk);
  onTestFinished(() => made.close());
  const known = () => [...(portOf(set.system).providers.known().get('demo/v1') ?? [])];
  return { ...set, known, process: (given: RemoteProcessOptions = {}) => remoteProcess(made, () => set.advance(0), given) };
}

const one = (method: string) =>
  loadWorkflow({ name: 'w', tasks: [{ id: 'a', protocol: 'demo/v1', method, retry: { max_attempts: 2, base_delay: 1 } }] });

describe('the methods of workers', () => {
  it('are forgotten a lease after their last worker has gone, with everything that they made', async () => {
    const { process, core, known, advance, submit, system } = await stage();
    const before = core.registry.counts();
    for (let round = 0; round < 3; round++) {
      const [far, other] = [process({ methods: names(500, round * 500) }), process({ workerId: 'other', methods: names(1, round * 500) })];
      await far.register();
      await other.register();
      const run = await submit(await one(`demo/m${round * 500 + 1}`));
      await far.say('attempt:failed', { ...far.about('a'), error: { message: 'no', retryable: true } });
      await advance(2_000);
      await far.succeed('a');
      await run.result();
      expect(core.registry.count('methods')).toBe(500);
      await far.say('worker:drain', {});
      far.disconnect();
      await advance(leaseMs + 1);
      expect(known()).toEqual(names(1, round * 500));
      expect(core.registry.count('methods')).toBe(1);
      expect(core.registry.count('circuit')).toBe(1);
      await other.say('worker:drain', {});
      other.disconnect();
      await advance(leaseMs + 1);
      expect(known()).toEqual([]);
      expect(core.registry.counts()).toEqual(before);
      expect(JSON.stringify((await system.metrics()).gauges)).not.toContain('demo');
    }
  });

  it('are kept for a worker that starts anew, and for tasks that wait for it', async () => {
    const { process, advance, submit, known } = await stage();
    const far = process();
    await far.register();
    await far.say('worker:drain', {});
    far.disconnect();
    await advance(leaseMs - 1);
    const run = await submit(await one('demo/work'));
    const anew = process({ instance: 'process-2' });
    await anew.register();
    await advance((leaseMs * 2) / 3);
    expect(known()).toEqual(['demo/work']);
    expect(await anew.succeed('a')).toEqual({ accepted: true });
    expect((await run.result()).status).toBe('completed');
  });

  it('that are gone leave their tasks waiting, which run when somebody offers them again', async () => {
    const { process, advance, submit } = await stage();
    const far = process();
    await far.register();
    await far.say('worker:drain', {});
    far.disconnect();
    const run = await submit(await one('demo/work'));
    await advance(leaseMs + 1);
    expect((await run.explain('a')).tasks[0]?.reasons.map(({ kind }) => kind)).not.toEqual([]);
    const anew = process({ instance: 'process-2' });
    await anew.register();
    await anew.succeed('a');
    expect((await run.result()).status).toBe('completed');
  });

  it('cost what is new in them, however many there are', async () => {
    const { process, events } = await stage();
    await process({ methods: names(1_000) }).register();
    const far = process({ workerId: 'another', methods: [...names(1_000), 'demo/new'] });
    const from = events.length;
    await far.register();
    const caused = events.slice(from);
    expect(caused.filter(({ type }) => type.startsWith('method:') || type.startsWith('provider:'))).toMatchObject([
      { type: 'provider:extended', data: { methods: ['demo/new'] } },
      { type: 'method:available', data: { method: 'demo/new' } },
    ]);
    expect(caused.length).toBeLessThan(20);
  });

  it('are so many for each token, and so are its workers; others have their own', async () => {
    const { process, known, advance } = await stage({ limits: { workers: 3, methods: 10 } });
    const greedy = process({ methods: names(10) });
    await greedy.register();
    const more = process({ workerId: 'more', methods: names(1, 10) });
    const refusal = { code: 'RESOURCE_EXHAUSTED', retryable: true, message: expect.stringContaining('10 methods') };
    await expect(more.register()).rejects.toMatchObject(refusal);
    // What it gives up counts for a lease longer: giving it up and taking something else is no way around.
    await greedy.register({ methods: names(1) });
    await expect(more.register()).rejects.toMatchObject(refusal);
    expect(known()).toHaveLength(10);
    await process({ workerId: 'theirs', holder: 'another', methods: names(10, 20) }).register();
    await advance(leaseMs - 1);
    await greedy.say('worker:heartbeat', { leases: [] });
    await advance(2);
    await more.register();
    await process({ workerId: 'third', methods: names(1) }).register();
    await expect(process({ workerId: 'fourth', methods: names(1) }).register()).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('3 workers'),
    });
    // The same one again is no other one.
    await greedy.register({ methods: names(1) });
  });

  it('that are named time and again are refused after a while', async () => {
    const { process } = await stage();
    const far = process({ methods: names(2_000) });
    const register = async (): Promise<string> =>
      far.register().then(
        () => 'registered',
        ({ code }: { readonly code: string }) => code,
      );
    const answers = new Set<string>();
    for (let nth = 0; nth < 110 && !answers.has('RATE_LIMIT_EXCEEDED'); nth++) answers.add(await register());
    expect([...answers]).toEqual(['registered', 'RATE_LIMIT_EXCEEDED']);
  });
});
