import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

import { defineProvider, isProvider, type MethodsOf, type ParamsOf, type ResultOf } from '../../../src/providers/provider.ts';

const text = defineProvider({
  protocol: 'text/v1',
  methods: {
    'text/words': {
      params: z.object({ text: z.string(), least: z.number().default(3) }),
      run: async ({ text: given, least }, call) => ({ count: given.split(/\s+/).length + least + call.attempt }),
    },
    'text/free': { run: (params) => String(params['x']) },
    'text/none': { run: async (): Promise<number> => 3 },
    'text/checked': { params: z.object({ a: z.string() }), result: z.object({ b: z.string() }), run: ({ a }) => ({ b: a }) },
  },
});

describe('defineProvider', () => {
  it('infers the names of the methods', () => {
    expectTypeOf<MethodsOf<typeof text>>().toEqualTypeOf<'text/words' | 'text/free' | 'text/none' | 'text/checked'>();
  });

  it('infers parameters from the input side of the schema', () => {
    expectTypeOf<ParamsOf<typeof text, 'text/words'>>().toEqualTypeOf<{ text: string; least?: number | undefined }>();
    expectTypeOf<ParamsOf<typeof text, 'text/free'>>().toEqualTypeOf<Readonly<Record<string, unknown>>>();
  });

  it('infers results from the handlers, of promises too', () => {
    expectTypeOf<ResultOf<typeof text, 'text/words'>>().toEqualTypeOf<{ count: number }>();
    expectTypeOf<ResultOf<typeof text, 'text/free'>>().toEqualTypeOf<string>();
    expectTypeOf<ResultOf<typeof text, 'text/none'>>().toEqualTypeOf<number>();
    expectTypeOf<ResultOf<typeof text, 'text/checked'>>().toEqualTypeOf<{ b: string }>();
  });

  it('refuses at compile time a handler that reads what its schema has not', () => {
    defineProvider({
      protocol: 'x/v1',
      methods: {
        'x/y': {
          params: z.object({ a: z.string() }),
          // @ts-expect-error the schema has no `b`
          run: ({ b }) => b,
        },
      },
    });
  });

  it('is named by its protocol unless it has a name of its own', () => {
    expect(text.id).toBe('text/v1');
    expect(defineProvider({ id: 'second', protocol: 'text/v1', methods: {} }).id).toBe('second');
  });

  it('is known as a provider, as other objects are not', () => {
    expect([text, {}, null, 'gleitzeit.provider', { kind: 'other' }].map(isProvider)).toEqual([true, false, false, false, false]);
  });

  it('refuses what is no protocol, no methods and no function, naming what it got', () => {
    const define = defineProvider as (options: unknown) => unknown;
    expect(() => define({ protocol: '', methods: {} })).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_ERROR', message: 'A provider needs a protocol like "text/v1", got ""' }),
    );
    expect(() => define({ protocol: 'x/v1' })).toThrow('Provider "x/v1" needs `methods`, got undefined');
    expect(() => define({ protocol: 'x/v1', methods: { 'x/y': {} } })).toThrow(
      'Method "x/y" of provider "x/v1" needs a function `run`, got undefined',
    );
  });
});
