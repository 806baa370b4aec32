/**
 * What the workers do: small workflows whose every value is known beforehand, of tasks that take their time.
 *
 * How long a task takes follows from its name, and whether it heeds an abort: one that does not goes on after its lease was lost,
 * and reports late.
 */
import { createHash } from 'node:crypto';

import { chanceOf } from '../chance.mjs';
import { loadWorkflow } from '../library.mjs';

export const protocol = 'chaos/v1';
const work = (id, params, rest = {}) => ({ id, method: 'chaos/work', parameters: params, ...rest });
const again = { max_attempts: 20, strategy: 'fixed', base_delay: 0.05, jitter: false };
const width = 8;

/** By kind: the tasks, and the values that they come to. */
const kinds = {
  chain: {
    tasks: [work('a', { value: '${input.n}' }), work('b', { value: '${a.value}' }), work('c', { value: '${b.value}' })],
    output: '${c.value}',
    values: (n) => ({ a: n + 1, b: n + 2, c: n + 3 }),
  },
  diamond: {
    tasks: [
      work('a', { value: '${input.n}' }),
      ...['b', 'c', 'd'].map((id) => work(id, { value: '${a.value}' })),
      work('e', { value: '${b.value}' }, { dependencies: ['c', 'd'] }),
    ],
    output: '${e.value}',
    values: (n) => ({ a: n + 1, b: n + 2, c: n + 2, d: n + 2, e: n + 3 }),
  },
  fan: {
    tasks: [
      work('list', { value: '${input.n}', list: width }),
      work('each', { value: '${item}' }, { for_each: '${list.values}' }),
      work('last', { value: `\${each[${width - 1}].value}` }),
    ],
    output: '${last.value}',
    values: (n) => ({
      list: n + 1,
      ...Object.fromEntries(Array.from({ length: width }, (_, at) => [`each[${at}]`, n + at + 1])),
      last: n + width + 1,
    }),
  },
  retried: {
    tasks: [work('a', { value: '${input.n}', fail: 1 }, { retry: again }), work('b', { value: '${a.value}' }, { retry: again })],
    output: '${b.value}',
    values: (n) => ({ a: n + 1, b: n + 2 }),
  },
};
/** In the shares in which they are asked for: failures must not come in a row, which would open the circuit of the method. */
export const kindShares = [...Array(3).fill('chain'), ...Array(4).fill('diamond'), ...Array(4).fill('fan'), 'retried'];

/** The kind and the number of a workflow stand in its id: `kind.n.more`. */
const partsOf = (workflowId) => {
  const [kind, n] = workflowId.split('.');
  return { ...kinds[kind], kind, n: Number(n) };
};
export const kindOf = (workflowId) => partsOf(workflowId).kind;
export const inputOf = (workflowId) => ({ n: partsOf(workflowId).n });

/** What each task that is carried out comes to, and the workflow. */
export function expectedOf(workflowId) {
  const { values, n } = partsOf(workflowId);
  const expected = values(n);
  return { values: expected, output: Object.values(expected).at(-1) };
}

export async function loadKinds() {
  const loaded = Object.keys(kinds).map(async (name) => {
    const { tasks, output } = kinds[name];
    return [name, await loadWorkflow({ name, tasks, output })];
  });
  return Object.fromEntries(await Promise.all(loaded));
}

/** @param workMs - How long most tasks take at most; one in twenty takes five times as long. */
export function natureOf(name, workMs) {
  const chance = chanceOf(createHash('sha256').update(name).digest().readUInt32LE());
  const ms = chance() < 0.05 ? 5 * workMs : workMs * chance();
  return { ms, isStubborn: chance() < 0.5 };
}
