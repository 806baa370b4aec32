/** A provider of one's own, for workflow files: `gleitzeit run FILE --providers examples/workflows/providers.ts`. */
import { readFile } from 'node:fs/promises';
import { defineProvider } from 'gleitzeit';
import { z } from 'zod';

export const poem = defineProvider({
  protocol: 'poem/v1',
  methods: {
    'poem/first-line': {
      params: z.object({ file_path: z.string() }),
      run: async ({ file_path }) => (await readFile(file_path, 'utf8')).split('\n')[0],
    },
  },
});
