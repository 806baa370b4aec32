/**
 * A workflow in code, with types from end to end: from the schema of a method to the reference, to the function that uses
 * it, to the output. The comments marked `@ts-expect-error` are checked by the compiler: those lines must not compile.
 */
import assert from 'node:assert/strict';
import { createSystem, defineProvider, defineWorkflow } from 'gleitzeit';
import { z } from 'zod';

const shop = defineProvider({
  protocol: 'shop/v1',
  methods: {
    'shop/price': {
      params: z.object({ article: z.string(), pieces: z.int().positive() }),
      run: async ({ article, pieces }) => ({ article, cents: article.length * 100 * pieces }),
    },
    'shop/stock': { params: z.object({ article: z.string() }), run: ({ article }) => article !== 'unicorn' },
  },
});

const order = defineWorkflow({
  name: 'order',
  input: z.object({ article: z.string(), pieces: z.int().default(1) }),
  providers: [shop],
  tasks: (task, input) => {
    // These two run side by side; dependencies follow from the references.
    const price = task('price', { method: 'shop/price', params: { article: input.article, pieces: input.pieces } });
    const inStock = task('stock', { method: 'shop/stock', params: { article: input.article } });

    // @ts-expect-error: there is no such method
    const _method = () => task('x', { method: 'shop/prise', params: {} });
    // @ts-expect-error: a price has no field `euros`
    const _field = () => price.euros;
    // @ts-expect-error: `pieces` is a number
    const _type = () => task('x', { method: 'shop/price', params: { article: 'a', pieces: input.article } });

    const offer = task('offer', {
      params: { cents: price.cents, inStock },
      // Inferred: cents is a number, inStock a boolean.
      run: ({ cents, inStock }) => (inStock ? { total: (cents / 100).toFixed(2), days: 2 } : null),
      timeoutMs: 1_000,
      retry: { maxAttempts: 3 },
    });
    return { article: input.article, offer };
  },
});

const system = createSystem({ providers: [shop] });
await system.start();
// `pieces` has a default, so that a submit may leave it out; the type of the input knows that.
const run = await system.submit(order, { input: { article: 'lamp' } });
const result = await run.result();

// The output's type: { article: string; offer: { total: string; days: number } | null }
const total: string | undefined = result.output?.offer?.total;
console.log(`${result.output?.article}: ${total}`);
assert.equal(total, '4.00');

// The same checks happen once more at run time, for whoever has no types.
await assert.rejects(system.submit(order, { input: { article: 7 } as never }), { code: 'INVALID_PARAMS' });
await system.stop();
