/** What the types of references and of recorded values say. `tsc` checks this file; the compiled workflows run as well. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

import { defineProvider } from '../../../src/providers/provider.ts';
import { defineWorkflow } from '../../../src/workflow/define.ts';
import type { ErrorValue, Jsonified, JsonResult } from '../../../src/workflow/jsonified.ts';
import { optional } from '../../../src/workflow/ref.ts';
import type { RefTo } from '../../../src/workflow/ref-types.ts';
import { scene } from '../../scenarios/scene.ts';

class Account {
  readonly id = 1;
  readonly opened = new Date(0);
  close(): void {}
}

describe('Jsonified', () => {
  it('says what arrives of a value', () => {
    expectTypeOf<Jsonified<{ at: Date; where: URL; n: number; on: boolean | null }>>().toEqualTypeOf<{
      at: string;
      where: string;
      n: number;
      on: boolean | null;
    }>();
    expectTypeOf<Jsonified<Account>>().toEqualTypeOf<{ readonly id: 1; readonly opened: string }>();
    expectTypeOf<Jsonified<(string | undefined)[]>>().toEqualTypeOf<(string | null)[]>();
    expectTypeOf<Jsonified<readonly [Date, 1]>>().toEqualTypeOf<readonly [string, 1]>();
    expectTypeOf<Jsonified<{ a?: Date }>>().toEqualTypeOf<{ a?: string }>();
    expectTypeOf<Jsonified<{ a: string | undefined }>>().toEqualTypeOf<{ a: string | undefined }>();
    expectTypeOf<Jsonified<PromiseSettledResult<number>[]>>().toExtend<({ status: 'fulfilled'; value: number } | { status: 'rejected' })[]>();
    expectTypeOf<Jsonified<{ error: TypeError }>>().toEqualTypeOf<{ error: ErrorValue }>();
    expectTypeOf<Jsonified<{ toJSON(): { cents: number; at: Date } }>>().toEqualTypeOf<{ cents: number; at: string }>();
    expectTypeOf<Jsonified<unknown>>().toBeUnknown();
    expectTypeOf<Jsonified<'a' | 2>>().toEqualTypeOf<'a' | 2>();
  });

  it('is never for what is refused', () => {
    expectTypeOf<Jsonified<Map<string, number>>>().toBeNever();
    expectTypeOf<Jsonified<Set<string>>>().toBeNever();
    expectTypeOf<Jsonified<RegExp>>().toBeNever();
    expectTypeOf<Jsonified<Uint8Array>>().toBeNever();
    expectTypeOf<Jsonified<Buffer>>().toBeNever();
    expectTypeOf<Jsonified<Headers>>().toBeNever();
    expectTypeOf<Jsonified<URLSearchParams>>().toBeNever();
    expectTypeOf<Jsonified<Generator<number>>>().toBeNever();
    expectTypeOf<Jsonified<bigint>>().toBeNever();
    expectTypeOf<Jsonified<symbol>>().toBeNever();
    expectTypeOf<Jsonified<() => void>>().toBeNever();
    expectTypeOf<Jsonified<{ m: Map<string, number> }>>().toEqualTypeOf<{ m: never }>();
  });

  it('is null for a handler that gives nothing', () => {
    expectTypeOf<JsonResult<void>>().toEqualTypeOf<null>();
    expectTypeOf<JsonResult<undefined>>().toEqualTypeOf<null>();
    expectTypeOf<JsonResult<number | undefined>>().toEqualTypeOf<number | null>();
  });
});

const person = z.object({ name: z.string(), nick: z.string().optional(), home: z.object({ city: z.string() }).optional() });
const text = defineProvider({
  protocol: 'text/v1',
  methods: {
    'text/greet': { params: z.object({ name: z.string() }), run: ({ name }) => `Hello ${name}` },
    'text/maybe': { params: z.object({ name: z.string().nullish() }), run: ({ name }) => name ?? 'nobody' },
  },
});

/** Never called: it only has to be compiled, or not. */
const compiled = () =>
  defineWorkflow({
    name: 'compiled',
    input: person,
    providers: [text],
    tasks: (task, input) => {
      const made = task('made', {
        run: () => ({ at: new Date(0), map: new Map<string, number>(), list: [1] as number[] | undefined, maybe: 'a' as string | undefined }),
      });
      expectTypeOf(made.at).toExtend<RefTo<string>>();
      expectTypeOf(made.map).toBeNever();

      task('a', { method: 'text/greet', params: { name: input.name } });
      // @ts-expect-error it may be absent
      task('b', { method: 'text/greet', params: { name: input.nick } });
      // @ts-expect-error it is null where it is absent, which the method does not take
      task('c', { method: 'text/greet', params: { name: optional(input.nick) } });
      // @ts-expect-error it may be absent, also where the method would take nothing
      task('d', { method: 'text/maybe', params: { name: input.nick } });
      task('e', { method: 'text/maybe', params: { name: optional(input.nick) } });
      // @ts-expect-error what it stands in may be absent
      task('f', { method: 'text/greet', params: { name: input.home.city } });
      task('g', { method: 'text/maybe', params: { name: optional(input.home.city) } });
      // @ts-expect-error a result may be absent as well
      task('h', { method: 'text/greet', params: { name: made.maybe } });
      // @ts-expect-error a Date arrives as a text
      task('i', { run: ({ at }: { at: Date }) => at.getTime(), params: { at: made.at } });
      task('j', { run: ({ at }) => at.length, params: { at: made.at } });
      // @ts-expect-error it may be absent, for a function too
      task('k', { run: ({ nick }) => nick, params: { nick: input.nick } });
      // @ts-expect-error also deep inside
      task('l', { run: (params) => params, params: { deep: [{ nick: input.nick }] } });
      task('m', {
        run: ({ nick }) => {
          expectTypeOf(nick).toEqualTypeOf<string | null>();
          return nick;
        },
        params: { nick: optional(input.nick) },
      });
      // @ts-expect-error a list that may be absent
      task('n', { forEach: made.list, params: (item) => ({ item }), run: ({ item }) => item });
      task('o', { forEach: optional(made.list), params: (item) => ({ item }), run: ({ item }) => item + 1 });
      return { made: made.at, nick: optional(input.nick) };
    },
  });

const outputs = () =>
  // @ts-expect-error the output as well
  defineWorkflow({ name: 'outputs', input: person, tasks: (_, input) => ({ nick: input.nick }) });

describe('workflows that need not run', () => {
  it('are compiled, and nothing more', () => {
    expect([compiled, outputs].every((define) => typeof define === 'function')).toBe(true);
  });
});

describe('optional references', () => {
  const wanted = defineWorkflow({
    name: 'wanted',
    input: person,
    tasks: (task, input) => {
      const made = task('made', { run: () => ({ there: { list: [1, 2] } }) as { there: { list: number[] }; gone?: { list: number[]; n: number } } });
      const seen = task('seen', {
        run: (params) => params,
        params: {
          nick: optional(input.nick),
          city: optional(input.home.city),
          there: optional(made.there.list),
          deep: [optional(made.gone.n)],
          text: `<${optional(input.nick)}>`,
        },
      });
      const none = task('none', { forEach: optional(made.gone.list), params: (item) => ({ item }), run: ({ item }) => item });
      const some = task('some', { forEach: optional(made.there.list), params: (item) => ({ item }), run: ({ item }) => item * 2 });
      return { seen, none, some, nick: optional(input.nick) };
    },
  });

  it('are null where there is nothing, no text inside a text, and no element of a list', async () => {
    const stage = await scene({});
    const { status, output } = await stage.play(wanted, { input: { name: 'Ada' } });
    expect({ status, output }).toEqual({
      status: 'completed',
      output: { seen: { nick: null, city: null, there: [1, 2], deep: [null], text: '<>' }, none: [], some: [2, 4], nick: null },
    });
  });

  it('are what is there', async () => {
    const stage = await scene({});
    const { output } = await stage.play(wanted, { input: { name: 'Ada', nick: 'A', home: { city: 'Rome' } } });
    expect(output).toMatchObject({ seen: { nick: 'A', city: 'Rome', text: '<A>' }, nick: 'A' });
  });

  it('need a reference', () => {
    expect(() => optional('input.nick' as never)).toThrow(/optional\(\) needs a reference, got "input\.nick"/);
  });
});
