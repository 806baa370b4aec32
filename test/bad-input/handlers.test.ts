/** Handlers that throw, return and report what they should not. */
import { describe, expect, it } from 'vitest';

import { defineProvider } from '../../src/providers/provider.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { scene } from '../scenarios/scene.ts';
import { expectUnharmed } from './aftermath.ts';

/** Plays a handler in a workflow of its own, next to one that must not notice. */
async function played(run: (call: { progress(fraction: number, message?: string): void; log(message: string, details?: object): void }) => unknown) {
  const provider = defineProvider({ protocol: 'odd/v1', methods: { 'odd/run': { run: (_params, call) => run(call as never) } } });
  const stage = await scene({ providers: [provider] });
  const bystander = await stage.submit(
    defineWorkflow({ name: 'bystander', tasks: (task) => task('waits', { run: async (_, { sleep }) => sleep(60_000) }) }),
  );
  const result = await stage.play(
    defineWorkflow({ name: 'odd', providers: [provider], tasks: (task) => task('odd', { method: 'odd/run', timeoutMs: 5_000 }) }),
  );
  expect((await bystander.status()).tasks['waits']?.status).toBe('running');
  expect((await stage.until(bystander.result())).status).toBe('completed');
  await expectUnharmed(stage);
  return { result, task: result.tasks['odd'], stage };
}

const hostile = {
  get message(): string {
    throw new Error('not for you');
  },
  get code(): string {
    throw new Error('nor this');
  },
};
const circular = new Error('circular');
circular.cause = circular;
const proxy = new Proxy(
  {},
  {
    get() {
      throw new Error('no');
    },
    getPrototypeOf() {
      throw new Error('no');
    },
    ownKeys() {
      throw new Error('no');
    },
  },
);
class Silent extends Error {
  override toString(): string {
    throw new Error('silent');
  }
}

const thrown: readonly (readonly [name: string, value: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a string', 'boom'],
  ['a number', 42],
  ['NaN', Number.NaN],
  ['a bigint', 7n],
  ['a symbol', Symbol('s')],
  ['a function', () => 1],
  ['a plain object', { any: 'thing' }],
  ['an object whose getters throw', hostile],
  ['a proxy that throws at every question', proxy],
  ['a frozen error', Object.freeze(new Error('frozen'))],
  ['an error that causes itself', circular],
  ['an error without a text form', new Silent()],
  ['an error with a huge message', new Error('x'.repeat(10_000_000))],
  ['an error with circular details', Object.assign(new Error('d'), { details: { circular } })],
  ['an error with a code that is no text', Object.assign(new Error('c'), { code: 5, retryable: 'yes', retryAfterMs: -1 })],
  ['an error with an endless delay', Object.assign(new Error('e'), { retryAfterMs: Number.POSITIVE_INFINITY })],
  ['an error named like a member of objects', Object.assign(new Error('p'), { code: '__proto__' })],
];

describe('a handler that throws', () => {
  it.each(thrown)('%s fails its task, typed, and nothing else', async (_, value) => {
    const { result, task } = await played(() => {
      throw value;
    });
    expect(result.status).toBe('failed');
    expect(task).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'TASK_EXECUTION_FAILED', rpcCode: -29_002 } });
    expect(task?.error?.message.length).toBeLessThanOrEqual(10_000);
    expect(task?.error?.message).not.toBe('');
  });

  it('by a promise that rejects with undefined is no different', async () => {
    const { task } = await played(() => Promise.reject(undefined));
    expect(task).toMatchObject({ status: 'failed', error: { code: 'TASK_EXECUTION_FAILED' } });
  });

  it('an error with the code of another thing keeps its code, and does not take the system with it', async () => {
    const { task } = await played(() => {
      throw Object.assign(new Error('I am the system'), { code: 'SYSTEM_SHUTDOWN' });
    });
    expect(task?.error).toMatchObject({ code: 'SYSTEM_SHUTDOWN', rpcCode: -31_002 });
  });
});

function nested(levels: number): object {
  let value: object = {};
  for (let level = 0; level < levels; level++) value = { value };
  return value;
}
const ring: Record<string, unknown> = { name: 'ring' };
ring['self'] = { ring };

const returned: readonly (readonly [name: string, value: () => unknown, said: RegExp])[] = [
  ['a function', () => () => 1, /a function at its top/],
  ['a function inside', () => ({ f: () => 1 }), /a function at "f"/],
  ['a symbol', () => Symbol('s'), /a symbol/],
  ['a bigint', () => 10n, /the bigint 10/],
  ['NaN', () => ({ n: Number.NaN }), /NaN at "n"/],
  ['a circle', () => ring, /circular/],
  ['10 MB of text', () => 'x'.repeat(10 * 2 ** 20), /10 MB, more than the limit of 8 MB/],
  ['10 MB in many values', () => new Array(3_000_000).fill(1_000), /more than the limit of 8 MB/],
  ['an array of 4 billion holes', () => new Array(2 ** 32 - 1), /more than the limit of 8 MB/],
  ['100,000 levels', () => nested(100_000), /nested deeper than 1000 levels/],
  ['a map', () => new Map([[1, 2]]), /a Map/],
  ['a promise inside', () => ({ later: Promise.resolve(1) }), /a Promise/],
  ['an object whose getters throw', () => hostile, /throws while it is read/],
  ['a proxy that throws', () => ({ proxy }), /throws while it is read/],
  ['an object whose toJSON never ends', () => endless(), /circular|deeper/],
];

function endless(): object {
  return { toJSON: () => endless() };
}

describe('a handler that returns', () => {
  it.each(returned)('%s fails its task with TASK_RESULT_INVALID', async (_, value, said) => {
    const { task } = await played(value);
    expect(task).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'TASK_RESULT_INVALID', rpcCode: -29_007 } });
    expect(task?.error?.message).toMatch(said);
  });

  it('nothing results in null', async () => {
    const { task } = await played(() => undefined);
    expect(task).toMatchObject({ status: 'completed', result: null });
  });

  it('an object and changes it later changes nothing that was recorded', async () => {
    const mine = { list: [1], deep: { n: 1 } };
    const { task, stage, result } = await played(() => mine);
    mine.list.push(2);
    mine.deep.n = 2;
    expect(task?.result).toEqual({ list: [1], deep: { n: 1 } });
    expect((await stage.system.result(result.workflowId)).tasks['odd']?.result).toEqual({ list: [1], deep: { n: 1 } });
  });
});

describe('a handler that does not know when it is over', () => {
  it('and calls back twice has its first word only', async () => {
    const { task } = await played(() => ({
      then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
        resolve(1);
        resolve(2);
        reject(new Error('three'));
      },
    }));
    expect(task).toMatchObject({ status: 'completed', result: 1, attempts: 1 });
  });

  it('and settles first and throws later has its first word only', async () => {
    const { task } = await played(() => ({
      then(resolve: (value: unknown) => void) {
        resolve('first');
        throw new Error('later');
      },
    }));
    expect(task).toMatchObject({ status: 'completed', result: 'first' });
  });

  it('and whose `then` throws while it is read fails', async () => {
    const { task } = await played(() => ({
      get then() {
        throw new Error('do not ask');
      },
    }));
    expect(task).toMatchObject({ status: 'failed', error: { message: 'do not ask' } });
  });

  it.each([
    ['a promise', () => new Promise(() => undefined)],
    ['a thenable', () => ({ then: () => undefined })],
  ])('and never settles, by %s, times out', async (_, never) => {
    const { result, task } = await played(never);
    expect(task).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'TASK_TIMEOUT', rpcCode: -29_003 } });
    expect(result.status).toBe('failed');
  });

  it('and reports progress and logs after its end is not heard any more', async () => {
    let sayMore = (): void => undefined;
    const { task, stage } = await played((call) => {
      sayMore = () => {
        call.progress(0.9, 'late');
        call.log('late');
      };
      return 'done';
    });
    expect(task).toMatchObject({ status: 'completed', result: 'done' });
    sayMore();
    await expectUnharmed(stage);
    expect(stage.of('attempt:progress')).toEqual([]);
  });

  it('and tells of progress in numbers and words that are none is not failed for it', async () => {
    const { task, stage } = await played((call) => {
      call.progress(Number.NaN);
      call.progress(Number.POSITIVE_INFINITY, 5 as never);
      call.progress('half' as never, null as never);
      call.progress(-3);
      call.log(undefined as never, proxy);
      return 'done';
    });
    expect(task).toMatchObject({ status: 'completed', result: 'done' });
    for (const { data } of stage.of('attempt:progress')) expect(data.fraction >= 0 && data.fraction <= 1).toBe(true);
  });
});
