/** What the engine runs while it is killed: workflows whose right end is known beforehand, and the provider that keeps a ledger. */
import { appendFileSync } from 'node:fs';

import { defineProvider, loadWorkflow } from '../library.mjs';

const work = (id, params, rest = {}) => ({ id, method: 'ledger/work', params, ...rest });
const again = { max_attempts: 20, strategy: 'fixed', base_delay: 0.02, jitter: false };

/** By kind: the tasks, and the end that the workflow must come to. */
const kinds = {
  diamond: {
    tasks: [
      work('a', { value: '${input.n}' }),
      ...['b', 'c', 'd'].map((id) => work(id, { value: '${a.value}' })),
      work('e', { value: '${b.value}' }, { dependencies: ['c', 'd'] }),
    ],
    output: '${e.value}',
    end: (n) => ({ status: 'completed', output: n + 3 }),
  },
  fan: {
    tasks: [
      work('list', { value: '${input.n}', list: 8 }),
      work('each', { value: '${item}', ms: 2 }, { for_each: '${list.values}', concurrency: 4 }),
      work('last', { value: '${each[7].value}' }),
    ],
    output: '${last.value}',
    end: (n) => ({ status: 'completed', output: n + 9 }),
  },
  retried: {
    tasks: [work('a', { value: '${input.n}', fail: 2 }, { retry: again }), work('b', { value: '${a.value}', fail: 1 }, { retry: again })],
    output: '${b.value}',
    end: (n) => ({ status: 'completed', output: n + 2 }),
  },
  sleeping: {
    tasks: [work('a', { value: '${input.n}', ms: 120 }), work('b', { value: '${a.value}', ms: 40 })],
    output: '${b.value}',
    end: (n) => ({ status: 'completed', output: n + 2 }),
  },
  late: {
    tasks: [work('a', { value: '${input.n}', hang: 1 }, { timeout: 0.1, retry: again }), work('b', { value: '${a.value}' })],
    output: '${b.value}',
    end: (n) => ({ status: 'completed', output: n + 2 }),
  },
  failing: {
    tasks: [work('a', { value: '${input.n}' }), work('b', { value: '${a.value}', fail: 99 }), work('c', { value: '${b.value}' })],
    output: '${c.value}',
    end: () => ({ status: 'failed', code: 'TASK_EXECUTION_FAILED' }),
  },
};
export const kindNames = Object.keys(kinds);

/** The kind and the number of a workflow stand in its id: `kind.n.more`. */
export function expectedOf(workflowId) {
  const [kind, n] = workflowId.split('.');
  return kinds[kind].end(Number(n));
}

export const inputOf = (workflowId) => ({ n: Number(workflowId.split('.')[1]) });

export async function loadKinds() {
  const loaded = kindNames.map(async (name) => {
    const { tasks, output } = kinds[name];
    return [name, await loadWorkflow({ name, tasks, output })];
  });
  return Object.fromEntries(await Promise.all(loaded));
}

/** Writes a line at each begin and end of an attempt, in one write, before anything else is done. */
export function ledgerProvider({ path, life }) {
  const note = (at, { workflowId, taskId, attempt, idempotencyKey }) =>
    appendFileSync(path, `${JSON.stringify({ at, life, workflowId, taskId, attempt, idempotencyKey, time: Date.now() })}\n`);
  return defineProvider({
    protocol: 'ledger/v1',
    circuit: false,
    pool: { min: 4, max: 4, slots: 4 },
    methods: {
      'ledger/work': {
        run: async ({ value, ms = 0, fail = 0, hang = 0, list = 0 }, call) => {
          note('start', call);
          if (call.attempt <= hang) await call.sleep(60_000);
          if (ms > 0) await call.sleep(ms);
          if (call.attempt <= fail) throw new Error(`attempt ${call.attempt} fails`);
          note('end', call);
          return { value: value + 1, values: Array.from({ length: list }, (_, at) => value + at) };
        },
      },
    },
  });
}
