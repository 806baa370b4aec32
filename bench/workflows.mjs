/** The workflows that are measured, and a system that runs them. */
import { createSystem, defineProvider } from './library.mjs';

/** A task that costs nothing itself: what is measured is everything around it. */
export const nothing = defineProvider({
  protocol: 'bench/v1',
  methods: { 'bench/nothing': { run: ({ n }) => n }, 'bench/list': { run: ({ n }) => Array.from({ length: n }, (_, at) => at) } },
});

const task = (id, rest = {}) => ({ id, method: 'bench/nothing', params: { n: 1 }, ...rest });

/** Tasks that wait for nobody. */
export function wide(size) {
  return { name: `wide-${size}`, tasks: Array.from({ length: size }, (_, at) => task(`t${at}`)) };
}

/** Tasks each of which waits for the one before, and takes its result. */
export function chain(size) {
  const link = (at) => (at === 0 ? task('t0') : task(`t${at}`, { params: { n: `\${t${at - 1}}` }, dependencies: [`t${at - 1}`] }));
  return { name: `chain-${size}`, tasks: Array.from({ length: size }, (_, at) => link(at)) };
}

/** A list, and a task for each of its items. */
export function forEach(size) {
  const each = task('each', { for_each: '${list}', params: { n: '${item}' } });
  return { name: `for-each-${size}`, tasks: [task('list', { method: 'bench/list', params: { n: size } }), each] };
}

/** Five tasks: one, three that wait for it, one that joins them. */
export function diamond() {
  const middle = ['b', 'c', 'd'].map((id) => task(id, { params: { n: '${a}' }, dependencies: ['a'] }));
  return { name: 'diamond', tasks: [task('a'), ...middle, task('e', { params: { n: '${b}' }, dependencies: ['b', 'c', 'd'] })] };
}

/** Starts a system with the measured provider alone, lets `use` have it, and stops it. */
export async function withSystem(use, options = {}) {
  const system = createSystem({ builtins: false, providers: [nothing], pools: { 'bench/v1': { min: 10, max: 10 } }, ...options });
  await system.start();
  try {
    return await use(system);
  } finally {
    await system.stop();
  }
}

/** Runs a workflow to its end, which has to be a good one. */
export async function runThrough(system, workflow) {
  const run = await system.submit(workflow);
  const { status, error } = await run.result();
  if (status !== 'completed') throw new Error(`${workflow.definition.name} ${status}: ${error?.message}`);
}

/** Runs many workflows, a number of them at the same time. */
export async function runMany(system, workflow, { times, atOnce = 100 }) {
  let left = times;
  const lane = async () => {
    while (left-- > 0) await runThrough(system, workflow);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, times) }, lane));
}
