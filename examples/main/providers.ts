/**
 * The providers of the main job. `text/v1` works on this machine; `catalogue/v1` calls a service over HTTP that is not always
 * well, which is why it has a circuit, and a pool that follows the load.
 */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineProvider } from 'gleitzeit';
import { z } from 'zod';

import { type CatalogueService, startCatalogue } from './catalogue-service.ts';
import { frequentWords, measure, measuresSchema } from './measure.ts';

const folder = fileURLToPath(new URL('../data/texts/', import.meta.url));

const textSchema = z.object({ slug: z.string(), path: z.string() });
const workSchema = z.object({ title: z.string(), author: z.string(), year: z.int(), form: z.string() });
export const rowSchema = z.object({ slug: z.string(), ...workSchema.shape, ...measuresSchema.shape });
export type Row = z.infer<typeof rowSchema>;

export const text = defineProvider({
  protocol: 'text/v1',
  pool: { min: 2, max: 2, slots: 2 },
  methods: {
    'text/list': {
      description: 'Lists the texts that the repository ships.',
      run: async () => {
        const names = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort();
        return { texts: names.map((name) => ({ slug: name.replace('.txt', ''), path: `${folder}${name}` })) };
      },
    },
    'text/measure': {
      description: 'Counts words and sentences, and says how hard a text is to read.',
      params: z.object({ path: z.string() }),
      run: async ({ path }) => measure(await readFile(path, 'utf8')),
    },
    'text/vocabulary': {
      description: 'Finds the most frequent words of several texts.',
      params: z.object({ texts: z.array(textSchema), most: z.int() }),
      run: async ({ texts, most }) => ({ words: frequentWords(await Promise.all(texts.map(({ path }) => readFile(path, 'utf8'))), most) }),
    },
    'text/join': {
      description: 'Joins what is known of each text into one row, the oldest first.',
      params: z.object({ texts: z.array(textSchema), measures: z.array(measuresSchema), works: z.array(workSchema) }),
      result: z.object({ rows: z.array(rowSchema) }),
      run: ({ texts, measures, works }) => {
        const rows = texts.map(({ slug }, index) => ({ slug, ...measures[index], ...works[index] }) as Row);
        return { rows: rows.sort((a, b) => a.year - b.year || (a.slug < b.slug ? -1 : 1)) };
      },
    },
  },
});

let service: CatalogueService | undefined;

export const catalogue = defineProvider({
  protocol: 'catalogue/v1',
  // After three failures in a row nobody calls it for 400 ms, then 800 ms, and so on; two good answers close the circuit again.
  circuit: { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 400 },
  // One worker while there is nothing to do, up to five while lookups wait.
  pool: { min: 1, max: 5, scaleUpBy: 2, cooldownMs: 120 },
  start: async () => {
    service = await startCatalogue();
    await fetch(service.url);
  },
  stop: () => service?.stop(),
  methods: {
    'catalogue/lookup': {
      description: 'Asks the catalogue for title, author, year and form of a text.',
      params: z.object({ slug: z.string() }),
      run: async ({ slug }, { signal }) => {
        const response = await fetch(`${service?.url}/works/${slug}`, { signal });
        if (!response.ok) throw new Error(`the catalogue answered ${response.status}`);
        return workSchema.parse(await response.json());
      },
    },
  },
});
