/** Fan-out: a task runs once per element of a list that an earlier task returned, with a limit, and may lose some elements. */
import assert from 'node:assert/strict';
import { createSystem, defineProvider, defineWorkflow } from 'gleitzeit';
import { z } from 'zod';

let running = 0;
let most = 0;
const crawl = defineProvider({
  protocol: 'crawl/v1',
  circuit: false,
  pool: { min: 8 },
  methods: {
    'crawl/links': {
      params: z.object({ count: z.int() }),
      run: ({ count }) => ({ links: Array.from({ length: count }, (_, n) => ({ url: `/page/${n}` })) }),
    },
    'crawl/page': {
      params: z.object({ url: z.string(), number: z.int() }),
      run: async ({ url, number }, { sleep }) => {
        most = Math.max(most, ++running);
        await sleep(15).finally(() => running--);
        if (number === 7) throw Object.assign(new Error(`${url} is gone`), { retryable: false });
        return url.length * 10;
      },
    },
  },
});

const site = defineWorkflow({
  name: 'site',
  input: z.object({ count: z.int() }),
  providers: [crawl],
  tasks: (task, input) => {
    const start = task('start', { method: 'crawl/links', params: { count: input.count } });
    const sizes = task('pages', {
      forEach: { items: start.links, concurrency: 4, tolerate: '10%' },
      method: 'crawl/page',
      params: (link, index) => ({ url: link.url, number: index }),
    });
    // A failed element that is tolerated is null; the type of `sizes` says so.
    return task('total', {
      params: { sizes },
      run: ({ sizes }) => ({
        pages: sizes.length,
        lost: sizes.filter((size) => size === null).length,
        bytes: sizes.reduce((sum: number, size) => sum + (size ?? 0), 0),
      }),
    });
  },
});

const system = createSystem({ providers: [crawl] });
await system.start();
const run = await system.submit(site, { input: { count: 30 } });
const { output, tasks } = await run.result();
console.log(output);
assert.deepEqual(output, { pages: 30, lost: 1, bytes: 9 * 70 + 20 * 80 });
assert.equal(most, 4, 'four at the same time at most');
const sizes = tasks['pages']?.result as readonly (number | null)[] | undefined;
assert.deepEqual(sizes?.slice(6, 9), [70, null, 70], 'results stand in the order of the elements');

// Nothing to do is done at once; more losses than tolerated fail the workflow.
assert.equal((await (await system.submit(site, { input: { count: 0 } })).result()).output?.pages, 0);
const tooFew = await (await system.submit(site, { input: { count: 9 } })).result();
assert.equal(tooFew.status, 'failed');
console.log(tooFew.error?.message);
await system.stop();
