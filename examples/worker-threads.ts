/**
 * CPU-bound work in worker threads: the event loop stays free, and a function that overruns is killed with its thread, which
 * nothing can do to a function in the main thread.
 */
import assert from 'node:assert/strict';
import { createSystem, defineThreadProvider, defineWorkflow } from 'gleitzeit';
import { z } from 'zod';

const primes = defineThreadProvider({
  protocol: 'primes/v1',
  module: new URL('./worker-threads/primes.ts', import.meta.url),
  threads: 2,
  methods: {
    'primes/count': { params: z.object({ below: z.int() }), result: z.int() },
    'primes/spin': {},
  },
});

const race = defineWorkflow({
  name: 'race',
  providers: [primes],
  failurePolicy: 'continue_on_error',
  tasks: (task) => ({
    few: task('few', { method: 'primes/count', params: { below: 1_000 } }),
    many: task('many', { method: 'primes/count', params: { below: 300_000 } }),
    endless: task('endless', { method: 'primes/spin', params: {}, timeoutMs: 300 }),
    // Needs a thread after the endless one was killed.
    after: task('after', { method: 'primes/count', params: { below: 10_000 }, dependsOn: [{ task: 'endless', when: 'done' }] }),
  }),
});

let ticks = 0;
const ticking = setInterval(() => ticks++, 5);
const system = createSystem({ providers: [primes] });
await system.start();
const { tasks } = await (await system.submit(race)).result();
await system.stop();
clearInterval(ticking);

for (const [id, { status, result, error, durationMs }] of Object.entries(tasks)) {
  console.log(`${id.padEnd(8)} ${status.padEnd(9)} ${String(durationMs).padStart(5)} ms  ${result ?? error?.code}`);
}
assert.equal(tasks['few']?.result, 168);
assert.equal(tasks['many']?.result, 25_997);
assert.equal(tasks['endless']?.error?.code, 'TASK_TIMEOUT');
assert.equal(tasks['after']?.result, 1_229);
assert.ok(ticks > 10, `the event loop stayed free: it ticked ${ticks} times meanwhile`);
