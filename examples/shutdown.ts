/**
 * A stop in order: nothing new is admitted, what runs may finish until the deadline, the rest is aborted, providers are
 * stopped last; whoever still waits for a result is told.
 */
import assert from 'node:assert/strict';
import { createSystem, defineProvider, defineWorkflow, type GleitzeitError } from 'gleitzeit';
import { z } from 'zod';

const story: string[] = [];
const press = defineProvider({
  protocol: 'press/v1',
  pool: { min: 2 },
  start: () => story.push('the press warms up'),
  stop: () => story.push('the press is switched off'),
  methods: {
    'press/print': {
      params: z.object({ pages: z.int() }),
      run: async ({ pages }, { sleep, signal }) => {
        signal.addEventListener('abort', () => story.push(`${pages} pages are thrown away`));
        await sleep(pages);
        story.push(`${pages} pages are printed`);
        return pages;
      },
    },
  },
});
const print = (pages: number) =>
  defineWorkflow({ name: 'print', providers: [press], tasks: (task) => task('print', { method: 'press/print', params: { pages } }) });

const system = createSystem({ providers: [press] });
const order: string[] = [];
for (const type of ['system:shutdown', 'worker:stopped', 'provider:stopped', 'engine:stopped', 'system:stopped'] as const) {
  system.on(type, () => order.at(-1) !== type && order.push(type));
}
const bothRun = new Promise<void>((resolve) => {
  let started = 0;
  system.on('task:started', () => ++started === 2 && resolve());
});
await system.start();
const short = await system.submit(print(100));
const long = await system.submit(print(60_000));
const results = [short.result(), long.result().catch((error: GleitzeitError) => error.code)];
await bothRun;

const from = performance.now();
const stopping = system.stop({ deadlineMs: 400, reason: 'end of the shift' });
await assert.rejects(system.submit(print(1)), { code: 'SYSTEM_SHUTDOWN' });
await stopping;
const ms = performance.now() - from;

const [printed, told] = await Promise.all(results);
assert.equal(typeof printed === 'object' && printed.output, 100, 'the short one had the time to finish');
assert.equal(told, 'SYSTEM_SHUTDOWN', 'the long one did not; with a durable journal it goes on at the next start');
assert.ok(ms >= 350 && ms < 5_000, `the deadline was kept: ${ms} ms`);
assert.deepEqual(story, ['the press warms up', '100 pages are printed', '60000 pages are thrown away', 'the press is switched off']);
assert.equal(order[0], 'system:shutdown');
assert.ok(order.indexOf('engine:stopped') > order.indexOf('provider:stopped'));
assert.equal(order.at(-1), 'system:stopped');
await system.stop();
console.log(story.join('\n'));
console.log(order.join(' → '));
