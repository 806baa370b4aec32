/** What the workers of `remote-workers.ts` do; also for `gleitzeit worker --providers`. */
import { defineProvider } from 'gleitzeit';
import { z } from 'zod';

export const thumbnails = defineProvider({
  protocol: 'thumbnails/v1',
  methods: {
    'thumbnails/make': {
      params: z.object({ image: z.int(), ms: z.number() }),
      run: async ({ image, ms }, { sleep, attempt }) => {
        await sleep(ms);
        return { file: `thumbnail-${image}.png`, by: process.pid, attempt };
      },
    },
  },
});
