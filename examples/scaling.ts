/** A pool follows its load: it grows while work waits, up to its limit, and gives workers back once there is nothing to do. */
import assert from 'node:assert/strict';
import { createSystem, defineProvider, defineWorkflow } from 'gleitzeit';
import { z } from 'zod';

const thumbnails = defineProvider({
  protocol: 'thumbnails/v1',
  pool: { min: 1, max: 4, slots: 1, scaleUpBy: 2, scaleDownBy: 1, cooldownMs: 60 },
  methods: {
    'thumbnails/make': {
      params: z.object({ image: z.int() }),
      run: async ({ image }, { sleep }) => {
        await sleep(40);
        return `thumbnail-${image}.png`;
      },
    },
  },
});

const gallery = defineWorkflow({
  name: 'gallery',
  input: z.object({ images: z.array(z.int()) }),
  providers: [thumbnails],
  tasks: (task, input) => task('make', { forEach: input.images, method: 'thumbnails/make', params: (image) => ({ image }) }),
});

const system = createSystem({ providers: [thumbnails] });
const sizes: number[] = [];
const isSmallAgain = new Promise<void>((resolve) => {
  system.on('pool:scaled', ({ data }) => {
    if (data.poolId !== 'thumbnails/v1') return;
    sizes.push(data.to);
    console.log(`${data.from} → ${data.to} workers (${data.reason})`);
    if (data.reason === 'idle' && data.to === 1) resolve();
  });
});

await system.start();
const images = Array.from({ length: 24 }, (_, index) => index);
const result = await (await system.submit(gallery, { input: { images } })).result();
await isSmallAgain;

// A person may ask too; the pool keeps to its limits.
const byHand = new Promise<number>((resolve) => system.on('pool:scaled_up', ({ data }) => data.reason === 'requested' && resolve(data.to)));
system.emit('pool:scale_up', { poolId: 'thumbnails/v1', target: 100, reason: 'the evening is coming' });
assert.equal(await byHand, 4);
await system.stop();

assert.equal(result.output?.[23], 'thumbnail-23.png');
assert.equal(Math.max(...sizes), 4);
assert.deepEqual(sizes.slice(0, 3), [1, 3, 4], 'grows in steps of two, up to four');
