/** A second workflow, written in code: types flow from the schema of its input through its tasks to its output. */
import { defineWorkflow } from 'gleitzeit';
import { z } from 'zod';

import { rowSchema } from './providers.ts';

export const highlights = defineWorkflow({
  name: 'highlights',
  input: z.object({ rows: z.array(rowSchema) }),
  tasks: (task, input) => {
    const easiest = task('easiest', {
      params: { rows: input.rows },
      run: ({ rows }) => rows.reduce((best, row) => (row.readingEase > best.readingEase ? row : best)),
    });
    const hardest = task('hardest', {
      params: { rows: input.rows },
      run: ({ rows }) => rows.reduce((best, row) => (row.readingEase < best.readingEase ? row : best)),
    });
    const longest = task('longest', {
      params: { rows: input.rows },
      run: ({ rows }) => rows.reduce((best, row) => (row.longestWord.length > best.longestWord.length ? row : best)),
    });
    // `easiest.title` is a reference to a string that does not exist yet; `easiest.titel` would not compile.
    return task('sentences', {
      params: { easiest: easiest.title, hardest: hardest.title, word: longest.longestWord, where: longest.title },
      run: ({ easiest, hardest, word, where }) => [
        `Easiest to read: ${easiest}.`,
        `Hardest to read: ${hardest}.`,
        `Longest word: ${word}, in ${where}.`,
      ],
    });
  },
});
