/**
 * Backpressure: a queue that fills up keeps new workflows out until there is room, and tasks that are in are never lost.
 * And the scaling pattern: backpressure:high → pool:scale_requested → pool:scaled_up → worker:started.
 */
import assert from 'node:assert/strict';
import { defineProvider, defineWorkflow, type GleitzeitError } from 'gleitzeit';
import { simulate } from 'gleitzeit/testing';
import { z } from 'zod';

const mail = defineProvider({
  protocol: 'mail/v1',
  pool: { min: 2, max: 3, scaleUpBy: 1 },
  methods: {
    'mail/send': { params: z.object({ to: z.int(), ms: z.int() }), run: async ({ to, ms }, { sleep }) => sleep(ms).then(() => to) },
  },
});
const newsletter = defineWorkflow({
  name: 'newsletter',
  input: z.object({ readers: z.array(z.int()), ms: z.int() }),
  providers: [mail],
  tasks: (task, input) => task('send', { forEach: input.readers, method: 'mail/send', params: (to) => ({ to, ms: input.ms }) }),
});
const readers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

// A queue for forty tasks, of which a newsletter to forty-five fills every place.
let lagMs = 0;
const { system, until, advance, untilTrue, events } = await simulate({
  providers: [mail],
  queue: { capacity: 40, policy: 'reject' },
  vitals: () => ({ memoryBytes: 0, cpu: 0, lagMs }),
});
const seen = (type: string): boolean => events.some((event) => event.type === type);
for (const pattern of ['backpressure:*', 'queue:full', 'queue:room', 'workflow:rejected', 'pool:scaled']) {
  system.on(
    pattern,
    ({ type, time, data }) => time > 0 && console.log(`${String(time / 1_000).padStart(5)} s  ${type}  ${JSON.stringify(data).slice(0, 72)}`),
  );
}
await advance(1_000);
const large = await until(system.submit(newsletter, { input: { readers: readers(45), ms: 1_000 } }));
await untilTrue(() => seen('queue:full'));
const refusal = await until(system.submit(newsletter, { input: { readers: [1], ms: 1 } }).catch((error: GleitzeitError) => error));
assert.ok(refusal instanceof Error && refusal.code === 'QUEUE_FULL', 'no new workflow while the queue is full');

const result = await until(large.result());
assert.equal(result.output?.length, 45, 'all that was admitted is done');
await untilTrue(async () => (await system.snapshot('backpressure', 'system'))?.value === 'normal');
const small = await until(system.submit(newsletter, { input: { readers: [1], ms: 1 } }));
assert.equal((await until(small.result())).status, 'completed', 'admitted again once the load is normal');

// Workers that can hardly breathe are a sign of load as well: their pool is asked to grow.
await advance(300_000);
const from = events.length;
const busy = await until(system.submit(newsletter, { input: { readers: [1, 2], ms: 20_000 } }));
lagMs = 1_800;
await until(busy.result());
const pattern = ['backpressure:high', 'pool:scale_requested', 'pool:scaled_up', 'worker:started'];
const story = events.slice(from).filter(({ type, data }) => pattern.includes(type) && !('scope' in data && data.scope === 'system'));
assert.deepEqual(
  story.map(({ type }) => type).filter((type, index, all) => all.indexOf(type) === index),
  pattern,
);
console.log(pattern.join(' → '));
await system.stop();
