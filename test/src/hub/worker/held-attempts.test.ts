import { describe, expect, it } from 'vitest';

import { errorOf } from '../../../../src/errors.ts';
import { HeldAttempts, type Report } from '../../../../src/hub/worker/held-attempts.ts';
import { createExecutor } from '../../../../src/providers/executor.ts';
import { makeProvider } from '../../../../src/providers/provider.ts';
import { systemClock } from '../../../../src/system/clock.ts';

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

/** Attempts of a worker whose handler is operated by hand, at a time and over a connection that are. */
function stage() {
  const calls: { readonly signal: AbortSignal; readonly succeed: (result?: unknown) => void; readonly fail: (error: unknown) => void }[] = [];
  const executor = createExecutor({ clock: systemClock });
  const run = (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
    new Promise((succeed, fail) => {
      signal.addEventListener('abort', () => fail(signal.reason));
      calls.push({ signal, succeed, fail });
    });
  executor.register(makeProvider({ protocol: 'demo/v1', methods: { 'demo/work': { run } } }));
  const sent: Report[] = [];
  const state = { now: 0, canSend: true };
  const held = new HeldAttempts({
    executor,
    now: () => state.now,
    providerOf: () => 'demo/v1',
    send: (_, report) => {
      if (state.canSend) sent.push(report);
      return state.canSend;
    },
    onLess: () => undefined,
  });
  const execution = (leaseId: string, timeoutMs = 300_000) => ({
    workerId: 'w',
    workflowId: 'wf',
    taskId: 't',
    attempt: 1,
    leaseId,
    idempotencyKey: 'wf/t',
    protocol: 'demo/v1',
    method: 'demo/work',
    params: {},
    timeoutMs,
  });
  const start = async (leaseId: string, timeoutMs?: number): Promise<void> => {
    const before = calls.length;
    held.run(execution(leaseId, timeoutMs));
    await until(() => calls.length > before);
  };
  return { held, calls, sent, state, execution, start, announced: () => held.leasesOf('w').map(({ leaseId }) => leaseId) };
}

describe('an attempt that a remote worker holds', () => {
  it('is run once, however often it is told of, and announced until its report is answered', async () => {
    const { held, calls, sent, execution, start, announced } = stage();
    await start('l1');
    held.run(execution('l1'));
    expect(announced()).toEqual(['l1']);
    calls[0]?.succeed({ words: 3 });
    await until(() => sent.length === 1);
    expect(sent[0]).toMatchObject({ name: 'attempt:succeeded', data: { workerId: 'w', leaseId: 'l1', workflowId: 'wf', result: { words: 3 } } });
    held.run(execution('l1'));
    expect([calls.length, announced(), held.running, held.isIdle]).toEqual([1, ['l1'], 0, false]);
    held.answered(sent[0] as Report);
    expect([announced(), held.isIdle]).toEqual([[], true]);
  });

  it('is reported again after the connection broke, until that is answered', async () => {
    const { held, calls, sent, state, start } = stage();
    await start('l1');
    state.canSend = false;
    calls[0]?.fail(errorOf('PROVIDER_OVERLOADED', 'busy', { retryAfterMs: 7, cause: { code: 'X_Y', rpcCode: 1, message: 'why', retryable: false } }));
    await until(() => held.running === 0);
    expect(sent).toEqual([]);
    state.canSend = true;
    held.flush('w');
    held.flush('w');
    expect(sent).toHaveLength(1);
    expect(sent[0]?.data).toMatchObject({ error: { code: 'PROVIDER_OVERLOADED', retryable: true, retryAfterMs: 7, cause: { message: 'why' } } });
    held.disconnected();
    held.flush('w');
    expect(sent).toHaveLength(2);
  });

  it('that the hub aborts is announced no more, and reported only if it comes to its end all the same', async () => {
    const { held, calls, sent, start, announced } = stage();
    await start('heeds');
    await start('ends');
    calls[1]?.succeed('all the same');
    held.abort(['heeds', 'ends', 'unknown'], 'enough');
    expect([calls[0]?.signal.aborted, announced(), held.isIdle]).toEqual([true, [], true]);
    await until(() => sent.length === 1);
    expect(sent).toMatchObject([{ name: 'attempt:succeeded', data: { leaseId: 'ends' } }]);
    expect(announced()).toEqual([]);
  });

  it('that lost its lease while the hub was out of reach is no failure: it runs again when it is asked for again', async () => {
    const { held, calls, sent, state, execution, start, announced } = stage();
    await start('l1');
    held.renew('w', 1_000, []);
    state.now = 31_000;
    const terms = { leaseMs: 30_000, graceMs: 5_000 };
    held.expire({ ...terms, isOutOfReach: true });
    state.now = 31_001;
    held.expire({ ...terms, isOutOfReach: false });
    expect(calls[0]?.signal.aborted).toBe(false);
    held.expire({ ...terms, isOutOfReach: true });
    expect([calls[0]?.signal.aborted, announced()]).toEqual([true, []]);
    held.run(execution('l1'));
    await until(() => calls.length === 2);
    expect([sent, announced()]).toEqual([[], ['l1']]);
    calls[1]?.succeed();
    await until(() => sent.length === 1);
  });

  it('that runs longer than it may has timed out, whatever its handler calls that', async () => {
    const { held, sent, state, start } = stage();
    await start('l1', 2_000);
    state.now = 7_000;
    held.expire({ leaseMs: 30_000, graceMs: 5_000, isOutOfReach: false });
    expect(held.running).toBe(1);
    state.now = 7_001;
    held.expire({ leaseMs: 30_000, graceMs: 5_000, isOutOfReach: false });
    await until(() => sent.length === 1);
    expect(sent[0]?.data).toMatchObject({ error: { code: 'TASK_TIMEOUT', retryable: true } });
  });

  it('whose result would be too large a message has failed: the connection would be cut for it', async () => {
    const { calls, sent, start } = stage();
    await start('l1');
    // Each becomes six bytes of JSON text, and counts as one.
    calls[0]?.succeed('\u0001'.repeat(3_000_000));
    await until(() => sent.length === 1);
    expect(sent[0]).toMatchObject({ name: 'attempt:failed', data: { error: { code: 'TASK_RESULT_INVALID' } } });
  });

  it('is given up without a word when the worker ends', async () => {
    const { held, calls, sent, start } = stage();
    await start('l1');
    held.abandon('it ends');
    await until(() => calls[0]?.signal.aborted === true);
    await new Promise((resolve) => setImmediate(resolve));
    expect([sent, held.isIdle]).toEqual([[], true]);
  });
});
