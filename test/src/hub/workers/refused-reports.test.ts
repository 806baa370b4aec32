/** Results that cannot be recorded, and reports that cannot be taken: each ends its attempt at once, and for good. Over real connections. */
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../../../machines/events/catalogue.ts';
import { createRemoteWorker } from '../../../../src/hub/index.ts';
import type { HubLimits } from '../../../../src/hub/protocol/limits.ts';
import { defineProvider } from '../../../../src/providers/provider.ts';
import { defineWorkflow } from '../../../../src/workflow/define.ts';
import { silent } from '../../../silent.ts';
import { ask, connected, hubOf, until } from '../server/places.ts';

const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}1${']'.repeat(levels)}`);

/** Its timeout is longer than a test may take: what waits for it does not pass. */
const work = defineWorkflow({
  name: 'work',
  failurePolicy: 'continue_on_error',
  tasks: (task) => task('a', { method: 'far/work', retry: 3, timeoutMs: 600_000 }),
});

async function place(limits: Partial<HubLimits> = {}) {
  const { system, hub } = await hubOf({ limits, systemOptions: { builtins: false } });
  const events: GleitzeitEvent[] = [];
  system.on('*', (event) => events.push(event));
  /** How the attempts of the tasks ended. */
  const ends = () => events.flatMap(({ type, data }) => (type === 'task:failed' || type === 'task:completed' ? [{ type, ...data }] : []));
  return { system, hub, ends };
}

/** A worker of this library whose handler returns first what is given, and then what can be recorded. */
async function returning(url: string, first: unknown) {
  const logged: string[] = [];
  const results = [first];
  let calls = 0;
  const run = (): unknown => {
    calls += 1;
    return results.length > 0 ? results.pop() : 'fine';
  };
  const provider = defineProvider({ protocol: 'far/v1', methods: { 'far/work': { run } } });
  const say = (_: object, message: string): void => void logged.push(message);
  const worker = createRemoteWorker({ url, providers: [provider], log: { ...silent, warn: say, error: say } });
  onTestFinished(() => worker.stop({ deadlineMs: 0 }));
  await worker.start();
  return { logged, calls: () => calls };
}

describe('a result of a remote worker that cannot be recorded', () => {
  const cases: readonly { readonly what: string; readonly result: unknown; readonly limits?: Partial<HubLimits>; readonly says: RegExp }[] = [
    { what: 'nested 1,500 levels', result: nested(1_500), says: /nested/ },
    { what: 'with the key of prototypes', result: JSON.parse('{"at":{"__proto__":{"x":1}}}'), says: /"__proto__"/ },
    { what: '2^60', result: 2 ** 60, says: /2\^53 - 1/ },
    { what: 'half a character', result: 'x\ud83d', says: /well-formed/ },
    { what: 'larger than a message', result: 'x'.repeat(120_000), limits: { messageBytes: 20_000 }, says: /more than the 10000 that a report/ },
  ];
  it.each(cases)('$what: its worker says so, after one attempt, and goes on', async ({ result, limits, says }) => {
    const { system, hub, ends } = await place(limits);
    const worker = await returning(hub.url, result);
    const { tasks } = await (await system.submit(work)).result();
    expect(tasks['a']).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'TASK_RESULT_INVALID', retryable: false } });
    // By the worker's own check, which names the place in the result; the hub's would do as well.
    expect(tasks['a']?.error?.message).toMatch(/^The result of task "a"/);
    expect(tasks['a']?.error?.message).toMatch(says);
    expect(ends()).toMatchObject([{ type: 'task:failed', ended: 'error', attempt: 1 }]);
    expect((await (await system.submit(work)).result()).tasks['a']).toMatchObject({ result: 'fine', attempts: 1 });
    expect([worker.calls(), worker.logged]).toEqual([2, []]);
  });

  it('nested deeper than its hub allows, though not too deep for the worker: the hub ends the attempt by that', async () => {
    const { system, hub, ends } = await place({ depth: 50 });
    // A message may be sixteen levels deeper, for what is around the value.
    const worker = await returning(hub.url, nested(80));
    const { tasks } = await (await system.submit(work)).result();
    const error = { code: 'TASK_RESULT_INVALID', retryable: false, message: expect.stringMatching(/^The report of task "a" is refused: .*nested/) };
    expect(tasks['a']).toMatchObject({ status: 'failed', attempts: 1, error });
    expect(ends()).toMatchObject([{ type: 'task:failed', ended: 'error', attempt: 1 }]);
    expect((await (await system.submit(work)).result()).tasks['a']).toMatchObject({ result: 'fine', attempts: 1 });
    expect([worker.calls(), worker.logged]).toEqual([2, ['the hub does not take a report']]);
  });
});

/** A worker of another kind, and the attempt that it has been given. */
async function given() {
  const { system, hub, ends } = await place();
  const socket = await connected(hub.url, '/pool');
  const orders: { readonly leaseId: string; readonly workflowId: string; readonly taskId: string; readonly attempt: number }[] = [];
  socket.on('task:execute', ({ leaseId, workflowId, taskId, attempt }) => orders.push({ leaseId, workflowId, taskId, attempt }));
  await ask(socket, 'worker:register', { workerId: 'w', protocol: 'far/v1', methods: ['far/work'], slots: 1 });
  const run = await system.submit(work);
  await until(() => orders.length === 1);
  return { socket, run, ends, ref: orders[0]! };
}

describe('a report that is refused for its form alone', () => {
  it.each([
    { what: 'a duration below nothing', more: { result: 1, durationMs: -1 }, says: /durationMs/ },
    { what: 'a field that is none', more: { result: 1, extra: 1 }, says: /extra/ },
    { what: 'a duration that is a text', more: { result: 1, durationMs: 'long' }, says: /durationMs/ },
  ])('$what: ends its attempt, which is not tried again', async ({ more, says }) => {
    const { socket, run, ends, ref } = await given();
    const answer = await ask(socket, 'attempt:succeeded', { ...ref, ...more });
    expect(answer).toMatchObject({ ok: true, accepted: false, reason: expect.stringMatching(says) });
    const error = { code: 'TASK_RESULT_INVALID', retryable: false, message: expect.stringMatching(says) };
    expect((await run.result()).tasks['a']).toMatchObject({ status: 'failed', attempts: 1, error });
    expect(ends()).toMatchObject([{ type: 'task:failed', ended: 'error', attempt: 1 }]);
  });

  it('of a failure: the attempt has failed by what it says', async () => {
    const { socket, run, ref } = await given();
    const error = { code: 'CARD_DECLINED', message: 'no', retryable: false };
    expect(await ask(socket, 'attempt:failed', { ...ref, durationMs: -1, error })).toMatchObject({ ok: true, accepted: true });
    expect((await run.result()).tasks['a']).toMatchObject({ status: 'failed', attempts: 1, error });
  });

  it.each([
    { what: 'without its lease', wrong: { leaseId: undefined }, code: 'INVALID_PARAMS' },
    { what: 'of a task that never was', wrong: { taskId: 'never', extra: 1 }, code: 'TASK_NOT_FOUND' },
  ])('$what: is of no attempt, and ends none', async ({ wrong, code }) => {
    const { socket, run, ends, ref } = await given();
    expect(await ask(socket, 'attempt:succeeded', { ...ref, ...wrong, result: 1 })).toMatchObject({ ok: false, error: { code } });
    expect(ends()).toEqual([]);
    expect(await ask(socket, 'attempt:succeeded', { ...ref, result: 1 })).toMatchObject({ accepted: true });
    expect((await run.result()).tasks['a']).toMatchObject({ result: 1, attempts: 1 });
  });
});
