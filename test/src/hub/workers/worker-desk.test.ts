import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { errorOf } from '../../../../src/errors.ts';
import type { EnrolmentOptions } from '../../../../src/hub/workers/enrolment.ts';
import { WorkerDesk } from '../../../../src/hub/workers/worker-desk.ts';
import { memoryJournal } from '../../../../src/journal/memory.ts';
import { portOf } from '../../../../src/runtime/port.ts';
import { defineWorkflow } from '../../../../src/workflow/define.ts';
import { type Scene, type SceneOptions, scene } from '../../../scenarios/scene.ts';
import { type RemoteProcess, type RemoteProcessOptions, remoteProcess } from './remote-process.ts';

const tasks = (...ids: readonly string[]) =>
  defineWorkflow({
    name: 'remote',
    failurePolicy: 'continue_on_error',
    tasks: (task) => {
      for (const id of ids) task(id, { method: 'demo/work', params: { id } });
      return null;
    },
  });

interface Stage extends Scene {
  readonly desk: WorkerDesk;
  process(options?: RemoteProcessOptions): RemoteProcess;
}

async function stage({ desk: deskOptions, ...options }: SceneOptions & { readonly desk?: EnrolmentOptions } = {}): Promise<Stage> {
  const set = await scene({ worker: { leaseMs: 30_000, heartbeatMs: 5_000 }, ...options });
  const desk = new WorkerDesk(set.system, deskOptions);
  onTestFinished(() => desk.close());
  return { ...set, desk, process: (given) => remoteProcess(desk, () => set.advance(0), given) };
}

describe('a report under way while the deadline ends its attempt', () => {
  it.each(['attempt:failed', 'attempt:succeeded'] as const)('is answered as late when it says %s', async (type) => {
    const { process, submit, clock, advance } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    const { timeoutMs, leaseId, workflowId, attempt } = far.executions[0]!;
    const outcome = type === 'attempt:failed' ? { error: { message: 'too late' } } : { result: 1 };
    let answer: Promise<unknown> | undefined;
    for (let at = 0; at < timeoutMs; at += 5_000) {
      await far.say('worker:heartbeat', { leases: [leaseId] });
      await advance(at + 5_000 < timeoutMs ? 5_000 : 4_999);
    }
    // Due right after the deadline, and in the inbox before what the deadline made of the attempt is durable.
    clock.setTimer(1, () => {
      answer = far.say(type, { leaseId, workflowId, taskId: 'a', attempt, ...outcome });
    });
    await advance(1);
    expect(await answer).toMatchObject({ accepted: false, reason: expect.stringContaining('the attempt has ended') });
  });
});

describe('a remote worker that registers', () => {
  it('is told the terms, runs tasks with their parameters, and is answered when its report is durable', async () => {
    const { process, submit, desk } = await stage();
    const far = process();
    const heard: string[] = [];
    desk.onRegistered((protocol) => heard.push(protocol));
    expect(await far.register()).toEqual({ leaseMs: 30_000, heartbeatMs: 5_000, lost: [], messageBytes: 12 * 2 ** 20 });
    expect(heard).toEqual(['demo/v1']);
    const run = await submit(tasks('a'));
    expect(far.executions).toMatchObject([
      { workerId: 'far', taskId: 'a', attempt: 1, protocol: 'demo/v1', method: 'demo/work', params: { id: 'a' }, timeoutMs: 300_000 },
    ]);
    expect(await far.succeed('a', { words: 3 })).toEqual({ accepted: true });
    expect((await run.result()).tasks['a']?.result).toEqual({ words: 3 });
  });

  it("is refused under an id that another connection has, and under one that is a pool's to give", async () => {
    const { process } = await stage();
    await process().register();
    const another = process({ instance: 'process-2' }).register();
    await expect(another).rejects.toMatchObject({ code: 'INVALID_REQUEST', retryable: true, message: expect.stringContaining("'far'") });
    await expect(process({ workerId: 'demo/v1#1' }).register()).rejects.toMatchObject({ code: 'INVALID_REQUEST', retryable: false });
  });

  it('takes over from its own broken connection, whose messages then count for nothing', async () => {
    const { process, submit } = await stage();
    const [broken, far] = [process(), process()];
    await broken.register();
    const run = await submit(tasks('a'));
    const { leaseId, ...rest } = broken.about('a');
    expect(await far.register({ leases: [{ leaseId, ...rest }] })).toMatchObject({ lost: [] });
    await expect(broken.say('worker:heartbeat', { leases: [leaseId] })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(broken.succeed('a')).rejects.toMatchObject({ code: 'AUTHORIZATION_FAILED' });
    broken.disconnect();
    expect(await far.say('attempt:succeeded', { leaseId, ...rest, result: 1 })).toEqual({ accepted: true });
    expect((await run.result()).status).toBe('completed');
  });

  it('may be one of several of its connection, each message saying which', async () => {
    const { process, submit } = await stage();
    const far = process();
    await far.register({ workerId: 'one' });
    await far.register({ workerId: 'two' });
    await expect(far.say('worker:heartbeat', { leases: [] })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(far.say('worker:heartbeat', { workerId: 'three', leases: [] })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await far.say('worker:heartbeat', { workerId: 'two', leases: [] })).toEqual({ lost: [] });
    await submit(tasks('a', 'b'));
    expect(new Set(far.executions.map(({ workerId }) => workerId))).toEqual(new Set(['one', 'two']));
    for (const id of ['a', 'b']) expect(await far.succeed(id)).toEqual({ accepted: true });
  });

  it('is told what is wrong with what it says', async () => {
    const { process } = await stage();
    const far = process();
    await expect(far.register({ slots: 0 })).rejects.toMatchObject({ code: 'INVALID_PARAMS', message: expect.stringContaining('slots') });
    await expect(far.say('attempt:succeeded', { leaseId: 'l', workflowId: 'w', taskId: 't', attempt: 1 })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('register'),
    });
  });
});

describe('a report', () => {
  it('that comes twice counts once; the other is refused, and seen', async () => {
    const { process, submit, only } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    const both = await Promise.all([far.succeed('a', 1), far.succeed('a', 2)]);
    expect(both).toEqual([{ accepted: true }, { accepted: false, reason: expect.stringContaining('ended') }]);
    expect(only('task:completed').data.result).toBe(1);
    expect(only('task:stale_report').data).toMatchObject({ taskId: 'a', workerId: 'far', reported: 'succeeded' });
  });

  it('of a failure keeps its code, its retryability and its cause; what is no code is none', async () => {
    const { process, submit, of } = await stage();
    const far = process({ slots: 3 });
    await far.register();
    await submit(tasks('known', 'own', 'none'));
    const fail = (id: string, error: object) => far.say('attempt:failed', { ...far.about(id), error });
    await fail('known', { code: 'PROVIDER_OVERLOADED', message: 'busy', retryable: false, retryAfterMs: 5, details: { queue: 7 } });
    await fail('own', { code: 'CARD_DECLINED', message: 'no', retryable: false, cause: { code: 'ECONNREFUSED', message: 'bank' } });
    expect(await fail('none', { code: 'what ever', message: '' })).toEqual({ accepted: true });
    const errors = Object.fromEntries(of('task:failed').map(({ data }) => [data.taskId, data.error]));
    expect(errors).toMatchObject({
      known: { code: 'PROVIDER_OVERLOADED', rpcCode: -30007, message: 'busy', retryable: false, retryAfterMs: 5, details: { queue: 7 } },
      own: { code: 'CARD_DECLINED', retryable: false, cause: { code: 'CONNECTION_REFUSED', message: 'bank' } },
      none: { code: 'TASK_EXECUTION_FAILED', retryable: true, message: 'The worker gave no reason' },
    });
  });

  it('of a result beyond the limits fails the attempt as it would here, and its worker is told', async () => {
    const { process, submit, only } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    const answer = await far.succeed('a', 'x'.repeat(8 * 1024 * 1024));
    expect(answer).toEqual({ accepted: false, reason: expect.stringContaining('more than the limit of 8 MB') });
    expect(only('task:failed').data.error.code).toBe('TASK_RESULT_INVALID');
  });

  it("under the lease of another connection's worker is refused", async () => {
    const { process, submit, of } = await stage();
    const [one, other] = [process({ workerId: 'one' }), process({ workerId: 'other', methods: ['demo/else'] })];
    await one.register();
    await other.register();
    await submit(tasks('a'));
    await expect(other.say('attempt:succeeded', { ...one.about('a'), result: 'stolen' })).rejects.toMatchObject({ code: 'AUTHORIZATION_FAILED' });
    expect(of('task:completed')).toEqual([]);
    expect(await one.succeed('a')).toEqual({ accepted: true });
  });

  it('about a workflow or a task that never was is refused, and nothing of it recorded', async () => {
    const { process, submit, of } = await stage();
    const far = process();
    await far.register();
    const { id } = await submit(tasks('a'));
    for (const about of [
      { workflowId: 'never', taskId: 'a' },
      { workflowId: id, taskId: 'none' },
      { workflowId: id, taskId: 'a[0]' },
    ]) {
      const report = { ...about, leaseId: 'made-up', attempt: 1 };
      await expect(far.say('attempt:succeeded', report)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    }
    expect(of('task:stale_report')).toEqual([]);
    await far.succeed('a');
    expect(await far.succeed('a')).toMatchObject({ accepted: false });
    expect(of('task:stale_report')).toHaveLength(1);
  });

  it('of progress is passed on while the attempt runs', async () => {
    const { process, submit, of } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    const { leaseId, workflowId } = far.about('a');
    await far.say('attempt:progress', { leaseId, fraction: 0.5, message: 'half' });
    await far.succeed('a');
    await far.say('attempt:progress', { leaseId, fraction: 1 });
    expect(of('attempt:progress').map(({ data }) => data)).toEqual([
      { workflowId, taskId: 'a', attempt: 1, leaseId, fraction: 0.5, message: 'half' },
    ]);
  });
});

describe('secrets', () => {
  it('are opened for the worker that runs the task, and for nobody else, whatever it says', async () => {
    const { process, submit, events } = await stage();
    const far = process();
    await far.register();
    const login = defineWorkflow({
      name: 'login',
      failurePolicy: 'continue_on_error',
      tasks: (task) => {
        for (const id of ['well', 'badly']) task(id, { method: 'demo/work', params: { password: 'hunter2' } });
        return null;
      },
    });
    const run = await submit(login);
    expect(far.executions.map(({ params }) => params)).toEqual([{ password: 'hunter2' }, { password: 'hunter2' }]);
    await far.say('attempt:progress', { leaseId: far.about('well').leaseId, fraction: 0, message: 'with hunter2' });
    await far.succeed('well', { said: 'it was hunter2' });
    await far.say('attempt:failed', { ...far.about('badly'), error: { message: 'no hunter2', details: { tried: 'hunter2' } } });
    expect(events.map((event) => JSON.stringify(event)).filter((text) => text.includes('hunter2'))).toEqual([]);
    expect((await run.result()).tasks).toMatchObject({
      well: { result: { said: 'it was hunter2' } },
      badly: { error: { message: 'no [sealed]' } },
    });
  });

  it('that cannot be opened fail the attempt', async () => {
    const { process, submit, system, only } = await stage();
    const far = process();
    await far.register();
    await system.pause();
    await submit(tasks('a'));
    const { secrets } = portOf(system);
    const broken = errorOf('CONFIGURATION_ERROR', 'the key is another one');
    const attempt = vi.spyOn(secrets, 'attempt').mockImplementation(() => {
      throw broken;
    });
    void system.resume();
    await far.say('worker:heartbeat', { leases: [] });
    attempt.mockRestore();
    expect(far.executions).toEqual([]);
    expect(only('task:failed').data.error).toMatchObject({ code: 'CONFIGURATION_ERROR', message: 'the key is another one' });
  });
});

describe('a heartbeat', () => {
  it('renews every lease of its worker, says what it is worth as a measure, and is answered with what is lost', async () => {
    const { process, submit, advance, of } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    for (let beat = 0; beat < 12; beat++) {
      expect(await far.say('worker:heartbeat', { leases: [far.about('a').leaseId, 'gone'], memoryBytes: 1, cpu: 0.5, lagMs: 2 })).toEqual({
        lost: ['gone'],
      });
      await advance(5_000);
    }
    expect(of('task:lease_expired')).toEqual([]);
    expect(of('worker:heartbeat')[0]?.data).toMatchObject({ workerId: 'far', running: 1, slots: 2, memoryBytes: 1, cpu: 0.5, lagMs: 2 });
    await far.succeed('a');
  });

  it('of a worker that was given up brings it back; its late report is refused, and seen', async () => {
    const { process, submit, advance, only, of } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    const late = far.about('a');
    await advance(40_000);
    only('worker:failed');
    expect(far.aborts.map(({ leaseId }) => leaseId)).toEqual([late.leaseId]);
    expect(await far.say('worker:heartbeat', { leases: [late.leaseId] })).toEqual({ lost: [late.leaseId] });
    expect(far.executions.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(await far.say('attempt:succeeded', { ...late, result: 'late' })).toMatchObject({ accepted: false });
    expect(await far.succeed('a', 'again')).toEqual({ accepted: true });
    expect(only('task:stale_report').data).toMatchObject({ attempt: 1 });
    expect(of('task:completed').map(({ data }) => data.result)).toEqual(['again']);
  });
});

describe('a connection that breaks', () => {
  it('costs nothing when it comes back in time: what runs goes on, what was never heard is told once more', async () => {
    const { process, submit, advance, of } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a', 'b'));
    far.disconnect();
    await advance(2_000);
    expect(await far.register({ leases: [far.about('a'), { ...far.about('a'), leaseId: 'gone' }] })).toMatchObject({ lost: ['gone'] });
    expect(far.executions.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['a#1', 'b#1', 'b#1']);
    expect(await Promise.all([far.succeed('a'), far.succeed('b')])).toEqual([{ accepted: true }, { accepted: true }]);
    expect([of('task:failed'), of('task:stale_report')]).toEqual([[], []]);
  });

  it('is as good as a heartbeat when it is made anew', async () => {
    const { process, submit, advance, of } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    for (let nth = 0; nth < 5; nth++) {
      await advance(20_000);
      far.connect();
      await far.register({ leases: [far.about('a')] });
    }
    expect([of('worker:failed'), of('task:failed')]).toEqual([[], []]);
    expect(await far.succeed('a')).toEqual({ accepted: true });
  });

  it('leaves its worker without new tasks after a while; what it was never told of runs elsewhere, as if nothing had been', async () => {
    const { process, submit, advance, only, of } = await stage();
    const [far, other] = [process(), process({ workerId: 'other', slots: 1 })];
    await far.register();
    await submit(tasks('a'));
    far.disconnect();
    const run = await submit(tasks('b'));
    await other.register();
    await advance(5_000);
    expect(far.executions.map(({ taskId }) => taskId)).toEqual(['a']);
    expect(only('task:failed').data).toMatchObject({ taskId: 'b', ended: 'abandoned', lost: 0 });
    expect(other.executions.map(({ taskId }) => taskId)).toEqual(['b']);
    await other.succeed('b');
    expect((await run.result()).status).toBe('completed');
    // It has kept what it ran, and comes back.
    await far.register({ leases: [far.about('a')] });
    await submit(tasks('c', 'd'));
    expect(other.executions.map(({ taskId }) => taskId)).toEqual(['b', 'c']);
    expect(await far.succeed('a')).toEqual({ accepted: true });
    await advance(0);
    expect(far.executions.map(({ taskId }) => taskId)).toEqual(['a', 'd']);
    expect(of('task:stale_report')).toEqual([]);
    await far.succeed('d');
    await other.succeed('c');
  });

  it('does not have its worker told of what is given to others, when it comes back in the moment in which that is decided', async () => {
    const { process, submit, clock, only } = await stage();
    const [far, other] = [process(), process({ workerId: 'other', slots: 1 })];
    await far.register();
    await submit(tasks('a'));
    far.disconnect();
    await submit(tasks('b'));
    await other.register();
    clock.advance(5_000);
    await far.register({ leases: [far.about('a')] });
    expect(only('task:failed').data).toMatchObject({ taskId: 'b', attempt: 1, ended: 'abandoned' });
    expect([far, other].map(({ executions }) => executions.map(({ taskId, attempt }) => `${taskId}#${attempt}`))).toEqual([['a#1'], ['b#2']]);
    await Promise.all([far.succeed('a'), other.succeed('b')]);
  });

  it('may do so before its worker is registered: nobody is kept waiting for it', async () => {
    const { process } = await stage();
    const far = process();
    const registered = far.register();
    far.disconnect();
    await registered;
    expect(await process({ instance: 'process-2' }).register()).toMatchObject({ lost: [] });
  });

  it('ends the leases of a worker that does not come back, and they run elsewhere', async () => {
    const { process, submit, advance, only } = await stage();
    const [far, other] = [process(), process({ workerId: 'other' })];
    await far.register();
    await submit(tasks('a'));
    far.disconnect();
    await advance(20_000);
    await other.register();
    await advance(20_000);
    expect(only('task:failed').data).toMatchObject({ taskId: 'a', ended: 'lost', workerId: 'far' });
    expect(other.executions.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['a#2']);
    await other.succeed('a');
  });

  it('with the hub costs nothing when both come back: what runs goes on, what was never heard runs at once', async () => {
    const journal = memoryJournal();
    const first = await stage({ journal });
    const far = first.process();
    await far.register();
    await first.submit(tasks('a', 'b'));
    await first.system.stop({ deadlineMs: 0 });
    const second = await stage({ journal, seed: 'second', startAt: 10_000 });
    const back = second.process();
    expect(await back.register({ leases: [far.about('a')] })).toMatchObject({ lost: [] });
    expect(second.only('task:failed').data).toMatchObject({ taskId: 'b', attempt: 1, ended: 'abandoned', lost: 0 });
    expect(back.executions.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['b#2']);
    expect(await back.say('attempt:succeeded', { ...far.about('a'), result: 'a' })).toEqual({ accepted: true });
    expect(await back.succeed('b')).toEqual({ accepted: true });
  });

  it('brings back another process under the same id: what the earlier one ran is lost at once', async () => {
    const { process, submit, only } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    far.disconnect();
    const anew = process({ instance: 'process-2' });
    await anew.register();
    expect(only('task:failed').data).toMatchObject({ taskId: 'a', ended: 'lost' });
    expect(anew.executions.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['a#2']);
    await anew.succeed('a');
  });

  it('brings back a process that says nothing of itself, with what it announces', async () => {
    const { process, submit, of } = await stage();
    const far = process({ instance: undefined });
    await far.register();
    await submit(tasks('a', 'b'));
    far.disconnect();
    await far.register({ leases: [far.about('a')] });
    expect(of('task:failed').map(({ data }) => [data.taskId, data.ended])).toEqual([['b', 'lost']]);
    expect(far.executions.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['a#1', 'b#1', 'b#2']);
    for (const id of ['a', 'b']) expect(await far.succeed(id)).toEqual({ accepted: true });
  });

  it('does not let somebody with another token have the place of a worker, nor its leases', async () => {
    const { process, submit, of } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    far.disconnect();
    const thief = process({ holder: 'somebody else' });
    for (const leases of [[], [far.about('a')]])
      await expect(thief.register({ leases })).rejects.toMatchObject({
        code: 'AUTHORIZATION_FAILED',
        message: expect.stringContaining('Register under another id'),
      });
    expect(thief.executions).toEqual([]);
    expect(of('task:failed')).toEqual([]);
    expect(await far.register({ leases: [far.about('a')] })).toMatchObject({ lost: [] });
    expect(await far.succeed('a')).toEqual({ accepted: true });
  });

  it('gives the place of a worker from before a restart to nobody with a token of several who knows none of its leases', async () => {
    const journal = memoryJournal();
    const first = await stage({ journal });
    const far = first.process();
    await far.register();
    await first.submit(tasks('a'));
    await first.system.stop({ deadlineMs: 0 });
    const second = await stage({ journal, seed: 'second', startAt: 10_000, desk: { isShared: true } });
    const thief = second.process({ holder: 'somebody else' });
    const guessed = { ...far.about('a'), leaseId: 'guessed' };
    for (const leases of [[], [guessed]])
      await expect(thief.register({ leases })).rejects.toMatchObject({ code: 'INVALID_REQUEST', retryable: true });
    expect(thief.executions).toEqual([]);
    const back = second.process();
    expect(await back.register({ leases: [far.about('a')] })).toMatchObject({ lost: [] });
    expect(await back.say('attempt:succeeded', { ...far.about('a'), result: 'a' })).toEqual({ accepted: true });
  });

  it('brings back a process with another protocol without what it ran for the one before', async () => {
    const { process, submit, only } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    far.disconnect();
    const { leaseId } = far.about('a');
    expect(await far.register({ protocol: 'other/v1', methods: ['other/work'], leases: [far.about('a')] })).toMatchObject({ lost: [leaseId] });
    expect(far.executions).toHaveLength(1);
    expect(only('task:failed').data).toMatchObject({ taskId: 'a', ended: 'lost' });
    await far.register();
    await far.succeed('a');
  });

  it('brings a worker back with another offer, once what it keeps is done', async () => {
    const { process, submit, system, of } = await stage();
    const far = process();
    await far.register();
    await submit(tasks('a'));
    far.disconnect();
    await far.register({ slots: 5, leases: [far.about('a')] });
    expect(await far.succeed('a')).toEqual({ accepted: true });
    await submit(tasks('b'));
    expect((await system.snapshot('worker', 'far'))?.context).toMatchObject({ slots: 5 });
    expect(of('task:failed')).toEqual([]);
    await far.succeed('b');
  });
});

describe('a worker that leaves', () => {
  it('takes no more tasks, finishes what it names, and gives back the rest', async () => {
    const { process, submit, only, of, system } = await stage();
    const [far, other] = [process({ slots: 2 }), process({ workerId: 'other', slots: 1 })];
    await far.register();
    await submit(tasks('a', 'b'));
    await other.register();
    await far.say('worker:drain', { reason: 'SIGTERM', leases: [far.about('a').leaseId] });
    expect(only('task:failed').data).toMatchObject({ taskId: 'b', ended: 'abandoned', lost: 0 });
    expect(other.executions.map(({ taskId, attempt }) => `${taskId}#${attempt}`)).toEqual(['b#2']);
    expect(await far.succeed('a')).toEqual({ accepted: true });
    expect(only('worker:stopped').data).toMatchObject({ workerId: 'far', reason: 'SIGTERM' });
    await far.say('worker:heartbeat', { leases: [] });
    expect(await system.snapshot('worker', 'far')).toBeUndefined();
    expect(of('worker:started').filter(({ data }) => data.remote)).toHaveLength(2);
    await other.succeed('b');
  });
});
